// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/score.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "core/balance/answering_pool.h"
#include "core/balance/test_pool.h"
#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kAll = 64;
constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();

// Failures at their own speed, where a test is about the success rate alone.
EwmaPolicy without_penalty() {
  EwmaPolicy policy;
  policy.failure_penalty = 0s;
  return policy;
}
const EwmaPolicy kPolicy{};

void answer(TestPool& pool, std::size_t backend, Duration latency,
            Outcome outcome = Outcome::success) {
  Feedback feedback;
  feedback.outcome = outcome;
  feedback.latency = latency;
  pool.stats(backend).on_feedback(pool.now(), feedback, without_penalty());
}

TestPool answered(const std::vector<Load>& loads, const std::vector<Duration>& latencies) {
  TestPool pool(loads);
  for (std::size_t i = 0; i < latencies.size(); ++i) answer(pool, i, latencies[i]);
  return pool;
}

TEST(Score, PrefersTheFasterForItsWeight) {
  const Score strategy(kAll, kPolicy);
  EXPECT_EQ(answered({{1, 0}, {1, 0}}, {20ms, 19ms}).picks(strategy, 2), "bb");
  EXPECT_EQ(answered({{1, 0}, {3, 0}}, {10ms, 29ms}).picks(strategy, 2), "bb");
  EXPECT_EQ(answered({{1, 0}, {3, 0}}, {10ms, 31ms}).picks(strategy, 2), "aa");
}

TEST(Score, MultipliesByActiveRequestsAndOne) {
  const Score strategy(kAll, kPolicy);
  EXPECT_EQ(answered({{1, 2}, {1, 0}}, {10ms, 29ms}).picks(strategy, 2), "bb");
  EXPECT_EQ(answered({{1, 2}, {1, 0}}, {10ms, 31ms}).picks(strategy, 2), "aa");
}

TEST(Score, DoublesForAHalfOpenBreaker) {
  const Score strategy(kAll, kPolicy);
  EXPECT_EQ(answered({{1, 0, true}, {1, 0}}, {10ms, 19ms}).picks(strategy, 2), "bb");
  EXPECT_EQ(answered({{1, 0, true}, {1, 0}}, {10ms, 21ms}).picks(strategy, 2), "aa");
}

TEST(Score, DividesByTheSuccessRate) {
  const Score strategy(kAll, kPolicy);
  // One failure: 10 ms / 0.9 is 11.1 ms.
  TestPool pool = answered({{1, 0}, {1, 0}}, {10ms, 11ms});
  answer(pool, 0, 10ms, Outcome::failure);
  EXPECT_EQ(pool.picks(strategy, 2), "bb");
  TestPool slower = answered({{1, 0}, {1, 0}}, {10ms, 11200us});
  answer(slower, 0, 10ms, Outcome::failure);
  EXPECT_EQ(slower.picks(strategy, 2), "aa");
}

TEST(Score, TakesTheSuccessRateForATenthAtLeast) {
  const Score strategy(kAll, kPolicy);
  for (const auto& [latency, picked] :
       std::vector<std::pair<Duration, std::string>>{{99ms, "b"}, {101ms, "a"}}) {
    TestPool pool = answered({{1, 0}, {1, 0}}, {10ms, latency});
    for (int i = 0; i < 100; ++i) answer(pool, 0, 10ms, Outcome::failure);
    EXPECT_EQ(pool.picks(strategy, 1), picked);
  }
}

TEST(Score, WithoutHistoryIsTheDefaultAndSuccessful) {
  const Score strategy(kAll, kPolicy);
  EXPECT_EQ(answered({{1, 0}, {1, 0}}, {29ms}).picks(strategy, 2), "aa");
  EXPECT_EQ(answered({{1, 0}, {1, 0}}, {31ms}).picks(strategy, 2), "bb");
}

TEST(Score, ComparesTheLargestNumbersWithoutOverflow) {
  const Score strategy(kAll, kPolicy);
  EXPECT_EQ(answered({{kMost, kMost, true}, {kMost, kMost - 1, true}}, {1h, 1h}).picks(strategy, 1),
            "b");
  EXPECT_EQ(answered({{1, kMost, true}, {kMost, kMost, true}}, {1h, 1h}).picks(strategy, 1), "b");
}

TEST(Score, DrawsDistinctChoicesAndTheFirstOfEquals) {
  const Score strategy(2, kPolicy);
  TestPool pool = answered(std::vector<Load>(3), {10ms, 90ms, 10ms});
  EXPECT_EQ(pool.count_picks(strategy, 5'000)[1], 0U);
  const TestPool equal(std::vector<Load>(10));
  for (std::uint64_t decision = 0; decision < 20; ++decision) {
    Draws draws(Stream(Seed{12}, "picks"), decision);
    Draws same(Stream(Seed{12}, "picks"), decision);
    EXPECT_EQ(index(strategy.pick(equal.candidates(), draws)), same.below(10));
  }
}

TEST(Score, FastFailingHostAttractsNoTraffic) {
  for (const std::uint32_t choices : {2U, kAll}) {
    AnsweringPool world({{20ms}, {20ms}, {1ms, Outcome::failure}, {20ms}}, kPolicy);
    Score strategy(choices, kPolicy);
    EXPECT_LT(world.serve(strategy, 60'000, 1ms)[2], 20U) << choices;
  }
}

// With a score that does not fade, the one bad answer would stand for ever.
TEST(Score, ABackendThatFailedIsTriedAgainAndComesBack) {
  AnsweringPool world({{20ms}, {1ms, Outcome::failure}, {20ms}}, kPolicy);
  Score strategy(2, kPolicy);
  world.serve(strategy, 1'000, 1ms);
  world.answers(1) = {20ms};
  world.serve(strategy, 150'000, 1ms);
  EXPECT_GT(world.serve(strategy, 30'000, 1ms)[1], 7'000U);
}

// The formula in floating point, with room where the integers round.
RC_GTEST_PROP(Score, PrefersByTheFormula, ()) {
  std::vector<Load> loads(2);
  TestPool pool(loads);
  double score[2];
  for (std::size_t i = 0; i < 2; ++i) {
    Load& load = pool.load(i);
    load.weight = *rc::gen::inRange<std::uint32_t>(1, 100);
    load.in_flight = *rc::gen::inRange<std::uint32_t>(0, 100);
    load.half_open = *rc::gen::arbitrary<bool>();
    const auto latency = *rc::gen::inRange<std::int64_t>(1'000'000, 1'000'000'000);
    const auto failures = *rc::gen::inRange(0, 5);
    double rate = 1;
    answer(pool, i, Duration(latency));
    for (int k = 0; k < failures; ++k) {
      answer(pool, i, Duration(latency), Outcome::failure);
      rate *= 0.9;
    }
    score[i] = static_cast<double>(latency) / load.weight / rate * (1 + load.in_flight) *
               (load.half_open ? 2 : 1);
  }
  RC_PRE(score[0] < score[1] * 0.999 || score[1] < score[0] * 0.999);
  const Score strategy(2, kPolicy);
  RC_ASSERT(index(pool.pick(strategy)) == (score[0] < score[1] ? 0U : 1U));
}

}  // namespace
}  // namespace evenkeel::core
