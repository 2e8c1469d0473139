// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "evenkeel/core/time.h"
#include "evenkeel/core/time_window.h"

namespace evenkeel::core {

// Kept back of a client's time: an answer still has to travel to whoever waits for it.
inline constexpr Duration kDeadlineMargin = std::chrono::milliseconds(1);

// What one attempt may take: its own limit, or what the request has left if that is less. Never
// negative; 0 means that it is not worth starting.
[[nodiscard]] constexpr Duration attempt_time(Instant now, Instant deadline, Duration per_try) {
  if (deadline <= now) return Duration::zero();
  const Duration left = deadline - now;
  return left < per_try ? left : per_try;
}

// Gives each request its deadline: the route's, or the client's own if that is earlier.
//
// Work for a client that has stopped waiting is lost, so a request whose time was over on arrival
// is refused. But "over" is what a clock elsewhere says: of the requests in the last 10 s at most
// 20 % are refused for it, and the others are served as if they had said nothing. A client whose
// clock is wrong by a minute is slowed down, not cut off.
class ArrivalDeadlines {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(10);
  static constexpr std::uint64_t kMaxRefusedPercent = 20;

  explicit ArrivalDeadlines(Instant now) : window_(kInterval, now) {}

  // To be called once for each request. `time_left` is what the client says it still waits, not
  // above 0 when that is over and Duration::max() when it says nothing. When the response head must
  // be out; nullopt: refuse.
  [[nodiscard]] std::optional<Instant> on_request(Instant now, Duration route_timeout,
                                                  Duration time_left);

  friend bool operator==(const ArrivalDeadlines&, const ArrivalDeadlines&) = default;

 private:
  TimeWindow window_;  // first: requests, second: refused ones
};

}  // namespace evenkeel::core
