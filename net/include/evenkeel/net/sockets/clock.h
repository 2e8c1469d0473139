// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/time.h"

namespace evenkeel::net {

// The monotonic clock as an Instant. Drivers read it once per event and hand it on; nothing else
// does.
[[nodiscard]] core::Instant monotonic_now();

// Wall-clock time since 1970, for logs only.
[[nodiscard]] core::Duration wall_now();

}  // namespace evenkeel::net
