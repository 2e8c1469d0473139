// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// What to add to `length` so that timers set together do not fire together: uniform in
// [0, percent % of length). Jitter here only ever adds, so that a policy's time is a minimum.
[[nodiscard]] constexpr Duration jitter(Stream stream, Duration length, std::uint32_t percent,
                                        std::uint64_t index) {
  const Duration most = length / 100 * percent + length % 100 * percent / 100;
  return stream.within(most, index);
}

}  // namespace evenkeel::core
