// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// Turns in proportion to weight, spread out: weights 5, 1, 1 give a a b a c a a, not a a a a a b c.
//
// Every candidate gains its weight, the highest balance is picked (the first of equals) and pays
// what all gained together. This is nginx's sequence exactly. A pick is linear in the candidates.
class SmoothWeightedRoundRobin {
 public:
  // nginx's own beginning.
  explicit SmoothWeightedRoundRobin(std::uint32_t backends) : balance_(backends, 0) {}
  // The sequence begins at a drawn place of its period: balancers that start together must not walk
  // in step. Reaching that place is bounded work, so a huge pool begins among the first places.
  SmoothWeightedRoundRobin(std::span<const BackendPolicy> backends, Stream phase);

  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws);

  // A new configuration, in the places of the old one: the sequence goes on. Balances won at larger
  // weights are cut to what the new ones can balance, or they would be a long run of one backend.
  void apply(std::span<const BackendPolicy> backends);

  // Skips this many picks.
  void rotate(const Candidates& candidates, std::uint64_t picks);

  // The highest among the candidates, with their weights added, is next.
  [[nodiscard]] std::int64_t balance(BackendIndex backend) const {
    return balance_[index(backend)];
  }

  friend bool operator==(const SmoothWeightedRoundRobin&,
                         const SmoothWeightedRoundRobin&) = default;

 private:
  BackendIndex next(const Candidates& candidates);

  // By BackendIndex. The sum over the pool is 0, unless apply() cut one: a pick moves balance, it
  // makes none. Whoever is not a candidate keeps his for later.
  std::vector<std::int64_t> balance_;
};

}  // namespace evenkeel::core
