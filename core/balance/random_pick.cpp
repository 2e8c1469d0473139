// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/random_pick.h"

namespace evenkeel::core {

BackendIndex RandomPick::pick(const Candidates& candidates, Draws& draws) const {
  const auto& backends = candidates.backends;
  if (candidates.equal_weights) return backends[draws.below(backends.size())];
  std::uint64_t total = 0;
  for (const BackendIndex backend : backends) total += candidates.load(backend).weight;
  std::uint64_t rest = draws.below(total);
  for (const BackendIndex backend : backends) {
    const std::uint64_t weight = candidates.load(backend).weight;
    if (rest < weight) return backend;
    rest -= weight;
  }
  return backends.back();
}

}  // namespace evenkeel::core
