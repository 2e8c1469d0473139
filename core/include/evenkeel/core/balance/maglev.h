// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/shared_value.h"

namespace evenkeel::core {

// Whether every step of a table of this size visits all of it: what Maglev's construction needs.
[[nodiscard]] bool is_prime(std::uint32_t number);

// Consistent hashing by one look into a table (Eisenbud and others, "Maglev", NSDI 2016, 3.4).
//
// The key's hash says an entry of the table, the entry its backend. Each backend has an order of
// its own over all entries, (offset + skip * j) mod size, and in turns they take their next free
// one. So each gets its share almost exactly, and whoever comes or goes leaves most entries as they
// were. A ring moves fewer keys when the pool changes, but shares less evenly and looks up slower.
//
// Turns are by weight, as in Envoy: of the rounds k = 1, 2, … a backend takes part in those where
// k * weight >= its turns so far * the largest weight. Equal weights differ by one entry at most;
// else a backend's entries are its share, give or take one and n / size of the share.
//
// The table is of the configured backends, not of the candidates: while a backend is out its keys
// jump elsewhere, no other key moves, and on return it has its own again. When the configuration
// itself loses a backend, some keys of living ones move too: of a table of 65537, 0.3 % when one of
// 12 leaves, 0.6 % when one of 1000 does, 2.6 % when 12 of 1200 do.
class Maglev {
 public:
  static constexpr std::uint32_t kMaxTableSize = 5'000'011;

  // The policy's table_size must be a prime, and not above kMaxTableSize. Ids tell backends apart:
  // their place in the file, and in `backends`, does not matter.
  Maglev(const HashPolicy& policy, std::span<const BackendPolicy> backends);

  // Whoever has the entry of `candidates.hash`, if a candidate and within the bound of the policy's
  // balance_factor; else who has the entry that the hash jumps to. After kMaxJumps the next entry
  // of a candidate or, with a bound, the least loaded.
  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;

  // Who has each entry. Empty without backends of any weight.
  [[nodiscard]] std::span<const BackendIndex> table() const { return *table_; }

  friend bool operator==(const Maglev&, const Maglev&) = default;

 private:
  [[nodiscard]] BackendIndex pick_elsewhere(const Candidates& candidates) const;

  SharedValue<std::vector<BackendIndex>> table_;
  std::uint32_t balance_factor_;
};

}  // namespace evenkeel::core
