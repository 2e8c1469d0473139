// SPDX-License-Identifier: Apache-2.0
//
// A new configuration in use: what is known of whoever stays is kept, requests in flight go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;

BackendPolicy named(std::uint32_t id) {
  BackendPolicy policy;
  policy.id = std::to_string(id);
  return policy;
}

Config with_backends(Config config, const std::set<std::uint32_t>& ids) {
  config.pools[0].backends.clear();
  for (const std::uint32_t id : ids) config.pools[0].backends.push_back(named(id));
  return config;
}

TEST(BalancerReload, ARequestInFlightKeepsItsBackendThoughItIsGone) {
  const Config config = plain_config(2);
  TestBalancer world(config);
  const RequestId request = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0"));
  world.balancer().apply(world.now(), with_backends(config, {1}));
  EXPECT_EQ(world.in_flight(0), 1U);
  EXPECT_EQ(world.balancer().pool(PoolIndex{0}).standing(BackendIndex{0}), Standing::down);
  world.sent(request, 0);
  world.head(request, 0);
  world.end(request, 0);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
  EXPECT_EQ(world.finish(request).status, 200);
  EXPECT_EQ(world.picks(), std::set<std::string>{"a0 on 0/1"});
  world.expect_idle();
}

TEST(BalancerReload, APlaceInUseGoesToNobodyElse) {
  const Config config = plain_config(2);
  TestBalancer world(config);
  (void)world.finish(world.request());
  (void)world.actions();
  const RequestId request = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/1"));
  world.balancer().apply(world.now(), with_backends(config, {0, 7}));
  ASSERT_EQ(world.balancer().config().pools[0].backends.size(), 3U);
  EXPECT_EQ(world.balancer().config().pools[0].backends[2].id, "7");
  (void)world.finish(request);
  world.balancer().apply(world.now(), with_backends(config, {0, 7, 8}));
  EXPECT_EQ(world.balancer().config().pools[0].backends[1].id, "8") << "the free place is used";
}

TEST(BalancerReload, TurnsGoOnWhereTheyWere_NginxUpsync126) {
  const Config config = plain_config(4);
  TestBalancer world(config);
  EXPECT_EQ(world.next_pick(), "a0 on 0/0");
  EXPECT_EQ(world.next_pick(), "a0 on 0/1");
  world.balancer().apply(world.now(), config);
  EXPECT_EQ(world.next_pick(), "a0 on 0/2") << "and not the first again";
}

TEST(BalancerReload, LoadsAreKept_Traefik13913) {
  // p2c became random after a reload, as the counters lived in the configuration.
  Config config = plain_config(2);
  config.pools[0].balance.algorithm = Algorithm::least_request;
  TestBalancer world(config);
  const RequestId slow = world.request();
  const std::uint32_t busy = world.in_flight(0) == 1 ? 0 : 1;
  Config next = config;
  next.pools[0].retry.max_attempts = 2;
  world.balancer().apply(world.now(), next);
  EXPECT_EQ(world.picks(), std::set<std::string>{"a0 on 0/" + std::to_string(1 - busy)});
  (void)world.finish(slow);
}

TEST(BalancerReload, AConsulRefreshKeepsBreakerAndEjection_EnterpriseDefect15) {
  Config config = plain_config(3);
  config.pools[0].circuit_breaker = CircuitBreakerPolicy{};
  config.pools[0].circuit_breaker.consecutive_failures = 1;
  config.pools[0].retry.max_attempts = 1;
  TestBalancer world(config);
  (void)world.serve(500);
  EXPECT_EQ(world.balancer().home(PoolIndex{0}).breaker(BackendIndex{0}), BreakerState::open);
  world.balancer().apply(world.now(), with_backends(config, {0, 1, 2, 3}));
  EXPECT_EQ(world.balancer().home(PoolIndex{0}).breaker(BackendIndex{0}), BreakerState::open);
  EXPECT_FALSE(world.eligible(0));
}

TEST(BalancerReload, BackendsAreNotForUpUntilTheirNextCheck_HaproxyIssue918) {
  Config config = plain_config(2);
  config.pools[0].health_check.type = CheckType::http;
  config.pools[0].health_check.initial_state = InitialState::unhealthy;
  TestBalancer world(config);
  EXPECT_FALSE(world.eligible(0));
  world.balancer().apply(world.now(), config);
  EXPECT_FALSE(world.eligible(0));
  EXPECT_EQ(world.balancer().home(PoolIndex{0}).health(BackendIndex{0}), HealthState::unhealthy);
}

TEST(BalancerReload, ANewPoolWorksAtOnceAndAGonePoolServesNobody) {
  const Config config = plain_config(1);
  Config two = config;
  two.pools.push_back(config.pools[0]);
  two.pools[1].name = "other";
  two.routes[0].split.front().pool = PoolIndex{1};
  TestBalancer world(config);
  world.balancer().apply(world.now(), two);
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 1/0"));
  world.balancer().apply(world.now(), config);
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r1 a0 on 0/0"));
  RequestFacts late;
  late.pool = PoolIndex{1};
  (void)world.balancer().on_request(world.now(), late);
  EXPECT_THAT(world.actions(), ElementsAre("reject r2 503 no_healthy_backend"));
}

TEST(BalancerReload, AClientKeepsTheTokensItIsMissing) {
  Config config = plain_config(1);
  config.routes[0].name = "api";
  config.routes[0].rate_limit = {Decimal{1000}, 2, ClientKey::client_ip, "", false};
  TestBalancer world(config);
  RequestFacts facts;
  facts.limit_key = 1;
  (void)world.balancer().on_request(world.now(), facts);
  (void)world.balancer().on_request(world.now(), facts);
  (void)world.actions();
  Config next = config;
  next.routes.insert(next.routes.begin(), RoutePolicy{});
  world.balancer().apply(world.now(), next);
  facts.route = RouteIndex{1};
  (void)world.balancer().on_request(world.now(), facts);
  EXPECT_THAT(world.actions(), ElementsAre("reject r2 429 rate_limited"));
}

TEST(BalancerReload, TheNewTimeoutsHoldForNewRequestsAndTheOldForOld) {
  Config config = plain_config(1);
  config.routes[0].timeout = 400ms;
  TestBalancer world(config);
  (void)world.request();
  (void)world.actions();
  Config next = config;
  next.routes[0].timeout = 100ms;
  world.balancer().apply(world.now(), next);
  (void)world.request();
  (void)world.actions();
  world.pass(100ms);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r1 a0 timed_out", "reject r1 504 request_timeout"));
  world.pass(300ms);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a0 timed_out", "reject r0 504 request_timeout"));
}

TEST(BalancerReload, WhoWaitsIsServedUnderTheNewLimits) {
  Config config = plain_config(1);
  config.pools[0].limits.max_requests = 1;
  TestBalancer world(config);
  (void)world.request();
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0"));
  Config next = config;
  next.pools[0].limits.max_requests = 2;
  world.balancer().apply(world.now(), next);
  EXPECT_THAT(world.actions(), ElementsAre("start r1 a0 on 0/0"));
}

TEST(BalancerReload, SessionsOfWhoStaysAreKeptAndAnothersAreNotInherited) {
  Config config = plain_config(2);
  config.pools[0].session.mode = SessionMode::cookie;
  TestBalancer world(config);
  RequestFacts facts;
  facts.entropy = SessionKey{4, 2};
  for (const RequestId id : {world.balancer().on_request(world.now(), facts)}) {
    world.sent(id, 0);
    world.head(id, 0);
    world.end(id, 0);
    (void)world.finish(id);
  }
  (void)world.actions();
  world.balancer().apply(world.now(), with_backends(config, {0, 1, 2}));
  facts.session = facts.entropy;
  (void)world.balancer().on_request(world.now(), facts);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0"));
}

RequestRecord serve_session(TestBalancer& world, const RequestFacts& facts) {
  const RequestId id = world.balancer().on_request(world.now(), facts);
  world.sent(id, 0);
  world.head(id, 0);
  world.end(id, 0);
  return world.finish(id);
}

TEST(BalancerReload, ASessionIsNotInheritedWithThePlace) {
  Config config = plain_config(2);
  config.pools[0].session.mode = SessionMode::cookie;
  TestBalancer world(config);
  RequestFacts facts;
  facts.entropy = SessionKey{4, 2};
  (void)serve_session(world, facts);
  // 0 is gone; its place is 7's now.
  world.balancer().apply(world.now(), with_backends(config, {1, 7}));
  ASSERT_EQ(world.balancer().config().pools[0].backends[0].id, "7");
  (void)world.actions();
  facts.session = facts.entropy;
  facts.entropy = SessionKey{5, 5};
  (void)serve_session(world, facts);
  EXPECT_THAT(world.actions(), ::testing::Contains(::testing::StartsWith("issue session to r0")));
}

TEST(BalancerReload, TheBackendThatASessionWaitsForKeepsItsPlace) {
  Config config = plain_config(3);
  config.pools[0].session.mode = SessionMode::cookie;
  config.pools[0].limits.pool.max_requests = 1;
  TestBalancer world(config);
  (void)world.serve();
  RequestFacts facts;
  facts.entropy = SessionKey{4, 2};
  EXPECT_EQ(serve_session(world, facts).backend, BackendIndex{1});
  const RequestId busy = world.balancer().on_request(world.now(), RequestFacts{});
  facts.session = facts.entropy;
  (void)world.balancer().on_request(world.now(), facts);
  (void)world.actions();
  world.balancer().apply(world.now(), with_backends(config, {0, 2, 7}));
  EXPECT_EQ(world.balancer().config().pools[0].backends[1].id, "1");
  EXPECT_EQ(world.balancer().config().pools[0].backends[3].id, "7");
  (void)world.finish(busy);
  EXPECT_THAT(world.actions(), ::testing::Contains(::testing::StartsWith("start r1 a0 on 0/")));
}

TEST(BalancerReload, APoolMayBeRenamedAndShrunk) {
  const Config config = plain_config(5);
  TestBalancer world(config);
  Config next = with_backends(config, {9});
  next.pools[0].name = "other";
  world.balancer().apply(world.now(), next);
  EXPECT_EQ(world.balancer().config().pools[0].backends.size(), 5U) << "places are only added";
  EXPECT_EQ(world.picks(), std::set<std::string>{"a0 on 0/0"});
}

TEST(BalancerReload, ReachesEveryLimit) {
  Config config = plain_config(1);
  config.routes[0].name = "api";
  config.routes[0].rate_limit = {Decimal{1000}, 1, ClientKey::client_ip, "", false};
  TestBalancer world(config);
  Config next = config;
  next.routes[0].rate_limit.burst = 3;
  next.pools[0].limits.max_requests = 1;
  next.pools[0].limits.max_pending = 1;
  world.balancer().apply(world.now(), next);
  for (int i = 0; i < 4; ++i) (void)world.balancer().on_request(world.now(), RequestFacts{});
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0", "reject r2 503 queue_full",
                                           "reject r3 429 rate_limited"));
}

TEST(BalancerReload, APanicThatItBringsIsTold) {
  Config config = plain_config(4);
  config.pools[0].health_check.type = CheckType::tcp;
  config.pools[0].health_check.initial_state = InitialState::unhealthy;
  TestBalancer down(config);
  (void)down.transitions();
  Config next = config;
  next.pools[0].balance.panic_threshold = 50;
  down.balancer().apply(down.now(), next);
  EXPECT_THAT(down.transitions(),
              ::testing::Contains(::testing::StartsWith("panic 0/0 off>on few_healthy")));
}

TEST(BalancerReload, ReloadsWithoutEndNeedNoMoreDeadlineClasses) {
  Deadlines deadlines(50ms);
  const auto first = deadlines.add_class(Duration(1s));
  for (int i = 2; i < 1000; ++i) {
    deadlines.retire_classes();
    EXPECT_LE(deadlines.add_class(std::chrono::seconds(i)), first + 1);
  }
}

// ---- properties ---------------------------------------------------------------------------------

// What a reload must not touch of a backend that stays.
struct Known {
  std::uint32_t in_flight = 0;
  Standing standing{};
  HealthState health{};
  BreakerState breaker{};
  Instant ejected_until{};
  friend bool operator==(const Known&, const Known&) = default;
};

std::map<std::string, Known> known(const Balancer& balancer) {
  std::map<std::string, Known> all;
  const auto& backends = balancer.config().pools[0].backends;
  for (std::uint32_t i = 0; i < backends.size(); ++i) {
    if (backends[i].removed) continue;
    const BackendIndex b{i};
    const PoolHome& home = balancer.home(PoolIndex{0});
    all[backends[i].id] = {balancer.pool(PoolIndex{0}).load(b).in_flight,
                           balancer.pool(PoolIndex{0}).standing(b), home.health(b), home.breaker(b),
                           home.ejected_until(b)};
  }
  return all;
}

Config judged_config(std::uint32_t backends) {
  Config config = plain_config(backends);
  config.pools[0].outlier_detection = OutlierDetectionPolicy{};
  config.pools[0].outlier_detection.consecutive_failures = 2;
  config.pools[0].circuit_breaker = CircuitBreakerPolicy{};
  config.pools[0].circuit_breaker.consecutive_failures = 3;
  config.pools[0].health_check.type = CheckType::tcp;
  config.pools[0].retry.max_attempts = 2;
  return config;
}

// Requests come, are answered well or badly or not at all; between them the pool changes.
RC_GTEST_PROP(BalancerReloadProperty, NothingChangesForWhoStays, ()) {
  Config config = judged_config(4);
  TestBalancer world(config);
  std::vector<RequestId> open;
  const auto steps = *rc::gen::inRange(1, 40);
  for (int i = 0; i < steps; ++i) {
    const int what = *rc::gen::inRange(0, 5);
    if (what <= 1 || open.empty()) {
      open.push_back(world.request());
    } else if (what <= 3) {
      const RequestId id = open.back();
      open.pop_back();
      world.sent(id, 0);
      world.head(id, 0, what == 2 ? 200 : 500);
      world.end(id, 0);
      (void)world.finish(id);
    } else {
      const auto drawn = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0U, 8U));
      std::set<std::uint32_t> ids(drawn.begin(), drawn.end());
      ids.insert(0);
      const auto before = known(world.balancer());
      world.balancer().apply(world.now(), with_backends(config, ids));
      const auto after = known(world.balancer());
      RC_ASSERT(after.size() == ids.size());
      for (const auto& [id, state] : before) {
        const auto same = after.find(id);
        if (same == after.end()) continue;
        // In a smaller pool fewer may be out: the soonest to return comes back.
        const bool may_return = after.size() < before.size() && state.ejected_until != kNever;
        if (!may_return) RC_ASSERT(same->second == state);
      }
    }
    (void)world.actions();
    world.pass(*rc::gen::inRange(0, 3) * 1ms);
    (void)world.actions();
  }
  for (const RequestId id : open) (void)world.finish(id);
  world.expect_idle();
}

RC_GTEST_PROP(BalancerReloadProperty, TheSameConfigurationAgainChangesNothing, ()) {
  TestBalancer world(judged_config(3));
  const auto requests = *rc::gen::inRange(0, 20);
  for (int i = 0; i < requests; ++i) {
    const RequestId id = world.request();
    world.sent(id, 0);
    if (*rc::gen::arbitrary<bool>()) world.head(id, 0, *rc::gen::element(200, 500, 503));
  }
  (void)world.actions();
  Balancer reloaded = world.balancer();
  reloaded.apply(world.now(), reloaded.config());
  RC_ASSERT(reloaded.pool(PoolIndex{0}) == world.balancer().pool(PoolIndex{0}));
  RC_ASSERT(reloaded.home(PoolIndex{0}) == world.balancer().home(PoolIndex{0}));
  RC_ASSERT(reloaded.next_deadline() == world.balancer().next_deadline());
  RC_ASSERT(!reloaded.poll_action().has_value());
}

}  // namespace
}  // namespace evenkeel::core
