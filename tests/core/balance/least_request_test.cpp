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

// With sixteen in flight, and one: 17^bias / 3 against 2^bias / 1.
TEST(LeastRequest, ABiasSaysHowMuchRequestsCountAgainstWeight) {
  const auto picks = [](std::uint32_t thousandths) {
    LeastRequest strategy(2, Decimal{thousandths});
    return TestPool({{3, 16}, {1, 1}}).picks(strategy, 3);
  };
  // ln 3 / ln (17 / 2) = 0.5134: below, weight counts more.
  EXPECT_EQ(picks(513), "aaa");
  EXPECT_EQ(picks(514), "bbb");
  EXPECT_EQ(picks(1000), "bbb");
  EXPECT_EQ(picks(5000), "bbb");
}

// A bias of 2 counts squares: 3^2 / 8 is more than 2^2 / 4, though 3 / 8 is less than 2 / 4.
TEST(LeastRequest, AHighBiasCountsRequestsMore) {
  LeastRequest strategy(2, Decimal{2000});
  EXPECT_EQ(TestPool({{8, 2}, {4, 1}}).picks(strategy, 2), "bb");
  LeastRequest plain(2);
  EXPECT_EQ(TestPool({{8, 2}, {4, 1}}).picks(plain, 2), "aa");
}

TEST(LeastRequest, WithBiasOfEqualsTheOneDrawnFirstWins) {
  // 4^0.5 / 2 is 1^0.5 / 1, exactly.
  LeastRequest strategy(2, Decimal{500});
  TestPool pool({{2, 3}, {1, 0}, {2, 3}, {1, 0}});
  EXPECT_LT(chi_square_excess(pool.count_picks(strategy, 40'000), {2, 1, 2, 1}), 4);
}

// Comparing weights as well would never take the lightest.
TEST(LeastRequest, WithoutBiasTakesByWeightAlone) {
  for (const std::uint32_t choices : {2U, 8U}) {
    LeastRequest strategy(choices, Decimal{0});
    TestPool pool({{1, 0}, {2, 50}, {3, 0}, {6, 7}});
    EXPECT_LT(chi_square_excess(pool.count_picks(strategy, 60'000), {1, 2, 3, 6}), 4) << choices;
  }
}

TEST(LeastRequest, ComparesTheLargestBiasesAndLoadsWithoutOverflow) {
  constexpr std::uint32_t kMost = ~std::uint32_t{0};
  LeastRequest strategy(2, Decimal{kMost});
  EXPECT_EQ(TestPool({{kMost, kMost}, {1, kMost / 2}}).picks(strategy, 1), "b");
  LeastRequest weak(2, Decimal{1});
  EXPECT_EQ(TestPool({{kMost, kMost}, {1, kMost}}).picks(weak, 1), "a");
}

// The same order, by integers and by logarithms, where they can be told apart.
RC_GTEST_PROP(LeastRequest, ABiasNextToOneDecidesAsOneDoes, ()) {
  std::vector<Load> loads(2);
  for (Load& load : loads) {
    load.weight = *rc::gen::inRange<std::uint32_t>(1, 10);
    load.in_flight = *rc::gen::inRange<std::uint32_t>(0, 10);
  }
  const auto load_of = [&](std::size_t i) { return (loads[i].in_flight + 1.0) / loads[i].weight; };
  RC_PRE(load_of(0) < 0.99 * load_of(1) || load_of(1) < 0.99 * load_of(0));
  for (const std::uint32_t thousandths : {999U, 1000U, 1001U}) {
    LeastRequest strategy(2, Decimal{thousandths});
    RC_ASSERT(index(TestPool(loads).pick(strategy)) == (load_of(0) < load_of(1) ? 0U : 1U));
  }
}

// No eligible backend starves: while everybody else gets requests that do not end, its turn comes.
RC_GTEST_PROP(LeastRequest, ReachesEveryCandidate, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(2, 30);
  const auto bias = *rc::gen::element<std::uint32_t>(0, 500, 1000, 2000);
  std::vector<Load> loads(count);
  for (Load& load : loads) load.weight = *rc::gen::inRange<std::uint32_t>(1, 6);
  TestPool pool(loads);
  LeastRequest strategy(2, Decimal{bias});
  const auto poor = *rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(count));
  pool.load(poor).weight = 1;
  bool picked = false;
  for (int i = 0; i < 5'000 && !picked; ++i) {
    const auto backend = index(pool.pick(strategy));
    picked = backend == poor;
    ++pool.load(backend).in_flight;
  }
  RC_ASSERT(picked);
}

// Decisions of today, for equal weights of any number and unequal ones of few; the same from every
// compiler.
TEST(LeastRequest, DecidesAsItAlwaysDid) {
  const Stream worlds(Seed{77}, "worlds");
  const Stream picks(Seed{78}, "picks");
  std::uint64_t hash = 0;
  std::uint64_t draw = 0;
  std::uint64_t decision = 0;
  const auto below = [&](std::uint64_t bound) {
    return static_cast<std::uint32_t>(worlds.below(bound, draw++));
  };
  for (int world = 0; world < 3'000; ++world) {
    const bool equal = below(2) != 0;
    const std::uint32_t count = 1 + below(equal ? 40 : Choices::kWalked);
    const LeastRequest strategy(1 + below(16));
    const std::uint32_t weight = 1 + below(5);
    std::vector<Load> loads(count);
    for (Load& load : loads) {
      load.weight = equal ? weight : 1 + below(9);
      load.in_flight = below(4);
    }
    const TestPool pool(loads);
    Candidates candidates = pool.candidates();
    candidates.equal_weights = equal;
    for (int i = 0; i < 20; ++i, decision += 2) {
      Draws draws(picks, decision);
      hash = mix((hash ^ index(strategy.pick(candidates, draws))) ^ 0x55U);
    }
  }
  EXPECT_EQ(hash, 8880938534524038241U);
}

}  // namespace
}  // namespace evenkeel::core
