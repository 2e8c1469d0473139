// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/deadline.h"

namespace evenkeel::core {

std::optional<Instant> ArrivalDeadlines::on_request(Instant now, Duration route_timeout,
                                                    Duration time_left) {
  constexpr std::uint64_t kPercent = 100;
  window_.add(now, {1, 0});
  if (time_left > kDeadlineMargin) {
    const Duration waits = time_left - kDeadlineMargin;
    return later(now, waits < route_timeout ? waits : route_timeout);
  }
  if ((window_.second() + 1) * kPercent > window_.first() * kMaxRefusedPercent) {
    return later(now, route_timeout);
  }
  window_.add(now, {0, 1});
  return std::nullopt;
}

}  // namespace evenkeel::core
