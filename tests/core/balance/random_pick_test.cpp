// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/random_pick.h"

#include <gtest/gtest.h>

#include "core/balance/test_pool.h"
#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

TEST(RandomPick, IsUniformForEqualWeights) {
  TestPool pool = TestPool::of_in_flight({9, 0, 4, 0, 1, 0, 0});
  RandomPick strategy;
  EXPECT_LT(chi_square_excess(pool.count_picks(strategy, 70'000)), 4);
}

TEST(RandomPick, IsInProportionToWeight) {
  TestPool pool = TestPool::of_weights({1, 2, 3, 10});
  RandomPick strategy;
  EXPECT_LT(chi_square_excess(pool.count_picks(strategy, 80'000), {1, 2, 3, 10}), 4);
}

TEST(RandomPick, TakesCandidatesOnly) {
  TestPool pool = TestPool::of_weights({1, 2, 3, 10});
  RandomPick strategy;
  pool.eligible("bc");
  const auto counts = pool.count_picks(strategy, 50'000);
  EXPECT_EQ(counts[0] + counts[3], 0U);
  EXPECT_LT(chi_square_excess({counts[1], counts[2]}, {2, 3}), 4);
}

}  // namespace
}  // namespace evenkeel::core
