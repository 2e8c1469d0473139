// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <variant>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/balance/first_pick.h"
#include "evenkeel/core/balance/join_idle_queue.h"
#include "evenkeel/core/balance/least_connections.h"
#include "evenkeel/core/balance/least_request.h"
#include "evenkeel/core/balance/maglev.h"
#include "evenkeel/core/balance/peak_ewma.h"
#include "evenkeel/core/balance/random_pick.h"
#include "evenkeel/core/balance/rendezvous.h"
#include "evenkeel/core/balance/ring_hash.h"
#include "evenkeel/core/balance/round_robin.h"
#include "evenkeel/core/balance/score.h"
#include "evenkeel/core/balance/smooth_weighted_round_robin.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// Which backend takes the next request. A value: a copy goes on exactly as the original.
using Picker =
    std::variant<RoundRobin, SmoothWeightedRoundRobin, LeastConnections, RandomPick, LeastRequest,
                 PeakEwma, Score, JoinIdleQueue, RingHash, Maglev, Rendezvous, FirstPick>;

// The one place where a policy's name becomes an algorithm. Weights are in the unit that loads will
// have. `phase` is drawn from once, for where the turns of a round robin and an idle queue begin.
[[nodiscard]] Picker make_picker(const BalancePolicy& policy,
                                 std::span<const BackendPolicy> backends, Stream phase);

// A new configuration, in the places of the old one and with at least as many. With the same
// algorithm, turns go on where they are; everything else is as make_picker() makes it.
void apply(Picker& picker, const BalancePolicy& policy, std::span<const BackendPolicy> backends,
           Stream phase);

// One of the candidates, of which there must be at least one.
[[nodiscard]] BackendIndex pick(Picker& picker, const Candidates& candidates, Draws& draws);

// The last request in flight to this backend ended: for join_idle_queue.
inline void on_idle(Picker& picker, BackendIndex backend) {
  if (auto* queue = std::get_if<JoinIdleQueue>(&picker)) queue->on_idle(backend);
}

// Whether the algorithm needs Candidates::stats.
[[nodiscard]] constexpr bool uses_stats(Algorithm algorithm) {
  return algorithm == Algorithm::peak_ewma || algorithm == Algorithm::score;
}
// Whether it needs Candidates::hash, and the same key should get the same backend.
[[nodiscard]] constexpr bool uses_hash(Algorithm algorithm) {
  return algorithm == Algorithm::ring_hash || algorithm == Algorithm::maglev ||
         algorithm == Algorithm::rendezvous;
}

}  // namespace evenkeel::core
