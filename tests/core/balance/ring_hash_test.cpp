// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/ring_hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "core/balance/hash_pool.h"

namespace evenkeel::core {
namespace {

HashPolicy of_size(std::uint32_t minimum) {
  HashPolicy policy;
  policy.minimum_ring_size = minimum;
  return policy;
}
std::size_t entries(std::uint32_t minimum, const std::vector<std::uint32_t>& weights) {
  return RingHash(of_size(minimum), HashPool(weights).policies()).size();
}

TEST(RingHash, HasEntriesInProportionToWeight) {
  EXPECT_EQ(entries(1, {1}), 256U);
  EXPECT_EQ(entries(1, {3, 2, 1}), 6U * 128);
  EXPECT_EQ(entries(1, {256, 300}), 556U);
  EXPECT_EQ(entries(1, {1000, 500, 1}), 500U + 250 + 1);
}

// A number that is no power of two, one that is, and a sum that is met exactly.
TEST(RingHash, HasAtLeastTheMinimumOfEntries) {
  EXPECT_EQ(entries(1024, {1, 1, 1, 1}), 1024U);
  EXPECT_EQ(entries(1025, {1, 1, 1, 1}), 2048U);
  EXPECT_EQ(entries(1024, {1, 1, 1}), 1536U);
  EXPECT_EQ(entries(1920, std::vector<std::uint32_t>(12, 1)), 12U * 256);
}

TEST(RingHash, NeverGrowsBeyondItsMaximum) {
  EXPECT_EQ(entries(4'294'967'295U, {3, 2}), 5U << 20U);  // twice as many would be too many
}

TEST(RingHash, GivesWhateverWeightsAtLeastOneEntry) {
  EXPECT_EQ(entries(1, {4'294'967'295U, 1, 2}), 511U + 2);
}

// 256 entries put a backend's share within some 1/16 of what its weight says; four times that is
// generous.
TEST(RingHash, SharesKeysByWeightRoughly) {
  HashPool pool({1, 2, 3, 4});
  const auto counts = counts_of(pool.owners(RingHash(HashPolicy{}, pool.policies()), 20'000), 4);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_NEAR(counts[i], 2000.0 * (i + 1), 500.0 * (i + 1));
}

TEST(RingHash, DoesNotDependOnTheOrderInTheFile) {
  HashPool pool({1, 2, 3});
  std::vector<BackendPolicy> reversed(pool.policies().rbegin(), pool.policies().rend());
  auto mirrored = pool.owners(RingHash(HashPolicy{}, reversed), 1000);
  for (std::uint32_t& owner : mirrored) owner = 2 - owner;
  EXPECT_EQ(mirrored, pool.owners(RingHash(HashPolicy{}, pool.policies()), 1000));
}

TEST(RingHash, MovesOnlyTheKeysOfABackendThatIsOut) {
  HashPool pool(12);
  const RingHash ring(HashPolicy{}, pool.policies());
  const auto before = pool.owners(ring, 10'000);
  pool.out(3);
  const auto after = pool.owners(ring, 10'000);
  EXPECT_EQ(moved_needlessly(before, after, 3), 0);
  EXPECT_EQ(counts_of(after, 12)[3], 0U);
  pool.back(3);
  EXPECT_EQ(pool.owners(ring, 10'000), before);
}

TEST(RingHash, MovesOnlyTheKeysOfABackendThatIsRemoved) {
  HashPool pool(12);
  const RingHash before(HashPolicy{}, pool.policies());
  const auto owners = pool.owners(before, 10'000);
  pool.policies()[3].removed = true;
  const RingHash after(HashPolicy{}, pool.policies());
  EXPECT_EQ(moved_needlessly(owners, pool.owners(after, 10'000), 3), 0);
  EXPECT_EQ(counts_of(pool.owners(after, 10'000), 12)[3], 0U);
  pool.policies()[3].removed = false;
  EXPECT_EQ(RingHash(HashPolicy{}, pool.policies()), before);
}

// To be out and to be removed come to the same, for any pool whose sizes stay between two steps.
RC_GTEST_PROP(RingHash, IsTheSameRingWithoutABackendAsWithItOut, ()) {
  const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(
      *rc::gen::inRange<std::size_t>(2, 4), rc::gen::inRange<std::uint32_t>(128, 256));
  const auto gone = *rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(weights.size()));
  HashPool pool(weights);
  const RingHash whole(of_size(1), pool.policies());
  pool.policies()[gone].removed = true;
  const RingHash without(of_size(1), pool.policies());
  pool.out(gone);
  for (int i = 0; i < 5; ++i) {
    const auto hash = *rc::gen::arbitrary<std::uint64_t>();
    RC_ASSERT(pool.pick(whole, hash) == pool.pick(without, hash));
  }
}

TEST(RingHash, GoesOnAtTheBeginningPastTheLastEntry) {
  HashPool pool(1);
  const RingHash ring(HashPolicy{}, pool.policies());
  EXPECT_EQ(pool.pick(ring, ~std::uint64_t{0}), 0U);
  EXPECT_EQ(pool.pick(ring, 0), 0U);
  HashPool pair(2);
  const RingHash two(HashPolicy{}, pair.policies());
  EXPECT_EQ(pair.pick(two, ~std::uint64_t{0}), pair.pick(two, 0));
}

TEST(RingHash, FindsTheOnlyCandidateOfManyBackends) {
  HashPool pool(500);
  pool.only(1);
  const RingHash ring(HashPolicy{}, pool.policies());
  EXPECT_EQ(counts_of(pool.owners(ring, 1000), 1), std::vector<std::uint64_t>{1000});
}

TEST(RingHash, PicksSomeCandidateWhenTheRingKnowsNone) {
  HashPool pool(3);
  EXPECT_LT(pool.pick(RingHash(HashPolicy{}, std::vector<BackendPolicy>{}), 5), 3U);
  for (BackendPolicy& backend : pool.policies()) backend.weight = 0;
  EXPECT_LT(pool.pick(RingHash(HashPolicy{}, pool.policies()), 5), 3U);
}

}  // namespace
}  // namespace evenkeel::core
