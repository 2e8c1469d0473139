// SPDX-License-Identifier: Apache-2.0
//
// Every deadline of a connection, and what moves it. Deadlines of a second or more are up to 50 ms
// late.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

constexpr core::Duration kLate = 100ms;

class PipelineTimeout : public PipelineTest {
 protected:
  static std::string upload_head(std::size_t size) {
    return "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
  }
};
INSTANTIATE_PIPELINE(PipelineTimeout);

TEST_P(PipelineTimeout, HeadHasAnAbsoluteDeadline) {
  Peer& client = connect();
  const std::string head = get("/a-long-enough-target");
  for (int second = 0; second < 10; ++second) {
    client.send(head.substr(static_cast<std::size_t>(second), 1));
    advance(1s);
    if (second < 9) {
      EXPECT_EQ(client.received, "") << second;
    }
  }
  advance(kLate);
  EXPECT_EQ(response(client).status, 408U);
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(world().accepted(), 0U);
}

TEST_P(PipelineTimeout, SilentNewConnectionIsClosedWithoutAWord) {
  Peer& client = connect();
  advance(10s + kLate);
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(client.received, "");
}

TEST_P(PipelineTimeout, IdleConnectionIsClosedWithoutAWord) {
  Peer& client = client_sends(get());
  answer(0, ok("hi"));
  client.take();
  advance(74s);
  EXPECT_FALSE(client.over());
  advance(1s + kLate);
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(client.received, "");
}

TEST_P(PipelineTimeout, SecondHeadHasItsDeadlineToo) {
  Peer& client = client_sends(get());
  answer(0, ok("hi"));
  client.take();
  advance(30s);
  client.send("G");
  advance(9s);
  EXPECT_EQ(client.received, "");
  advance(1s + kLate);
  EXPECT_EQ(response(client).status, 408U);
}

TEST_P(PipelineTimeout, IdleBackendConnectionIsClosed) {
  client_sends(get());
  answer(0, ok("hi"));
  advance(59s);
  EXPECT_EQ(counts().idle_backend_connections, 1U);
  advance(1s + kLate);
  EXPECT_EQ(counts().idle_backend_connections, 0U);
  EXPECT_TRUE(origin().ended);
}

TEST_P(PipelineTimeout, AttemptWithoutAnAnswerIs504) {
  pool().retry.max_attempts = 1;
  Peer& client = client_sends(get());
  advance(4900ms);
  EXPECT_EQ(client.received, "");
  advance(100ms + kLate);
  EXPECT_EQ(response(client).status, 504U);
  EXPECT_TRUE(origin().failed) << "a connection that timed out is closed";
  EXPECT_FALSE(client.over());
}

TEST_P(PipelineTimeout, PartOfAHeadIsNoAnswer) {
  pool().retry.max_attempts = 1;
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\nContent-");
  advance(5s + kLate);
  EXPECT_EQ(response(client).status, 504U);
  EXPECT_EQ(counts().buffered_bytes, 0U);
}

TEST_P(PipelineTimeout, RequestOutOfTimeIs504) {
  config.routes[0].timeout = 2s;
  Peer& client = client_sends(get());
  advance(2s + kLate);
  const Message got = response(client);
  EXPECT_EQ(got.status, 504U);
  EXPECT_TRUE(origin().failed);
}

TEST_P(PipelineTimeout, NeverMoreThanOneAnswerToATimedOutRequest) {
  config.routes[0].timeout = 2s;
  Peer& client = client_sends(get());
  advance(2s + kLate);
  answer(0, ok("late"));
  EXPECT_EQ(response(client).status, 504U);
}

TEST_P(PipelineTimeout, StalledSmallUploadIs408) {
  Peer& client = client_sends(upload_head(5) + "abc");
  advance(29s);
  EXPECT_EQ(client.received, "");
  advance(1s + kLate);
  EXPECT_EQ(response(client).status, 408U);
  EXPECT_TRUE(client.ended);
  EXPECT_TRUE(origin().failed);
  EXPECT_FALSE(request(origin()).complete);
}

// A client that stalls must not make backends look bad.
TEST_P(PipelineTimeout, StalledUploadIsNoEvidenceAgainstItsBackend) {
  pool().outlier_detection.enabled = true;
  pool().outlier_detection.consecutive_failures = 1;
  pool().outlier_detection.max_ejection_percent = 100;
  for (const std::size_t size : {std::size_t{5}, std::size_t{200'000}}) {
    Peer& client = client_sends(upload_head(size) + "abc");
    advance(30s + kLate);
    EXPECT_EQ(response(client).status, 408U);
  }
  EXPECT_TRUE(world().transitions.empty());
}

TEST_P(PipelineTimeout, AttemptsTimeStartsWhenTheUploadIsComplete) {
  for (const std::string_view last : {"c", "1\r\nc\r\n0\r\n\r\n", "0\r\n\r\n"}) {
    Peer& client = client_sends(
        last == "c"
            ? "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab"
            : "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    advance(20s);
    client.send(last);
    advance(4900ms);
    EXPECT_EQ(client.received, "");
    advance(100ms + kLate);
    EXPECT_EQ(response(client).status, 504U);
  }
}

TEST_P(PipelineTimeout, LongUploadsTakeTheTimeTheyTake) {
  Peer& client = client_sends(upload_head(200'000));
  for (int i = 0; i < 20; ++i) {
    client.send(std::string(10'000, 'x'));
    advance(i < 19 ? 5s : 1s);
    ASSERT_EQ(client.received, "");
  }
  answer(0, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

TEST_P(PipelineTimeout, StalledLargeUploadIs408) {
  Peer& client = client_sends(upload_head(200'000) + std::string(100'000, 'x'));
  advance(30s + kLate);
  EXPECT_EQ(response(client).status, 408U);
  EXPECT_TRUE(origin().failed);
}

TEST_P(PipelineTimeout, UploadThatMovesIsNotTimedOut) {
  pool().retry.attempt_timeout = 2s;
  for (const std::size_t size : {std::size_t{20}, std::size_t{200'000}}) {
    Peer& client = client_sends(upload_head(size));
    for (std::size_t i = 0; i < 10; ++i) {
      client.send(std::string(size / 10, 'x'));
      advance(1s);
      ASSERT_EQ(client.received, "") << i;
    }
    Peer& last = origin(world().accepted() - 1);
    EXPECT_TRUE(requests(last).back().complete);
    last.send(ok("ok"));
    run();
    EXPECT_EQ(response(client).status, 200U);
  }
}

TEST_P(PipelineTimeout, BackendThatDoesNotTakeTheUploadIs504NotTheClientsFault) {
  options.backend_link.window = 10'000;
  Peer& client = connect();
  client.send(upload_head(200'000));
  run();
  origin().pause();
  client.send(std::string(200'000, 'x'));
  advance(6s);
  EXPECT_EQ(response(client).status, 504U);
}

TEST_P(PipelineTimeout, SilenceWithinABodyIsACut) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  advance(20s);
  answer(0, "def");
  advance(29s);
  EXPECT_FALSE(client.over()) << "progress moves the deadline";
  advance(1s + kLate);
  EXPECT_TRUE(client.failed);
  EXPECT_TRUE(origin().failed);
  EXPECT_EQ(response(client).body, "abcdef");
}

TEST_P(PipelineTimeout, BytesOfTheClientDoNotExtendTheBackendsDeadline) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  for (int i = 0; i < 3; ++i) {
    advance(10s);
    client.send("G");
  }
  advance(kLate);
  EXPECT_TRUE(client.failed);
}

TEST_P(PipelineTimeout, ClientThatDoesNotReadIsLeft) {
  options.client_link.window = 2'000;
  Peer& client = connect();
  client.pause();
  client.send(get());
  run();
  answer(0, ok(std::string(300'000, 'x')));
  advance(29s);
  EXPECT_EQ(counts().client_connections, 1U);
  advance(1s + kLate);
  EXPECT_EQ(counts().client_connections, 0U);
  EXPECT_EQ(counts().buffered_bytes, 0U);
  EXPECT_TRUE(origin().failed);
}

TEST_P(PipelineTimeout, ClientThatDoesNotReadTheLastBytesIsLeft) {
  options.client_link.window = 300;
  Peer& client = connect();
  client.pause();
  client.send(get());
  run();
  answer(0, ok(std::string(1'000, 'x')));
  advance(29s);
  EXPECT_EQ(counts().client_connections, 1U);
  advance(1s + kLate);
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineTimeout, ClientThatDoesNotReadARejectionIsLeft) {
  options.client_link.window = 50;
  world().set_reach(0, sim::Reach::refusing);
  Peer& client = connect();
  client.pause();
  client.send(get());
  advance(29s);
  EXPECT_EQ(counts().client_connections, 1U);
  advance(1s + kLate);
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineTimeout, BytesOfAClientThatDoesNotReadDoNotExtendItsDeadline) {
  options.client_link.window = 2'000;
  Peer& client = connect();
  client.pause();
  client.send(get());
  run();
  answer(0, ok(std::string(100'000, 'x')));
  for (int i = 0; i < 3; ++i) {
    advance(10s);
    client.send("G");
  }
  advance(kLate);
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineTimeout, RefusalThatIsNotReadIsCutVisibly) {
  options.client_link.window = 50;
  Peer& client = connect();
  client.pause();
  client.send("GARBAGE\r\n\r\n");
  advance(2s + kLate);
  client.resume();
  run();
  EXPECT_TRUE(client.failed);
}

TEST_P(PipelineTimeout, SlowReaderThatReadsIsServed) {
  options.client_link.window = 2'000;
  Peer& client = connect();
  client.pause();
  client.send(get());
  run();
  answer(0, ok(std::string(30'000, 'x')));
  for (int i = 0; i < 40 && client.received.size() < 30'000; ++i) {
    client.resume();
    run();
    client.pause();
    advance(20s);
  }
  EXPECT_EQ(response(client).body.size(), 30'000U);
}

TEST_P(PipelineTimeout, ClientThatDoesNotLeaveAfterItsAnswerIsClosed) {
  Peer& client = client_sends("GARBAGE\r\n\r\n");
  EXPECT_EQ(response(client).status, 400U);
  EXPECT_EQ(counts().client_connections, 1U) << "lingers, so that the answer survives";
  advance(2s + kLate);
  EXPECT_EQ(counts().client_connections, 0U);
  EXPECT_FALSE(client.failed);
}

}  // namespace
}  // namespace evenkeel::net::testing
