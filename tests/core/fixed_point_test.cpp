// SPDX-License-Identifier: Apache-2.0
//
// The C library's functions, in the widest floating point there is, are what the integers are
// compared with; the fixed values at the end pin them bit by bit, whichever compiler built them.
#include "evenkeel/core/fixed_point.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

long double value_of(Fraction fraction) {
  return std::ldexp(static_cast<long double>(fraction.raw()), -int{Fraction::kBits});
}
long double log_value(std::uint64_t x) {
  return std::ldexp(static_cast<long double>(x), -int{kLogFractionBits});
}
long double unit(int exponent) { return std::ldexp(1.0L, exponent); }

// gtest's own comparison is of doubles, which have too few bits.
bool is_close(long double value, long double exact, long double error) {
  return std::abs(value - exact) <= error;
}
bool exp_is_close(std::uint64_t x) {
  const long double exact = std::exp(-log_value(x));
  return is_close(value_of(exp_minus(x)), exact, exact * unit(-55) + unit(-62));
}
// A number of any size: uniform in its bits, then shifted.
std::uint64_t any_size(std::uint64_t bits, std::uint64_t shift) { return bits >> (shift % 64); }

TEST(FixedPoint, ExponentialIsCloseEverywhere) {
  const Stream stream(Seed{1}, "x");
  for (std::uint64_t i = 0; i < 300'000; ++i) {
    ASSERT_TRUE(exp_is_close(any_size(stream.at(2 * i), stream.at(2 * i + 1)))) << i;
  }
}

// Where one table row, or one power of two, gives way to the next.
TEST(FixedPoint, ExponentialIsCloseAndFallsAroundEverySeam) {
  const auto check = [](std::uint64_t seam) {
    for (std::uint64_t x = seam < 20 ? 0 : seam - 20; x < seam + 20; ++x) {
      ASSERT_TRUE(exp_is_close(x)) << x;
      ASSERT_GE(exp_minus(x), exp_minus(x + 1)) << x;
    }
  };
  constexpr std::uint64_t kOne = std::uint64_t{1} << kLogFractionBits;
  const long double log_2 = std::log(2.0L);
  for (int k = 0; k < 64; ++k) {
    const auto start = static_cast<std::uint64_t>(std::ldexp(log_2 * k, kLogFractionBits));
    check(start);
    for (std::uint64_t row = 0; row < 45; ++row) check(start + (row << (kLogFractionBits - 6)));
    for (std::uint64_t row = 0; row < 64; ++row) check(start + (row << (kLogFractionBits - 12)));
    for (std::uint64_t row = 0; row < 64; ++row) check(start + (row << (kLogFractionBits - 18)));
  }
  for (std::uint64_t whole = 0; whole < 64; ++whole) check(whole * kOne);
}

RC_GTEST_PROP(FixedPoint, ExponentialNeverRises, ()) {
  const auto shift = *rc::gen::inRange<std::uint64_t>(0, 64);
  const auto start = any_size(*rc::gen::arbitrary<std::uint64_t>(), shift);
  const auto step =
      any_size(*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::inRange<std::uint64_t>(0, 64));
  const auto end = step > kMost - start ? kMost : start + step;
  RC_ASSERT(exp_minus(start) >= exp_minus(end));
}

TEST(FixedPoint, ExponentialBeginsAtOneAndEndsAtNothing) {
  EXPECT_EQ(exp_minus(0), Fraction::one());
  EXPECT_EQ(exp_minus(std::uint64_t{43} << kLogFractionBits), Fraction());
  EXPECT_GT(exp_minus(std::uint64_t{42} << kLogFractionBits), Fraction());
  EXPECT_EQ(exp_minus(kMost), Fraction());
}

TEST(FixedPoint, DecayIsTheExponentialOfTheQuotient) {
  const Stream stream(Seed{2}, "ages");
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const Duration decay = 1ns + stream.within(100s, 2 * i);
    const Duration age = stream.within(decay * 40, 2 * i + 1);
    const long double exact =
        std::exp(-static_cast<long double>(age.count()) / static_cast<long double>(decay.count()));
    ASSERT_TRUE(is_close(value_of(exp_decay(age, decay)), exact, exact * unit(-55) + unit(-62)))
        << i;
  }
}

TEST(FixedPoint, DecayIsDefinedForTimesThatMakeNoSense) {
  EXPECT_EQ(exp_decay(0s, 10s), Fraction::one());
  EXPECT_EQ(exp_decay(-1s, 10s), Fraction::one());
  EXPECT_EQ(exp_decay(Duration::min(), 10s), Fraction::one());
  EXPECT_EQ(exp_decay(0s, 0s), Fraction::one());
  EXPECT_EQ(exp_decay(1ns, 0s), Fraction());
  EXPECT_EQ(exp_decay(1ns, -1s), Fraction());
  EXPECT_EQ(exp_decay(Duration::max(), 1ns), Fraction());
  EXPECT_EQ(exp_decay(24h * 365, 10s), Fraction());
  EXPECT_EQ(exp_decay(1ns, Duration::max()), Fraction::one());
}

RC_GTEST_PROP(FixedPoint, DecayOverTwoSpansIsTheirProduct, ()) {
  const Duration decay(*rc::gen::inRange<std::int64_t>(1, 100'000'000'000));
  const Duration first(*rc::gen::inRange<std::int64_t>(0, decay.count() * 3 + 1));
  const Duration second(*rc::gen::inRange<std::int64_t>(0, decay.count() * 3 + 1));
  const auto product = exp_decay(first, decay).part_of(exp_decay(second, decay).raw());
  const auto whole = exp_decay(first + second, decay).raw();
  // Either is off by a relative 2^-54; as is the division by `decay`, by 2^-58 of each quotient.
  RC_ASSERT((product > whole ? product - whole : whole - product) <= (whole >> 52U) + 2);
}

TEST(FixedPoint, LogarithmIsClose) {
  EXPECT_EQ(natural_log(0), 0U);
  EXPECT_EQ(natural_log(1), 0U);
  const auto check = [](std::uint64_t n) {
    const long double exact = std::log(static_cast<long double>(n));
    ASSERT_TRUE(is_close(log_value(natural_log(n)), exact, unit(-51))) << n;
  };
  for (std::uint64_t n = 1; n < 200'000; ++n) check(n);
  const Stream stream(Seed{3}, "n");
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    check(any_size(stream.at(2 * i), stream.at(2 * i + 1)) | 1U);
  }
  check(kMost);
}

TEST(FixedPoint, LogarithmRisesWithEveryStep) {
  for (std::uint64_t n = 1; n < 200'000; ++n) ASSERT_LT(natural_log(n), natural_log(n + 1));
  for (unsigned bit = 18; bit < 50; ++bit) {
    const std::uint64_t power_of_two = std::uint64_t{1} << bit;
    for (std::uint64_t n = power_of_two - 100; n < power_of_two + 100; ++n) {
      ASSERT_LT(natural_log(n), natural_log(n + 1)) << n;
    }
  }
}

TEST(FixedPoint, PowerIsClose) {
  const Stream stream(Seed{4}, "powers");
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    const Fraction base = Fraction::of_raw(any_size(stream.at(4 * i) >> 2U, stream.at(4 * i + 1)));
    const auto numerator = static_cast<std::uint32_t>(stream.below(10'001, 4 * i + 2));
    const auto denominator = static_cast<std::uint32_t>(1 + stream.below(5'000, 4 * i + 3));
    const long double p = static_cast<long double>(numerator) / denominator;
    const long double exact = std::pow(value_of(base), p);
    const long double error = exact * (p + 1) * unit(-50) + unit(-62);
    ASSERT_TRUE(is_close(value_of(power(base, numerator, denominator)), exact, error)) << i;
  }
}

TEST(FixedPoint, PowerHasTheRealNumbersCorners) {
  const Fraction half = Fraction::ratio(std::uint64_t{1}, 2);
  EXPECT_EQ(power(Fraction(), 0, 1000), Fraction::one());
  EXPECT_EQ(power(Fraction(), 1, 1000), Fraction());
  EXPECT_EQ(power(Fraction::one(), 123'456, 7), Fraction::one());
  EXPECT_EQ(power(half, 0, 5), Fraction::one());
  EXPECT_EQ(power(half, 1000, 1000), half);
  EXPECT_EQ(power(half, 1, 0), half);
  EXPECT_EQ(power(half, 4'000'000'000, 1), Fraction());
  EXPECT_GT(power(half, 1, 4'000'000'000), Fraction::ratio(std::uint64_t{999}, 1000));
  EXPECT_GT(power(Fraction::of_raw(1), 1, 1000), Fraction());
}

RC_GTEST_PROP(FixedPoint, PowerRisesWithItsBase, ()) {
  const auto steps = *rc::gen::inRange<std::uint64_t>(0, 1U << 20U);
  const auto thousandths = *rc::gen::inRange<std::uint32_t>(0, 10'001);
  const auto lower = Fraction::ratio(steps, 1U << 20U);
  const auto upper = Fraction::ratio(steps + 1, 1U << 20U);
  RC_ASSERT(power(lower, thousandths, 1000) <= power(upper, thousandths, 1000));
}

RC_GTEST_PROP(FixedPoint, SquareRootIsTheLargestThatFits, ()) {
  const auto shift = *rc::gen::inRange<unsigned>(0, 128);
  const Wide n = (static_cast<Wide>(*rc::gen::arbitrary<std::uint64_t>()) << 64U |
                  *rc::gen::arbitrary<std::uint64_t>()) >>
                 shift;
  const std::uint64_t root = square_root(n);
  RC_ASSERT(static_cast<Wide>(root) * root <= n);
  RC_ASSERT(root == kMost || static_cast<Wide>(root + 1) * (root + 1) > n);
}

TEST(FixedPoint, SquareRootIsExactOfSquares) {
  for (std::uint64_t n = 0; n < 70'000; ++n) {
    ASSERT_EQ(square_root(static_cast<Wide>(n) * n), n);
    if (n > 0) {
      ASSERT_EQ(square_root(static_cast<Wide>(n) * n - 1), n - 1);
    }
  }
  EXPECT_EQ(square_root(static_cast<Wide>(kMost) * kMost), kMost);
  EXPECT_EQ(square_root(~Wide{0}), kMost);
}

TEST(FixedPoint, RatioAndItsPartsAreExactWhereTheyCanBe) {
  const Fraction quarter = Fraction::ratio(1s, 4s);
  EXPECT_EQ(quarter, Fraction::ratio(std::uint64_t{1}, 4));
  EXPECT_EQ(quarter.part_of(1000U), 250U);
  EXPECT_EQ(quarter.part_of(Duration(10s)), 2500ms);
  EXPECT_EQ(quarter.complement().part_of(1000U), 750U);
  EXPECT_EQ(Fraction::ratio(3s, 2s), Fraction::one());
  EXPECT_EQ(Fraction::ratio(-1s, 2s), Fraction());
  EXPECT_EQ(Fraction::ratio(std::uint64_t{0}, 0), Fraction::one());
  EXPECT_EQ(Fraction::one().part_of(kMost), kMost);
  EXPECT_EQ(Fraction::of_raw(kMost), Fraction::one());
  EXPECT_EQ(Fraction::ratio(kMost - 1, kMost).part_of(kMost), kMost - 4);
}

TEST(FixedPoint, MultiplyDivideKeepsTheWholeProduct) {
  EXPECT_EQ(multiply_divide(kMost, kMost, kMost), kMost);
  EXPECT_EQ(multiply_divide(kMost, 3, 6), kMost / 2);
  EXPECT_EQ(multiply_divide(kMost, 2, 1), kMost);
  EXPECT_EQ(multiply_divide(1, 1, 0), kMost);
  EXPECT_EQ(multiply_divide(7, 3, 2), 10U);
}

// Decisions depend on these bits; no compiler or flag may change one.
TEST(FixedPoint, GivesTheSameBitsEverywhere) {
  std::uint64_t hash = 0;
  const Stream stream(Seed{5}, "golden");
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const std::uint64_t x = any_size(stream.at(2 * i), stream.at(2 * i + 1));
    hash = mix(hash ^ exp_minus(x).raw());
    hash = mix(hash ^ natural_log(x));
    hash = mix(hash ^ power(Fraction::of_raw(x), 1000, 1700).raw());
    hash = mix(hash ^ square_root(static_cast<Wide>(x) * (x >> 1U)));
  }
  EXPECT_EQ(hash, 2556194370937585251U);
}

}  // namespace
}  // namespace evenkeel::core
