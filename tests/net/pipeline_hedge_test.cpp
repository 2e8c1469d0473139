// SPDX-License-Identifier: Apache-2.0
//
// Two attempts at once: one wins, the other's stream is reset.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineHedge : public PipelineTest {
 protected:
  PipelineHedge() {
    use_backends(2);
    pool().retry.hedge.enabled = true;
    pool().retry.hedge.delay = 20ms;
  }
  // A request of which both backends have heard.
  Peer& hedged(std::string_view bytes) {
    Peer& client = client_sends(bytes);
    advance(25ms);
    EXPECT_EQ(world().accepted(), 2U);
    return client;
  }
};
INSTANTIATE_PIPELINE(PipelineHedge);

TEST_P(PipelineHedge, FirstToAnswerWinsAndTheOtherIsReset) {
  Peer& client = hedged(get());
  EXPECT_EQ(origin(0).received, origin(1).received);
  answer(1, ok("hedge"));
  EXPECT_EQ(response(client).body, "hedge");
  EXPECT_TRUE(origin(0).failed);
  EXPECT_FALSE(origin(1).over());
  EXPECT_TRUE(has(world().ended.at(0).record.flags, core::Flag::hedged));
  EXPECT_EQ(counts().backend_connections, 1U);
}

TEST_P(PipelineHedge, OriginalMayStillWin) {
  Peer& client = hedged(get());
  answer(0, ok("first"));
  EXPECT_EQ(response(client).body, "first");
  EXPECT_TRUE(origin(1).failed);
}

TEST_P(PipelineHedge, WinnerIsChosenByItsHeadNotByItsFirstByte) {
  Peer& client = hedged(get());
  answer(0, "HTTP/1.1 200 OK\r\nContent-");
  answer(1, ok("second"));
  EXPECT_EQ(response(client).body, "second");
  EXPECT_TRUE(origin(0).failed);
}

TEST_P(PipelineHedge, FailureOfOneLeavesTheOther) {
  Peer& client = hedged(get());
  origin(0).abort();
  run();
  EXPECT_EQ(client.received, "");
  answer(1, ok("second"));
  EXPECT_EQ(response(client).body, "second");
}

TEST_P(PipelineHedge, PostIsNotHedged) {
  client_sends(post("x"));
  advance(1s);
  EXPECT_EQ(world().accepted(), 1U);
}

TEST_P(PipelineHedge, ClientThatGoesResetsBoth) {
  Peer& client = hedged(get());
  client.abort();
  run();
  EXPECT_TRUE(origin(0).failed);
  EXPECT_TRUE(origin(1).failed);
  EXPECT_EQ(counts().backend_connections, 0U);
}

TEST_P(PipelineHedge, SmallBodyGoesToBoth) {
  Peer& client = hedged("PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(request(origin(0)).body, "body");
  EXPECT_EQ(request(origin(1)).body, "body");
  answer(1, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

// A chunked body is taken for small until it is not.
TEST_P(PipelineHedge, BodyThatOutgrowsItsImageGoesToOneBackendOnly) {
  pool().retry.buffer_limit = 1'000;
  Peer& client = hedged("PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("7d0\r\n" + std::string(2'000, 'x') + "\r\n0\r\n\r\n");
  run();
  EXPECT_NE(origin(0).failed, origin(1).failed);
  const std::size_t left = origin(0).failed ? 1 : 0;
  EXPECT_TRUE(request(origin(left)).complete);
  EXPECT_EQ(request(origin(left)).body.size(), 2'000U);
  answer(left, ok("ok"));
  EXPECT_EQ(response(client).status, 200U);
}

TEST_P(PipelineHedge, InterimOfOneOfTwoIsNotForwarded) {
  Peer& client = hedged(get());
  answer(0, "HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(client.received, "");
  answer(0, ok("first"));
  EXPECT_EQ(response(client).body, "first");
}

}  // namespace
}  // namespace evenkeel::net::testing
