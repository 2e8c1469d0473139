// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/time.h"

// Exponentials, logarithms, powers and roots of integers, with integers only.
//
// Averages that fade with time, weights that grow with it and deviations from a mean decide who
// gets a request. The floating-point functions of the C library differ in their last bits between
// libraries, and what a compiler makes of an expression differs as well; one bit is enough for two
// machines to decide differently from then on. These functions give the same everywhere.
namespace evenkeel::core {

__extension__ using Wide = unsigned __int128;

// Logarithms, and what exp_minus() takes: a number with this many fractional bits, below 64.
inline constexpr unsigned kLogFractionBits = 58;

// A number from 0 to 1 with 62 fractional bits.
class Fraction {
 public:
  static constexpr unsigned kBits = 62;

  constexpr Fraction() = default;  // 0
  [[nodiscard]] static constexpr Fraction one() { return of_raw(kOne); }
  // In units of 2^-62; more than 1 is 1.
  [[nodiscard]] static constexpr Fraction of_raw(std::uint64_t raw) {
    Fraction result;
    result.raw_ = raw < kOne ? raw : kOne;
    return result;
  }
  // part / whole, rounded down; 1 when the part is not below the whole, 0 of 0 included.
  [[nodiscard]] static constexpr Fraction ratio(std::uint64_t part, std::uint64_t whole) {
    if (part >= whole) return one();
    return of_raw(static_cast<std::uint64_t>((static_cast<Wide>(part) << kBits) / whole));
  }
  // The same of durations; a negative part is 0.
  [[nodiscard]] static constexpr Fraction ratio(Duration part, Duration whole) {
    if (part >= whole) return one();
    if (part <= Duration::zero()) return Fraction();
    return ratio(static_cast<std::uint64_t>(part.count()),
                 static_cast<std::uint64_t>(whole.count()));
  }

  [[nodiscard]] constexpr std::uint64_t raw() const { return raw_; }
  [[nodiscard]] constexpr Fraction complement() const { return of_raw(kOne - raw_); }
  // This part of a whole, rounded down.
  [[nodiscard]] constexpr std::uint64_t part_of(std::uint64_t whole) const {
    return static_cast<std::uint64_t>(static_cast<Wide>(whole) * raw_ >> kBits);
  }
  // Of a duration that is not negative.
  [[nodiscard]] constexpr Duration part_of(Duration whole) const {
    return Duration(static_cast<Duration::rep>(part_of(static_cast<std::uint64_t>(whole.count()))));
  }

  friend constexpr auto operator<=>(Fraction, Fraction) = default;

 private:
  static constexpr std::uint64_t kOne = std::uint64_t{1} << kBits;

  std::uint64_t raw_ = 0;
};

// e^-x, x with kLogFractionBits fractional bits. Never rises with x, is 1 for 0 and 0 from 43 on.
// Relative error below 2^-55, and besides rounded down to 2^-62.
[[nodiscard]] Fraction exp_minus(std::uint64_t x);

// e^(-age / decay): what is left of a value after this time. 1 at an age of 0 or less; afterwards
// 0 if `decay` is not positive. Error as exp_minus(); never rises with the age.
[[nodiscard]] Fraction exp_decay(Duration age, Duration decay);

// ln n with kLogFractionBits fractional bits; 0 for 0 and for 1. Absolute error below 2^-51: rises
// with every step of n up to 2^50.
[[nodiscard]] std::uint64_t natural_log(std::uint64_t n);

// base^p for p = numerator / denominator (an exponent in thousandths has a denominator of 1000).
// Relative error below (p + 1) * 2^-50. As of real numbers, 0^0 is 1; a denominator of 0 counts as
// 1. 0, 1 and an exponent of 1 are exact.
[[nodiscard]] Fraction power(Fraction base, std::uint32_t numerator, std::uint32_t denominator);

// The largest integer whose square is not above n.
[[nodiscard]] std::uint64_t square_root(Wide n);

// a * b / c, rounded down; the largest number if that is too small for it, or c is 0.
[[nodiscard]] constexpr std::uint64_t multiply_divide(std::uint64_t a, std::uint64_t b,
                                                      std::uint64_t c) {
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  if (c == 0) return kMost;
  const Wide quotient = static_cast<Wide>(a) * b / c;
  return quotient < kMost ? static_cast<std::uint64_t>(quotient) : kMost;
}

}  // namespace evenkeel::core
