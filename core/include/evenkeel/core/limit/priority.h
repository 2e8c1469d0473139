// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace evenkeel::core {

// How many priorities are told apart where requests are weighed against each other: 0 is the most
// important, 7 and everything above it the least. Bounded, because a queue keeps a list for each.
inline constexpr std::uint32_t kPriorities = 8;

[[nodiscard]] constexpr std::uint32_t priority_class(std::uint32_t priority) {
  return std::min(priority, kPriorities - 1);
}

}  // namespace evenkeel::core
