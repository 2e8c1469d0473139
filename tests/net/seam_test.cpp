// SPDX-License-Identifier: Apache-2.0
//
// The seam: the real pipeline and balancer between scripted peers, in memory and in virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/memory_world.h"

namespace evenkeel::test {
namespace {

using core::Flag;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

MemoryWorld::Options with_backends(std::uint32_t backends) {
  MemoryWorld::Options options;
  options.backends = backends;
  return options;
}

TEST(SeamTest, AGetGoesThroughAndItsAnswerComesBack) {
  MemoryWorld world(with_backends(1));
  Peer& client = world.connect();
  client.send(kGet);
  world.run();
  ASSERT_EQ(world.accepted(), 1U);
  EXPECT_THAT(world.origin(0).received, StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(world.origin(0).received, EndsWith("\r\n\r\n"));
  world.origin(0).send(kOk);
  world.run();
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nhi"));
  ASSERT_EQ(world.ended.size(), 1U);
  EXPECT_EQ(world.ended[0].record.status, 200);
  EXPECT_EQ(world.ended[0].bytes_out, 2U);
}

TEST(SeamTest, TheNextRequestReusesBothConnections) {
  MemoryWorld world(with_backends(1));
  Peer& client = world.connect();
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    world.run();
    world.origin(0).take();
    world.origin(0).send(kOk);
    world.run();
  }
  EXPECT_EQ(world.accepted(), 1U);
  EXPECT_EQ(world.ended.size(), 3U);
  EXPECT_EQ(world.pipeline().counts().reuses, 2U);
}

TEST(SeamTest, AnyDelayAnyPiecesAnyCutsTheSameExchange) {
  for (const std::size_t segment :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
    for (const bool cut : {false, true}) {
      MemoryWorld::Options options = with_backends(1);
      options.client_link = {{milliseconds(1), milliseconds(1)}, 64, segment};
      options.backend_link = {{milliseconds(2), core::Duration{}}, 32, segment};
      options.cut = cut;
      MemoryWorld world(options);
      Peer& client = world.connect();
      const std::string body(500, 'x');
      client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" + body);
      world.advance(seconds(2));
      ASSERT_EQ(world.accepted(), 1U);
      EXPECT_THAT(world.origin(0).received, EndsWith("\r\n\r\n" + body));
      world.origin(0).send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + body);
      world.advance(seconds(2));
      EXPECT_THAT(client.received, EndsWith("\r\n\r\n" + body));
    }
  }
}

TEST(SeamTest, AHedgeThatAnswersFirstCancelsTheOther) {
  core::Config config = MemoryWorld::plain_config(2);
  config.pools[0].retry.hedge.enabled = true;
  config.pools[0].retry.hedge.delay = milliseconds(50);
  MemoryWorld world(with_backends(2), config);
  Peer& client = world.connect();
  client.send(kGet);
  world.advance(milliseconds(49));
  ASSERT_EQ(world.accepted(), 1U);
  world.advance(milliseconds(2));
  ASSERT_EQ(world.accepted(), 2U);
  EXPECT_NE(world.origin(0).backend, world.origin(1).backend);
  EXPECT_EQ(world.origin(0).received.substr(0, 5), world.origin(1).received.substr(0, 5));
  world.origin(1).send(kOk);
  world.run();
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nhi"));
  EXPECT_TRUE(world.origin(0).failed) << "the loser's connection is reset";
  EXPECT_FALSE(world.origin(1).over()) << "the winner's is kept";
  ASSERT_EQ(world.ended.size(), 1U);
  EXPECT_TRUE(has(world.ended[0].record.flags, Flag::hedged));
  EXPECT_EQ(world.ended[0].record.attempts, 2);
}

TEST(SeamTest, AnUpgradeBecomesATunnelBothWays) {
  MemoryWorld world(with_backends(1));
  Peer& client = world.connect();
  client.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  world.run();
  ASSERT_EQ(world.accepted(), 1U);
  Peer& origin = world.origin(0);
  EXPECT_THAT(origin.received, HasSubstr("Upgrade: websocket\r\n"));
  origin.take();
  origin.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
  world.run();
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(client.take(), EndsWith("\r\n\r\nhello"));
  client.send(std::string("\x81\x05\0\r\n", 5));
  world.run();
  EXPECT_EQ(origin.take(), std::string("\x81\x05\0\r\n", 5));
  origin.send("GET / HTTP/1.1\r\n\r\n");
  world.run();
  EXPECT_EQ(client.take(), "GET / HTTP/1.1\r\n\r\n") << "nobody reads what is inside";
  client.finish();
  world.run();
  EXPECT_TRUE(origin.ended);
  origin.send("last");
  origin.finish();
  world.run();
  EXPECT_EQ(client.received, "last");
  EXPECT_TRUE(client.ended);
}

TEST(SeamTest, AnEarlyAnswerReachesTheClientThatStillUploads) {
  MemoryWorld::Options options = with_backends(1);
  options.client_link.window = 16 * 1024;
  options.backend_link.window = 16 * 1024;
  MemoryWorld world(options);
  Peer& client = world.connect();
  client.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
  client.send(std::string(200'000, 'u'));
  world.run();
  ASSERT_EQ(world.accepted(), 1U);
  world.origin(0).send(
      "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n");
  world.run();
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(client.received, EndsWith("\r\n\r\nno\n"));
  ASSERT_EQ(world.ended.size(), 1U);
  EXPECT_EQ(world.ended[0].record.status, 413);
  world.advance(seconds(60));
  EXPECT_TRUE(client.over()) << "the rest of the body is not taken for a request";
  EXPECT_EQ(world.pipeline().counts().client_connections, 0U);
}

TEST(SeamTest, AClientThatGoesAwayTakesItsAttemptWithIt) {
  MemoryWorld world(with_backends(1));
  Peer& client = world.connect();
  client.send(kGet);
  world.run();
  ASSERT_EQ(world.accepted(), 1U);
  client.abort();
  world.run();
  EXPECT_TRUE(world.origin(0).failed);
  ASSERT_EQ(world.ended.size(), 1U);
  EXPECT_TRUE(has(world.ended[0].record.flags, Flag::client_gone));
  EXPECT_EQ(world.balancer().requests_in_flight(), 0U);
  EXPECT_TRUE(world.pipeline().quiet());
}

TEST(SeamTest, ARefusedConnectIsRetriedElsewhereWhateverTheMethod) {
  MemoryWorld world(with_backends(2));
  world.set_reach(0, sim::Reach::refusing);
  Peer& client = world.connect();
  for (int i = 0; i < 2; ++i) {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    world.run();
    ASSERT_EQ(world.accepted(), 1U);
    EXPECT_EQ(world.origin(0).backend, 1U);
    world.origin(0).send(kOk);
    world.run();
  }
  ASSERT_EQ(world.ended.size(), 2U);
  EXPECT_EQ(world.ended[0].record.attempts + world.ended[1].record.attempts, 3);
}

TEST(SeamTest, ABackendThatNeverAnswersAConnectCostsTheConnectTimeout) {
  core::Config config = MemoryWorld::plain_config(2);
  config.pools[0].connection_pool.connect_timeout = milliseconds(300);
  MemoryWorld world(with_backends(2), config);
  world.set_reach(0, sim::Reach::black_hole);
  world.set_reach(1, sim::Reach::black_hole);
  Peer& client = world.connect();
  client.send(kGet);
  world.advance(milliseconds(299));
  EXPECT_EQ(client.received, "");
  world.set_reach(0, sim::Reach::up);
  world.set_reach(1, sim::Reach::up);
  world.advance(milliseconds(2));
  ASSERT_EQ(world.accepted(), 1U);
  world.origin(0).send(kOk);
  world.run();
  EXPECT_THAT(client.received, EndsWith("hi"));
}

TEST(SeamTest, AResetBeforeTheHeadIsRetriedForAGetAndNotForAPost) {
  MemoryWorld world(with_backends(2));
  Peer& client = world.connect();
  client.send(kGet);
  world.run();
  ASSERT_EQ(world.accepted(), 1U);
  world.origin(0).abort();
  world.run();
  ASSERT_EQ(world.accepted(), 2U);
  world.origin(1).send(kOk);
  world.run();
  EXPECT_THAT(client.take(), EndsWith("hi"));
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  world.run();
  world.origin(world.accepted() - 1).abort();
  world.run();
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 502 "));
}

TEST(SeamTest, AResponseCutInItsBodyIsCutForTheClientToo) {
  MemoryWorld world(with_backends(1));
  Peer& client = world.connect();
  client.send(kGet);
  world.run();
  world.origin(0).send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  world.run();
  EXPECT_THAT(client.received, EndsWith("part"));
  world.origin(0).abort();
  world.run();
  EXPECT_TRUE(client.failed);
  ASSERT_EQ(world.ended.size(), 1U);
  EXPECT_TRUE(has(world.ended[0].record.flags, Flag::response_aborted));
}

TEST(SeamTest, ASlowReaderHoldsTheBackendBackInsteadOfFillingMemory) {
  MemoryWorld::Options options = with_backends(1);
  options.client_link.window = 8 * 1024;
  options.backend_link.window = 8 * 1024;
  MemoryWorld world(options);
  Peer& client = world.connect();
  client.send(kGet);
  world.run();
  client.pause();
  const std::string body(4'000'000, 'd');
  Peer& origin = world.origin(0);
  origin.send("HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + body);
  world.run();
  EXPECT_GT(origin.unsent(), 3'800'000U);
  EXPECT_LE(world.pipeline().counts().buffered_bytes, 128U * 1024);
  client.resume();
  world.run();
  EXPECT_EQ(origin.unsent(), 0U);
  EXPECT_THAT(client.received, EndsWith("\r\n\r\n" + body));
}

TEST(SeamTest, LocalLackOfResourcesSaysNothingOfTheBackend) {
  core::Config config = MemoryWorld::plain_config(1);
  config.pools[0].outlier_detection.enabled = true;
  config.pools[0].outlier_detection.consecutive_failures = 1;
  config.pools[0].retry.max_attempts = 1;
  MemoryWorld world(with_backends(1), config);
  world.fail_connects(1);
  Peer& client = world.connect();
  client.send(kGet);
  world.run();
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(world.transitions.empty());
}

TEST(SeamTest, AnIdleBackendConnectionThatDiedIsNotUsed) {
  MemoryWorld world(with_backends(1));
  Peer& client = world.connect();
  client.send(kGet);
  world.run();
  world.origin(0).send(kOk);
  world.run();
  world.origin(0).abort();
  world.run();
  client.take();
  client.send(kGet);
  world.run();
  ASSERT_EQ(world.accepted(), 2U);
  world.origin(1).send(kOk);
  world.run();
  EXPECT_THAT(client.received, EndsWith("hi"));
  EXPECT_EQ(world.ended.back().record.attempts, 1);
}

TEST(SeamTest, ActiveChecksRunOverConnectionsOfTheirOwn) {
  core::Config config = MemoryWorld::plain_config(1);
  config.pools[0].health_check.type = core::CheckType::http;
  config.pools[0].health_check.interval = config.pools[0].health_check.unhealthy_interval =
      seconds(2);
  config.pools[0].health_check.timeout = seconds(1);
  config.pools[0].health_check.jitter_percent = 0;
  config.pools[0].health_check.unhealthy_threshold = 2;
  config.pools[0].balance.panic_threshold = 0;
  MemoryWorld world(with_backends(1), config);
  world.advance(seconds(2));
  ASSERT_EQ(world.accepted(), 1U);
  EXPECT_THAT(world.origin(0).received, StartsWith("GET /health HTTP/1.1\r\n"));
  world.origin(0).send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  world.run();
  EXPECT_TRUE(world.origin(0).over()) << "nobody keeps a check's connection";
  EXPECT_TRUE(world.transitions.empty());
  world.set_reach(0, sim::Reach::refusing);
  world.advance(seconds(4));
  ASSERT_EQ(world.transitions.size(), 1U);
  EXPECT_EQ(world.transitions[0].kind, core::TransitionKind::health);
}

}  // namespace
}  // namespace evenkeel::test
