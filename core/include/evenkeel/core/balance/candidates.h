// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "evenkeel/core/balance/response_stats.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// What a picker may know of a backend.
struct Load {
  std::uint32_t weight = 1;
  std::uint32_t in_flight = 0;  // queued, connecting and active requests
  bool half_open = false;       // its breaker lets only trials through
  friend bool operator==(Load, Load) = default;
};

// Whom a request may go to. The spans live for the call only.
struct Candidates {
  std::span<const BackendIndex> backends;  // eligible, ascending, never empty, no weight of 0
  std::span<const Load> loads;             // the whole pool's, by BackendIndex
  bool equal_weights = true;               // of the candidates; false is always right, only slower
  std::uint32_t max_weight = 1;            // not below any candidate's weight
  Instant now{};
  std::uint64_t hash = 0;                  // of the request's key; for ring_hash and its like
  std::span<const ResponseStats> stats{};  // the whole pool's; empty unless peak_ewma or score
  // Sums over the candidates, for the bound of consistent hashing. A weight of 0 says that nobody
  // has added them up: a pick with a bound then does so itself.
  std::uint64_t total_weight = 0;
  std::uint64_t total_in_flight = 0;

  [[nodiscard]] const Load& load(BackendIndex backend) const { return loads[index(backend)]; }
  [[nodiscard]] const ResponseStats& response_stats(BackendIndex backend) const {
    return stats[index(backend)];
  }

  // Whether this backend is a candidate: at once while all are, logarithmic in how many are not.
  [[nodiscard]] bool contains(BackendIndex backend) const {
    // Of the places below, at most the missing ones have no candidate.
    const std::size_t missing = index(backends.back()) + std::size_t{1} - backends.size();
    const std::size_t last = index(backend);
    const std::size_t first = last > missing ? last - missing : 0;
    const std::size_t end = last < backends.size() ? last + 1 : backends.size();
    if (first >= end) return false;
    if (missing == 0) return true;
    return std::binary_search(backends.begin() + static_cast<std::ptrdiff_t>(first),
                              backends.begin() + static_cast<std::ptrdiff_t>(end), backend);
  }
};

// Whether `a` is less loaded for its weight than `b`, counting the request about to be placed:
// (in_flight + 1) / weight, compared without dividing.
[[nodiscard]] constexpr bool less_loaded(Load a, Load b) {
  return (std::uint64_t{a.in_flight} + 1) * b.weight < (std::uint64_t{b.in_flight} + 1) * a.weight;
}

}  // namespace evenkeel::core
