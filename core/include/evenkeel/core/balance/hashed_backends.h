// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "evenkeel/core/ids.h"
#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// Whom consistent hashing gives keys to: the configured backends that have a weight, in order of
// their ids, so that replicas whose files list them differently agree on every key.
[[nodiscard]] std::vector<BackendIndex> hashed_backends(std::span<const BackendPolicy> backends);

}  // namespace evenkeel::core
