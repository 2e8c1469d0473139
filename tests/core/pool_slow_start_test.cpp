// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/pool_driver.h"

namespace evenkeel::core {
namespace {

PoolPolicy slow_policy(std::vector<std::uint32_t> weights,
                       Algorithm algorithm = Algorithm::weighted_round_robin) {
  PoolPolicy policy = pool_policy(weights, algorithm);
  policy.balance.slow_start.window = 60s;
  policy.balance.panic_threshold = 0;
  return policy;
}

std::uint32_t weight(const PoolDriver& pool, std::uint32_t backend) {
  return pool.pool().load(BackendIndex{backend}).weight;
}

// Comes back from the dead.
void restart(PoolDriver& pool, std::uint32_t backend) {
  pool.verdict(backend, Standing::unhealthy);
  pool.verdict(backend, Standing::eligible);
}

TEST(PoolSlowStart, WeightFollowsTheAgeAtEveryPick) {
  PoolDriver pool(slow_policy({1, 2}));
  pool.all_eligible();
  restart(pool, 1);
  pool.pick();
  EXPECT_EQ(weight(pool, 1), 200U);
  pool.advance(30s);
  pool.pick();
  EXPECT_EQ(weight(pool, 1), 1000U);
  pool.advance(30s);
  pool.pick();
  EXPECT_EQ(weight(pool, 1), 2000U);
  EXPECT_EQ(weight(pool, 0), 1000U);
}

// Balancers that kept deadlines computed from the small weight starved the backend long after.
TEST(PoolSlowStart, NobodyStarvesOnceItsWindowIsOver) {
  PoolDriver pool(slow_policy({1, 1, 1, 1}));
  pool.all_eligible();
  restart(pool, 3);
  pool.count_picks(1000);
  pool.advance(24h * 365);  // a jump of a year is as good as a minute
  EXPECT_THAT(pool.count_picks(400),
              ::testing::Each(::testing::AllOf(::testing::Ge(99U), ::testing::Le(101U))));
}

TEST(PoolSlowStart, RequestsAreInProportionToTheAgedWeight) {
  for (const Algorithm algorithm : {Algorithm::weighted_round_robin, Algorithm::round_robin}) {
    PoolDriver pool(slow_policy({1, 1, 1}, algorithm));
    pool.all_eligible();
    restart(pool, 2);
    pool.advance(30s);
    const auto counts = pool.count_picks(500);  // 1, 1, 1/2
    EXPECT_NEAR(static_cast<double>(counts[0]), 200, 1);
    EXPECT_NEAR(static_cast<double>(counts[2]), 100, 1);
  }
}

TEST(PoolSlowStart, ABalancerThatStartsGivesEverybodyItsWholeWeight) {
  PoolDriver pool(slow_policy({1, 1}));
  pool.advance(10s);  // the first checks take their time
  pool.all_eligible();
  pool.pick();
  EXPECT_EQ(weight(pool, 0), 1000U);
  EXPECT_EQ(weight(pool, 1), 1000U);
}

TEST(PoolSlowStart, NobodyStartsSlowlyWhereAllDo) {
  PoolDriver pool(slow_policy({1, 1, 1}));
  pool.all_eligible();
  pool.verdicts({0, 1, 2}, Standing::unhealthy);
  pool.verdicts({0, 1, 2}, Standing::eligible);
  pool.pick();
  for (const std::uint32_t backend : {0U, 1U, 2U}) EXPECT_EQ(weight(pool, backend), 1000U);
  // The first to be warm takes the part of the load that the other two are not ready for.
  pool.advance(1s);
  restart(pool, 1);
  restart(pool, 2);
  pool.advance(59s);
  pool.pick();
  EXPECT_EQ(weight(pool, 0), 1000U);
  EXPECT_EQ(weight(pool, 1), 983U);  // 59/60
}

TEST(PoolSlowStart, TheOnlyBackendDoesNotStartSlowly) {
  PoolPolicy policy = slow_policy({1});
  policy.limits.max_requests = 10;
  PoolDriver pool(policy);
  pool.all_eligible();
  restart(pool, 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.start(), picked(0));
}

TEST(PoolSlowStart, TheLimitGrowsWithTheWeight) {
  PoolPolicy policy = slow_policy({1, 1});
  policy.limits.max_requests = 20;
  PoolDriver pool(policy);
  pool.all_eligible();
  restart(pool, 1);
  for (int i = 0; i < 22; ++i) ASSERT_EQ(pool.start().result, Pick::Result::picked);
  EXPECT_EQ(pool.pool().load(BackendIndex{1}).in_flight, 2U);  // a tenth
  EXPECT_EQ(pool.pick(), kSaturated);
  pool.advance(30s);
  EXPECT_EQ(pool.start(), picked(1));
  EXPECT_TRUE(pool.pool().may_serve(BackendIndex{1}));
  pool.advance(60s);
  for (int i = 0; i < 17; ++i) EXPECT_EQ(pool.start(), picked(1));
  EXPECT_EQ(pool.pick(), kSaturated);
}

TEST(PoolSlowStart, ALimitOfOneStaysOne) {
  PoolPolicy policy = slow_policy({1, 1});
  policy.limits.max_requests = 1;
  PoolDriver pool(policy);
  pool.all_eligible();
  restart(pool, 1);
  pool.start_on(0);
  EXPECT_EQ(pool.pick(), picked(1));
}

TEST(PoolSlowStart, AnOpenBreakerIsNoNewBeginning) {
  PoolDriver pool(slow_policy({1, 1}));
  pool.all_eligible();
  pool.verdict(1, Standing::breaker_open);
  pool.verdict(1, Standing::eligible);
  pool.pick();
  EXPECT_EQ(weight(pool, 1), 1000U);
  for (const Standing standing : {Standing::ejected, Standing::down, Standing::draining}) {
    pool.verdict(1, standing);
    pool.verdict(1, Standing::eligible);
    pool.pick();
    EXPECT_EQ(weight(pool, 1), 100U);
    pool.advance(60s);
    pool.pick();
    EXPECT_EQ(weight(pool, 1), 1000U);
  }
}

TEST(PoolSlowStart, WithoutAWindowWeightsAreAsConfigured) {
  PoolDriver pool(pool_policy({3, 5}));
  pool.all_eligible();
  restart(pool, 1);
  pool.pick();
  EXPECT_EQ(pool.pool().weight_scale(), 1U);
  EXPECT_EQ(weight(pool, 0), 3U);
  EXPECT_EQ(weight(pool, 1), 5U);
}

TEST(PoolSlowStart, HugeWeightsDoNotOverflow) {
  PoolDriver pool(slow_policy({~0U, ~0U, 1}, Algorithm::least_request));
  pool.all_eligible();
  restart(pool, 1);
  EXPECT_EQ(pool.pick().result, Pick::Result::picked);
  EXPECT_EQ(weight(pool, 0), SlowStart::kMaxWeight * SlowStart::kScale);
}

}  // namespace
}  // namespace evenkeel::core
