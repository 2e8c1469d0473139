// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "evenkeel/core/ids.h"

namespace evenkeel::core {

// What a picker may know of a backend.
struct Load {
  std::uint32_t weight = 1;
  std::uint32_t in_flight = 0;  // queued, connecting and active requests
  friend bool operator==(Load, Load) = default;
};

// Whom a request may go to. The spans live for the call only.
struct Candidates {
  std::span<const BackendIndex> backends;  // eligible, ascending, never empty, no weight of 0
  std::span<const Load> loads;             // the whole pool's, by BackendIndex
  bool equal_weights = true;               // of the candidates; false is always right, only slower

  [[nodiscard]] const Load& load(BackendIndex backend) const { return loads[index(backend)]; }
};

// Whether `a` is less loaded for its weight than `b`, counting the request about to be placed:
// (in_flight + 1) / weight, compared without dividing.
[[nodiscard]] constexpr bool less_loaded(Load a, Load b) {
  return (std::uint64_t{a.in_flight} + 1) * b.weight < (std::uint64_t{b.in_flight} + 1) * a.weight;
}

}  // namespace evenkeel::core
