// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/fixed_point.h"

namespace evenkeel::core {

// numerator / denominator of a load, compared without dividing; what is avoided comes after
// everything else. Numerators below 2^76 and denominators below 2^49 do not overflow.
struct Rank {
  bool avoided = false;
  Wide numerator = 0;
  std::uint64_t denominator = 1;

  friend constexpr bool operator<(const Rank& a, const Rank& b) {
    if (a.avoided != b.avoided) return b.avoided;
    return a.numerator * b.denominator < b.numerator * a.denominator;
  }
};

// Requests once this one is placed.
[[nodiscard]] constexpr std::uint64_t requests_with_this(const Load& load) {
  return std::uint64_t{load.in_flight} + 1;
}

}  // namespace evenkeel::core
