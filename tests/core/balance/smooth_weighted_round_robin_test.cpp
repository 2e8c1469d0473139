// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/smooth_weighted_round_robin.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/balance/test_pool.h"

namespace evenkeel::core {
namespace {

TEST(SmoothWeightedRoundRobin, IsNginxsSequence) {
  TestPool pool = TestPool::of_weights({5, 1, 1});
  SmoothWeightedRoundRobin strategy(3);
  EXPECT_EQ(pool.picks(strategy, 14), "aabacaaaabacaa");
}

TEST(SmoothWeightedRoundRobin, IsPlainRoundRobinForEqualWeights) {
  TestPool pool = TestPool::of_weights({3, 3, 3});
  SmoothWeightedRoundRobin strategy(3);
  EXPECT_EQ(pool.picks(strategy, 7), "abcabca");
}

// Whoever returns has kept his balance: no burst makes up for the time away.
TEST(SmoothWeightedRoundRobin, GivesTheShareOfWhoIsOutToTheOthersByWeight) {
  TestPool pool = TestPool::of_weights({4, 2, 1});
  SmoothWeightedRoundRobin strategy(3);
  pool.picks(strategy, 7);
  pool.eligible("bc");
  EXPECT_EQ(pool.picks(strategy, 6), "bcbbcb");
  pool.all_eligible();
  EXPECT_EQ(pool.picks(strategy, 7), "abacaba");
}

// All balancers starting with the same backend is a herd.
TEST(SmoothWeightedRoundRobin, BeginsAtADrawnPlaceOfTheSamePeriod) {
  const std::string twice = "aabacaaaabacaa";
  std::set<std::string> beginnings;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    TestPool pool = TestPool::of_weights({5, 1, 1});
    SmoothWeightedRoundRobin strategy(pool.policies(), Stream(Seed{seed}, "phase"));
    const std::string period = pool.picks(strategy, 7);
    EXPECT_NE(twice.find(period), std::string::npos) << period;
    beginnings.insert(period);
  }
  EXPECT_EQ(beginnings.size(), 7U);
}

TEST(SmoothWeightedRoundRobin, GivesNoTurnToAWeightOfZeroWhenItDrawsItsPlace) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    TestPool pool = TestPool::of_weights({0, 2, 1});
    SmoothWeightedRoundRobin strategy(pool.policies(), Stream(Seed{seed}, "phase"));
    pool.eligible("bc");
    EXPECT_NE(std::string("bcbbcb").find(pool.picks(strategy, 3)), std::string::npos);
  }
}

TEST(SmoothWeightedRoundRobin, IsBuiltOfNothingAndOfZeroesOnly) {
  const Stream phase(Seed{1}, "phase");
  EXPECT_EQ(SmoothWeightedRoundRobin(std::vector<BackendPolicy>{}, phase),
            SmoothWeightedRoundRobin(0));
  EXPECT_EQ(SmoothWeightedRoundRobin(TestPool::of_weights({0, 0}).policies(), phase),
            SmoothWeightedRoundRobin(2));
}

TEST(SmoothWeightedRoundRobin, GoesOnWhereItWasWhenAConfigurationIsApplied) {
  TestPool pool = TestPool::of_weights({5, 1, 1});
  SmoothWeightedRoundRobin strategy(3);
  EXPECT_EQ(pool.picks(strategy, 3), "aab");
  strategy.apply(pool.policies());
  EXPECT_EQ(pool.picks(strategy, 4), "acaa");
  TestPool larger = TestPool::of_weights({5, 1, 1, 1});
  strategy.apply(larger.policies());
  SmoothWeightedRoundRobin fresh(4);
  EXPECT_EQ(larger.picks(strategy, 16), TestPool(larger).picks(fresh, 16));
}

// Balances of thousands against gains of one: b would have every turn for long.
TEST(SmoothWeightedRoundRobin, SmallerWeightsMakeNoRunOfOneBackend) {
  TestPool heavy = TestPool::of_weights({10'000, 9'999});
  SmoothWeightedRoundRobin strategy(2);
  heavy.picks(strategy, 9'999);
  TestPool light = TestPool::of_weights({1, 1});
  strategy.apply(light.policies());
  const std::string picks = light.picks(strategy, 20);
  EXPECT_LE(std::count(picks.begin(), picks.end(), 'a'), 13);
  EXPECT_LE(std::count(picks.begin(), picks.end(), 'b'), 13);
}

// Any stretch as long as the period, wherever it begins, has exactly the weights' shares.
RC_GTEST_PROP(SmoothWeightedRoundRobin, GivesExactSharesInEveryPeriod, ()) {
  const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(
      *rc::gen::inRange<std::size_t>(1, 13), rc::gen::inRange<std::uint32_t>(1, 13));
  std::uint32_t divisor = 0;
  std::uint32_t sum = 0;
  for (const std::uint32_t weight : weights) {
    divisor = std::gcd(divisor, weight);
    sum += weight;
  }
  TestPool pool = TestPool::of_weights(weights);
  SmoothWeightedRoundRobin strategy(pool.policies(),
                                    Stream(Seed{*rc::gen::arbitrary<std::uint64_t>()}, "phase"));
  for (int repeat = 0; repeat < 3; ++repeat) {
    const auto counts = pool.count_picks(strategy, sum / divisor);
    for (std::size_t i = 0; i < weights.size(); ++i) RC_ASSERT(counts[i] == weights[i] / divisor);
    pool.picks(strategy, 1);
  }
}

}  // namespace
}  // namespace evenkeel::core
