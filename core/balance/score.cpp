// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/score.h"

#include <algorithm>

#include "evenkeel/core/balance/choices.h"

namespace evenkeel::core {

Score::Score(std::uint32_t choices, const EwmaPolicy& policy)
    : choices_(std::clamp<std::uint32_t>(choices, 1, Choices::kMax)), policy_(policy) {}

BackendIndex Score::pick(const Candidates& candidates, Draws& draws) const {
  return least_of_choices(candidates, choices_, draws,
                          [&](BackendIndex backend) { return rank(candidates, backend); });
}

Rank Score::rank(const Candidates& candidates, BackendIndex backend) const {
  constexpr unsigned kSuccessBits = 16;  // enough, and Rank does not overflow
  const Load& load = candidates.load(backend);
  const ResponseStats& stats = candidates.response_stats(backend);
  const auto latency = static_cast<std::uint64_t>(stats.latency(candidates.now, policy_).count());
  const std::uint64_t success = stats.success().raw() >> (Fraction::kBits - kSuccessBits);
  const Wide requests = static_cast<Wide>(requests_with_this(load)) * (load.half_open ? 2U : 1U);
  return Rank{false, requests * latency, load.weight * success};
}

}  // namespace evenkeel::core
