// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

// Time as the core sees it: an argument. Nothing here can be asked what time it is.
namespace evenkeel::core {

using Duration = std::chrono::nanoseconds;

// The monotonic timeline of one run. Its zero is the driver's choice (process start, start of the
// simulation). Deliberately without now(): only a driver knows the time.
struct Timeline {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<Timeline, Duration>;
  static constexpr bool is_steady = true;
};
using Instant = Timeline::time_point;

// Later than every event; what next_deadline() answers when nothing is waiting.
inline constexpr Instant kNever = Instant::max();

// `at + by`, stopping at kNever instead of overflowing. `by` must not be negative.
[[nodiscard]] constexpr Instant later(Instant at, Duration by) {
  return by > kNever - at ? kNever : at + by;
}

[[nodiscard]] constexpr Instant earlier_of(Instant a, Instant b) { return b < a ? b : a; }

// The first multiple of `quantum` that is not before `at`.
[[nodiscard]] constexpr Instant round_up(Instant at, Duration quantum) {
  const auto rest = at.time_since_epoch() % quantum;
  return rest == Duration::zero() ? at : later(at, quantum - rest);
}

}  // namespace evenkeel::core
