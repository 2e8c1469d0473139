// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/least_request.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/balance/test_pool.h"
#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

// With two of three idle, any two distinct draws contain an idle one. Draws that may repeat take
// the busy one in a ninth of the picks, and a pool of two compares each with itself half of the
// time.
TEST(LeastRequest, NeverDrawsOneTwice) {
  LeastRequest strategy(2);
  TestPool pool = TestPool::of_in_flight({0, 9, 0});
  EXPECT_EQ(pool.count_picks(strategy, 5'000)[1], 0U);
  TestPool weighted({{1, 0}, {3, 9}, {2, 0}});
  EXPECT_EQ(weighted.count_picks(strategy, 5'000)[1], 0U);
}

// All but one are drawn, two are idle: one of these must be among them.
RC_GTEST_PROP(LeastRequest, DrawsAreDistinctForAnyNumberOfChoices, ()) {
  const auto choices = *rc::gen::inRange<std::uint32_t>(2, LeastRequest::kMaxChoices + 1);
  const auto weighted = *rc::gen::arbitrary<bool>();
  const auto first_idle = *rc::gen::inRange<std::uint32_t>(0, choices + 1);
  const auto second_idle =
      *rc::gen::distinctFrom(rc::gen::inRange<std::uint32_t>(0, choices + 1), first_idle);
  std::vector<Load> loads(choices + 1);
  for (std::uint32_t i = 0; i <= choices; ++i) {
    loads[i].weight = weighted ? 1 + i % 3 : 1;
    loads[i].in_flight = i == first_idle || i == second_idle ? 0 : 100;
  }
  TestPool pool(loads);
  LeastRequest strategy(choices);
  for (int i = 0; i < 50; ++i) {
    const auto picked = index(pool.pick(strategy));
    RC_ASSERT(picked == first_idle || picked == second_idle);
  }
}

// Of n backends ranked by load, two distinct draws take the i-th (from 0) in 2 (n - 1 - i) of n (n
// - 1) picks: the least loaded in 2 of n, the most loaded never.
TEST(LeastRequest, TakesTheBetterOfTwoUniformDraws) {
  LeastRequest strategy(2);
  TestPool pool = TestPool::of_in_flight({4, 0, 3, 1, 2});
  const auto counts = pool.count_picks(strategy, 50'000);
  EXPECT_EQ(counts[0], 0U);
  EXPECT_LT(chi_square_excess({counts[1], counts[3], counts[4], counts[2]}, {4, 3, 2, 1}), 4);
}

TEST(LeastRequest, TakesTheBestOfThreeUniformDraws) {
  LeastRequest strategy(3);
  TestPool pool = TestPool::of_in_flight({4, 0, 3, 1, 2});
  const auto counts = pool.count_picks(strategy, 50'000);
  EXPECT_EQ(counts[0] + counts[2], 0U);
  // Three of five: C(4, 2), C(3, 2), C(2, 2) of C(5, 3).
  EXPECT_LT(chi_square_excess({counts[1], counts[3], counts[4]}, {6, 3, 1}), 4);
}

TEST(LeastRequest, TiesFallUniformly) {
  for (const std::uint32_t choices : {1U, 2U, 3U, 10U, 16U}) {
    LeastRequest strategy(choices);
    TestPool pool = TestPool::of_in_flight(std::vector<std::uint32_t>(10, 0));
    EXPECT_LT(chi_square_excess(pool.count_picks(strategy, 50'000)), 4) << choices << " choices";
  }
}

TEST(LeastRequest, OfEqualsTheOneDrawnFirstWins) {
  const Stream stream(Seed{12}, "picks");
  TestPool pool = TestPool::of_in_flight(std::vector<std::uint32_t>(10, 3));
  for (const std::uint32_t choices : {2U, 3U}) {
    const LeastRequest strategy(choices);
    for (std::uint64_t decision = 0; decision < 20; ++decision) {
      Draws draws(stream, decision);
      Draws same(stream, decision);
      EXPECT_EQ(index(strategy.pick(pool.candidates(), draws)), same.below(10));
    }
  }
}

TEST(LeastRequest, ComparesAllWhenThereAreNoMoreThanChoices) {
  LeastRequest strategy(4);
  TestPool pool = TestPool::of_in_flight({2, 1, 3, 1});
  const auto counts = pool.count_picks(strategy, 20'000);
  EXPECT_EQ(counts[0] + counts[2], 0U);
  EXPECT_LT(chi_square_excess({counts[1], counts[3]}), 4);
}

// A full scan of every small pool would be another algorithm than the one that was asked for.
TEST(LeastRequest, DoesNotScanAPoolBecauseItIsSmall) {
  LeastRequest strategy(2);
  TestPool pool = TestPool::of_in_flight({0, 1, 2});
  const auto counts = pool.count_picks(strategy, 30'000);
  EXPECT_LT(chi_square_excess({counts[0], counts[1]}, {2, 1}), 4);
}

// Loads are equal for their weights, so the first draw wins: it is in proportion to weight.
TEST(LeastRequest, DrawsByWeight) {
  LeastRequest strategy(2);
  TestPool pool({{1, 0}, {2, 1}, {3, 2}, {6, 5}});
  EXPECT_LT(chi_square_excess(pool.count_picks(strategy, 60'000), {1, 2, 3, 6}), 4);
}

// The second draw is by weight among the others. The one backend that loses every comparison is
// picked never; each other one is picked when drawn first, or second after it.
TEST(LeastRequest, DrawsTheSecondByWeightAmongTheOthers) {
  LeastRequest strategy(2);
  TestPool pool({{1, 0}, {2, 1}, {3, 1000}});
  const double a = 1.0 / 6 + 3.0 / 6 * 1.0 / 3;
  const double b = 2.0 / 6 + 3.0 / 6 * 2.0 / 3;
  const auto counts = pool.count_picks(strategy, 60'000);
  EXPECT_EQ(counts[2], 0U);
  EXPECT_LT(chi_square_excess({counts[0], counts[1]}, {a, b}), 4);
}

TEST(LeastRequest, ComparesByWeight) {
  LeastRequest strategy(3);
  // 3/1, 4/4 and 6/5; 3/1 and 4/4: the fewest in flight is not the least loaded.
  EXPECT_EQ(TestPool({{1, 2}, {4, 3}, {5, 5}}).picks(strategy, 3), "bbb");
  LeastRequest two(2);
  TestPool pool({{1, 2}, {4, 3}, {4, 3}});
  EXPECT_EQ(pool.count_picks(two, 3'000)[0], 0U);
}

// Counting the request it places matters most among the idle: 1/1 against 1/5.
TEST(LeastRequest, IdleBackendsAreTakenByWeight) {
  LeastRequest strategy(2);
  TestPool pool({{1, 0}, {5, 0}});
  EXPECT_EQ(pool.picks(strategy, 4), "bbbb");
}

TEST(LeastRequest, TakesTheOnlyCandidate) {
  LeastRequest strategy(2);
  TestPool pool = TestPool::of_in_flight({0, 7, 0});
  pool.eligible("b");
  EXPECT_EQ(pool.picks(strategy, 3), "bbb");
}

}  // namespace
}  // namespace evenkeel::core
