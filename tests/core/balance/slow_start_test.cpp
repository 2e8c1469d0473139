// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/slow_start.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

SlowStart slow_start(Duration window, std::uint32_t aggression = 1000, std::uint32_t floor = 10) {
  return SlowStart(SlowStartPolicy{window, Decimal{aggression}, floor});
}

TEST(SlowStart, WeightGrowsWithTime) {
  const SlowStart start = slow_start(60s);
  EXPECT_EQ(SlowStart::part_of(1000, start.part(30s)), 500U);
  EXPECT_EQ(SlowStart::part_of(1000, start.part(45s)), 750U);
}

TEST(SlowStart, WeightNeverFallsBelowItsFloor) {
  const SlowStart start = slow_start(60s);
  EXPECT_EQ(SlowStart::part_of(1000, start.part(0s)), 100U);
  EXPECT_EQ(SlowStart::part_of(1000, start.part(-1s)), 100U);
  EXPECT_EQ(SlowStart::part_of(1000, start.part(6s)), SlowStart::part_of(1000, start.part(0s)));
  EXPECT_GT(SlowStart::part_of(1000, start.part(7s)), 100U);
}

TEST(SlowStart, TheWindowEndsWithTheWholeWeight) {
  const SlowStart start = slow_start(60s);
  EXPECT_EQ(start.part(60s), Fraction::one());
  EXPECT_EQ(start.part(24h * 365), Fraction::one());
  EXPECT_FALSE(start.over(60s - 1ns));
  EXPECT_TRUE(start.over(60s));
}

TEST(SlowStart, AggressionBeginsFast) {
  // (1/4)^(1/2) = 1/2.
  EXPECT_NEAR(SlowStart::part_of(1'000'000, slow_start(60s, 2000).part(15s)), 500'000, 1);
  // (1/4)^(1/0.5) = 1/16.
  EXPECT_NEAR(SlowStart::part_of(1'000'000, slow_start(60s, 500, 0).part(15s)), 62'500, 1);
}

TEST(SlowStart, SomethingIsAlwaysLeft) {
  EXPECT_EQ(SlowStart::part_of(1000, slow_start(60s, 1000, 0).part(0s)), 1U);
  EXPECT_EQ(SlowStart::part_of(1, slow_start(60s).part(30s)), 1U);
}

TEST(SlowStart, WithoutAWindowItIsOff) {
  EXPECT_FALSE(slow_start(0s).enabled());
  EXPECT_EQ(slow_start(0s).part(0s), Fraction::one());
  EXPECT_TRUE(slow_start(1ns).enabled());
}

RC_GTEST_PROP(SlowStart, NeverShrinksWithAge, ()) {
  const Duration window{*rc::gen::inRange<std::int64_t>(1, 1'000'000'000'000)};
  const SlowStart start = slow_start(window, *rc::gen::inRange<std::uint32_t>(1, 20'000),
                                     *rc::gen::inRange<std::uint32_t>(0, 101));
  const Duration age{*rc::gen::inRange<std::int64_t>(0, window.count())};
  const Duration later{*rc::gen::inRange<std::int64_t>(age.count(), window.count() + 1)};
  RC_ASSERT(SlowStart::part_of(1'000'000, start.part(age)) <=
            SlowStart::part_of(1'000'000, start.part(later)) + 1);
}

}  // namespace
}  // namespace evenkeel::core
