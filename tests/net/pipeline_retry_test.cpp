// SPDX-License-Identifier: Apache-2.0
//
// What is sent again, what is not, and that it is the same when it is.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

using sim::Reach;

class PipelineRetry : public PipelineTest {
 protected:
  PipelineRetry() { use_backends(2); }

  // The backend that the first request of a world goes to.
  [[nodiscard]] std::uint32_t first() {
    MemoryWorld other(options, config);
    other.connect().send(get());
    other.run();
    return other.origin(0).backend;
  }
  [[nodiscard]] unsigned attempts(std::size_t request = 0) {
    return world().ended.at(request).record.attempts;
  }
};
INSTANTIATE_PIPELINE(PipelineRetry);

TEST_P(PipelineRetry, RefusedConnectFailsOverForPost) {
  world().set_reach(first(), Reach::refusing);
  Peer& client = client_sends(post("the whole body"));
  ASSERT_EQ(world().accepted(), 1U);
  EXPECT_NE(origin().backend, first());
  EXPECT_EQ(request(origin()).body, "the whole body");
  answer(0, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
  EXPECT_EQ(attempts(), 2U);
}

TEST_P(PipelineRetry, RefusedConnectFailsOverForABodyStillArriving) {
  world().set_reach(first(), Reach::refusing);
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
  run();
  client.send(std::string(200'000, 'x'));
  run();
  ASSERT_EQ(world().accepted(), 1U);
  EXPECT_TRUE(request(origin()).complete);
  answer(0, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

// The body waits in the client's stream while the first connect fails, and the second attempt gets
// an idle connection, which brings no event of its own.
TEST_P(PipelineRetry, LargeBodyGoesOnOverAnIdleConnectionAfterARefusedConnect) {
  Peer& earlier = client_sends(get());  // leaves an idle connection
  answer(0, ok("x"));
  EXPECT_EQ(response(earlier).status, 200U);
  world().set_reach(1 - first(), Reach::refusing);
  Peer& client = client_sends("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" +
                              std::string(200'000, 'x'));
  ASSERT_EQ(world().accepted(), 1U);
  EXPECT_EQ(requests(origin()).size(), 2U);
  EXPECT_TRUE(requests(origin()).back().complete);
  answer(0, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

TEST_P(PipelineRetry, ConnectThatTimesOutFailsOver) {
  world().set_reach(first(), Reach::black_hole);
  Peer& client = client_sends(post("body"));
  EXPECT_EQ(world().accepted(), 0U);
  advance(1100ms);
  ASSERT_EQ(world().accepted(), 1U);
  EXPECT_EQ(request(origin()).body, "body");
  answer(0, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
  EXPECT_EQ(counts().backend_connections, 1U) << "the one that timed out is closed";
}

TEST_P(PipelineRetry, EveryConnectRefusedIs502) {
  world().set_reach(0, Reach::refusing);
  world().set_reach(1, Reach::refusing);
  Peer& client = client_sends(get());
  const Message got = response(client);
  EXPECT_EQ(got.status, 502U);
  EXPECT_THAT(got.body, HasSubstr("cannot connect to a backend"));
  EXPECT_EQ(attempts(), 3U);
  EXPECT_FALSE(client.over()) << "the connection is good";
}

TEST_P(PipelineRetry, ResetBeforeTheHeadIsRetriedForGet) {
  Peer& client = client_sends(get());
  origin(0).abort();
  run();
  ASSERT_EQ(world().accepted(), 2U);
  EXPECT_NE(origin(1).backend, origin(0).backend);
  answer(1, ok("ok"));
  EXPECT_EQ(response(client).body, "ok");
}

TEST_P(PipelineRetry, ResetWithinTheHeadIsRetriedForGet) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\nConte");
  origin(0).abort();
  run();
  ASSERT_EQ(world().accepted(), 2U);
  answer(1, ok("ok"));
  EXPECT_EQ(response(client).body, "ok");
}

TEST_P(PipelineRetry, ResetBeforeTheHeadIsNotRetriedForPost) {
  Peer& client = client_sends(post("body"));
  origin(0).abort();
  run();
  EXPECT_EQ(world().accepted(), 1U);
  EXPECT_EQ(response(client).status, 502U);
  EXPECT_THAT(response(client).body, HasSubstr("closed the connection"));
}

TEST_P(PipelineRetry, PutWithItsBodyIsSentAgainAlike) {
  Peer& client =
      client_sends("PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nthe body" + get("/n"));
  origin(0).abort();
  run();
  ASSERT_EQ(world().accepted(), 2U);
  EXPECT_EQ(origin(0).received, origin(1).received);
  EXPECT_EQ(request(origin(1)).body, "the body");
  answer(1, ok("ok"));
  EXPECT_EQ(responses(client).at(0).status, 200U);
}

TEST_P(PipelineRetry, ChunkedPutIsSentAgainAlike) {
  Peer& client = connect();
  client.send("PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  run();
  client.send("2\r\nde\r\n0\r\n\r\n");
  run();
  origin(0).abort();
  run();
  ASSERT_EQ(world().accepted(), 2U);
  EXPECT_EQ(origin(0).received, origin(1).received);
  EXPECT_EQ(request(origin(1)).body, "abcde");
  answer(1, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

TEST_P(PipelineRetry, BodyStillArrivingContinuesOnTheNextBackend) {
  Peer& client = connect();
  client.send("PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  run();
  origin(0).abort();
  run();
  ASSERT_EQ(world().accepted(), 2U);
  EXPECT_EQ(request(origin(1)).body, "abc");
  client.send("def");
  run();
  EXPECT_EQ(request(origin(1)).body, "abcdef");
  answer(1, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

TEST_P(PipelineRetry, BodyThatStreamedPastIsNotSentAgain) {
  Peer& client = client_sends("PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" +
                              std::string(100'000, 'x'));
  EXPECT_EQ(request(origin()).body.size(), 100'000U);
  origin(0).abort();
  run();
  EXPECT_EQ(world().accepted(), 1U);
  EXPECT_EQ(response(client).status, 502U);
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineRetry, ChunkedBodyThatStreamedPastIsNotSentAgain) {
  Peer& client = client_sends("PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                              std::string("186a0\r\n") + std::string(100'000, 'x') + "\r\n");
  EXPECT_EQ(request(origin()).body.size(), 100'000U);
  origin(0).abort();
  run();
  EXPECT_EQ(world().accepted(), 1U);
  EXPECT_EQ(response(client).status, 502U);
}

TEST_P(PipelineRetry, BodyAsLargeAsTheImageIsSentAgain) {
  pool().retry.buffer_limit = 2'000;
  const std::string body(2'000, 'x');
  Peer& client = client_sends("PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + body);
  origin(0).abort();
  run();
  ASSERT_EQ(world().accepted(), 2U);
  EXPECT_EQ(request(origin(1)).body, body);
  answer(1, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

TEST_P(PipelineRetry, StatusNamedByThePolicyIsRetried) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad");
  ASSERT_EQ(world().accepted(), 2U);
  EXPECT_TRUE(origin(0).failed);
  answer(1, ok("good"));
  EXPECT_EQ(response(client).body, "good");
}

TEST_P(PipelineRetry, LastFailingStatusIsForwarded) {
  pool().retry.max_attempts = 2;
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad");
  answer(1, "HTTP/1.1 504 Late\r\nContent-Length: 4\r\n\r\nlate");
  EXPECT_EQ(response(client).status, 504U);
  EXPECT_EQ(response(client).body, "late");
}

TEST_P(PipelineRetry, ConnectionFoundDeadOnReuseIsRetriedOnAFreshOne) {
  use_backends(1);
  options.backend_link.delay.latency = 1ms;
  Peer& client = connect();
  client.send(get());
  advance(10ms);
  origin(0).send(ok("1"));
  advance(10ms);
  client.take();
  client.send(get());
  run();  // the request has left
  EXPECT_EQ(counts().reuses, 1U);
  origin(0).abort();
  advance(10ms);
  ASSERT_EQ(world().accepted(), 2U);
  origin(1).send(ok("2"));
  advance(10ms);
  EXPECT_EQ(response(client).body, "2");
}

TEST_P(PipelineRetry, ConnectionFoundDeadOnReuseIs502ForPost) {
  use_backends(1);
  options.backend_link.delay.latency = 1ms;
  Peer& client = connect();
  client.send(get());
  advance(10ms);
  origin(0).send(ok("1"));
  advance(10ms);
  client.take();
  client.send(post("body"));
  run();
  origin(0).abort();
  advance(10ms);
  EXPECT_EQ(world().accepted(), 1U);
  EXPECT_EQ(response(client).status, 502U);
}

// Dead before it said anything: idle connections die. Dead within its answer: the backend's fault.
TEST_P(PipelineRetry, OnlyAnAnswerThatBreaksOffIsTheBackendsFault) {
  use_backends(1);
  pool().retry.max_attempts = 1;
  options.backend_link.delay.latency = 1ms;
  for (const std::string_view last_words : {"", "HTTP/1.1 2"}) {
    Peer& client = connect();
    client.send(get());
    advance(10ms);
    Peer& last = origin(world().accepted() - 1);
    last.send(ok("1"));
    advance(10ms);
    client.send(get());
    run();
    EXPECT_EQ(counts().idle_backend_connections, 0U);
    last.send(last_words);
    last.finish();
    advance(10ms);
    EXPECT_EQ(responses(client, 2).back().status, 502U);
    EXPECT_EQ(world().ended.back().record.failure, last_words.empty()
                                                       ? core::AttemptFailure::stale_connection
                                                       : core::AttemptFailure::reset_before_head);
  }
}

TEST_P(PipelineRetry, IdleConnectionThatEndsIsForgotten) {
  use_backends(1);
  Peer& client = client_sends(get());
  answer(0, ok("1"));
  origin(0).finish();
  run();
  EXPECT_EQ(counts().backend_connections, 0U);
  client.take();
  client.send(post("x"));
  run();
  ASSERT_EQ(world().accepted(), 2U);
  answer(1, ok("2"));
  EXPECT_EQ(response(client).body, "2");
}

TEST_P(PipelineRetry, LocalFailureIs503WhenItLasts) {
  world().fail_connects(100);
  Peer& client = client_sends(get());
  EXPECT_EQ(response(client).status, 503U);
  EXPECT_THAT(response(client).body, HasSubstr("out of resources"));
  EXPECT_FALSE(client.over());
}

TEST_P(PipelineRetry, LocalFailureThatPassesIsRetried) {
  world().fail_connects(1);
  Peer& client = client_sends(post("body"));
  answer(0, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

TEST_P(PipelineRetry, BackoffDelaysTheNextAttempt) {
  pool().retry.backoff = {40ms, 40ms};
  Peer& client = client_sends(get());
  origin(0).abort();
  run();
  EXPECT_EQ(world().accepted(), 1U);
  advance(41ms);
  ASSERT_EQ(world().accepted(), 2U);
  answer(1, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

TEST_P(PipelineRetry, BodyGrowsDuringTheBackoff) {
  pool().retry.backoff = {40ms, 40ms};
  Peer& client = connect();
  client.send("PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  run();
  origin(0).abort();
  run();
  client.send("def" + get("/next"));
  advance(41ms);
  ASSERT_EQ(world().accepted(), 2U);
  EXPECT_EQ(request(origin(1)).body, "abcdef");
}

}  // namespace
}  // namespace evenkeel::net::testing
