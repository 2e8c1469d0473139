// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/pool.h"

#include <algorithm>

namespace evenkeel::core {

Pool::Pool(const PoolPolicy& policy, Stream phase)
    : picker_(make_picker(policy.balance, policy.backends, phase)) {
  std::uint32_t weight = 0;  // of those that take requests
  for (const BackendPolicy& backend : policy.backends) {
    loads_.push_back(Load{backend.weight, 0});
    if (backend.weight == 0) continue;
    if (weight == 0) weight = backend.weight;
    equal_weights_ = equal_weights_ && backend.weight == weight;
  }
  eligible_.reserve(loads_.size());
  untried_.reserve(loads_.size());
}

void Pool::set_eligible(BackendIndex backend, bool eligible) {
  if (loads_[index(backend)].weight == 0) return;
  const auto place = std::lower_bound(eligible_.begin(), eligible_.end(), backend);
  const bool listed = place != eligible_.end() && *place == backend;
  if (listed == eligible) return;
  if (eligible) {
    eligible_.insert(place, backend);
  } else {
    eligible_.erase(place);
  }
}

bool Pool::has_untried(std::span<const BackendIndex> tried) const {
  return std::any_of(eligible_.begin(), eligible_.end(), [tried](BackendIndex backend) {
    return std::find(tried.begin(), tried.end(), backend) == tried.end();
  });
}

std::optional<BackendIndex> Pool::pick(std::span<const BackendIndex> tried, Draws draws) {
  std::span<const BackendIndex> backends = eligible_;
  if (!tried.empty()) {
    untried_.clear();
    for (const BackendIndex backend : eligible_) {
      if (std::find(tried.begin(), tried.end(), backend) == tried.end())
        untried_.push_back(backend);
    }
    backends = untried_;
  }
  if (backends.empty()) return std::nullopt;
  return core::pick(picker_, Candidates{backends, loads_, equal_weights_}, draws);
}

}  // namespace evenkeel::core
