// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// Backends a, b, c … with loads to pick from. Every pick is a decision with draws of its own.
class TestPool {
 public:
  explicit TestPool(std::vector<Load> loads) : loads_(std::move(loads)), stats_(loads_.size()) {
    all_eligible();
  }
  static TestPool of_weights(const std::vector<std::uint32_t>& weights) {
    std::vector<Load> loads;
    for (const std::uint32_t weight : weights) loads.push_back(Load{weight, 0});
    return TestPool(loads);
  }
  // Weights of 1.
  static TestPool of_in_flight(const std::vector<std::uint32_t>& counts) {
    std::vector<Load> loads;
    for (const std::uint32_t count : counts) loads.push_back(Load{1, count});
    return TestPool(loads);
  }

  void all_eligible() {
    eligible_.clear();
    for (std::uint32_t i = 0; i < loads_.size(); ++i) eligible_.push_back(BackendIndex{i});
  }
  // By letter, for example "ac".
  void eligible(const std::string& names) {
    eligible_.clear();
    for (const char name : names) eligible_.push_back(BackendIndex(name - 'a'));
  }

  [[nodiscard]] Candidates candidates() const {
    Candidates candidates;
    candidates.backends = eligible_;
    candidates.loads = loads_;
    candidates.max_weight = 0;
    for (const BackendIndex backend : eligible_) {
      const std::uint32_t weight = loads_[index(backend)].weight;
      candidates.equal_weights &= weight == loads_[index(eligible_.front())].weight;
      candidates.max_weight = std::max(candidates.max_weight, weight);
    }
    candidates.now = now_;
    candidates.stats = stats_;
    return candidates;
  }
  [[nodiscard]] std::vector<BackendPolicy> policies() const {
    std::vector<BackendPolicy> backends(loads_.size());
    for (std::size_t i = 0; i < loads_.size(); ++i) backends[i].weight = loads_[i].weight;
    return backends;
  }
  [[nodiscard]] std::size_t size() const { return loads_.size(); }
  [[nodiscard]] Load& load(std::size_t i) { return loads_[i]; }
  [[nodiscard]] ResponseStats& stats(std::size_t i) { return stats_[i]; }

  [[nodiscard]] Instant now() const { return now_; }
  void advance(Duration by) { now_ += by; }

  template <typename Strategy>
  BackendIndex pick(Strategy& strategy) {
    Draws draws(stream_, decisions_++);
    return strategy.pick(candidates(), draws);
  }
  // The next picks by letter: "abcab".
  template <typename Strategy>
  std::string picks(Strategy& strategy, std::size_t count) {
    std::string names;
    for (std::size_t i = 0; i < count; ++i) {
      names += static_cast<char>('a' + index(pick(strategy)));
    }
    return names;
  }
  // How often each backend was picked.
  template <typename Strategy>
  std::vector<std::uint64_t> count_picks(Strategy& strategy, std::size_t count) {
    std::vector<std::uint64_t> counts(loads_.size());
    for (std::size_t i = 0; i < count; ++i) ++counts[index(pick(strategy))];
    return counts;
  }

 private:
  std::vector<Load> loads_;
  std::vector<ResponseStats> stats_;
  std::vector<BackendIndex> eligible_;
  Instant now_{};
  Stream stream_{Seed{11}, "picks"};
  std::uint64_t decisions_ = 0;
};

}  // namespace evenkeel::core
