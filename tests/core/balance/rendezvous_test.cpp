// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/rendezvous.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "core/balance/hash_pool.h"
#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

TEST(Rendezvous, SharesKeysEvenlyAmongEquals) {
  HashPool pool(10);
  const auto counts = counts_of(pool.owners(Rendezvous(HashPolicy{}, pool.policies()), 50'000), 10);
  EXPECT_LT(chi_square_excess(counts), 4);
}

TEST(Rendezvous, SharesKeysExactlyByWeight) {
  HashPool pool({1, 2, 3, 10});
  const auto counts = counts_of(pool.owners(Rendezvous(HashPolicy{}, pool.policies()), 50'000), 4);
  EXPECT_LT(chi_square_excess(counts, {1, 2, 3, 10}), 4);
}

// Two ways to compute the same: a backend without any keys makes the weights unequal.
TEST(Rendezvous, GivesEqualWeightsTheSameKeysBesideOthers) {
  HashPool pool({1'000'000, 1'000'000, 1'000'000, 1});
  HashPool equals(3);
  const auto mixed = pool.owners(Rendezvous(HashPolicy{}, pool.policies()), 3000);
  EXPECT_EQ(equals.owners(Rendezvous(HashPolicy{}, equals.policies()), 3000), mixed);
}

TEST(Rendezvous, DoesNotDependOnTheOrderInTheFile) {
  HashPool pool({1, 2, 3});
  std::vector<BackendPolicy> reversed(pool.policies().rbegin(), pool.policies().rend());
  HashPool mirror({3, 2, 1});
  auto mirrored = mirror.owners(Rendezvous(HashPolicy{}, reversed), 1000);
  for (std::uint32_t& owner : mirrored) owner = 2 - owner;
  EXPECT_EQ(mirrored, pool.owners(Rendezvous(HashPolicy{}, pool.policies()), 1000));
}

// By its health or by the configuration, with any weights: the heirs are the same.
RC_GTEST_PROP(Rendezvous, MovesOnlyTheKeysOfABackendThatIsGone, ()) {
  const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(
      *rc::gen::inRange<std::size_t>(2, 12), rc::gen::inRange<std::uint32_t>(1, 100));
  const auto gone = *rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(weights.size()));
  HashPool pool(weights);
  const Rendezvous whole(HashPolicy{}, pool.policies());
  const auto before = pool.owners(whole, 50);
  pool.out(gone);
  const auto out = pool.owners(whole, 50);
  RC_ASSERT(moved_needlessly(before, out, gone) == 0);
  pool.policies()[gone].removed = true;
  RC_ASSERT(pool.owners(Rendezvous(HashPolicy{}, pool.policies()), 50) == out);
  pool.back(gone);
  RC_ASSERT(pool.owners(whole, 50) == before);
}

TEST(Rendezvous, SpreadsTheKeysOfABackendThatIsOutByWeight) {
  HashPool pool({4, 1, 2, 3});
  const Rendezvous strategy(HashPolicy{}, pool.policies());
  const auto before = counts_of(pool.owners(strategy, 50'000), 4);
  pool.out(0);
  const auto after = counts_of(pool.owners(strategy, 50'000), 4);
  EXPECT_LT(chi_square_excess({after[1] - before[1], after[2] - before[2], after[3] - before[3]},
                              {1, 2, 3}),
            4);
}

}  // namespace
}  // namespace evenkeel::core
