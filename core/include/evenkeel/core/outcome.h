// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace evenkeel::core {

// What one attempt says about the backend it ran on.
enum class Outcome : std::uint8_t {
  success,
  failure,
  neutral,  // cancelled, shed, or failed for a reason of our own: gives its permit back, counts
            // nothing
};

}  // namespace evenkeel::core
