// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/response_stats.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

const EwmaPolicy kPolicy{};  // decay 10 s, default 30 ms, penalty 5 s

constexpr Instant at(Duration since_start) { return Instant(since_start); }

Feedback success(Duration latency) {
  return Feedback{Outcome::success, FailureKind::none, latency};
}
Feedback failure(Duration latency, Duration retry_after = 0s) {
  return Feedback{Outcome::failure, FailureKind::server_error, latency, retry_after};
}
Feedback shed(Duration retry_after) {
  return Feedback{Outcome::neutral, FailureKind::none, 1ms, retry_after};
}

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

TEST(ResponseStats, CountAsThePolicysDefaultBeforeTheFirstResponse) {
  const ResponseStats stats;
  EXPECT_FALSE(stats.has_history());
  for (const Duration now : {0s, 1s, 1'000'000s}) {
    EXPECT_EQ(stats.cost(at(now), kPolicy), 30ms);
    EXPECT_EQ(stats.latency(at(now), kPolicy), 30ms);
  }
  EXPECT_EQ(stats.success(), Fraction::one());
}

TEST(ResponseStats, TheFirstResponseIsTheAverage) {
  ResponseStats stats;
  stats.on_feedback(at(5s), success(3ms), kPolicy);
  EXPECT_TRUE(stats.has_history());
  EXPECT_EQ(stats.cost(at(5s), kPolicy), 3ms);
  EXPECT_EQ(stats.latency(at(5s), kPolicy), 3ms);
}

TEST(ResponseStats, PeakJumpsUpToASlowerAnswer) {
  ResponseStats stats;
  stats.on_feedback(at(1s), success(10ms), kPolicy);
  stats.on_feedback(at(2s), success(700ms), kPolicy);
  EXPECT_EQ(stats.cost(at(2s), kPolicy), 700ms);
}

TEST(ResponseStats, PeakMixesAFasterAnswerInByTheTimeSinceTheLast) {
  ResponseStats stats;
  stats.on_feedback(at(0s), success(100ms), kPolicy);
  stats.on_feedback(at(10s), success(20ms), kPolicy);
  EXPECT_NEAR(milliseconds(stats.cost(at(10s), kPolicy)), 20 + 80 * std::exp(-1.0), 1e-5);
  stats.on_feedback(at(13s), success(20ms), kPolicy);
  EXPECT_NEAR(milliseconds(stats.cost(at(13s), kPolicy)), 20 + 80 * std::exp(-1.3), 1e-5);
}

TEST(ResponseStats, PeakHalvesInDecayTimesLogarithmOfTwo) {
  ResponseStats stats;
  stats.on_feedback(at(0s), success(100ms), kPolicy);
  const Duration half_life(static_cast<Duration::rep>(10e9 * std::log(2.0)));
  EXPECT_NEAR(milliseconds(stats.cost(at(half_life), kPolicy)), 50, 1e-5);
  EXPECT_NEAR(milliseconds(stats.latency(at(half_life), kPolicy)), 50, 1e-5);
}

// Ten thousand steps of 1 ms must fade as far as one of 10 s: rounding may not hold an average up.
TEST(ResponseStats, ManySmallStepsFadeAsOneLargeOneDoes) {
  ResponseStats stats;
  stats.on_feedback(at(0s), success(100ms), kPolicy);
  for (int i = 1; i <= 10'000; ++i) stats.on_feedback(at(i * 1ms), success(0ms), kPolicy);
  EXPECT_NEAR(milliseconds(stats.cost(at(10s), kPolicy)), 100 * std::exp(-1.0), 1e-4);
}

TEST(ResponseStats, NeverFadeToNothing) {
  ResponseStats stats;
  stats.on_feedback(at(0s), success(100ms), kPolicy);
  EXPECT_EQ(stats.cost(at(24h * 365), kPolicy), 1ns);
  EXPECT_EQ(stats.latency(at(24h * 365), kPolicy), 1ns);
  EXPECT_EQ(stats.cost(kNever, kPolicy), 1ns);
}

TEST(ResponseStats, APlainAverageTakesAFifthOfEveryAnswer) {
  ResponseStats stats;
  stats.on_feedback(at(1s), success(100ms), kPolicy);
  stats.on_feedback(at(1s), success(200ms), kPolicy);
  EXPECT_NEAR(milliseconds(stats.latency(at(1s), kPolicy)), 120, 1e-5);
  stats.on_feedback(at(1s), success(20ms), kPolicy);
  EXPECT_NEAR(milliseconds(stats.latency(at(1s), kPolicy)), 100, 1e-5);
}

TEST(ResponseStats, APlainAverageForgetsInAPause) {
  ResponseStats stats;
  stats.on_feedback(at(0s), success(100ms), kPolicy);
  stats.on_feedback(at(10s), success(20ms), kPolicy);
  EXPECT_NEAR(milliseconds(stats.latency(at(10s), kPolicy)), 20 + 80 * 0.8 * std::exp(-1.0), 1e-5);
}

TEST(ResponseStats, SuccessTakesATenthOfEveryAttemptAndStaysAboveATenth) {
  ResponseStats stats;
  const auto percent = [&stats] { return stats.success().part_of(1'000'000U) / 10'000.0; };
  stats.on_feedback(at(1s), failure(1ms), kPolicy);
  EXPECT_NEAR(percent(), 90, 1e-3);
  stats.on_feedback(at(1s), success(1ms), kPolicy);
  EXPECT_NEAR(percent(), 91, 1e-3);
  for (int i = 0; i < 100; ++i) stats.on_feedback(at(1s), failure(1ms), kPolicy);
  EXPECT_NEAR(percent(), 10, 1e-3);
  for (int i = 0; i < 1000; ++i) stats.on_feedback(at(1s), success(1ms), kPolicy);
  EXPECT_NEAR(percent(), 100, 1e-3);
}

TEST(ResponseStats, AFastFailureCountsAsThePenalty) {
  ResponseStats stats;
  stats.on_feedback(at(1s), failure(1ms), kPolicy);
  EXPECT_EQ(stats.cost(at(1s), kPolicy), 5s);
  EXPECT_EQ(stats.latency(at(1s), kPolicy), 5s);
}

TEST(ResponseStats, AFailureCountsAsTheLongestOfPenaltyRetryAfterAndItsOwnTime) {
  const auto cost_of = [](const Feedback& feedback) {
    ResponseStats stats;
    stats.on_feedback(at(1s), feedback, kPolicy);
    return stats.cost(at(1s), kPolicy);
  };
  EXPECT_EQ(cost_of(failure(Duration(-1))), 5s);
  EXPECT_EQ(cost_of(failure(1ms, 2s)), 5s);
  EXPECT_EQ(cost_of(failure(1ms, 30s)), 30s);
  EXPECT_EQ(cost_of(failure(15s, 7s)), 15s);
}

TEST(ResponseStats, SheddingCountsInTimeAndSaysNothingOfSuccess) {
  ResponseStats stats;
  stats.on_feedback(at(1s), shed(20s), kPolicy);
  EXPECT_EQ(stats.cost(at(1s), kPolicy), 20s);
  EXPECT_EQ(stats.success(), Fraction::one());
  ResponseStats brief;
  brief.on_feedback(at(1s), shed(1s), kPolicy);
  EXPECT_EQ(brief.cost(at(1s), kPolicy), 5s);
}

TEST(ResponseStats, ANeutralOutcomeChangesNothing) {
  ResponseStats stats;
  stats.on_feedback(at(2s), Feedback{Outcome::neutral, FailureKind::none, 3s}, kPolicy);
  EXPECT_EQ(stats, ResponseStats());
  stats.on_feedback(at(2s), success(3ms), kPolicy);
  const ResponseStats before = stats;
  stats.on_feedback(at(9s), Feedback{Outcome::neutral, FailureKind::none, 3s}, kPolicy);
  EXPECT_EQ(stats, before);
}

TEST(ResponseStats, ASuccessWithoutATimeIsASuccessOnly) {
  ResponseStats stats;
  stats.on_feedback(at(1s), failure(1ms), kPolicy);
  const Fraction before = stats.success();
  stats.on_feedback(at(1s), success(Duration(-1)), kPolicy);
  EXPECT_GT(stats.success(), before);
  EXPECT_EQ(stats.cost(at(1s), kPolicy), 5s);
}

TEST(ResponseStats, BoundTimesOfAnySize) {
  EwmaPolicy policy;
  policy.default_rtt = Duration::max();
  ResponseStats stats;
  EXPECT_EQ(stats.cost(at(0s), policy), ResponseStats::kLongest);
  stats.on_feedback(at(0s), success(Duration::max()), policy);
  EXPECT_EQ(stats.cost(at(0s), policy), ResponseStats::kLongest);
  policy.default_rtt = 0s;
  EXPECT_EQ(ResponseStats().cost(at(0s), policy), 1ns);
  policy.decay = 0s;
  EXPECT_EQ(stats.cost(at(1ns), policy), 1ns);
}

// Two messages may carry the same time, or come in the wrong order.
TEST(ResponseStats, ATimeThatStandsStillOrGoesBackMixesNothingIn) {
  ResponseStats stats;
  stats.on_feedback(at(10s), success(100ms), kPolicy);
  stats.on_feedback(at(10s), success(20ms), kPolicy);
  EXPECT_EQ(stats.cost(at(10s), kPolicy), 100ms);
  stats.on_feedback(at(3s), success(20ms), kPolicy);
  EXPECT_EQ(stats.cost(at(10s), kPolicy), 100ms);
  EXPECT_EQ(stats.cost(at(1s), kPolicy), 100ms);
}

Feedback any_feedback() {
  const auto outcome = *rc::gen::element(Outcome::success, Outcome::failure, Outcome::neutral);
  return Feedback{outcome, FailureKind::none,
                  Duration(*rc::gen::inRange<std::int64_t>(-1, 20'000'000'000)),
                  *rc::gen::inRange(0, 31) * Duration(1s)};
}

// Finagle's own reading counts as an observation of zero.
RC_GTEST_PROP(ResponseStats, ReadingDoesNotChangeWhatIsReadLater, ()) {
  ResponseStats read_often;
  ResponseStats read_once;
  Instant now{};
  for (int i = 0; i < 8; ++i) {
    now += Duration(*rc::gen::inRange<std::int64_t>(0, 5'000'000'000));
    const ResponseStats before = read_often;
    static_cast<void>(read_often.cost(now, kPolicy));
    static_cast<void>(read_often.latency(now, kPolicy));
    static_cast<void>(read_often.success());
    RC_ASSERT(read_often == before);
    const Feedback feedback = any_feedback();
    now += Duration(*rc::gen::inRange<std::int64_t>(0, 5'000'000'000));
    read_often.on_feedback(now, feedback, kPolicy);
    read_once.on_feedback(now, feedback, kPolicy);
  }
  RC_ASSERT(read_often == read_once);
}

RC_GTEST_PROP(ResponseStats, CostFadesAndIsNeverBelowTheAnswerJustSeen, ()) {
  ResponseStats stats;
  Instant now{};
  for (int i = 0; i < 6; ++i) {
    const Duration before = stats.has_history() ? stats.cost(now, kPolicy) : 0ns;
    now += Duration(*rc::gen::inRange<std::int64_t>(0, 30'000'000'000));
    RC_ASSERT(!stats.has_history() || stats.cost(now, kPolicy) <= before);
    const Duration latency(*rc::gen::inRange<std::int64_t>(1, 20'000'000'000));
    stats.on_feedback(now, success(latency), kPolicy);
    RC_ASSERT(stats.cost(now, kPolicy) >= latency);
  }
}

}  // namespace
}  // namespace evenkeel::core
