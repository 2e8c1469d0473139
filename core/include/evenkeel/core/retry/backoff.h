// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// How long to wait before the `retry`-th retry, counted from 1: uniform in [0, limit], where the
// limit begins at `initial`, doubles with every retry and stops at `max`. Full jitter: whatever
// made requests fail together must not make them return together. `bits` are 64 uniform ones.
[[nodiscard]] Duration backoff(const BackoffPolicy& policy, std::uint32_t retry,
                               std::uint64_t bits);

}  // namespace evenkeel::core
