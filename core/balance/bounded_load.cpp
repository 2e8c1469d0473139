// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/bounded_load.h"

#include <algorithm>

namespace evenkeel::core {
namespace {

__extension__ using Wide = unsigned __int128;

// Uniform in [0, count) for a uniform hash.
std::size_t place_of(std::uint64_t hash, std::size_t count) {
  return static_cast<std::size_t>(Wide{mix(hash)} * count >> 64U);
}

}  // namespace

LoadBound::LoadBound(std::uint32_t factor, const Candidates& candidates)
    : candidates_(candidates),
      factor_(factor == 0 ? 0 : std::max<std::uint64_t>(factor, 100)),
      total_weight_(candidates.total_weight),
      total_in_flight_(candidates.total_in_flight) {
  if (factor_ == 0 || total_weight_ != 0) return;
  total_in_flight_ = 0;
  for (const BackendIndex backend : candidates.backends) {
    total_weight_ += candidates.load(backend).weight;
    total_in_flight_ += candidates.load(backend).in_flight;
  }
}

BackendIndex LoadBound::least_loaded(std::uint64_t hash) const {
  const auto& backends = candidates_.backends;
  std::size_t place = place_of(hash, backends.size());
  BackendIndex best = backends[place];
  for (std::size_t i = 1; i < backends.size(); ++i) {
    if (++place == backends.size()) place = 0;
    const Load& load = candidates_.load(backends[place]);
    const Load& least = candidates_.load(best);
    if (std::uint64_t{load.in_flight} * least.weight <
        std::uint64_t{least.in_flight} * load.weight) {
      best = backends[place];
    }
  }
  return best;
}

BackendIndex any_candidate(const Candidates& candidates, std::uint64_t hash) {
  return candidates.backends[place_of(hash, candidates.backends.size())];
}

}  // namespace evenkeel::core
