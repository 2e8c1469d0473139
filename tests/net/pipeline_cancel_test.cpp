// SPDX-License-Identifier: Apache-2.0
//
// Exchanges that one side leaves early: clients that go, and origins that answer before they have
// heard everything.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

using core::Flag;

class PipelineCancel : public PipelineTest {
 protected:
  [[nodiscard]] bool ended_with(Flag flag) {
    return world().ended.size() == 1 && has(world().ended[0].record.flags, flag);
  }
};
INSTANTIATE_PIPELINE(PipelineCancel);

TEST_P(PipelineCancel, ClientThatResetsCancelsItsRequest) {
  Peer& client = client_sends(get());
  client.abort();
  run();
  EXPECT_TRUE(origin().failed);
  EXPECT_TRUE(ended_with(Flag::client_gone));
  EXPECT_EQ(counts().client_connections, 0U);
  EXPECT_EQ(counts().backend_connections, 0U);
}

TEST_P(PipelineCancel, ClientThatEndsBeforeTheAnswerIsGone) {
  Peer& client = client_sends(get());
  client.finish();
  run();
  EXPECT_TRUE(origin().failed);
  EXPECT_TRUE(ended_with(Flag::client_gone));
}

TEST_P(PipelineCancel, EndThatCameWithTheRequestIsNoticed) {
  Peer& client = connect();
  client.send(get());
  client.finish();
  run();
  EXPECT_TRUE(ended_with(Flag::client_gone));
  EXPECT_TRUE(client.over());
}

TEST_P(PipelineCancel, ClientThatGoesDuringItsUploadCancelsIt) {
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  run();
  client.finish();
  run();
  EXPECT_TRUE(origin().failed);
  EXPECT_FALSE(request(origin()).complete);
  EXPECT_TRUE(ended_with(Flag::client_gone));
}

TEST_P(PipelineCancel, ClientThatGoesDuringALongUploadCancelsIt) {
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" +
              std::string(100'000, 'x'));
  run();
  EXPECT_EQ(request(origin()).body.size(), 100'000U);
  client.abort();
  run();
  EXPECT_TRUE(origin().failed);
  EXPECT_TRUE(ended_with(Flag::client_gone));
}

TEST_P(PipelineCancel, ClientThatGoesWhileConnectingCancelsTheConnect) {
  options.backend_link.delay.latency = 10ms;
  Peer& client = client_sends(get());
  client.abort();
  run();
  EXPECT_TRUE(ended_with(Flag::client_gone));
  EXPECT_EQ(counts().backend_connections, 0U);
  advance(100ms);
}

TEST_P(PipelineCancel, ClientThatGoesDuringTheResponseStopsIt) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  client.abort();
  run();
  answer(0, "def");
  EXPECT_TRUE(origin().failed);
  EXPECT_TRUE(ended_with(Flag::client_gone));
  EXPECT_EQ(world().ended[0].record.status, 200);
}

TEST_P(PipelineCancel, ClientThatOnlyFinishedSendingGetsTheWholeResponse) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  client.finish();
  run();
  answer(0, "def");
  EXPECT_EQ(response(client).body, "abcdef");
  EXPECT_TRUE(client.ended);
  EXPECT_FALSE(ended_with(Flag::client_gone));
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineCancel, ClientThatGoesBetweenRequestsIsForgotten) {
  Peer& client = client_sends(get());
  answer(0, ok("hi"));
  client.finish();
  run();
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(counts().client_connections, 0U);
  EXPECT_EQ(counts().idle_backend_connections, 1U);
}

TEST_P(PipelineCancel, ClientThatGoesWithinAHeadIsForgotten) {
  Peer& client = client_sends("GET / HT");
  client.finish();
  run();
  EXPECT_TRUE(client.over());
  EXPECT_EQ(world().accepted(), 0U);
  EXPECT_EQ(counts().client_connections, 0U);
  EXPECT_EQ(counts().buffered_bytes, 0U);
}

TEST_P(PipelineCancel, EarlyResponseIsDeliveredWhileTheClientUploads) {
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" +
              std::string(200'000, 'x'));
  run();
  answer(0, "HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nsorr");
  const Message got = response(client);
  EXPECT_EQ(got.status, 403U);
  EXPECT_EQ(got.body, "sorr");
  EXPECT_THAT(got.head, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.ended);
  EXPECT_FALSE(client.failed);
  EXPECT_EQ(counts().backend_connections, 0U) << "never reused: its request is incomplete";
  EXPECT_TRUE(origin().over());
  client.send(std::string(10'000, 'x') + get("/smuggled"));
  run();
  EXPECT_EQ(world().accepted(), 1U);
  client.finish();
  run();
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineCancel, UploadGoesOnWhileTheResponseFlows) {
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" +
              std::string(100'000, 'x'));
  run();
  answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\necho");
  EXPECT_EQ(response(client).body, "echo");
  client.send(std::string(200'000, 'y'));
  run();
  EXPECT_TRUE(request(origin()).complete);
  answer(0, "done");
  EXPECT_EQ(response(client).body, "echodone");
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineCancel, OriginThatAnswersEarlyAndClosesIsHeard) {
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" +
              std::string(100'000, 'x'));
  run();
  origin().send("HTTP/1.1 413 Too much\r\nContent-Length: 2\r\n\r\nno");
  run();
  origin().close();
  client.send(std::string(50'000, 'x'));
  run();
  EXPECT_EQ(response(client).status, 413U);
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineCancel, ClientThatReadsOnlyAfterItSentEverythingIsServed) {
  options.client_link.window = 20'000;
  Peer& client = connect();
  client.pause();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" +
              std::string(300'000, 'x'));
  run();
  EXPECT_EQ(client.unsent(), 0U);
  const std::string large(150'000, 'r');
  answer(0, ok(large));
  client.resume();
  run();
  EXPECT_EQ(response(client).body, large);
}

// The origin is gone with most of the upload unread, but its whole answer arrived. The client reads
// nothing before it has sent everything.
TEST_P(PipelineCancel, UploadThatNobodyTakesDoesNotHoldTheResponse) {
  options.client_link.window = 20'000;
  options.backend_link.window = 400'000;
  Peer& client = connect();
  client.pause();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
  run();
  origin().pause();
  const std::string large(150'000, 'r');
  origin().send(ok(large));
  client.send(std::string(900'000, 'x'));
  run();
  EXPECT_GT(client.unsent(), 100'000U);
  origin().close();
  run();
  EXPECT_EQ(client.unsent(), 0U);
  client.resume();
  run();
  EXPECT_EQ(response(client).body, large);
}

// The response is complete, but its end waits for a client that reads only after its upload.
TEST_P(PipelineCancel, UploadIsThrownAwayOnceTheResponseIsComplete) {
  options.client_link.window = 5'000;
  options.backend_link.window = 50'000;
  Peer& client = connect();
  client.pause();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
  run();
  origin().pause();
  client.send(std::string(300'000, 'x'));
  const std::string answer_body(20'000, 'r');
  answer(0, ok(answer_body));
  if (GetParam().segment == sim::kNoLimit && !GetParam().cut) {
    EXPECT_EQ(client.unsent(), 0U);  // in pieces, the rest of the response is still at the origin
  }
  client.resume();
  run();
  EXPECT_EQ(response(client).body, answer_body);
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineCancel, OversizedAnswerOfAClientGoneDoesNotLinger) {
  options.client_link.window = 1'000;
  Peer& client = connect();
  client.pause();
  client.send(get());
  run();
  answer(0, ok(std::string(500'000, 'x')));
  client.abort();
  run();
  EXPECT_TRUE(ended_with(Flag::client_gone));
  EXPECT_EQ(counts().backend_connections, 0U);
}

}  // namespace
}  // namespace evenkeel::net::testing
