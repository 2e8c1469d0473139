// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/round_robin.h"

#include <algorithm>

namespace evenkeel::core {

RoundRobin::RoundRobin(std::uint32_t backends, Stream phase)
    : next_(backends == 0 ? 0 : static_cast<std::uint32_t>(phase.below(backends, 0))) {}

BackendIndex RoundRobin::pick(const Candidates& candidates, Draws& /*draws*/) {
  const auto& backends = candidates.backends;
  const auto turn = std::lower_bound(backends.begin(), backends.end(), BackendIndex{next_});
  const BackendIndex picked = turn == backends.end() ? backends.front() : *turn;
  next_ = index(picked) + 1;
  return picked;
}

}  // namespace evenkeel::core
