// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "core/pool_driver.h"

namespace evenkeel::core {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

std::set<std::uint32_t> who(PoolDriver& pool, std::size_t picks = 200) {
  std::set<std::uint32_t> backends;
  for (std::size_t i = 0; i < picks; ++i) {
    const Pick pick = pool.pick();
    if (pick.result == Pick::Result::picked) backends.insert(index(pick.backend));
  }
  return backends;
}

TEST(Pool, NobodyIsPickedUntilTheHomeSaysSo) {
  PoolDriver pool(pool_policy({1, 1}));
  EXPECT_EQ(pool.pick(), kNobody);
  EXPECT_FALSE(pool.pool().has_untried({}));
  EXPECT_FALSE(pool.pool().panic());
}

TEST(Pool, APoolWithoutBackendsPicksNobody) {
  PoolDriver pool(pool_policy({}));
  EXPECT_EQ(pool.pick(), kNobody);
  PoolDriver weightless(pool_policy({0, 0}));
  weightless.all_eligible();
  EXPECT_EQ(weightless.pick(), kNobody);
  EXPECT_FALSE(weightless.pool().has_untried({}));
}

TEST(Pool, TurnsDoNotDependOnTheOrderOfVerdicts) {
  PoolDriver pool(pool_policy({1, 1, 1, 1}));
  pool.verdicts({2, 0, 3, 2, 1}, Standing::eligible);
  const auto first = index(pool.pick().backend);
  EXPECT_EQ(pool.pick(), picked((first + 1) % 4));
  EXPECT_EQ(pool.pick(), picked((first + 2) % 4));
  pool.verdict((first + 3) % 4, Standing::ejected);
  pool.verdict((first + 3) % 4, Standing::ejected);
  EXPECT_EQ(pool.pick(), picked(first));
}

TEST(Pool, ABackendOfWeightZeroIsNeverPicked) {
  PoolDriver pool(pool_policy({1, 0, 1}));
  pool.all_eligible();
  EXPECT_THAT(who(pool), ElementsAre(0U, 2U));
}

TEST(Pool, OnlyEligibleBackendsArePicked) {
  PoolDriver pool(pool_policy({1, 1, 1, 1, 1, 1, 1}));
  pool.all_eligible();
  pool.verdict(0, Standing::down);
  pool.verdict(1, Standing::draining);
  pool.verdict(2, Standing::unchecked);
  pool.verdict(3, Standing::breaker_open);
  EXPECT_THAT(who(pool), ElementsAre(4U, 5U, 6U));
  pool.verdict(4, Standing::ejected);
  EXPECT_THAT(who(pool), ElementsAre(5U, 6U));
}

TEST(Pool, PicksOnlyUntriedBackends) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    PoolDriver pool(pool_policy({1, 2, 3, 4}, algorithm));
    pool.verdicts({0, 1, 3}, Standing::eligible);
    for (int decision = 0; decision < 50; ++decision) {
      std::vector<BackendIndex> tried;
      while (pool.pool().has_untried(tried)) {
        const Pick pick = pool.pick(tried);
        ASSERT_EQ(pick.result, Pick::Result::picked);
        EXPECT_NE(pick.backend, BackendIndex{2});
        EXPECT_THAT(tried, Not(Contains(pick.backend)));
        tried.push_back(pick.backend);
      }
      EXPECT_EQ(tried.size(), 3U);
      EXPECT_EQ(pool.pick(tried), kNobody);
    }
  }
}

TEST(Pool, CountsWhatIsInFlight) {
  PoolDriver pool(pool_policy({1, 1}, Algorithm::least_conn));
  pool.all_eligible();
  pool.start_on(0);
  EXPECT_EQ(pool.pool().load(BackendIndex{0}).in_flight, 1U);
  EXPECT_EQ(pool.pool().in_flight(), 1U);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.pick(), picked(1));
  pool.end(0);
  EXPECT_EQ(pool.pool().load(BackendIndex{0}).in_flight, 0U);
  EXPECT_EQ(pool.pool().in_flight(), 0U);
}

TEST(Pool, ADrainedBackendDoesNotChangeWhoIsDrawn) {
  PoolDriver with_drained(pool_policy({3, 3, 3, 3, 0}, Algorithm::least_request));
  PoolDriver without(pool_policy({3, 3, 3, 3}, Algorithm::least_request));
  with_drained.all_eligible();
  without.all_eligible();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(with_drained.pick(), without.pick());
}

// ---- limits -------------------------------------------------------------------------------------

TEST(Pool, EveryRequestInFlightNeedsAConnection) {
  PoolPolicy policy = pool_policy({1}, Algorithm::least_request);
  policy.limits.max_requests = 5;
  policy.limits.max_connections = 2;
  PoolDriver pool(policy);
  pool.all_eligible();
  for (int i = 0; i < 2; ++i) ASSERT_EQ(pool.start().result, Pick::Result::picked);
  EXPECT_EQ(pool.pick(), kSaturated);
}

TEST(Pool, ABackendAtItsLimitIsPassedOver) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    PoolPolicy policy = pool_policy({1, 1}, algorithm);
    policy.limits.max_requests = 3;
    policy.backends[1].max_requests = 1;  // its own goes before the pool's
    PoolDriver pool(policy);
    pool.all_eligible();
    for (int i = 0; i < 4; ++i) ASSERT_EQ(pool.start().result, Pick::Result::picked);
    EXPECT_EQ(pool.pool().load(BackendIndex{0}).in_flight, 3U);
    EXPECT_EQ(pool.pool().load(BackendIndex{1}).in_flight, 1U);
    EXPECT_EQ(pool.pick(), kSaturated);
    EXPECT_FALSE(pool.pool().has_untried({}));
    pool.end(0);
    EXPECT_EQ(pool.pick(), picked(0));
    EXPECT_EQ(pool.pick({BackendIndex{0}}), kSaturated);
    EXPECT_EQ(pool.pick({BackendIndex{0}, BackendIndex{1}}), kNobody);
    EXPECT_EQ(pool.pick({BackendIndex{1}, BackendIndex{1}, BackendIndex{0}}), kNobody);
  }
}

TEST(Pool, SaturationIsOnlyOfThoseWhoCouldBePicked) {
  PoolPolicy policy = pool_policy({1, 1});
  policy.limits.max_requests = 1;
  PoolDriver pool(policy);
  pool.all_eligible();
  pool.start_on(0);
  pool.start_on(1);
  EXPECT_EQ(pool.pick(), kSaturated);
  pool.verdict(0, Standing::breaker_open);
  EXPECT_EQ(pool.pick(), kSaturated);
  pool.verdict(1, Standing::breaker_open);
  EXPECT_EQ(pool.pick(), kNobody);
}

TEST(Pool, ABackendThatIsFullWhenItReturnsStaysFull) {
  PoolPolicy policy = pool_policy({1, 1});
  policy.limits.max_requests = 1;
  PoolDriver pool(policy);
  pool.all_eligible();
  pool.start_on(0);
  pool.verdict(0, Standing::ejected);
  pool.verdict(0, Standing::eligible);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.pick(), picked(1));
  pool.end(0);
  EXPECT_THAT(who(pool), ElementsAre(0U, 1U));
}

TEST(Pool, MoreThanTheLimitTakesAsManyEndsToHaveRoomAgain) {
  PoolPolicy policy = pool_policy({1});
  policy.limits.max_requests = 2;
  PoolDriver pool(policy);
  pool.all_eligible();
  for (int i = 0; i < 4; ++i) pool.start_on(0);  // sessions, say
  pool.end(0);
  pool.end(0);
  EXPECT_EQ(pool.pick(), kSaturated);
  pool.end(0);
  EXPECT_EQ(pool.pick(), picked(0));
}

TEST(Pool, ASessionGoesOnWhileItsBackendDrainsAndHasRoom) {
  PoolPolicy policy = pool_policy({1, 1});
  policy.limits.max_requests = 1;
  PoolDriver pool(policy);
  const BackendIndex home{0};
  EXPECT_FALSE(pool.pool().may_serve(home));
  for (const Standing standing : {Standing::eligible, Standing::draining}) {
    pool.verdict(0, standing);
    EXPECT_TRUE(pool.pool().may_serve(home));
    pool.start_on(0);
    EXPECT_FALSE(pool.pool().may_serve(home));
    pool.end(0);
  }
  for (const Standing standing : {Standing::down, Standing::unchecked, Standing::unhealthy,
                                  Standing::ejected, Standing::breaker_open}) {
    pool.verdict(0, standing);
    EXPECT_FALSE(pool.pool().may_serve(home));
  }
}

// ---- suspects -----------------------------------------------------------------------------------

TEST(Pool, ASinkholeThatIsAlwaysIdleGetsNoMoreThanTheOthers) {
  for (const Algorithm algorithm : {Algorithm::least_conn, Algorithm::least_request}) {
    PoolDriver pool(pool_policy({1, 1, 1}, algorithm));
    pool.all_eligible();
    for (int i = 0; i < 4; ++i) {
      pool.start_on(0);
      pool.start_on(1);
    }
    EXPECT_GT(pool.count_picks(100)[2], 55U);
    for (int i = 0; i < 3; ++i) pool.end(0);
    pool.verdict(2, Standing::eligible, true);  // the mean of 1, 4, 0 is 2
    const auto counts = pool.count_picks(100);
    EXPECT_GT(counts[0], 55U);
    EXPECT_GT(counts[0], counts[2]);
    EXPECT_EQ(pool.pool().load(BackendIndex{2}).in_flight, 0U);
    pool.verdict(2, Standing::eligible, false);
    EXPECT_GT(pool.count_picks(100)[2], 55U);
  }
}

TEST(Pool, ASinkholeThatAnswersAtOnceIsNotTheFastest) {
  for (const Algorithm algorithm : {Algorithm::peak_ewma, Algorithm::score}) {
    PoolPolicy policy = pool_policy({1, 1, 1}, algorithm);
    policy.balance.choice_count = 3;
    PoolDriver pool(policy);
    pool.all_eligible();
    const std::vector<Duration> latencies = {10ms, 20ms, 1ms};
    for (std::uint32_t i = 0; i < 3; ++i) {
      pool.start_on(i);
      pool.end(i, latencies[i]);
    }
    EXPECT_EQ(pool.pick(), picked(2));
    pool.verdict(2, Standing::eligible, true);
    EXPECT_EQ(pool.pick(), picked(0));
    const Pool before = pool.pool();
    EXPECT_EQ(pool.pick(), picked(0));
    EXPECT_EQ(pool.pool(), before);  // it was only shown differently
  }
}

TEST(Pool, ASuspectThatIsClearedQueuesAsIdleAgain) {
  PoolDriver pool(pool_policy({1, 1, 1}, Algorithm::join_idle_queue));
  pool.all_eligible();
  pool.verdict(0, Standing::eligible, true);
  pool.start_on(1);
  pool.start_on(2);
  pool.start_on(2);
  pool.count_picks(20);  // taken for busy
  pool.verdict(0, Standing::eligible, false);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.pick(), picked(0));
}

}  // namespace
}  // namespace evenkeel::core
