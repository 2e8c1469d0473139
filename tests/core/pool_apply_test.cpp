// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "core/pool_driver.h"

namespace evenkeel::core {
namespace {

// One to `most` weights from `low` to below `high`.
std::vector<std::uint32_t> any_weights(int most, std::uint32_t low, std::uint32_t high) {
  const auto count = *rc::gen::inRange<std::size_t>(1, static_cast<std::size_t>(most) + 1);
  return *rc::gen::container<std::vector<std::uint32_t>>(
      count, rc::gen::inRange<std::uint32_t>(low, high));
}

PoolPolicy with_another(PoolPolicy policy) {
  BackendPolicy backend = policy.backends.back();
  backend.id = "new";
  backend.endpoint.port = 999;
  policy.backends.push_back(backend);
  return policy;
}

// In-flight counts that live in the configuration are lost with it, and p2c turns into random.
TEST(PoolApply, WhatIsInFlightOutlivesAReload) {
  PoolPolicy policy = pool_policy({1, 1}, Algorithm::least_request);
  PoolDriver pool(policy);
  pool.all_eligible();
  for (int i = 0; i < 5; ++i) pool.start_on(0);
  policy.backends[0].weight = 4;
  policy.backends[1].weight = 4;
  pool.pool().apply(with_another(policy), pool.now());
  EXPECT_EQ(pool.pool().load(BackendIndex{0}), (Load{4, 5}));
  EXPECT_EQ(pool.pool().in_flight(), 5U);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.pick(), picked(1));
}

TEST(PoolApply, TurnsGoOnAfterAReload) {
  PoolPolicy policy = pool_policy({1, 1, 1, 1});
  PoolDriver pool(policy);
  pool.all_eligible();
  const auto last = index(pool.pick().backend);
  pool.pool().apply(with_another(policy), pool.now());
  EXPECT_EQ(pool.pick(), picked((last + 1) % 4));  // the new one has no standing yet
}

TEST(PoolApply, TheSequenceOfWeightedTurnsGoesOn) {
  const PoolPolicy policy = pool_policy({5, 1, 1}, Algorithm::weighted_round_robin);
  PoolDriver reloaded(policy);
  PoolDriver undisturbed(policy);
  reloaded.all_eligible();
  undisturbed.all_eligible();
  for (int i = 0; i < 20; ++i) {
    reloaded.pool().apply(with_another(policy), reloaded.now());
    EXPECT_EQ(reloaded.pick(), undisturbed.pick());
  }
}

TEST(PoolApply, BackendsAreNotUpForAMomentAfterAReload) {
  const PoolPolicy policy = pool_policy({1, 1, 1});
  PoolDriver pool(policy);
  pool.all_eligible();
  pool.verdict(1, Standing::ejected);
  pool.pool().apply(with_another(policy), pool.now());
  EXPECT_EQ(pool.pool().standing(BackendIndex{1}), Standing::ejected);
  EXPECT_EQ(pool.pool().standing(BackendIndex{3}), Standing::unchecked);
  const auto counts = pool.count_picks(100);
  EXPECT_EQ(counts[1], 0U);
  EXPECT_EQ(counts[3], 0U);
}

TEST(PoolApply, AnotherBackendInThePlaceHasNoHistory) {
  PoolPolicy policy = pool_policy({1, 1}, Algorithm::peak_ewma);
  PoolDriver pool(policy);
  pool.all_eligible();
  pool.start_on(0);
  pool.end(0, 1s);
  pool.verdict(0, Standing::eligible, true);
  policy.backends[0].endpoint.port = 4000;
  pool.pool().apply(policy, pool.now());
  EXPECT_EQ(pool.pool().standing(BackendIndex{0}), Standing::unchecked);
  pool.verdict(0, Standing::eligible);
  const Explanation explanation = pool.pool().explain(pool.request());
  EXPECT_EQ(explanation.backends[0].cost, EwmaPolicy{}.default_rtt);
  EXPECT_FALSE(explanation.backends[0].suspect);
}

TEST(PoolApply, ANewBackendStartsSlowlyAndTheOldOnesDoNot) {
  PoolPolicy policy = pool_policy({1, 1}, Algorithm::weighted_round_robin);
  policy.balance.slow_start.window = 60s;
  PoolDriver pool(policy);
  pool.all_eligible();
  pool.pool().apply(with_another(policy), pool.now());
  pool.verdict(2, Standing::eligible);
  pool.advance(30s);
  pool.pool().apply(with_another(policy), pool.now());  // the clock goes on
  pool.pick();
  EXPECT_EQ(pool.pool().load(BackendIndex{2}).weight, 500U);
  EXPECT_EQ(pool.pool().load(BackendIndex{0}).weight, 1000U);
}

TEST(PoolApply, LimitsChangeWithWhatIsInFlight) {
  PoolPolicy policy = pool_policy({1});
  PoolDriver pool(policy);
  pool.all_eligible();
  for (int i = 0; i < 3; ++i) pool.start_on(0);
  policy.limits.max_requests = 3;
  pool.pool().apply(policy, pool.now());
  EXPECT_EQ(pool.pick(), kSaturated);
  policy.limits.max_requests = 4;
  pool.pool().apply(policy, pool.now());
  EXPECT_EQ(pool.pick(), picked(0));
}

TEST(PoolApply, WeightZeroTakesOutAndBringsBack) {
  PoolPolicy policy = pool_policy({1, 1});
  PoolDriver pool(policy);
  pool.all_eligible();
  policy.backends[0].weight = 0;
  pool.pool().apply(policy, pool.now());
  EXPECT_EQ(pool.count_picks(10)[0], 0U);
  policy.backends[0].weight = 1;
  pool.pool().apply(policy, pool.now());
  EXPECT_EQ(pool.count_picks(10)[0], 5U);
}

TEST(PoolApply, WhoIsRemovedFinishesWhatItHas) {
  PoolPolicy policy = pool_policy({1, 1});
  PoolDriver pool(policy);
  pool.all_eligible();
  pool.start_on(0);
  policy.backends[0].removed = true;
  pool.pool().apply(policy, pool.now());
  EXPECT_EQ(pool.count_picks(10)[0], 0U);
  pool.end(0);
  EXPECT_EQ(pool.pool().in_flight(), 0U);
}

TEST(PoolApply, SlowStartCanBeTurnedOnAndOff) {
  PoolPolicy policy = pool_policy({2, 1}, Algorithm::weighted_round_robin);
  PoolDriver pool(policy);
  pool.all_eligible();
  for (int i = 0; i < 3; ++i) {
    policy.balance.slow_start.window = i % 2 == 0 ? 60s : 0s;
    pool.pool().apply(policy, pool.now());
    pool.verdict(1, Standing::unhealthy);
    pool.verdict(1, Standing::eligible);
    pool.advance(60s);
    const auto counts = pool.count_picks(300);
    EXPECT_NEAR(static_cast<double>(counts[0]), 200, 2);
  }
}

PoolPolicy any_policy() {
  PoolPolicy policy =
      pool_policy(any_weights(8, 0, 4), *rc::gen::elementOf(std::vector<Algorithm>(
                                            std::begin(kAllAlgorithms), std::end(kAllAlgorithms))));
  policy.balance.slow_start.window = *rc::gen::element(Duration(0s), Duration(10s));
  policy.limits.max_requests = *rc::gen::inRange<std::uint32_t>(0, 5);
  for (BackendPolicy& backend : policy.backends) {
    backend.priority = *rc::gen::inRange<std::uint32_t>(0, 2);
    backend.zone = *rc::gen::element<std::string>("", "a", "b");
  }
  return policy;
}

// Something happens: a verdict, an attempt, time.
void step(PoolDriver& pool, std::vector<std::uint32_t>& live) {
  const auto backend =
      *rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(pool.pool().size()));
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      pool.verdict(backend, static_cast<Standing>(*rc::gen::inRange(0, 7)),
                   *rc::gen::inRange(0, 8) == 0);
      break;
    case 1:
      pool.advance(Duration(*rc::gen::inRange<std::int64_t>(0, 5'000'000'000)));
      break;
    case 2:
      if (live.empty()) break;
      pool.end(live.back());
      live.pop_back();
      break;
    default: {
      const Pick pick = pool.start();
      if (pick.result == Pick::Result::picked) live.push_back(index(pick.backend));
    }
  }
}

RC_GTEST_PROP(PoolApply, AnEqualPolicyChangesNothing, ()) {
  const PoolPolicy policy = any_policy();
  PoolDriver pool(policy, *rc::gen::element<std::string>("", "a"));
  pool.all_eligible();
  std::vector<std::uint32_t> live;
  const int steps = *rc::gen::inRange(0, 12);
  for (int i = 0; i < steps; ++i) step(pool, live);
  const Pool before = pool.pool();
  pool.pool().apply(policy, pool.now());
  RC_ASSERT(pool.pool() == before);
}

RC_GTEST_PROP(PoolApply, NothingChangesForOthersWhenABackendComes, ()) {
  PoolPolicy policy = any_policy();
  const bool hashed = uses_hash(policy.balance.algorithm);
  PoolDriver reloaded(policy);
  reloaded.all_eligible();
  std::vector<std::uint32_t> live;
  const int steps = *rc::gen::inRange(0, 12);
  for (int i = 0; i < steps; ++i) step(reloaded, live);
  PoolDriver undisturbed = reloaded;
  PoolPolicy grown = with_another(policy);
  // In a level of its own, of the others' weights: whether draws are by weight is the level's.
  grown.backends.back().priority = 9;
  reloaded.pool().apply(grown, reloaded.now());
  for (std::uint32_t i = 0; i < policy.backends.size(); ++i) {
    const BackendIndex backend{i};
    RC_ASSERT(reloaded.pool().load(backend) == undisturbed.pool().load(backend));
    RC_ASSERT(reloaded.pool().standing(backend) == undisturbed.pool().standing(backend));
    RC_ASSERT(reloaded.pool().may_serve(backend) == undisturbed.pool().may_serve(backend));
  }
  // Keys of consistent hashing do move, and an idle queue has one more in it.
  if (hashed || policy.balance.algorithm == Algorithm::join_idle_queue) return;
  for (int i = 0; i < 10; ++i) RC_ASSERT(reloaded.pick() == undisturbed.pick());
}

}  // namespace
}  // namespace evenkeel::core
