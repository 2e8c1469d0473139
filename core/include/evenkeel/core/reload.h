// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// Which backends of a running configuration something still refers to, by PoolIndex and
// BackendIndex: requests in flight, connections. Shorter lists mean nobody.
using InUse = std::vector<std::vector<bool>>;

// A new configuration in the places of the running one.
//
// Everything the core knows of a pool or a backend is kept under its index, and handles with that
// index are out while a request runs. So a reload moves nobody: what has the same name (of a pool),
// or the same id and endpoint (of a backend), stays where it is, and with it in-flight counts,
// averages, turns, breaker, ejections and sessions. What is no longer configured stays in its
// place, marked `removed`, while it is in use; then its place may go to somebody new. Everybody
// else is appended.
//
// Indices inside the configuration (splits, mirrors, fallback pools) are those of the result.
// Without changes the result is the running configuration itself.
[[nodiscard]] Config merge(const Config& running, const Config& next, const InUse& in_use);

// Whether the backend in this place is still the same one.
[[nodiscard]] bool same_backend(const BackendPolicy& a, const BackendPolicy& b);

// A hash of what that depends on, for those who must remember who was in a place: names are long.
[[nodiscard]] std::uint64_t identity_of(const BackendPolicy& backend);

}  // namespace evenkeel::core
