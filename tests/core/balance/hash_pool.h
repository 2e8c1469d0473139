// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/hash.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// A pool for consistent hashing: ids backend-0, backend-1 …, and keys key-0, key-1 …
class HashPool {
 public:
  explicit HashPool(std::size_t size) : HashPool(std::vector<std::uint32_t>(size, 1)) {}
  explicit HashPool(const std::vector<std::uint32_t>& weights) : loads_(weights.size()) {
    for (std::uint32_t i = 0; i < weights.size(); ++i) {
      BackendPolicy backend;
      backend.id = "backend-" + std::to_string(i);
      backend.weight = weights[i];
      policies_.push_back(backend);
      loads_[i].weight = weights[i];
    }
    only(policies_.size());
  }

  // Candidates are all of weight, or the first `count` places, or all but one.
  void only(std::size_t count) {
    candidates_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      if (loads_[i].weight != 0) candidates_.push_back(BackendIndex{i});
    }
  }
  void out(std::uint32_t backend) { std::erase(candidates_, BackendIndex{backend}); }
  void back(std::uint32_t backend) {
    candidates_.insert(
        std::lower_bound(candidates_.begin(), candidates_.end(), BackendIndex{backend}),
        BackendIndex{backend});
  }

  [[nodiscard]] Candidates candidates(std::uint64_t hash) const {
    Candidates all;
    all.backends = candidates_;
    all.loads = loads_;
    all.hash = hash;
    return all;
  }
  template <typename Strategy>
  [[nodiscard]] std::uint32_t pick(const Strategy& strategy, std::uint64_t hash) const {
    Draws draws(Stream(Seed{1}, "unused"), 0);
    return index(strategy.pick(candidates(hash), draws));
  }
  // Who has each of the first `keys` keys.
  template <typename Strategy>
  [[nodiscard]] std::vector<std::uint32_t> owners(const Strategy& strategy, int keys) const {
    std::vector<std::uint32_t> owners;
    for (int i = 0; i < keys; ++i) owners.push_back(pick(strategy, hash_of_key(i)));
    return owners;
  }
  static std::uint64_t hash_of_key(int key) { return hash_bytes("key-" + std::to_string(key), 7); }

  [[nodiscard]] std::vector<BackendPolicy>& policies() { return policies_; }
  [[nodiscard]] std::vector<Load>& loads() { return loads_; }

 private:
  std::vector<BackendPolicy> policies_;
  std::vector<Load> loads_;
  std::vector<BackendIndex> candidates_;
};

inline std::vector<std::uint64_t> counts_of(const std::vector<std::uint32_t>& owners,
                                            std::size_t backends) {
  std::vector<std::uint64_t> counts(backends);
  for (const std::uint32_t owner : owners) ++counts[owner];
  return counts;
}

// Keys with another owner than before, of those that were not `gone`'s.
inline int moved_needlessly(const std::vector<std::uint32_t>& before,
                            const std::vector<std::uint32_t>& after, std::uint32_t gone) {
  int moved = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] != gone && before[i] != after[i]) ++moved;
  }
  return moved;
}

}  // namespace evenkeel::core
