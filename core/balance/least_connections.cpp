// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/least_connections.h"

namespace evenkeel::core {

BackendIndex LeastConnections::pick(const Candidates& candidates, Draws& draws) const {
  const auto& backends = candidates.backends;
  Load least = candidates.load(backends.front());
  std::uint64_t equals = 1;
  for (const BackendIndex backend : backends.subspan(1)) {
    const Load& load = candidates.load(backend);
    if (less_loaded(load, least)) {
      least = load;
      equals = 1;
    } else if (!less_loaded(least, load)) {
      ++equals;
    }
  }
  // The walk to the drawn one of the equals, counted from the first.
  std::uint64_t skip = equals == 1 ? 0 : draws.below(equals);
  for (const BackendIndex backend : backends) {
    if (!less_loaded(least, candidates.load(backend)) && skip-- == 0) return backend;
  }
  return backends.back();
}

}  // namespace evenkeel::core
