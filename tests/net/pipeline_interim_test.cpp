// SPDX-License-Identifier: Apache-2.0
//
// 1xx responses: those that come before the final one, and the 101 that ends HTTP on a connection.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineInterim : public PipelineTest {};
INSTANTIATE_PIPELINE(PipelineInterim);

class PipelineTunnel : public PipelineTest {
 protected:
  static std::string upgrade(std::string_view more = "") {
    return get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + std::string(more);
  }
  static constexpr std::string_view kSwitch =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  // A client with an open tunnel; what was received is forgotten.
  Peer& open_tunnel() {
    Peer& client = client_sends(upgrade());
    answer(0, kSwitch);
    EXPECT_THAT(client.take(), StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
    origin().received.clear();
    return client;
  }
};
INSTANTIATE_PIPELINE(PipelineTunnel);

TEST_P(PipelineInterim, ContinueIsForwardedWhenAskedFor) {
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  run();
  ASSERT_EQ(world().accepted(), 1U) << "the head goes out before the body is there";
  EXPECT_THAT(origin().received, HasSubstr("Expect: 100-continue\r\n"));
  answer(0, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(client.take(), StartsWith("HTTP/1.1 100 Continue\r\n"));
  client.send("body");
  run();
  EXPECT_EQ(request(origin()).body, "body");
  answer(0, ok("done"));
  EXPECT_EQ(response(client).body, "done");
  EXPECT_EQ(counts().idle_backend_connections, 1U);
}

TEST_P(PipelineInterim, RefusedExpectationIsDeliveredWithoutTheBody) {
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  run();
  answer(0, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(response(client).status, 417U);
  EXPECT_TRUE(client.ended) << "what the client sends next could be body or request";
  EXPECT_EQ(counts().backend_connections, 0U);
}

TEST_P(PipelineInterim, ContinueNobodyAskedForIsDropped) {
  Peer& client = client_sends(post("body"));
  answer(0, "HTTP/1.1 100 Continue\r\n\r\n" + ok("done"));
  EXPECT_EQ(response(client).body, "done");
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_P(PipelineInterim, EarlyHintsAreForwardedInOrder) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
  EXPECT_THAT(client.received, AllOf(StartsWith("HTTP/1.1 103 "), HasSubstr("Link: </x>\r\n")));
  answer(0, "HTTP/1.1 103 Early Hints\r\nLink: </y>\r\n\r\n" + ok("done"));
  const auto got = responses(client);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[2].body, "done");
}

TEST_P(PipelineInterim, Http10ClientGetsNoInterimResponse) {
  Peer& client = client_sends("GET / HTTP/1.0\r\n\r\n");
  answer(0, "HTTP/1.1 103 Early Hints\r\n\r\n" + ok("done"));
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_P(PipelineInterim, StormOfInterimResponsesIsBounded) {
  Peer& client = client_sends(get());
  std::string storm;
  for (int i = 0; i < 17; ++i) storm += "HTTP/1.1 102 Processing\r\n\r\n";
  answer(0, storm);
  const auto got = responses(client);
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got.back().status, 502U);
  EXPECT_LE(got.size(), 17U);
  EXPECT_TRUE(origin().failed);
}

TEST_P(PipelineInterim, InterimThenTheEndIsNoAnswer) {
  Peer& client = client_sends(post("x"));
  origin().send("HTTP/1.1 103 Early Hints\r\n\r\n");
  origin().finish();
  run();
  const auto got = responses(client);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[1].status, 502U);
}

TEST_P(PipelineTunnel, CarriesBytesBothWays) {
  Peer& client = open_tunnel();
  client.send("ping");
  run();
  EXPECT_EQ(origin().received, "ping");
  answer(0, "pong");
  EXPECT_EQ(client.received, "pong");
  const std::string much(200'000, 'x');
  client.send(much);
  origin().send(much);
  run();
  EXPECT_EQ(origin().received, "ping" + much);
  EXPECT_EQ(client.received, "pong" + much);
}

TEST_P(PipelineTunnel, BytesThatCameWithTheHeadsAreCarried) {
  Peer& client = client_sends(upgrade("early"));
  EXPECT_THAT(origin().received, EndsWith("\r\n\r\n")) << "nothing before the origin agreed";
  answer(0, std::string(kSwitch) + "hello");
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nhello"));
  EXPECT_THAT(origin().received, EndsWith("\r\n\r\nearly"));
}

TEST_P(PipelineTunnel, EndOfOneDirectionLeavesTheOtherOpen) {
  Peer& client = open_tunnel();
  client.send("last");
  client.finish();
  run();
  EXPECT_EQ(origin().received, "last");
  EXPECT_TRUE(origin().ended);
  answer(0, "still here");
  EXPECT_EQ(client.received, "still here");
  origin().finish();
  run();
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(counts().client_connections, 0U);
  EXPECT_EQ(counts().backend_connections, 0U);
  ASSERT_EQ(world().ended.size(), 1U);
  EXPECT_EQ(world().ended[0].record.status, 101);
  EXPECT_FALSE(has(world().ended[0].record.flags, core::Flag::client_gone));
}

TEST_P(PipelineTunnel, OriginMayEndFirst) {
  Peer& client = open_tunnel();
  origin().send("bye");
  origin().finish();
  run();
  EXPECT_EQ(client.received, "bye");
  EXPECT_TRUE(client.ended);
  client.send("and thanks");
  client.finish();
  run();
  EXPECT_EQ(origin().received, "and thanks");
  EXPECT_EQ(counts().backend_connections, 0U);
}

TEST_P(PipelineTunnel, ResetPassesToTheOtherSide) {
  Peer& client = open_tunnel();
  origin().abort();
  run();
  EXPECT_TRUE(client.failed);
  EXPECT_TRUE(has(world().ended.at(0).record.flags, core::Flag::response_aborted));
}

TEST_P(PipelineTunnel, ResetByTheClientReachesTheOrigin) {
  Peer& client = open_tunnel();
  client.abort();
  run();
  EXPECT_TRUE(origin().failed);
  EXPECT_TRUE(has(world().ended.at(0).record.flags, core::Flag::client_gone));
}

TEST_P(PipelineTunnel, RefusedUpgradeIsAnOrdinaryResponse) {
  Peer& client = client_sends(upgrade());
  answer(0, ok("no"));
  EXPECT_EQ(response(client).body, "no");
  client.send(get("/next"));
  run();
  EXPECT_EQ(requests(origin()).size(), 2U);
}

TEST_P(PipelineTunnel, SwitchNobodyAskedForIsABadResponse) {
  Peer& client = client_sends(get());
  answer(0, kSwitch);
  EXPECT_EQ(response(client).status, 502U);
  EXPECT_TRUE(origin().failed);
}

TEST_P(PipelineTunnel, SilentTunnelEndsInTime) {
  Peer& client = open_tunnel();
  advance(59min);
  EXPECT_FALSE(client.over());
  client.send("x");
  run();
  advance(59min);
  EXPECT_FALSE(client.over()) << "bytes begin the hour anew";
  advance(2min);
  EXPECT_TRUE(client.over());
}

}  // namespace
}  // namespace evenkeel::net::testing
