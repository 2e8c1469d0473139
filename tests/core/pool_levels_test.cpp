// SPDX-License-Identifier: Apache-2.0
//
// Priorities, zones and panic, as a pool's requests meet them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "core/pool_driver.h"

namespace evenkeel::core {
namespace {

using ::testing::Each;
using ::testing::Gt;

std::uint64_t sum(const std::vector<std::uint64_t>& counts, std::size_t first, std::size_t count) {
  const auto begin = counts.begin() + static_cast<std::ptrdiff_t>(first);
  return std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(count), std::uint64_t{0});
}

// Ten backends of priority 0, ten of priority 1.
PoolPolicy two_levels(Algorithm algorithm = Algorithm::least_request) {
  PoolPolicy policy = pool_policy(std::vector<std::uint32_t>(20, 1), algorithm);
  for (std::size_t i = 10; i < 20; ++i) policy.backends[i].priority = 7;
  return policy;
}

TEST(PoolLevels, TheSecondLevelRestsWhileTheFirstIsWell) {
  PoolDriver pool(two_levels());
  pool.all_eligible();
  EXPECT_EQ(sum(pool.count_picks(1000), 10, 10), 0U);
  pool.verdicts({0, 1}, Standing::unhealthy);  // 8 of 10 carry everything
  EXPECT_EQ(sum(pool.count_picks(1000), 10, 10), 0U);
}

TEST(PoolLevels, HalfOfTheFirstLevelSpillsThirtyPercent) {
  PoolDriver pool(two_levels());
  pool.all_eligible();
  pool.verdicts({0, 1, 2, 3, 4}, Standing::ejected);
  const auto counts = pool.count_picks(10'000);
  EXPECT_EQ(sum(counts, 0, 5), 0U);
  EXPECT_NEAR(static_cast<double>(sum(counts, 10, 10)), 3000, 5 * 46);  // sigma 46
  EXPECT_FALSE(pool.pool().panic());
}

TEST(PoolLevels, TwoWeakLevelsPanicAndShare) {
  PoolDriver pool(two_levels());
  pool.all_eligible();
  pool.verdicts({0, 1, 2, 3, 4, 5, 6, 7}, Standing::unhealthy);
  pool.verdicts({10, 11, 12, 13, 14, 15, 16, 17}, Standing::unhealthy);
  EXPECT_TRUE(pool.pool().panic());
  const auto counts = pool.count_picks(10'000);
  EXPECT_NEAR(static_cast<double>(sum(counts, 0, 10)), 5000, 5 * 50);
  EXPECT_THAT(counts, Each(Gt(400U)));  // all of them
}

TEST(PoolLevels, TheNextLevelHelpsWhereEverybodyWasTriedOrIsFull) {
  PoolPolicy policy = pool_policy({1, 1, 1});
  policy.backends[2].priority = 1;
  policy.limits.max_requests = 1;
  PoolDriver pool(policy);
  pool.all_eligible();
  EXPECT_EQ(pool.pick({BackendIndex{0}, BackendIndex{1}}), picked(2));
  pool.start_on(0);
  pool.start_on(1);
  EXPECT_EQ(pool.pick(), picked(2));
  pool.start_on(2);
  EXPECT_EQ(pool.pick(), kSaturated);
}

TEST(PoolLevels, WhoWaitsForItsFirstCheckCountsNeitherWay) {
  PoolDriver pool(pool_policy({1, 1, 1, 1}));
  pool.verdict(0, Standing::eligible);
  EXPECT_FALSE(pool.pool().panic());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pool.pick(), picked(0));
}

// ---- panic --------------------------------------------------------------------------------------

TEST(PoolPanic, BeginsBelowTheThresholdAndEndsAtIt) {
  PoolDriver pool(pool_policy({1, 1, 1, 1}, Algorithm::least_request));
  pool.all_eligible();
  pool.verdicts({0, 1}, Standing::unhealthy);
  EXPECT_FALSE(pool.pool().panic());
  EXPECT_FALSE(pool.pick().panic);
  pool.verdict(2, Standing::ejected);
  EXPECT_TRUE(pool.pool().panic());
  EXPECT_TRUE(pool.pick().panic);
  pool.verdict(2, Standing::breaker_open);  // healthy, if at rest
  EXPECT_FALSE(pool.pool().panic());
}

TEST(PoolPanic, PicksAllMembersAlikeWhateverTheirLoad) {
  PoolDriver pool(pool_policy({1, 1, 5, 1, 1, 1, 0, 1}, Algorithm::least_request));
  pool.verdicts({0, 1, 2, 3}, Standing::unhealthy);
  pool.verdict(4, Standing::eligible);
  pool.verdict(5, Standing::breaker_open);
  pool.verdict(7, Standing::down);
  for (int i = 0; i < 50; ++i) pool.start_on(4);  // the living are busy, the dead are not
  const auto counts = pool.count_picks(6000);
  for (const std::uint32_t member : {0U, 1U, 2U, 3U, 4U, 5U}) {
    EXPECT_NEAR(static_cast<double>(counts[member]), 1000, 5 * 29) << member;
  }
  EXPECT_EQ(counts[6] + counts[7], 0U);
}

TEST(PoolPanic, KeepsToLimitsAndToUntriedBackends) {
  PoolPolicy policy = pool_policy({1, 1, 1});
  policy.limits.max_requests = 1;
  PoolDriver pool(policy);
  pool.verdicts({0, 1, 2}, Standing::unhealthy);
  EXPECT_EQ(pool.pick({BackendIndex{0}, BackendIndex{2}}), picked(1, true));
  pool.start_on(1);
  EXPECT_EQ(pool.pick({BackendIndex{0}, BackendIndex{2}}), kSaturated);
  EXPECT_EQ(pool.pick({BackendIndex{0}, BackendIndex{1}, BackendIndex{2}}), kNobody);
}

TEST(PoolPanic, IsNotForThoseWhoTurnItOff) {
  PoolPolicy policy = pool_policy({1, 1});
  policy.balance.panic_threshold = 0;
  PoolDriver pool(policy);
  pool.verdicts({0, 1}, Standing::unhealthy);
  EXPECT_FALSE(pool.pool().panic());
  EXPECT_EQ(pool.pick(), kNobody);
}

TEST(PoolPanic, ADrainedPoolIsNotInPanic) {
  PoolDriver pool(pool_policy({1, 1}));
  pool.verdicts({0, 1}, Standing::draining);
  EXPECT_FALSE(pool.pool().panic());
  EXPECT_EQ(pool.pick(), kNobody);
}

// ---- zones --------------------------------------------------------------------------------------

// Four backends in each of the zones a, b and c.
PoolPolicy three_zones(std::uint32_t local_percent, bool spill = true) {
  PoolPolicy policy = pool_policy(std::vector<std::uint32_t>(12, 1), Algorithm::least_request);
  for (std::size_t i = 0; i < 12; ++i) policy.backends[i].zone = std::string(1, "abc"[i / 4]);
  policy.balance.zones = ZonePolicy{local_percent, spill};
  return policy;
}

TEST(PoolZones, RequestsStayInTheirZone) {
  PoolDriver pool(three_zones(100), "b");
  pool.all_eligible();
  EXPECT_EQ(sum(pool.count_picks(500), 4, 4), 500U);
}

TEST(PoolZones, TheRestIsSharedByTheOtherZones) {
  PoolDriver pool(three_zones(70), "a");
  pool.all_eligible();
  const auto counts = pool.count_picks(10'000);
  EXPECT_NEAR(static_cast<double>(sum(counts, 0, 4)), 7000, 5 * 46);
  EXPECT_NEAR(static_cast<double>(sum(counts, 4, 4)), 1500, 5 * 36);
}

TEST(PoolZones, AWeakZoneSpillsInProportion) {
  PoolDriver pool(three_zones(100), "a");
  pool.all_eligible();
  pool.verdicts({0, 1}, Standing::unhealthy);
  EXPECT_NEAR(static_cast<double>(sum(pool.count_picks(10'000), 0, 4)), 7000, 5 * 46);
  pool.verdicts({2, 3}, Standing::unhealthy);
  EXPECT_EQ(sum(pool.count_picks(500), 0, 4), 0U);
}

TEST(PoolZones, EverythingStaysWhileNobodyElsewhereIsWell) {
  PoolPolicy policy = three_zones(50);
  policy.balance.panic_threshold = 0;
  PoolDriver pool(policy, "a");
  pool.all_eligible();
  pool.verdicts({4, 5, 6, 7, 8, 9, 10, 11}, Standing::unhealthy);
  EXPECT_EQ(sum(pool.count_picks(100), 0, 4), 100U);
}

TEST(PoolZones, WithoutSpillTheOthersAreNobody) {
  PoolDriver pool(three_zones(100, false), "a");
  pool.all_eligible();
  pool.verdicts({4, 5, 6, 7, 8, 9, 10, 11}, Standing::unhealthy);
  EXPECT_FALSE(pool.pool().panic());
  std::vector<BackendIndex> tried;
  for (std::uint32_t i = 0; i < 4; ++i) tried.push_back(BackendIndex{i});
  EXPECT_EQ(pool.pick(tried), kNobody);
  EXPECT_EQ(sum(pool.count_picks(100), 0, 4), 100U);

  PoolDriver stranger(three_zones(100, false), "d");
  stranger.all_eligible();
  EXPECT_EQ(stranger.pick(), kNobody);
}

TEST(PoolZones, ARetryLeavesTheZoneWhenEverybodyThereWasTried) {
  PoolDriver pool(three_zones(100), "a");
  pool.all_eligible();
  std::vector<BackendIndex> tried;
  for (std::uint32_t i = 0; i < 4; ++i) tried.push_back(BackendIndex{i});
  EXPECT_GE(index(pool.pick(tried).backend), 4U);
}

// The draws of the strategy are the same with and without zones, so that nobody's decisions change
// by what does not concern him.
TEST(PoolZones, AReplicaOrBackendsWithoutAZoneDrawAsEver) {
  PoolDriver plain(pool_policy(std::vector<std::uint32_t>(12, 1), Algorithm::least_request));
  PoolDriver replica_without(three_zones(70), "");
  PoolDriver backends_without(
      pool_policy(std::vector<std::uint32_t>(12, 1), Algorithm::least_request), "a");
  plain.all_eligible();
  replica_without.all_eligible();
  backends_without.all_eligible();
  for (int i = 0; i < 200; ++i) {
    const Pick pick = plain.pick();
    EXPECT_EQ(replica_without.pick(), pick);
    EXPECT_EQ(backends_without.pick(), pick);
  }
}

}  // namespace
}  // namespace evenkeel::core
