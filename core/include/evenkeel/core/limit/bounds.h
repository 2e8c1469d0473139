// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "evenkeel/core/policies.h"

// How many requests may be in flight at once; 0: any number. A connection carries one request at a
// time, so a limit of connections is one of requests.
namespace evenkeel::core {

[[nodiscard]] constexpr std::uint32_t lower_limit(std::uint32_t a, std::uint32_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

// On this backend.
[[nodiscard]] constexpr std::uint32_t max_in_flight(const LimitsPolicy& limits,
                                                    std::uint32_t own_max_requests) {
  const std::uint32_t requests = own_max_requests != 0 ? own_max_requests : limits.max_requests;
  return lower_limit(requests, limits.max_connections);
}

// In the whole pool.
[[nodiscard]] constexpr std::uint32_t max_in_flight(const PoolLimits& limits) {
  return lower_limit(limits.max_requests, limits.max_connections);
}

}  // namespace evenkeel::core
