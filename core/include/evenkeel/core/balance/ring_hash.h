// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/shared_value.h"

namespace evenkeel::core {

// Consistent hashing on a ring: a backend has many entries at hashed places, and a key belongs to
// the first entry of a candidate at or after its hash. Whoever leaves, by its health or by the
// configuration, loses its keys to the entries that follow; no other key moves, and on return each
// comes back.
//
// That is exact only if nobody's entries depend on who else there is. So the heaviest backend has
// kMinEntries to twice as many, whatever the size of the pool, and the others theirs by weight. All
// have twice as many, and so on, while minimum_ring_size is not reached, which depends on the pool:
// a change that crosses such a step moves some keys without need. Envoy's rule, the minimum divided
// by the pool's size, does so with every change.
class RingHash {
 public:
  static constexpr std::uint64_t kMinEntries = 256;
  // Above it all have half as many, and so on, but everybody has an entry.
  static constexpr std::uint64_t kMaxRingSize = 8 * 1024 * 1024;

  // Entry k of a backend is its id, hashed with the seed k.
  RingHash(const HashPolicy& policy, std::span<const BackendPolicy> backends);

  // The key's backend or, if that would be above the bound of the policy's balance_factor, the one
  // of a place that the hash jumps to; after kMaxJumps the least loaded.
  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;

  // Entries in all.
  [[nodiscard]] std::size_t size() const { return ring_->owners.size(); }

  friend bool operator==(const RingHash&, const RingHash&) = default;

 private:
  // Two arrays of equal length, for a search needs the places alone.
  struct Ring {
    std::vector<std::uint64_t> places;  // ascending
    std::vector<BackendIndex> owners;
    friend bool operator==(const Ring&, const Ring&) = default;
  };
  static Ring make_ring(std::uint64_t minimum_size, std::span<const BackendPolicy> backends);
  [[nodiscard]] BackendIndex owner(const Candidates& candidates, std::uint64_t hash) const;

  SharedValue<Ring> ring_;
  std::uint32_t balance_factor_;
};

}  // namespace evenkeel::core
