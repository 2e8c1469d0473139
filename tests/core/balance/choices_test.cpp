// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/choices.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "core/balance/test_pool.h"
#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

// The first of one draw, or the second of two, as a strategy.
struct DrawNth {
  int nth;
  BackendIndex pick(const Candidates& candidates, Draws& draws) const {
    Choices choices(candidates, draws);
    BackendIndex drawn{};
    for (int i = 0; i < nth; ++i) drawn = choices.next();
    return drawn;
  }
};

std::vector<double> as_shares(const std::vector<std::uint32_t>& weights) {
  return {weights.begin(), weights.end()};
}

// Weights 1 to 5 in turn, for more backends than are walked.
std::vector<std::uint32_t> many_weights() {
  std::vector<std::uint32_t> weights;
  for (std::uint32_t i = 0; i < Choices::kWalked + 20; ++i) weights.push_back(1 + i % 5);
  return weights;
}

RC_GTEST_PROP(Choices, NeverDrawTheSameTwice, ()) {
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 100);
  const auto heaviest = *rc::gen::element<std::uint32_t>(1, 3, 1000);
  std::vector<Load> loads(count);
  for (Load& load : loads) load.weight = *rc::gen::inRange<std::uint32_t>(1, heaviest + 1);
  const TestPool pool(loads);
  const Candidates candidates = pool.candidates();
  Draws draws(Stream(Seed{*rc::gen::arbitrary<std::uint64_t>()}, "draws"), 0);
  Choices choices(candidates, draws);
  std::set<BackendIndex> drawn;
  for (std::uint32_t i = 0; i < std::min(count, Choices::kMax); ++i) {
    const BackendIndex next = choices.next();
    RC_ASSERT(index(next) < count);
    RC_ASSERT(drawn.insert(next).second);
  }
}

TEST(Choices, ReachEveryCandidateOfAnyPool) {
  for (const std::uint32_t count : {1U, 2U, Choices::kWalked, Choices::kWalked + 1, 60U}) {
    for (const std::uint32_t heaviest : {1U, 2U, 7U}) {
      std::vector<std::uint32_t> weights;
      for (std::uint32_t i = 0; i < count; ++i) weights.push_back(1 + i % heaviest);
      TestPool pool = TestPool::of_weights(weights);
      DrawNth first{1};
      const auto counts = pool.count_picks(first, 5'000);
      EXPECT_EQ(std::count(counts.begin(), counts.end(), 0U), 0) << count << " " << heaviest;
    }
  }
}

TEST(Choices, AreInProportionToWeightWhenWalked) {
  const std::vector<std::uint32_t> weights{1, 2, 3, 10};
  TestPool pool = TestPool::of_weights(weights);
  DrawNth first{1};
  EXPECT_LT(chi_square_excess(pool.count_picks(first, 80'000), as_shares(weights)), 4);
}

TEST(Choices, AreInProportionToWeightWhenAcceptedAndRejected) {
  const auto weights = many_weights();
  TestPool pool = TestPool::of_weights(weights);
  DrawNth first{1};
  EXPECT_LT(chi_square_excess(pool.count_picks(first, 200'000), as_shares(weights)), 4);
}

// P(i is second) is the sum over j of P(j is first) times w_i of the weight without j.
TEST(Choices, DrawTheSecondInProportionToWeightAmongTheOthers) {
  const auto weights = many_weights();
  double total = 0;
  for (const std::uint32_t weight : weights) total += weight;
  std::vector<double> shares(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (std::size_t j = 0; j < weights.size(); ++j) {
      if (i != j) shares[i] += weights[j] / total * weights[i] / (total - weights[j]);
    }
  }
  TestPool pool = TestPool::of_weights(weights);
  DrawNth second{2};
  EXPECT_LT(chi_square_excess(pool.count_picks(second, 200'000), shares), 4);
}

// One of 200 has nearly all weight: after it, nearly every try is rejected, and the walk decides.
TEST(Choices, AreInProportionToWeightAfterTooManyRejections) {
  std::vector<std::uint32_t> weights(200, 1);
  for (std::size_t i = 100; i < 200; ++i) weights[i] = 2;
  weights[50] = 1'000'000;
  TestPool pool = TestPool::of_weights(weights);
  DrawNth second{2};
  auto counts = pool.count_picks(second, 100'000);
  EXPECT_LT(counts[50], 100U);
  weights.erase(weights.begin() + 50);
  counts.erase(counts.begin() + 50);
  EXPECT_LT(chi_square_excess(counts, as_shares(weights)), 4);
}

TEST(Choices, CountTheLargestWeightsWithoutOverflow) {
  constexpr std::uint32_t kMost = ~std::uint32_t{0};
  for (const std::size_t count : {2U, 40U}) {
    TestPool pool = TestPool::of_weights(std::vector<std::uint32_t>(count, kMost));
    pool.load(0).weight = 1;
    DrawNth first{1};
    EXPECT_EQ(pool.count_picks(first, 1'000)[0], 0U);
  }
}

// Goldens of pools of equal weights hang on which draws are made.
TEST(Choices, OfEqualWeightsAreOneDrawEach) {
  const TestPool pool = TestPool::of_in_flight(std::vector<std::uint32_t>(30, 0));
  const Candidates candidates = pool.candidates();
  const Stream stream(Seed{3}, "draws");
  for (std::uint64_t decision = 0; decision < 200; ++decision) {
    Draws draws(stream, decision);
    Draws same(stream, decision);
    Choices choices(candidates, draws);
    std::vector<std::uint32_t> undrawn(30);
    for (std::uint32_t i = 0; i < 30; ++i) undrawn[i] = i;
    for (std::uint64_t left = 30; left > 20; --left) {
      const auto place = undrawn.begin() + static_cast<std::ptrdiff_t>(same.below(left));
      ASSERT_EQ(index(choices.next()), *place);
      undrawn.erase(place);
    }
  }
}

// As a pool would be walked: the cost must not grow with its size.
TEST(Choices, OfManyWeightsTakeFewDraws) {
  std::vector<std::uint32_t> weights;
  for (std::uint32_t i = 0; i < 10'000; ++i) weights.push_back(1 + i % 4);
  const TestPool pool = TestPool::of_weights(weights);
  const Candidates candidates = pool.candidates();
  const Stream stream(Seed{4}, "draws");
  std::uint64_t tries = 0;
  for (std::uint64_t decision = 0; decision < 2'000; ++decision) {
    Draws draws(stream, decision);
    const std::uint32_t drawn = index(Choices(candidates, draws).next());
    // Replayed by hand: tries until one is accepted.
    Draws same(stream, decision);
    for (;; ++tries) {
      const auto position = same.below(10'000);
      if (same.below(4) >= weights[position]) continue;
      ASSERT_EQ(position, drawn);
      break;
    }
  }
  // A mean weight of 2.5 of at most 4: 0.6 rejections each.
  EXPECT_NEAR(static_cast<double>(tries) / 2'000, 0.6, 0.1);
}

struct Number {
  int value;
  friend bool operator<(Number a, Number b) { return a.value < b.value; }
};

TEST(LeastOfChoices, ReachesItsMostChoicesAndThenDrawsThem) {
  for (const std::uint32_t count : {Choices::kMax, Choices::kMax + 1}) {
    TestPool pool = TestPool::of_in_flight(std::vector<std::uint32_t>(count, 0));
    Draws draws(Stream(Seed{5}, "draws"), 0);
    // All but at most one are compared: one of the two best is found.
    const auto best = least_of_choices(pool.candidates(), Choices::kMax, draws, [](BackendIndex b) {
      return Number{-static_cast<int>(index(b))};
    });
    EXPECT_GE(index(best), count - 2);
  }
}

RC_GTEST_PROP(LeastOfChoices, OfAllFindsTheLeastAndDrawsAmongEquals, ()) {
  const auto ranks =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4)));
  RC_PRE(ranks.size() <= Choices::kMax);
  const TestPool pool(std::vector<Load>(ranks.size()));
  Draws draws(Stream(Seed{*rc::gen::arbitrary<std::uint64_t>()}, "draws"), 0);
  const auto best = least_of_choices(pool.candidates(), Choices::kMax, draws,
                                     [&](BackendIndex b) { return Number{ranks[index(b)]}; });
  RC_ASSERT(ranks[index(best)] == *std::min_element(ranks.begin(), ranks.end()));
}

}  // namespace
}  // namespace evenkeel::core
