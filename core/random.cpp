// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/random.h"

#include <array>
#include <bit>
#include <limits>

// −ln(u) by table and series. With u = m · 2^−e and m in [1/2, 1), and with c the reciprocal of the
// upper edge of the table's bin that holds m,
//
//   −ln(u) = e · ln 2 + ln(c) − ln(1 − r),   r = 1 − m · c in [0, 1/257).
//
// Taking the upper edge keeps r and every other number here positive, so that all arithmetic is
// unsigned and nothing can overflow into undefined behaviour.
namespace evenkeel::core {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr unsigned kBinBits = 8;
constexpr unsigned kBins = 1U << kBinBits;
constexpr unsigned kTableFractionBits = 120;

// ln((j + 1) / j) = 2 · artanh(1 / (2j + 1)) = 2 · Σ 1 / ((2k + 1) · (2j + 1)^(2k + 1)).
constexpr Wide log_of_successor(std::uint64_t j) {
  const Wide base = 2 * j + 1;
  Wide power = (Wide{1} << (kTableFractionBits + 1)) / base;
  Wide sum = 0;
  for (Wide k = 1; power != 0; k += 2, power /= base * base) sum += power / k;
  return sum;
}

constexpr std::uint64_t to_result(Wide value) {
  constexpr unsigned kShift = kTableFractionBits - kNegativeLogFractionBits;
  return static_cast<std::uint64_t>((value + (Wide{1} << (kShift - 1))) >> kShift);
}

struct Bin {
  std::uint64_t reciprocal;      // c, 63 fractional bits
  std::uint64_t reciprocal_log;  // ln(c), as the result
};

struct Table {
  std::array<Bin, kBins> bins{};
  std::uint64_t log_2 = 0;
};

// Bin i holds m in [(256 + i) / 512, (257 + i) / 512).
constexpr Table make_table() {
  Table table;
  Wide log = 0;  // of 512 / edge
  for (unsigned i = kBins; i-- > 0;) {
    const std::uint64_t edge = kBins + 1 + i;
    table.bins[i].reciprocal = static_cast<std::uint64_t>((Wide{1} << (63 + 9)) / edge);
    table.bins[i].reciprocal_log = to_result(log);
    log += log_of_successor(edge - 1);
  }
  table.log_2 = to_result(log);
  return table;
}
constexpr Table kTable = make_table();

constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>(static_cast<Wide>(a) * b >> 64U);
}

// 1/n with 64 fractional bits.
constexpr std::uint64_t one_over(std::uint64_t n) {
  return static_cast<std::uint64_t>((Wide{1} << 64U) / n);
}

// −ln(1 − r) for r < 2^−8, both with 64 fractional bits: r + r²/2 + … + r⁶/6. The next term is
// below 2^−58.
constexpr std::uint64_t negative_log_of_complement(std::uint64_t r) {
  const std::uint64_t square = multiply_high(r, r);
  const std::uint64_t high =
      one_over(4) + multiply_high(r, one_over(5)) + multiply_high(square, one_over(6));
  const std::uint64_t low = one_over(2) + multiply_high(r, one_over(3));
  return r + multiply_high(square, low + multiply_high(square, high));
}

}  // namespace

std::uint64_t negative_log(std::uint64_t bits) {
  const std::uint64_t x = bits + 1;
  if (x == 0) return 0;  // u is 1
  const unsigned shift = static_cast<unsigned>(std::countl_zero(x));
  const std::uint64_t m = x << shift;
  const Bin& bin = kTable.bins[(m >> (63 - kBinBits)) & (kBins - 1)];
  const std::uint64_t product =
      static_cast<std::uint64_t>(static_cast<Wide>(m) * bin.reciprocal >> 63U);
  const std::uint64_t rest = negative_log_of_complement(0 - product);
  constexpr unsigned kSpare = 64 - kNegativeLogFractionBits;
  return shift * kTable.log_2 + bin.reciprocal_log + ((rest + (1U << (kSpare - 1))) >> kSpare);
}

Duration exponential(Duration mean, std::uint64_t bits) {
  if (mean <= Duration::zero()) return Duration::zero();
  const Wide product = static_cast<Wide>(mean.count()) * negative_log(bits);
  const Wide half = Wide{1} << (kNegativeLogFractionBits - 1);
  const Wide rounded = (product + half) >> kNegativeLogFractionBits;
  constexpr Wide kMost = std::numeric_limits<Duration::rep>::max();
  return Duration(static_cast<Duration::rep>(rounded < kMost ? rounded : kMost));
}

}  // namespace evenkeel::core
