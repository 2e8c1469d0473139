// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/picker.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "core/balance/test_pool.h"

namespace evenkeel::core {
namespace {

constexpr Algorithm kAlgorithms[] = {Algorithm::round_robin, Algorithm::weighted_round_robin,
                                     Algorithm::least_conn,  Algorithm::least_request,
                                     Algorithm::random,      Algorithm::peak_ewma,
                                     Algorithm::score,       Algorithm::join_idle_queue,
                                     Algorithm::ring_hash,   Algorithm::maglev,
                                     Algorithm::rendezvous,  Algorithm::first};

// Tables of the hashing ones are built for every case: small ones.
BalancePolicy policy_of(Algorithm algorithm) {
  BalancePolicy policy;
  policy.algorithm = algorithm;
  policy.hash.table_size = 251;
  policy.hash.minimum_ring_size = 1;
  return policy;
}

Picker picker_of(Algorithm algorithm, const TestPool& pool, std::uint64_t seed = 1) {
  return make_picker(policy_of(algorithm), pool.policies(), Stream(Seed{seed}, "phase"));
}

// Requests in flight and a history, as any pool has.
void stir(TestPool& pool) {
  for (std::size_t i = 0; i < pool.size(); ++i) {
    pool.load(i).in_flight = *rc::gen::inRange<std::uint32_t>(0, 6);
    Feedback feedback;
    feedback.outcome = *rc::gen::element(Outcome::success, Outcome::failure, Outcome::neutral);
    feedback.latency = Duration(*rc::gen::inRange<std::int64_t>(0, 100'000'000));
    pool.stats(i).on_feedback(pool.now(), feedback, EwmaPolicy{});
  }
}

TEST(Picker, EveryAlgorithmIsTheOneItsNameSays) {
  const TestPool pool = TestPool::of_weights({1, 1});
  EXPECT_TRUE(std::holds_alternative<RoundRobin>(picker_of(Algorithm::round_robin, pool)));
  EXPECT_TRUE(std::holds_alternative<SmoothWeightedRoundRobin>(
      picker_of(Algorithm::weighted_round_robin, pool)));
  EXPECT_TRUE(std::holds_alternative<LeastConnections>(picker_of(Algorithm::least_conn, pool)));
  EXPECT_TRUE(std::holds_alternative<LeastRequest>(picker_of(Algorithm::least_request, pool)));
  EXPECT_TRUE(std::holds_alternative<RandomPick>(picker_of(Algorithm::random, pool)));
  EXPECT_TRUE(std::holds_alternative<PeakEwma>(picker_of(Algorithm::peak_ewma, pool)));
  EXPECT_TRUE(std::holds_alternative<Score>(picker_of(Algorithm::score, pool)));
  EXPECT_TRUE(std::holds_alternative<JoinIdleQueue>(picker_of(Algorithm::join_idle_queue, pool)));
  EXPECT_TRUE(std::holds_alternative<RingHash>(picker_of(Algorithm::ring_hash, pool)));
  EXPECT_TRUE(std::holds_alternative<Maglev>(picker_of(Algorithm::maglev, pool)));
  EXPECT_TRUE(std::holds_alternative<Rendezvous>(picker_of(Algorithm::rendezvous, pool)));
  EXPECT_TRUE(std::holds_alternative<FirstPick>(picker_of(Algorithm::first, pool)));
}

TEST(Picker, HandsTheParametersOn) {
  const TestPool pool = TestPool::of_weights({1, 1});
  const Stream phase(Seed{1}, "phase");
  BalancePolicy policy;
  policy.choice_count = 5;
  policy.active_request_bias = Decimal{700};
  policy.ewma.decay = std::chrono::seconds(3);
  const auto made = [&](Algorithm algorithm) {
    policy.algorithm = algorithm;
    return make_picker(policy, pool.policies(), phase);
  };
  EXPECT_EQ(std::get<LeastRequest>(made(Algorithm::least_request)), LeastRequest(5, Decimal{700}));
  EXPECT_EQ(std::get<PeakEwma>(made(Algorithm::peak_ewma)), PeakEwma(5, policy.ewma));
  EXPECT_EQ(std::get<Score>(made(Algorithm::score)), Score(5, policy.ewma));
}

TEST(Picker, SaysWhatAnAlgorithmNeedsToBeTold) {
  for (const Algorithm algorithm : kAlgorithms) {
    EXPECT_EQ(uses_stats(algorithm),
              algorithm == Algorithm::peak_ewma || algorithm == Algorithm::score);
    EXPECT_EQ(uses_hash(algorithm), algorithm == Algorithm::ring_hash ||
                                        algorithm == Algorithm::maglev ||
                                        algorithm == Algorithm::rendezvous);
  }
}

TEST(Picker, TellsOnlyTheIdleQueueWhoBecameIdle) {
  const TestPool pool = TestPool::of_weights({1, 2, 3});
  for (const Algorithm algorithm : kAlgorithms) {
    Picker picker = picker_of(algorithm, pool);
    const Picker before = picker;
    on_idle(picker, BackendIndex{1});
    on_idle(picker, BackendIndex{0});  // backwards: no queue begins like that
    EXPECT_EQ(picker == before, algorithm != Algorithm::join_idle_queue);
  }
}

// A snapshot of a picker goes on exactly as the original: there is no state outside of the value.
RC_GTEST_PROP(Picker, ACopyGoesOnAsTheOriginal, ()) {
  const auto algorithm =
      *rc::gen::elementOf(std::vector<Algorithm>(std::begin(kAlgorithms), std::end(kAlgorithms)));
  const auto weights = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(1, 9)));
  TestPool pool = TestPool::of_weights(weights);
  stir(pool);
  Picker original = picker_of(algorithm, pool, *rc::gen::arbitrary<std::uint64_t>());
  const Stream stream(Seed{3}, "picks");
  std::uint64_t decision = 0;
  const auto step = [&](Picker& picker) {
    Draws draws(stream, decision);
    return pick(picker, pool.candidates(), draws);
  };
  for (; decision < 10; ++decision) step(original);
  Picker copy = original;
  for (; decision < 20; ++decision) {
    RC_ASSERT(step(original) == step(copy));
    RC_ASSERT(original == copy);
  }
}

RC_GTEST_PROP(Picker, PicksCandidatesOnly, ()) {
  const auto algorithm =
      *rc::gen::elementOf(std::vector<Algorithm>(std::begin(kAlgorithms), std::end(kAlgorithms)));
  const auto count = *rc::gen::inRange<std::size_t>(1, 12);
  std::vector<Load> loads(count);
  for (Load& load : loads) load.weight = *rc::gen::inRange<std::uint32_t>(1, 5);
  TestPool pool(loads);
  stir(pool);
  Picker picker = picker_of(algorithm, pool, *rc::gen::arbitrary<std::uint64_t>());
  const Stream stream(Seed{4}, "picks");
  for (std::uint64_t decision = 0; decision < 10; ++decision) {
    const auto members = *rc::gen::inRange<std::uint32_t>(1, 1U << count);
    std::string names;
    for (std::size_t i = 0; i < count; ++i) {
      if ((members >> i & 1U) != 0) names += static_cast<char>('a' + i);
    }
    pool.eligible(names);
    Draws draws(stream, decision);
    Candidates candidates = pool.candidates();
    candidates.hash = mix(decision);
    const char picked = static_cast<char>('a' + index(pick(picker, candidates, draws)));
    RC_ASSERT(names.find(picked) != std::string::npos);
  }
}

RC_GTEST_PROP(Picker, ApplyingTheSameConfigurationChangesNothing, ()) {
  const auto algorithm =
      *rc::gen::elementOf(std::vector<Algorithm>(std::begin(kAlgorithms), std::end(kAlgorithms)));
  const auto count = *rc::gen::inRange<std::size_t>(1, 8);
  std::vector<Load> loads(count);
  for (Load& load : loads) load.weight = *rc::gen::inRange<std::uint32_t>(1, 5);
  TestPool pool(loads);
  stir(pool);
  Picker picker = picker_of(algorithm, pool);
  for (std::uint64_t decision = 0; decision < 10; ++decision) {
    pool.eligible(
        std::string(1, static_cast<char>('a' + *rc::gen::inRange<std::size_t>(0, count))));
    if (*rc::gen::arbitrary<bool>()) pool.all_eligible();
    Draws draws(Stream(Seed{5}, "picks"), decision);
    static_cast<void>(pick(picker, pool.candidates(), draws));
  }
  const Picker before = picker;
  apply(picker, policy_of(algorithm), pool.policies(), Stream(Seed{6}, "phase"));
  RC_ASSERT(picker == before);
}

TEST(Picker, TurnsGoOnWhenABackendJoins) {
  TestPool three = TestPool::of_weights({1, 1, 1});
  TestPool four = TestPool::of_weights({1, 1, 1, 1});
  const Stream phase(Seed{1}, "phase");
  for (const Algorithm algorithm :
       {Algorithm::round_robin, Algorithm::weighted_round_robin, Algorithm::join_idle_queue}) {
    Picker picker = picker_of(algorithm, three);
    const auto step = [&](const TestPool& pool) {
      Draws draws(phase, 0);
      return index(pick(picker, pool.candidates(), draws));
    };
    const std::uint32_t last = step(three);
    apply(picker, policy_of(algorithm), four.policies(), phase);
    const std::vector<std::uint32_t> next{step(four), step(four), step(four), step(four)};
    EXPECT_NE(next[0], last);
    EXPECT_EQ(std::set<std::uint32_t>(next.begin(), next.end()).size(), 4U);
  }
}

TEST(Picker, AnotherAlgorithmBeginsAnew) {
  const TestPool pool = TestPool::of_weights({1, 2, 3});
  const Stream phase(Seed{1}, "phase");
  for (const Algorithm before : kAlgorithms) {
    for (const Algorithm after : kAlgorithms) {
      if (before == after) continue;
      Picker picker = picker_of(before, pool);
      apply(picker, policy_of(after), pool.policies(), phase);
      EXPECT_EQ(picker, make_picker(policy_of(after), pool.policies(), phase));
    }
  }
}

// Every decision, whatever the compiler and its flags.
TEST(Picker, DecidesTheSameEverywhere) {
  const Stream worlds(Seed{21}, "worlds");
  std::uint64_t draw = 0;
  const auto below = [&](std::uint64_t bound) {
    return static_cast<std::uint32_t>(worlds.below(bound, draw++));
  };
  std::uint64_t hash = 0;
  for (const Algorithm algorithm : kAlgorithms) {
    if (uses_hash(algorithm)) continue;  // their tables have goldens of their own
    for (int world = 0; world < 100; ++world) {
      TestPool pool{std::vector<Load>(1 + below(30))};
      const bool equal = below(2) != 0;
      BalancePolicy policy = policy_of(algorithm);
      policy.choice_count = 2 + below(3);
      policy.active_request_bias = Decimal{500 * below(5)};
      for (std::size_t i = 0; i < pool.size(); ++i) {
        pool.load(i) = Load{equal ? 1 : 1 + below(9), below(4), below(2) != 0};
      }
      Picker picker = make_picker(policy, pool.policies(), Stream(Seed{below(100)}, "phase"));
      for (std::uint64_t decision = 0; decision < 100; ++decision) {
        pool.advance(Duration(below(1'000'000'000)));
        Candidates candidates = pool.candidates();
        candidates.hash = mix(below(50));
        Draws draws(worlds.of(static_cast<std::uint64_t>(world)), decision);
        const std::uint32_t picked = index(pick(picker, candidates, draws));
        hash = mix(hash ^ picked ^ 0x55U);
        Feedback feedback;
        feedback.outcome = below(10) == 0 ? Outcome::failure : Outcome::success;
        feedback.latency = Duration(below(50'000'000));
        pool.stats(picked).on_feedback(pool.now(), feedback, policy.ewma);
        pool.load(picked).in_flight = below(4);
        if (pool.load(picked).in_flight == 0) on_idle(picker, BackendIndex{picked});
      }
    }
  }
  EXPECT_EQ(hash, 12482959513199535303U);
}

}  // namespace
}  // namespace evenkeel::core
