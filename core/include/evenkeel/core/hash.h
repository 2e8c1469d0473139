// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace evenkeel::core {

// The hash of keys: a request's affinity key, a client's rate limit, a backend's place in a table.
// It is XXH64 (Yann Collet's specification, written anew), the same on every machine: every bit of
// the result depends on every bit of the bytes and of the seed, so any part of it may be used.
//
// Two kinds of seed. A constant one where every replica must come to the same answer, as for the
// tables of consistent hashing. A secret one (from the run's Seed) for a table that strangers fill:
// who does not know it cannot tell which bucket a key falls into.
//
// It is no MAC. Strings that collide whatever the seed can be constructed, so a table must compare
// whole keys, bound what one bucket costs, and never take equal hashes as proof of anything.
[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed);

}  // namespace evenkeel::core
