// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Stream kStream{Seed{5}, "pool"};

Pool pool_of(const std::vector<std::uint32_t>& weights,
             Algorithm algorithm = Algorithm::round_robin) {
  PoolPolicy policy = plain_config(static_cast<std::uint32_t>(weights.size())).pools[0];
  policy.balance.algorithm = algorithm;
  for (std::size_t i = 0; i < weights.size(); ++i) policy.backends[i].weight = weights[i];
  return Pool(policy, kStream);
}

void make_eligible(Pool& pool, const std::vector<std::uint32_t>& backends) {
  for (const std::uint32_t backend : backends) pool.set_eligible(BackendIndex{backend}, true);
}

std::vector<std::uint32_t> eligible(const Pool& pool) {
  std::vector<std::uint32_t> backends;
  for (const BackendIndex backend : pool.eligible()) backends.push_back(index(backend));
  return backends;
}

TEST(Pool, NobodyIsEligibleUntilTheHomeSaysSo) {
  Pool pool = pool_of({1, 1});
  EXPECT_THAT(eligible(pool), IsEmpty());
  EXPECT_EQ(pool.pick({}, Draws(kStream, 0)), std::nullopt);
}

TEST(Pool, EligibleBackendsAreInOrderHoweverVerdictsCome) {
  Pool pool = pool_of({1, 1, 1, 1});
  make_eligible(pool, {2, 0, 3, 2, 1});
  EXPECT_THAT(eligible(pool), ElementsAre(0U, 1U, 2U, 3U));
  pool.set_eligible(BackendIndex{1}, false);
  pool.set_eligible(BackendIndex{1}, false);
  EXPECT_THAT(eligible(pool), ElementsAre(0U, 2U, 3U));
}

TEST(Pool, ABackendOfWeightZeroIsNeverEligible) {
  Pool pool = pool_of({1, 0, 1});
  make_eligible(pool, {0, 1, 2});
  EXPECT_THAT(eligible(pool), ElementsAre(0U, 2U));
  pool.set_eligible(BackendIndex{1}, false);
  EXPECT_THAT(eligible(pool), ElementsAre(0U, 2U));
}

TEST(Pool, PicksOnlyUntriedBackends) {
  for (const Algorithm algorithm :
       {Algorithm::round_robin, Algorithm::weighted_round_robin, Algorithm::least_conn,
        Algorithm::least_request, Algorithm::random}) {
    Pool pool = pool_of({1, 2, 3, 4}, algorithm);
    make_eligible(pool, {0, 1, 3});
    for (std::uint64_t decision = 0; decision < 50; ++decision) {
      std::vector<BackendIndex> tried;
      while (pool.has_untried(tried)) {
        const auto picked = pool.pick(tried, Draws(kStream, decision * 8 + tried.size()));
        ASSERT_TRUE(picked.has_value());
        EXPECT_NE(*picked, BackendIndex{2});
        EXPECT_THAT(tried, ::testing::Not(::testing::Contains(*picked)));
        tried.push_back(*picked);
      }
      EXPECT_EQ(tried.size(), 3U);
      EXPECT_EQ(pool.pick(tried, Draws(kStream, decision)), std::nullopt);
    }
  }
}

TEST(Pool, CountsWhatIsInFlight) {
  Pool pool = pool_of({1, 1}, Algorithm::least_conn);
  make_eligible(pool, {0, 1});
  pool.on_attempt_started(BackendIndex{0});
  EXPECT_EQ(pool.load(BackendIndex{0}).in_flight, 1U);
  for (std::uint64_t decision = 0; decision < 20; ++decision) {
    EXPECT_EQ(pool.pick({}, Draws(kStream, decision)), BackendIndex{1});
  }
  pool.on_attempt_ended(BackendIndex{0});
  EXPECT_EQ(pool.load(BackendIndex{0}).in_flight, 0U);
}

TEST(Pool, ADrainedBackendDoesNotChangeWhoIsDrawn) {
  Pool with_drained = pool_of({3, 3, 3, 3, 0}, Algorithm::least_request);
  Pool without = pool_of({3, 3, 3, 3}, Algorithm::least_request);
  make_eligible(with_drained, {0, 1, 2, 3, 4});
  make_eligible(without, {0, 1, 2, 3});
  for (std::uint64_t decision = 0; decision < 100; ++decision) {
    EXPECT_EQ(with_drained.pick({}, Draws(kStream, decision)),
              without.pick({}, Draws(kStream, decision)));
  }
}

}  // namespace
}  // namespace evenkeel::core
