// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/sockets/clock.h"

#include <chrono>

namespace evenkeel::net {

core::Instant monotonic_now() {
  return core::Instant(std::chrono::steady_clock::now().time_since_epoch());
}

core::Duration wall_now() { return std::chrono::system_clock::now().time_since_epoch(); }

}  // namespace evenkeel::net
