// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/picker.h"

#include "evenkeel/core/check.h"

namespace evenkeel::core {

Picker make_picker(const BalancePolicy& policy, std::span<const BackendPolicy> backends,
                   Stream phase) {
  switch (policy.algorithm) {
    case Algorithm::round_robin:
      return RoundRobin(static_cast<std::uint32_t>(backends.size()), phase);
    case Algorithm::weighted_round_robin:
      return SmoothWeightedRoundRobin(backends, phase);
    case Algorithm::least_conn:
      return LeastConnections{};
    case Algorithm::least_request:
      return LeastRequest(policy.choice_count);
    case Algorithm::random:
      return RandomPick{};
  }
  EVENKEEL_CHECK(!"a known algorithm");
}

BackendIndex pick(Picker& picker, const Candidates& candidates, Draws& draws) {
  EVENKEEL_CHECK(!candidates.backends.empty());
  return std::visit([&](auto& strategy) { return strategy.pick(candidates, draws); }, picker);
}

}  // namespace evenkeel::core
