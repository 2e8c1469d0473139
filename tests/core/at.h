// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/time.h"

namespace evenkeel::core {

// The instant this long after the timeline's zero.
[[nodiscard]] constexpr Instant at(Duration since_zero) { return Instant{} + since_zero; }

}  // namespace evenkeel::core
