// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <variant>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/balance/least_connections.h"
#include "evenkeel/core/balance/least_request.h"
#include "evenkeel/core/balance/random_pick.h"
#include "evenkeel/core/balance/round_robin.h"
#include "evenkeel/core/balance/smooth_weighted_round_robin.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// Which backend takes the next request. A value: a copy goes on exactly as the original.
using Picker =
    std::variant<RoundRobin, SmoothWeightedRoundRobin, LeastConnections, RandomPick, LeastRequest>;

// The one place where a policy's name becomes an algorithm. `phase` is drawn from once, for where
// the turns of a round robin begin.
[[nodiscard]] Picker make_picker(const BalancePolicy& policy,
                                 std::span<const BackendPolicy> backends, Stream phase);

// One of the candidates, of which there must be at least one.
[[nodiscard]] BackendIndex pick(Picker& picker, const Candidates& candidates, Draws& draws);

}  // namespace evenkeel::core
