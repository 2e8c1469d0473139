// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/fixed_point.h"

#include <array>

#include "evenkeel/core/random.h"

// e^-x by tables and series. With x = k ln 2 + r and r = a/2^6 + b/2^12 + c/2^18 + y,
//
//   e^-x = 2^-k · e^(-a/2^6) · e^(-b/2^12) · e^(-c/2^18) · (1 - y + y²/2 - y³/6).
//
// The factors are from 1/2 to 1 with 63 fractional bits; together they are off by less than 7 units
// of the last place, before the shift by k. x is taken in steps of 2^-56, each of which is 128 or
// more of these units: that is why the result never rises with x.
namespace evenkeel::core {
namespace {

static_assert(kLogFractionBits == kNegativeLogFractionBits);

constexpr unsigned kDigitBits = 6;
constexpr unsigned kDigits = 1U << kDigitBits;
constexpr std::uint64_t kOne63 = std::uint64_t{1} << 63U;
constexpr std::uint64_t kLog2 = 0xb17217f7d1cf79abULL;  // ln 2, 64 fractional bits
constexpr std::uint64_t kStepMask = ~std::uint64_t{3};  // steps of 2^-56

// e^-(digit / 2^bits) with 63 fractional bits, by its series with 120.
constexpr std::uint64_t exponential_of_digit(unsigned digit, unsigned bits) {
  Wide term = Wide{1} << 120U;
  Wide even = 0;
  Wide odd = 0;
  for (unsigned n = 0; term != 0; ++n) {
    (n % 2 == 0 ? even : odd) += term;
    term = (term * digit >> bits) / (n + 1);
  }
  return static_cast<std::uint64_t>((even - odd + (Wide{1} << 56U)) >> 57U);
}

using Row = std::array<std::uint64_t, kDigits>;
constexpr Row make_row(unsigned bits) {
  Row row{};
  for (unsigned digit = 0; digit < kDigits; ++digit) {
    row[digit] = exponential_of_digit(digit, bits);
  }
  return row;
}
constexpr Row kHigh = make_row(kDigitBits);
constexpr Row kMiddle = make_row(2 * kDigitBits);
constexpr Row kLow = make_row(3 * kDigitBits);

constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>(static_cast<Wide>(a) * b >> 64U);
}
constexpr std::uint64_t multiply_63(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>(static_cast<Wide>(a) * b >> 63U);
}

// e^-r with 63 fractional bits, r below ln 2 with 64.
constexpr std::uint64_t exponential_of_rest(std::uint64_t r) {
  constexpr unsigned kTop = 64 - kDigitBits;
  const std::uint64_t high = kHigh[r >> kTop];
  const std::uint64_t middle = kMiddle[r << kDigitBits >> kTop];
  const std::uint64_t low = kLow[r << 2 * kDigitBits >> kTop];
  const std::uint64_t y = r << 3 * kDigitBits >> 3 * kDigitBits;
  const std::uint64_t square = multiply_high(y, y);
  const std::uint64_t series = y - square / 2 + multiply_high(square, y) / 6;
  return multiply_63(multiply_63(high, middle), multiply_63(low, kOne63 - series / 2));
}

}  // namespace

Fraction exp_minus(std::uint64_t x) {
  x &= kStepMask;
  // Its divisor rounded down, the quotient may be one too many.
  std::uint64_t k = x / (kLog2 >> (64 - kLogFractionBits));
  const Wide wide_x = static_cast<Wide>(x) << (64 - kLogFractionBits);
  if (static_cast<Wide>(k) * kLog2 > wide_x) --k;
  if (k >= Fraction::kBits) return Fraction();
  const auto rest = static_cast<std::uint64_t>(wide_x - static_cast<Wide>(k) * kLog2);
  return Fraction::of_raw(exponential_of_rest(rest) >> (k + 1));
}

Fraction exp_decay(Duration age, Duration decay) {
  if (age <= Duration::zero()) return Fraction::one();
  if (decay <= Duration::zero()) return Fraction();
  const Wide x = (static_cast<Wide>(age.count()) << kLogFractionBits) /
                 static_cast<std::uint64_t>(decay.count());
  if (x >> 64U != 0) return Fraction();
  return exp_minus(static_cast<std::uint64_t>(x));
}

std::uint64_t natural_log(std::uint64_t n) {
  if (n <= 1) return 0;
  // Of 2^64, rounded to nearest: 64 times the rounding of ln 2 would be further off.
  constexpr std::uint64_t kLogOf2To64 = kLog2;
  static_assert(kLogFractionBits + 6 == 64);
  return kLogOf2To64 - negative_log(n - 1);
}

Fraction power(Fraction base, std::uint32_t numerator, std::uint32_t denominator) {
  if (denominator == 0) denominator = 1;
  if (numerator == 0 || base == Fraction::one()) return Fraction::one();
  if (base == Fraction() || numerator == denominator) return base;
  constexpr unsigned kSpare = 64 - Fraction::kBits;
  const std::uint64_t log = negative_log((base.raw() << kSpare) - 1);
  const Wide x = static_cast<Wide>(log) * numerator / denominator;
  if (x >> 64U != 0) return Fraction();
  return exp_minus(static_cast<std::uint64_t>(x));
}

std::uint64_t square_root(Wide n) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 63U; bit != 0; bit >>= 1U) {
    const std::uint64_t larger = root | bit;
    if (static_cast<Wide>(larger) * larger <= n) root = larger;
  }
  return root;
}

}  // namespace evenkeel::core
