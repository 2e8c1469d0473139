// SPDX-License-Identifier: Apache-2.0
//
// What is refused at the door, before any backend is asked: rate limits, overload, deadlines that
// are over; and where requests go when their own pool takes none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;

RequestFacts from(std::uint64_t client, RouteIndex route = {}) {
  RequestFacts facts;
  facts.route = route;
  facts.limit_key = client;
  return facts;
}

TEST(BalancerDoor, AClientAboveItsRateIsTold429AndWhenToComeBack) {
  Config config = plain_config(1);
  config.routes[0].rate_limit = {Decimal{2000}, 3, ClientKey::client_ip, "", false};
  TestBalancer world(config);
  Balancer& balancer = world.balancer();
  for (int i = 0; i < 3; ++i) (void)balancer.on_request(world.now(), from(7));
  EXPECT_THAT(world.actions(), ::testing::SizeIs(3));
  const RequestId fourth = balancer.on_request(world.now(), from(7));
  const auto action = balancer.poll_action();
  ASSERT_TRUE(action.has_value());
  EXPECT_EQ(to_text(*action), "reject r3 429 rate_limited");
  EXPECT_EQ(std::get<RejectRequest>(*action).retry_after, Duration(500ms));
  EXPECT_EQ(balancer.finish(world.now(), fourth).rejection, RejectCause::rate_limited);
  // Somebody else is not concerned.
  (void)balancer.on_request(world.now(), from(8));
  EXPECT_THAT(world.actions(), ElementsAre(::testing::StartsWith("start")));
}

TEST(BalancerDoor, WhatIsRefusedEarnsNoRetries) {
  Config config = plain_config(2);
  config.routes[0].rate_limit = {Decimal{1}, 1, ClientKey::route, "", false};
  config.pools[0].retry.budget = {true, 100, 0, 10s};
  TestBalancer world(config);
  const RequestId first = world.balancer().on_request(world.now(), from(0));
  for (int i = 0; i < 50; ++i) {
    (void)world.balancer().finish(world.now(), world.balancer().on_request(world.now(), from(0)));
  }
  (void)world.actions();
  world.sent(first, 0);
  world.head(first, 0, 502);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 retried", "start r0 a1 on 0/1"));
  world.head(first, 1, 502);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a1")) << "one request, one retry";
}

TEST(BalancerDoor, OverloadShedsTheLeastImportantFirst) {
  Config config = plain_config(1);
  config.routes.resize(2);
  config.routes[1].priority = 3;
  TestBalancer world(config);
  world.balancer().on_pressure(world.now(), 1000);
  (void)world.balancer().on_request(world.now(), from(0, RouteIndex{1}));
  (void)world.balancer().on_request(world.now(), from(0, RouteIndex{0}));
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 503 shed", "start r1 a0 on 0/0"));
  EXPECT_TRUE(world.balancer().overload().stops_accepting());
  world.balancer().on_pressure(world.now(), 0);
  (void)world.balancer().on_request(world.now(), from(0, RouteIndex{1}));
  EXPECT_THAT(world.actions(), ElementsAre("start r2 a0 on 0/0"));
}

TEST(BalancerDoor, TheClientsOwnDeadlineIsKept) {
  Config config = plain_config(1);
  TestBalancer world(config);
  RequestFacts facts;
  facts.time_left = 200ms;
  (void)world.balancer().on_request(world.now(), facts);
  (void)world.actions();
  world.pass(200ms);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a0 timed_out", "reject r0 504 request_timeout"));
}

TEST(BalancerDoor, ADeadlineThatIsOverIsRefusedButNotEverybodys) {
  TestBalancer world(plain_config(1));
  std::uint32_t refused = 0;
  for (int i = 0; i < 100; ++i) {
    RequestFacts facts;
    facts.time_left = i < 50 ? Duration::max() : Duration::zero();
    (void)world.balancer().on_request(world.now(), facts);
    while (const auto action = world.balancer().poll_action()) {
      refused += std::holds_alternative<RejectRequest>(*action) ? 1 : 0;
    }
  }
  EXPECT_GE(refused, 15U);
  EXPECT_LE(refused, 20U) << "a client whose clock is wrong is slowed down, not cut off";
}

TEST(BalancerDoor, AnEmptyPoolFallsBackOnceToTheOther) {
  Config config = plain_config(1);
  config.pools.push_back(config.pools[0]);
  config.pools[1].name = "spare";
  config.pools[0].circuit_breaker.fallback_pool = PoolIndex{1};
  config.pools[1].circuit_breaker.fallback_pool = PoolIndex{0};
  TestBalancer world(config);
  world.balancer().set_admin(world.now(), BackendRef{}, AdminState::maintenance);
  const RequestId request = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 1/0"));
  world.sent(request, 0);
  world.head(request, 0);
  world.end(request, 0);
  const RequestRecord record = world.finish(request);
  EXPECT_EQ(record.pool, PoolIndex{1});
  EXPECT_TRUE(has(record.flags, Flag::fallback_pool));
  world.balancer().set_admin(world.now(), BackendRef{PoolIndex{1}, {}}, AdminState::maintenance);
  (void)world.actions();
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 503 no_healthy_backend"));
}

// Two pools: five backends, and some to fall back to, of which the first is taken.
Config fallback_config(std::uint32_t spares = 1) {
  Config config = plain_config(5);
  config.pools.push_back(plain_config(spares).pools[0]);
  config.pools[1].name = "spare";
  config.pools[1].balance.algorithm = Algorithm::first;
  config.pools[0].circuit_breaker = CircuitBreakerPolicy{};
  config.pools[0].circuit_breaker.fallback_pool = PoolIndex{1};
  return config;
}

void open_all(TestBalancer& world) {
  for (std::uint32_t i = 0; i < 5; ++i) {
    world.balancer().force_breaker(world.now(), BackendRef{{}, BackendIndex{i}},
                                   BreakerState::open);
  }
}

TEST(BalancerDoor, ARetryFallsBackAndNamesNobodyOfTheOldPool) {
  Config config = fallback_config();
  config.pools[0].retry.backoff = {20ms, 20ms};
  TestBalancer world(config);
  for (int i = 0; i < 4; ++i) (void)world.serve();
  const RequestId request = world.request();
  EXPECT_THAT(world.actions(), ::testing::Contains("start r0 a0 on 0/4"));
  world.fail(request, 0, AttemptFailure::connect_refused);
  open_all(world);
  world.pass(25ms);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a1 on 1/0"));
  world.client_gone(request);
  const RequestRecord record = world.finish(request);
  EXPECT_EQ(record.pool, PoolIndex{1});
  EXPECT_FALSE(record.backend.has_value());
  world.expect_idle();
}

TEST(BalancerDoor, AFailureThatOpensTheLastBreakerIsRetriedInTheFallbackPool) {
  TestBalancer world(fallback_config(2));
  const RequestId request = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0"));
  open_all(world);
  world.fail(request, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a1 on 1/0")) << "tried was the other pool's 0";
  world.fail(request, 1, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a2 on 1/1"));
}

TEST(BalancerDoor, ASessionDoesNotFollowIntoTheFallbackPool) {
  Config config = fallback_config(5);
  config.pools[0].session.mode = SessionMode::cookie;
  config.pools[0].limits.pool.max_requests = 1;
  TestBalancer world(config);
  RequestFacts facts;
  facts.entropy = SessionKey{1, 1};
  for (int i = 0; i < 4; ++i) (void)world.serve();
  const RequestId first = world.balancer().on_request(world.now(), facts);
  world.sent(first, 0);
  world.head(first, 0);  // it lives on 4, and its response goes on
  facts.session = facts.entropy;
  const RequestId second = world.balancer().on_request(world.now(), facts);
  (void)world.actions();
  open_all(world);
  world.end(first, 0);
  EXPECT_THAT(world.actions(), ElementsAre("start r1 a0 on 1/0"));
  world.fail(second, 0, AttemptFailure::stale_connection);
  EXPECT_THAT(world.actions(), ElementsAre("start r1 a1 on 1/1 fresh"));
  world.sent(second, 1);
  world.head(second, 1);
  EXPECT_THAT(world.actions(), ElementsAre("send r1 a1")) << "and is bound to nobody there";
  world.end(second, 1);
  (void)world.finish(second);
  (void)world.finish(first);
  for (std::uint32_t i = 0; i < 5; ++i) {
    world.balancer().force_breaker(world.now(), BackendRef{{}, BackendIndex{i}}, std::nullopt);
  }
  (void)world.balancer().on_request(world.now(), facts);
  EXPECT_THAT(world.actions(), ElementsAre(::testing::EndsWith(" a0 on 0/4")));
}

TEST(BalancerDoor, WhatFallsBackEarnsRetriesThere) {
  Config config = fallback_config();
  config.pools[1].backends.push_back(config.pools[1].backends[0]);
  config.pools[1].retry.budget = {true, 100, 0, 10s};
  TestBalancer world(config);
  open_all(world);
  const RequestId request = world.request();
  EXPECT_THAT(world.actions(), ElementsAre(::testing::StartsWith("start r0 a0 on 1/")));
  world.fail(request, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre(::testing::StartsWith("start r0 a1 on 1/")));
}

TEST(BalancerDoor, AnAttemptKnowsTheTimeThatIsLeft) {
  Config config = plain_config(1);
  config.routes[0].timeout = 3s;
  config.pools[0].retry.attempt_timeout = 2s;
  TestBalancer world(config);
  const RequestId request = world.request();
  auto action = world.balancer().poll_action();
  EXPECT_EQ(std::get<StartAttempt>(*action).time_left, Duration(2s));
  world.sent(request, 0);
  world.pass(1500ms);
  world.fail(request, 0, AttemptFailure::reset_before_head);
  action = world.balancer().poll_action();
  while (action && !std::holds_alternative<StartAttempt>(*action)) {
    action = world.balancer().poll_action();
  }
  ASSERT_TRUE(action.has_value());
  EXPECT_LE(std::get<StartAttempt>(*action).time_left, Duration(1500ms));
}

TEST(BalancerDoor, AMirroredRequestGoesToTheMirrorAsWell) {
  Config config = plain_config(1);
  config.pools.push_back(config.pools[0]);
  config.pools[1].name = "shadow";
  config.routes[0].mirror = {PoolIndex{1}, 100};
  TestBalancer world(config);
  RequestFacts facts;
  facts.mirrored = true;
  (void)world.balancer().on_request(world.now(), facts);
  EXPECT_THAT(world.actions(), ElementsAre("mirror r0 to 1/0", "start r0 a0 on 0/0"));
  EXPECT_EQ(world.balancer().pool(PoolIndex{1}).in_flight(), 0U);
}

TEST(BalancerDoor, TheSideOfASplitIsTheFacts) {
  Config config = plain_config(1);
  config.pools.push_back(config.pools[0]);
  config.pools[1].name = "canary";
  config.routes[0].split = {SplitPolicy{PoolIndex{0}, 95, {}, ""},
                            SplitPolicy{PoolIndex{1}, 5, {}, ""}};
  TestBalancer world(config);
  RequestFacts facts;
  facts.pool = PoolIndex{1};
  (void)world.balancer().on_request(world.now(), facts);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 1/0"));
}

TEST(BalancerDoor, SplitBitsDifferFromRequestToRequest) {
  TestBalancer world(plain_config(1));
  const std::uint64_t first = world.balancer().split_bits();
  EXPECT_EQ(world.balancer().split_bits(), first) << "asking changes nothing";
  EXPECT_NE(world.balancer().mirror_bits(), first);
  (void)world.request();
  EXPECT_NE(world.balancer().split_bits(), first);
}

}  // namespace
}  // namespace evenkeel::core
