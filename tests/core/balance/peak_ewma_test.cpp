// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/peak_ewma.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "core/balance/answering_pool.h"
#include "core/balance/test_pool.h"
#include "core/chi_square.h"
#include "evenkeel/core/balance/choices.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kAll = 64;
constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
const EwmaPolicy kPolicy{};

void answer(TestPool& pool, std::size_t backend, Duration latency) {
  Feedback feedback;
  feedback.outcome = Outcome::success;
  feedback.latency = latency;
  pool.stats(backend).on_feedback(pool.now(), feedback, kPolicy);
}

// A pool whose backends answered once, after these times.
TestPool answered(const std::vector<Load>& loads, const std::vector<Duration>& latencies) {
  TestPool pool(loads);
  for (std::size_t i = 0; i < latencies.size(); ++i) answer(pool, i, latencies[i]);
  return pool;
}

TEST(PeakEwma, ComparesCostTimesRequestsByWeight) {
  const PeakEwma strategy(kAll, kPolicy);
  EXPECT_EQ(answered({{1, 0}, {1, 0}}, {20ms, 10ms}).picks(strategy, 2), "bb");
  // 10 ms * 4 against 20 ms * 1, and against 50 ms * 1.
  EXPECT_EQ(answered({{1, 3}, {1, 0}}, {10ms, 20ms}).picks(strategy, 2), "bb");
  EXPECT_EQ(answered({{1, 3}, {1, 0}}, {10ms, 50ms}).picks(strategy, 2), "aa");
  // 10 ms / 1 against 30 ms / 4 and 30 ms / 2.
  EXPECT_EQ(answered({{1, 0}, {4, 0}}, {10ms, 30ms}).picks(strategy, 2), "bb");
  EXPECT_EQ(answered({{1, 0}, {2, 0}}, {10ms, 30ms}).picks(strategy, 2), "aa");
}

TEST(PeakEwma, WithoutHistoryCountsAsTheDefault) {
  const PeakEwma strategy(kAll, kPolicy);
  EXPECT_EQ(answered({{1, 0}, {1, 0}}, {29ms}).picks(strategy, 2), "aa");
  EXPECT_EQ(answered({{1, 0}, {1, 0}}, {31ms}).picks(strategy, 2), "bb");
}

TEST(PeakEwma, SendsOneProbeAtATimeToWhoNeverAnswered) {
  const PeakEwma strategy(kAll, kPolicy);
  // However slow and busy the other one.
  EXPECT_EQ(answered({{1, kMost}, {kMost, 1}}, {1h}).picks(strategy, 2), "aa");
  // Of two that are probed, the one with less for its weight.
  EXPECT_EQ(TestPool({{1, 2}, {1, 1}}).picks(strategy, 2), "bb");
  EXPECT_EQ(TestPool({{1, 1}, {3, 2}}).picks(strategy, 2), "bb");
}

TEST(PeakEwma, ComparesTheLargestNumbersWithoutOverflow) {
  const PeakEwma strategy(kAll, kPolicy);
  EXPECT_EQ(answered({{kMost, kMost}, {kMost, kMost - 1}}, {1h, 1h}).picks(strategy, 1), "b");
  EXPECT_EQ(answered({{1, kMost}, {kMost, kMost}}, {1h, 1h}).picks(strategy, 1), "b");
  EXPECT_EQ(answered({{kMost, 0}, {1, kMost}}, {1ns, 1h}).picks(strategy, 1), "a");
}

TEST(PeakEwma, AYearLaterStillCountsRequests) {
  const PeakEwma strategy(kAll, kPolicy);
  TestPool pool = answered({{1, 3}, {1, 2}}, {10ms, 90ms});
  pool.advance(24h * 365);
  EXPECT_EQ(pool.picks(strategy, 2), "bb");
}

TEST(PeakEwma, ComparesTwoDistinctDraws) {
  const PeakEwma strategy(2, kPolicy);
  TestPool pool = answered({{1, 0}, {1, 0}, {1, 0}}, {10ms, 90ms, 10ms});
  EXPECT_EQ(pool.count_picks(strategy, 5'000)[1], 0U);
  TestPool ranked = answered(std::vector<Load>(5), {50ms, 10ms, 40ms, 20ms, 30ms});
  const auto counts = ranked.count_picks(strategy, 50'000);
  EXPECT_LT(chi_square_excess({counts[1], counts[3], counts[4], counts[2]}, {4, 3, 2, 1}), 4);
}

TEST(PeakEwma, OfEqualsTheOneDrawnFirstWins) {
  const PeakEwma strategy(2, kPolicy);
  const Stream stream(Seed{12}, "picks");
  const TestPool pool(std::vector<Load>(10));
  for (std::uint64_t decision = 0; decision < 20; ++decision) {
    Draws draws(stream, decision);
    Draws same(stream, decision);
    EXPECT_EQ(index(strategy.pick(pool.candidates(), draws)), same.below(10));
  }
}

// Of two drawn both may be slow, and slow ones get too much for ever.
TEST(PeakEwma, ScansAllWithSixtyFourChoicesAndDrawsAmongEquals) {
  const PeakEwma strategy(Choices::kMax, kPolicy);
  TestPool pool{std::vector<Load>(Choices::kMax)};
  for (std::size_t i = 0; i < pool.size(); ++i) answer(pool, i, i % 16 == 3 ? 10ms : 20ms);
  const auto counts = pool.count_picks(strategy, 20'000);
  EXPECT_LT(chi_square_excess({counts[3], counts[19], counts[35], counts[51]}), 4);
  EXPECT_EQ(counts[3] + counts[19] + counts[35] + counts[51], 20'000U);
}

TEST(PeakEwma, DrawsByWeight) {
  const PeakEwma strategy(2, kPolicy);
  // Costs are equal for their weights, so the first draw wins.
  TestPool pool = answered({{1, 0}, {2, 0}, {3, 0}, {6, 0}}, {10ms, 20ms, 30ms, 60ms});
  EXPECT_LT(chi_square_excess(pool.count_picks(strategy, 60'000), {1, 2, 3, 6}), 4);
}

// Costs balance where requests in flight are as 40 to 10, so that 16 times as many are served.
TEST(PeakEwma, GivesTheFasterBackendMore) {
  AnsweringPool world({{10ms}, {40ms}}, kPolicy);
  PeakEwma strategy(2, kPolicy);
  world.serve(strategy, 10'000, 100us);
  const auto counts = world.serve(strategy, 100'000, 100us);
  EXPECT_NEAR(static_cast<double>(counts[0]) / static_cast<double>(counts[1]), 16, 1);
}

TEST(PeakEwma, FastFailingHostAttractsNoTraffic) {
  const std::vector<Answers> answers{{20ms}, {20ms}, {1ms, Outcome::failure}, {20ms}};
  for (const std::uint32_t choices : {2U, kAll}) {
    AnsweringPool world(answers, kPolicy);
    PeakEwma strategy(choices, kPolicy);
    // A fair share were 15 000 of them. One is tried whenever the last failure has faded.
    EXPECT_LT(world.serve(strategy, 60'000, 1ms)[2], 20U) << choices;
  }
  // The control: without the penalty it gets all that two draws can give, and all of a full scan.
  EwmaPolicy naive;
  naive.failure_penalty = 0s;
  AnsweringPool sampled(answers, naive);
  PeakEwma two(2, naive);
  EXPECT_GT(sampled.serve(two, 60'000, 1ms)[2], 29'000U);
  AnsweringPool scanned(answers, naive);
  PeakEwma all(kAll, naive);
  EXPECT_GT(scanned.serve(all, 60'000, 1ms)[2], 55'000U);
}

TEST(PeakEwma, ABackendThatFailedIsTriedAgainAndComesBack) {
  AnsweringPool world({{20ms}, {1ms, Outcome::failure}, {20ms}}, kPolicy);
  PeakEwma strategy(2, kPolicy);
  world.serve(strategy, 1'000, 1ms);
  world.answers(1) = {20ms};
  // From 5 s to 20 ms it takes 5.5 decay times; answers of 20 ms bring it the rest of the way.
  world.serve(strategy, 150'000, 1ms);
  EXPECT_GT(world.serve(strategy, 30'000, 1ms)[1], 7'000U);
}

// Nobody starves: with any history, whoever is idle long enough is picked.
RC_GTEST_PROP(PeakEwma, ReachesEveryCandidate, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(2, 6);
  TestPool pool{std::vector<Load>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    answer(pool, i, Duration(*rc::gen::inRange<std::int64_t>(1, 10'000'000'000)));
  }
  const auto poor = *rc::gen::inRange<std::size_t>(0, count);
  const PeakEwma strategy(2, kPolicy);
  bool picked = false;
  for (int i = 0; i < 200 && !picked; ++i) {
    pool.advance(5s);
    const auto backend = index(pool.pick(strategy));
    picked = backend == poor;
    if (!picked) answer(pool, backend, 1ms);
  }
  RC_ASSERT(picked);
}

}  // namespace
}  // namespace evenkeel::core
