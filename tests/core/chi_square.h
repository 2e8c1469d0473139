// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace evenkeel::core {

// How many standard deviations the chi-square of these counts lies above what chance gives, when
// cell i has probability shares[i] / Σ shares. Seeds are fixed, so a threshold of 4 fails never or
// always: a sound generator stays below it in 99.9 % of choices of the seed.
inline double chi_square_excess(const std::vector<std::uint64_t>& counts,
                                const std::vector<double>& shares) {
  double draws = 0;
  double sum = 0;
  for (const auto count : counts) draws += static_cast<double>(count);
  for (const double share : shares) sum += share;
  double chi_square = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = draws * shares[i] / sum;
    chi_square += (static_cast<double>(counts[i]) - expected) *
                  (static_cast<double>(counts[i]) - expected) / expected;
  }
  const double freedom = static_cast<double>(counts.size()) - 1;
  return (chi_square - freedom) / std::sqrt(2 * freedom);
}

inline double chi_square_excess(const std::vector<std::uint64_t>& counts) {
  return chi_square_excess(counts, std::vector<double>(counts.size(), 1.0));
}

}  // namespace evenkeel::core
