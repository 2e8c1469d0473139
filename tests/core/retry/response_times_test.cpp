// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/response_times.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

void add(ResponseTimes& times, Instant now, Duration took, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) times.add(now, took);
}

// What an answer may be when `exact` is true: not below it, and hardly above.
bool is_close(Duration answer, Duration exact) {
  return answer >= exact && answer <= exact + exact / 16 + 1024ns;
}

TEST(ResponseTimes, SayNothingUntilThereAreEnough) {
  ResponseTimes times(at(0s));
  EXPECT_EQ(times.percentile(at(0s), 95), std::nullopt);
  add(times, at(0s), 10ms, ResponseTimes::kMinimumSamples - 1);
  EXPECT_EQ(times.percentile(at(0s), 95), std::nullopt);
  add(times, at(0s), 10ms, 1);
  ASSERT_TRUE(times.percentile(at(0s), 95));
  EXPECT_PRED2(is_close, *times.percentile(at(0s), 95), 10ms);
}

TEST(ResponseTimes, APercentileIsATimeThatThisManyDidNotExceed) {
  ResponseTimes times(at(0s));
  add(times, at(0s), 10ms, 95);
  add(times, at(0s), 1s, 5);
  EXPECT_PRED2(is_close, *times.percentile(at(0s), 95), 10ms);
  EXPECT_PRED2(is_close, *times.percentile(at(0s), 96), 1s);
  EXPECT_PRED2(is_close, *times.percentile(at(0s), 0), 10ms);
  EXPECT_PRED2(is_close, *times.percentile(at(0s), 100), 1s);
  EXPECT_EQ(times.percentile(at(0s), 4'000'000'000U), times.percentile(at(0s), 100));
}

// Walking the histogram for every request would cost more than the request.
TEST(ResponseTimes, AnAnswerHoldsForARefresh) {
  ResponseTimes times(at(0s));
  add(times, at(0s), 10ms, 100);
  const auto before = times.percentile(at(1s), 50);
  add(times, at(1s), 1s, 1'000);
  EXPECT_EQ(times.percentile(at(1s + ResponseTimes::kRefresh - 1ns), 50), before);
  EXPECT_PRED2(is_close, *times.percentile(at(1s + ResponseTimes::kRefresh), 50), 1s);
}

TEST(ResponseTimes, AnotherPercentileIsAnotherAnswer) {
  ResponseTimes times(at(0s));
  add(times, at(0s), 10ms, 50);
  add(times, at(0s), 1s, 50);
  EXPECT_PRED2(is_close, *times.percentile(at(0s), 50), 10ms);
  EXPECT_PRED2(is_close, *times.percentile(at(0s), 51), 1s);
  EXPECT_PRED2(is_close, *times.percentile(at(0s), 50), 10ms);
}

TEST(ResponseTimes, WhatIsTwoHalvesOldIsForgotten) {
  const Duration half = ResponseTimes::kHalfWindow;
  ResponseTimes times(at(0s));
  add(times, at(half - 1ns), 1s, 100);
  add(times, at(half), 10ms, 100);
  EXPECT_PRED2(is_close, *times.percentile(at(2 * half - 1ns), 100), 1s);
  EXPECT_PRED2(is_close, *times.percentile(at(2 * half + ResponseTimes::kRefresh), 100), 10ms);
  EXPECT_EQ(times.percentile(at(3 * half), 100), std::nullopt);
}

TEST(ResponseTimes, ALongSilenceForgetsEverything) {
  ResponseTimes times(at(0s));
  add(times, at(0s), 1s, 1'000);
  EXPECT_EQ(times.percentile(at(365 * 24h), 50), std::nullopt);
  add(times, at(365 * 24h), 10ms, 100);
  EXPECT_PRED2(is_close, *times.percentile(at(365 * 24h), 100), 10ms);
}

TEST(ResponseTimes, AnyTimeHasABucket) {
  for (const Duration took : {Duration::min(), Duration(-1), 0ns, 1ns}) {
    ResponseTimes times(at(0s));
    add(times, at(0s), took, 100);
    EXPECT_EQ(times.percentile(at(0s), 50), 1023ns);
  }
  for (const Duration took : {ResponseTimes::kLongest, Duration(24h), Duration::max()}) {
    ResponseTimes times(at(0s));
    add(times, at(0s), took, 100);
    EXPECT_EQ(times.percentile(at(0s), 50), ResponseTimes::kLongest);
  }
}

// On both sides of every edge of a bucket that is a power of two.
TEST(ResponseTimes, TheErrorIsBoundedAtEveryScale) {
  for (unsigned bits = 0; bits < 42; ++bits) {
    for (const std::int64_t offset : {-1, 0, 1}) {
      const Duration took{std::max<std::int64_t>((std::int64_t{1} << bits) + offset, 0)};
      ResponseTimes times(at(0s));
      add(times, at(0s), took, 100);
      EXPECT_PRED2(is_close, *times.percentile(at(0s), 50), took);
    }
  }
}

// Spread over all scales.
Duration drawn(Stream draws, std::uint64_t number) {
  return Duration(static_cast<std::int64_t>(draws.at(number) >> (23 + draws.below(40, ~number))));
}

RC_GTEST_PROP(ResponseTimes, EveryPercentileIsCloseToTheSortedTruth, (std::uint64_t seed)) {
  const Stream draws(Seed{seed}, "times");
  ResponseTimes times(at(0s));
  std::vector<Duration> truth;
  const std::uint64_t count = ResponseTimes::kMinimumSamples + draws.of(1).below(100, 0);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Duration took = drawn(draws, i);
    times.add(at(Duration(static_cast<std::int64_t>(i))), took);
    truth.push_back(took);
  }
  std::sort(truth.begin(), truth.end());
  const auto percent = static_cast<std::uint32_t>(draws.of(2).below(101, 0));
  const std::size_t rank = std::max<std::size_t>((count * percent + 99) / 100, 1);
  RC_ASSERT(is_close(*times.percentile(at(1ms), percent), truth[rank - 1]));
}

// The window holds all of the last half and nothing older than two.
RC_GTEST_PROP(ResponseTimes, OnlyTheRecentCounts, (std::uint64_t seed)) {
  const Stream draws(Seed{seed}, "times");
  ResponseTimes times(at(0s));
  std::vector<Instant> added;
  Instant now = at(0s);
  for (std::uint64_t i = 0; i < 30; ++i) {
    now += draws.within(ResponseTimes::kHalfWindow / 2, i);
    for (std::uint64_t j = 0; j < 10; ++j) times.add(now, 1ms);
    added.insert(added.end(), 10, now);
    const auto younger_than = [&](Duration age) {
      return static_cast<std::uint64_t>(std::count_if(
          added.begin(), added.end(), [&](Instant instant) { return now - instant < age; }));
    };
    const bool known = times.percentile(now, 50).has_value();
    if (younger_than(ResponseTimes::kHalfWindow) >= ResponseTimes::kMinimumSamples) {
      RC_ASSERT(known);
    }
    if (younger_than(2 * ResponseTimes::kHalfWindow) < ResponseTimes::kMinimumSamples) {
      RC_ASSERT(!known);
    }
  }
}

TEST(HedgeDelay, IsThePercentileButNeverBelowItsMinimum) {
  HedgePolicy policy;
  policy.enabled = true;
  ResponseTimes times(at(0s));
  EXPECT_EQ(hedge_delay(policy, times, at(0s)), std::nullopt) << "nothing is known yet";
  add(times, at(0s), 20ms, 100);
  EXPECT_PRED2(is_close, *hedge_delay(policy, times, at(0s)), 20ms);
  policy.min_delay = 1s;
  EXPECT_EQ(hedge_delay(policy, times, at(0s)), 1s);
}

TEST(HedgeDelay, AFixedOneNeedsNoHistory) {
  HedgePolicy policy;
  policy.delay = 30ms;
  ResponseTimes times(at(0s));
  EXPECT_EQ(hedge_delay(policy, times, at(0s)), std::nullopt) << "hedging is off";
  policy.enabled = true;
  EXPECT_EQ(hedge_delay(policy, times, at(0s)), 30ms);
}

}  // namespace
}  // namespace evenkeel::core
