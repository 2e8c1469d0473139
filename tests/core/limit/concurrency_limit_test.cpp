// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/concurrency_limit.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

AdaptiveConcurrencyPolicy between(std::uint32_t least, std::uint32_t most) {
  AdaptiveConcurrencyPolicy policy;
  policy.enabled = true;
  policy.min_limit = least;
  policy.max_limit = most;
  return policy;
}

// A pool that always has as much in flight as it may (or a share of it), sampled at an even rate.
class Pool {
 public:
  explicit Pool(const AdaptiveConcurrencyPolicy& policy, int samples_per_window = 10)
      : limit_(policy, now_), samples_(samples_per_window) {}

  void windows(int count, Duration latency, std::uint32_t percent_in_flight = 100) {
    for (int i = 0; i < count * samples_; ++i) {
      now_ += ConcurrencyLimit::kWindow / samples_;
      limit_.on_sample(now_, latency, limit_.limit() * percent_in_flight / 100);
    }
  }
  // Until it stands at its maximum with this latency as the normal one.
  void warm_up(Duration latency) { windows(1500, latency); }
  [[nodiscard]] std::uint32_t limit() const { return limit_.limit(); }
  [[nodiscard]] Instant now() const { return now_; }
  ConcurrencyLimit& operator*() { return limit_; }

 private:
  Instant now_ = at(0s);
  ConcurrencyLimit limit_;
  int samples_;
};

TEST(ConcurrencyLimit, SwitchedOffItAdmitsEverything) {
  AdaptiveConcurrencyPolicy policy = between(1, 1);
  policy.enabled = false;
  ConcurrencyLimit limit(policy, at(0s));
  EXPECT_TRUE(limit.admits(std::numeric_limits<std::uint32_t>::max()));
  for (int i = 0; i < 100; ++i) limit.on_sample(at(i * 1s), 10s, 1000);
  EXPECT_EQ(limit.long_latency(), 0s);
}

TEST(ConcurrencyLimit, AdmitsBelowTheLimitAndNotAtIt) {
  const ConcurrencyLimit limit(between(20, 200), at(0s));
  EXPECT_EQ(limit.limit(), 20U);
  EXPECT_TRUE(limit.admits(19));
  EXPECT_FALSE(limit.admits(20));
  EXPECT_FALSE(limit.admits(21));
}

TEST(ConcurrencyLimit, GrowsToTheMaximumWhileAnswersTakeTheSame) {
  Pool pool(between(20, 200));
  pool.windows(100, 10ms);
  EXPECT_EQ(pool.limit(), 20U + 80U) << "a window adds 4 * smoothing";
  pool.windows(130, 10ms);
  EXPECT_EQ(pool.limit(), 200U);
}

TEST(ConcurrencyLimit, HalvesWithinASecondWhenAnswersTakeTenTimesAsLong) {
  Pool pool(between(20, 200));
  pool.warm_up(10ms);
  ASSERT_EQ(pool.limit(), 200U);
  pool.windows(10, 100ms);
  EXPECT_LT(pool.limit(), 100U);
  EXPECT_GT(pool.limit(), 60U) << "one bad second does not close the pool";
  pool.windows(50, 100ms);
  EXPECT_EQ(pool.limit(), 20U);
}

TEST(ConcurrencyLimit, RecoversWhenAnswersAreQuickAgain) {
  Pool pool(between(20, 200));
  pool.warm_up(10ms);
  pool.windows(60, 100ms);
  ASSERT_EQ(pool.limit(), 20U);
  pool.windows(225, 10ms);
  EXPECT_EQ(pool.limit(), 200U);
}

// Without giving way, a long average raised by an overload would call twice the latency normal.
TEST(ConcurrencyLimit, TheLongAverageGivesWayAfterAnOverload) {
  Pool pool(between(20, 200));
  pool.warm_up(10ms);
  pool.windows(100, 1s);
  ASSERT_GT((*pool).long_latency(), 200ms);
  pool.windows(30, 10ms);
  EXPECT_LE((*pool).long_latency(), 20ms);
}

TEST(ConcurrencyLimit, AnIdlePoolShowsNothing) {
  Pool pool(between(20, 200));
  pool.windows(500, 10ms, 49);
  EXPECT_EQ(pool.limit(), 20U);
  pool.windows(1, 10ms, 50);
  pool.windows(1, 10ms, 50);
  EXPECT_EQ(pool.limit(), 21U);
}

// One slow answer among many must not halve anything: the limit follows averages.
TEST(ConcurrencyLimit, ASingleSlowAnswerIsNoOverload) {
  Pool pool(between(20, 200), 100);
  pool.warm_up(10ms);
  (*pool).on_sample(pool.now(), 200ms, 200);
  pool.windows(1, 10ms);
  EXPECT_GE(pool.limit(), 190U);
}

// Counted in samples, a pool with a hundred times the traffic would call its overload normal a
// hundred times sooner.
TEST(ConcurrencyLimit, TheRateOfRequestsDoesNotSetThePace) {
  Pool slow(between(20, 200), 10);
  Pool fast(between(20, 200), 1000);
  for (Pool* pool : {&slow, &fast}) {
    pool->windows(300, 10ms);
    pool->windows(7, 50ms);
  }
  EXPECT_EQ(slow.limit(), fast.limit());
  EXPECT_EQ((*slow).long_latency(), (*fast).long_latency());
}

TEST(ConcurrencyLimit, APeakInAWindowShowsThatThePoolWasBusy) {
  ConcurrencyLimit limit(between(20, 200), at(0s));
  for (int window = 1; window <= 10; ++window) {
    limit.on_sample(at(window * 100ms), 10ms, 20);
    for (int i = 1; i < 10; ++i) limit.on_sample(at(window * 100ms), 10ms, 1);
  }
  EXPECT_EQ(limit.limit(), 28U);
}

TEST(ConcurrencyLimit, AnswersThatTakeNoTimeAreNoSlowdown) {
  Pool pool(between(20, 200));
  pool.windows(230, 0ns);
  EXPECT_EQ(pool.limit(), 200U);
}

TEST(ConcurrencyLimit, WhatWasNotMeasuredIsNoSample) {
  Pool pool(between(20, 200));
  pool.warm_up(10ms);
  const ConcurrencyLimit before = *pool;
  (*pool).on_sample(pool.now(), Duration(-1), 500);
  EXPECT_EQ(*pool, before);
}

// Time that stands still must not sum without end.
TEST(ConcurrencyLimit, AWindowEndsAfterEnoughSamplesWhateverTheTime) {
  ConcurrencyLimit limit(between(20, 200), at(0s));
  for (int i = 1; i < 1 << 17; ++i) limit.on_sample(at(0s), Duration::max(), 20);
  EXPECT_EQ(limit.long_latency(), 0s);
  limit.on_sample(at(0s), Duration::max(), 20);
  EXPECT_EQ(limit.long_latency(), Duration(std::int64_t{1} << 40)) << "longer counts no further";
}

TEST(ConcurrencyLimit, SmoothingAboveOneIsOne) {
  AdaptiveConcurrencyPolicy policy = between(20, 200);
  policy.smoothing = Decimal{5000};
  Pool pool(policy);
  pool.windows(10, 10ms);
  EXPECT_EQ(pool.limit(), 60U);
}

TEST(ConcurrencyLimit, NonsensicalBoundsAreBounds) {
  Pool crossed(between(50, 10));
  crossed.windows(100, 1ms);
  EXPECT_EQ(crossed.limit(), 50U);
  Pool none(between(0, 0));
  none.windows(100, 1ms);
  EXPECT_EQ(none.limit(), 1U) << "a pool that may do nothing would learn nothing";
}

TEST(ConcurrencyLimit, ANewPolicyKeepsWhatWasLearntWithinItsBounds) {
  Pool pool(between(20, 200));
  pool.warm_up(10ms);
  const ConcurrencyLimit before = *pool;
  (*pool).apply(between(20, 200), pool.now());
  EXPECT_EQ(*pool, before);
  (*pool).apply(between(20, 150), pool.now());
  EXPECT_EQ(pool.limit(), 150U);
  EXPECT_EQ((*pool).long_latency(), before.long_latency());
}

TEST(ConcurrencyLimit, SwitchedOnAgainItBeginsAnew) {
  Pool pool(between(20, 200));
  pool.warm_up(10ms);
  AdaptiveConcurrencyPolicy off = between(20, 200);
  off.enabled = false;
  (*pool).apply(off, pool.now());
  EXPECT_TRUE((*pool).admits(100'000));
  (*pool).apply(between(20, 200), pool.now());
  EXPECT_EQ(*pool, ConcurrencyLimit(between(20, 200), pool.now()));
}

RC_GTEST_PROP(ConcurrencyLimitBound, StaysBetweenMinimumAndMaximumWhateverComes, ()) {
  const auto least = *rc::gen::inRange(1U, 1000U);
  const auto most = *rc::gen::oneOf(rc::gen::inRange(least, 2000U),
                                    rc::gen::just(std::numeric_limits<std::uint32_t>::max()));
  AdaptiveConcurrencyPolicy policy = between(least, most);
  policy.smoothing = Decimal{*rc::gen::inRange(0U, 2000U)};
  ConcurrencyLimit limit(policy, at(0s));
  Instant now = at(0s);
  for (int window = 0; window < 8; ++window) {
    const Duration latency = *rc::gen::element<Duration>(-1s, 0ns, 1ns, 3ms, 5s, Duration::max());
    const auto in_flight = *rc::gen::element(0U, 10U, 5000U, 0xffffffffU);
    now = later(now, *rc::gen::element<Duration>(0s, 100ms, 24h * 365, Duration::max()));
    for (int i = 0; i < 11; ++i) {
      limit.on_sample(now, latency, in_flight);
      RC_ASSERT(limit.limit() >= least);
      RC_ASSERT(limit.limit() <= most);
    }
  }
}

// The formulas once more, in floating point.
struct Gradient2 {
  double limit = 20;
  double long_latency = 0;
  int windows = 0;

  void window(double latency, bool busy) {
    if (windows < 10) {
      ++windows;
      long_latency += (latency - long_latency) / windows;
    } else {
      long_latency += (latency - long_latency) * 2 / 601;
    }
    if (busy) {
      const double gradient = std::clamp(long_latency / latency, 0.5, 1.0);
      limit = std::clamp(0.8 * limit + 0.2 * (limit * gradient + 4), 20.0, 200.0);
    }
    if (long_latency / latency > 2) long_latency *= 0.9;
  }
};

RC_GTEST_PROP(ConcurrencyLimitModel, FollowsGradient2, ()) {
  Pool pool(between(20, 200));
  Gradient2 model;
  for (int i = 0; i < 30; ++i) {
    const Duration latency = *rc::gen::inRange(1, 400) * 100us;
    const bool busy = *rc::gen::inRange(0, 4) != 0;
    pool.windows(1, latency, busy ? 100 : 40);
    model.window(static_cast<double>(latency.count()), busy);
    RC_ASSERT(std::abs(pool.limit() + 0.5 - model.limit) < 0.51);
    RC_ASSERT(std::abs(static_cast<double>((*pool).long_latency().count()) - model.long_latency) <
              2);
  }
}

}  // namespace
}  // namespace evenkeel::core
