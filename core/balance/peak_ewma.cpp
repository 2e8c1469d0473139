// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/peak_ewma.h"

#include <algorithm>

#include "evenkeel/core/balance/choices.h"

namespace evenkeel::core {

PeakEwma::PeakEwma(std::uint32_t choices, const EwmaPolicy& policy)
    : choices_(std::clamp<std::uint32_t>(choices, 1, Choices::kMax)), policy_(policy) {}

BackendIndex PeakEwma::pick(const Candidates& candidates, Draws& draws) const {
  return least_of_choices(candidates, choices_, draws,
                          [&](BackendIndex backend) { return rank(candidates, backend); });
}

Rank PeakEwma::rank(const Candidates& candidates, BackendIndex backend) const {
  const Load& load = candidates.load(backend);
  const ResponseStats& stats = candidates.response_stats(backend);
  if (!stats.has_history() && load.in_flight > 0) {
    return Rank{true, requests_with_this(load), load.weight};
  }
  const auto cost = static_cast<std::uint64_t>(stats.cost(candidates.now, policy_).count());
  return Rank{false, static_cast<Wide>(cost) * requests_with_this(load), load.weight};
}

}  // namespace evenkeel::core
