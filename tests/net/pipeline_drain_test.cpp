// SPDX-License-Identifier: Apache-2.0
//
// The end of a pipeline: what runs is finished, nothing new is kept, and what is left can be cut.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineDrain : public PipelineTest {
 protected:
  void drain() {
    world().pipeline().drain(world().now());
    run();
  }
};
INSTANTIATE_PIPELINE(PipelineDrain);

TEST_P(PipelineDrain, IdleConnectionsCloseAtOnce) {
  Peer& used = client_sends(get());
  answer(0, ok("hi"));
  Peer& fresh = connect();
  run();
  drain();
  EXPECT_TRUE(used.ended && fresh.ended);
  EXPECT_FALSE(used.failed || fresh.failed);
  EXPECT_TRUE(origin().ended);
  EXPECT_TRUE(world().pipeline().quiet());
}

TEST_P(PipelineDrain, RunningRequestIsFinishedAndItsConnectionClosed) {
  Peer& client = client_sends(get());
  drain();
  EXPECT_FALSE(client.over());
  answer(0, ok("hi"));
  EXPECT_EQ(response(client).body, "hi");
  EXPECT_THAT(client.received, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.ended);
  client.finish();
  run();
  EXPECT_TRUE(world().pipeline().quiet());
}

TEST_P(PipelineDrain, ResponseUnderWayIsFinished) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  drain();
  answer(0, "def");
  EXPECT_EQ(response(client).body, "abcdef");
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(counts().backend_connections, 0U);
}

TEST_P(PipelineDrain, HeadUnderWayIsStillServed) {
  Peer& client = client_sends("GET / HTTP/1.1\r\nHo");
  drain();
  client.send("st: a\r\n\r\n");
  run();
  answer(0, ok("hi"));
  EXPECT_EQ(response(client).body, "hi");
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineDrain, PipelinedRequestIsNotBegun) {
  Peer& client = client_sends(get("/1") + get("/2"));
  drain();
  answer(0, ok("one"));
  EXPECT_EQ(response(client).body, "one");
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(requests(origin()).size(), 1U);
}

TEST_P(PipelineDrain, RejectionClosesToo) {
  Peer& client = client_sends(post("x"));
  drain();
  origin().abort();
  run();
  EXPECT_EQ(response(client).status, 502U);
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineDrain, AbortCutsEverythingVisibly) {
  Peer& waiting = client_sends(get());
  Peer& reading = client_sends(get());
  answer(1, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  Peer& asking = client_sends("GET /");
  Peer& idle = connect();
  Peer& lingering = client_sends("GARBAGE\r\n\r\n");
  run();
  world().pipeline().abort_all(world().now());
  run();
  EXPECT_TRUE(waiting.failed && reading.failed && asking.failed && idle.failed);
  EXPECT_TRUE(lingering.over());
  EXPECT_TRUE(origin(0).failed && origin(1).failed);
  EXPECT_TRUE(world().pipeline().quiet());
  EXPECT_EQ(world().ended.size(), 2U);
}

TEST_P(PipelineDrain, PipelineMayEndWithEverythingRunning) {
  client_sends(get());
  client_sends(post("body"));
  client_sends("GET /");
  Peer& client = client_sends(get());
  answer(2, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_FALSE(client.over());
  end_world();
}

}  // namespace
}  // namespace evenkeel::net::testing
