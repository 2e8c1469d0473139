// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/picker.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/balance/test_pool.h"

namespace evenkeel::core {
namespace {

constexpr Algorithm kAlgorithms[] = {Algorithm::round_robin, Algorithm::weighted_round_robin,
                                     Algorithm::least_conn, Algorithm::least_request,
                                     Algorithm::random};

Picker picker_of(Algorithm algorithm, const TestPool& pool, std::uint64_t seed = 1) {
  BalancePolicy policy;
  policy.algorithm = algorithm;
  return make_picker(policy, pool.policies(), Stream(Seed{seed}, "phase"));
}

TEST(Picker, EveryAlgorithmIsTheOneItsNameSays) {
  const TestPool pool = TestPool::of_weights({1, 1});
  EXPECT_TRUE(std::holds_alternative<RoundRobin>(picker_of(Algorithm::round_robin, pool)));
  EXPECT_TRUE(std::holds_alternative<SmoothWeightedRoundRobin>(
      picker_of(Algorithm::weighted_round_robin, pool)));
  EXPECT_TRUE(std::holds_alternative<LeastConnections>(picker_of(Algorithm::least_conn, pool)));
  EXPECT_TRUE(std::holds_alternative<LeastRequest>(picker_of(Algorithm::least_request, pool)));
  EXPECT_TRUE(std::holds_alternative<RandomPick>(picker_of(Algorithm::random, pool)));
}

TEST(Picker, HandsTheChoiceCountOn) {
  const TestPool pool = TestPool::of_weights({1, 1});
  BalancePolicy policy;
  policy.choice_count = 5;
  EXPECT_EQ(std::get<LeastRequest>(make_picker(policy, pool.policies(), Stream(Seed{1}, "phase"))),
            LeastRequest(5));
}

// A snapshot of a picker goes on exactly as the original: there is no state outside of the value.
RC_GTEST_PROP(Picker, ACopyGoesOnAsTheOriginal, ()) {
  const auto algorithm =
      *rc::gen::elementOf(std::vector<Algorithm>(std::begin(kAlgorithms), std::end(kAlgorithms)));
  const auto weights = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(1, 9)));
  const TestPool pool = TestPool::of_weights(weights);
  Picker original = picker_of(algorithm, pool, *rc::gen::arbitrary<std::uint64_t>());
  const Stream stream(Seed{3}, "picks");
  std::uint64_t decision = 0;
  const auto step = [&](Picker& picker) {
    Draws draws(stream, decision);
    return pick(picker, pool.candidates(), draws);
  };
  for (; decision < 10; ++decision) step(original);
  Picker copy = original;
  for (; decision < 30; ++decision) {
    RC_ASSERT(step(original) == step(copy));
    RC_ASSERT(original == copy);
  }
}

RC_GTEST_PROP(Picker, PicksCandidatesOnly, ()) {
  const auto algorithm =
      *rc::gen::elementOf(std::vector<Algorithm>(std::begin(kAlgorithms), std::end(kAlgorithms)));
  const auto count = *rc::gen::inRange<std::size_t>(1, 12);
  std::vector<Load> loads;
  for (std::size_t i = 0; i < count; ++i) {
    loads.push_back(
        Load{*rc::gen::inRange<std::uint32_t>(1, 5), *rc::gen::inRange<std::uint32_t>(0, 6)});
  }
  TestPool pool(loads);
  Picker picker = picker_of(algorithm, pool, *rc::gen::arbitrary<std::uint64_t>());
  const Stream stream(Seed{4}, "picks");
  for (std::uint64_t decision = 0; decision < 30; ++decision) {
    const auto members = *rc::gen::inRange<std::uint32_t>(1, 1U << count);
    std::string names;
    for (std::size_t i = 0; i < count; ++i) {
      if ((members >> i & 1U) != 0) names += static_cast<char>('a' + i);
    }
    pool.eligible(names);
    Draws draws(stream, decision);
    const char picked = static_cast<char>('a' + index(pick(picker, pool.candidates(), draws)));
    RC_ASSERT(names.find(picked) != std::string::npos);
  }
}

}  // namespace
}  // namespace evenkeel::core
