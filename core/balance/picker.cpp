// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/picker.h"

#include <utility>

#include "evenkeel/core/check.h"

namespace evenkeel::core {

Picker make_picker(const BalancePolicy& policy, std::span<const BackendPolicy> backends,
                   Stream phase) {
  const auto count = static_cast<std::uint32_t>(backends.size());
  switch (policy.algorithm) {
    case Algorithm::round_robin:
      return RoundRobin(count, phase);
    case Algorithm::weighted_round_robin:
      return SmoothWeightedRoundRobin(backends, phase);
    case Algorithm::least_conn:
      return LeastConnections{};
    case Algorithm::least_request:
      return LeastRequest(policy.choice_count, policy.active_request_bias);
    case Algorithm::random:
      return RandomPick{};
    case Algorithm::peak_ewma:
      return PeakEwma(policy.choice_count, policy.ewma);
    case Algorithm::score:
      return Score(policy.choice_count, policy.ewma);
    case Algorithm::join_idle_queue:
      return JoinIdleQueue(count, phase);
    case Algorithm::ring_hash:
      return RingHash(policy.hash, backends);
    case Algorithm::maglev:
      return Maglev(policy.hash, backends);
    case Algorithm::rendezvous:
      return Rendezvous(policy.hash, backends);
    case Algorithm::first:
      return FirstPick{};
  }
  EVENKEEL_CHECK(!"a known algorithm");
}

void apply(Picker& picker, const BalancePolicy& policy, std::span<const BackendPolicy> backends,
           Stream phase) {
  // What has turns keeps them. The beginning of a round robin would cost the search for its place.
  if (std::holds_alternative<RoundRobin>(picker) && policy.algorithm == Algorithm::round_robin) {
    return;
  }
  if (auto* turns = std::get_if<SmoothWeightedRoundRobin>(&picker);
      turns != nullptr && policy.algorithm == Algorithm::weighted_round_robin) {
    turns->apply(backends);
    return;
  }
  if (auto* queue = std::get_if<JoinIdleQueue>(&picker);
      queue != nullptr && policy.algorithm == Algorithm::join_idle_queue) {
    queue->resize(static_cast<std::uint32_t>(backends.size()));
    return;
  }
  picker = make_picker(policy, backends, phase);
}

BackendIndex pick(Picker& picker, const Candidates& candidates, Draws& draws) {
  EVENKEEL_CHECK(!candidates.backends.empty());
  return std::visit([&](auto& strategy) { return strategy.pick(candidates, draws); }, picker);
}

}  // namespace evenkeel::core
