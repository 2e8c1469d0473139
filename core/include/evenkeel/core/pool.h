// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evenkeel/core/balance/picker.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// One worker's view of a pool: who may be picked, how busy each is, and the strategy that chooses.
//
// It holds opinions about nobody: whether a backend is eligible is its home's verdict (home.h), and
// arrives through set_eligible(). In-flight counts include attempts that are still connecting, or a
// backend that is slow to accept would look idle.
class Pool {
 public:
  Pool(const PoolPolicy& policy, Stream phase);

  // The home's verdict on a backend changed.
  void set_eligible(BackendIndex backend, bool eligible);

  // An eligible backend that is not among `tried`; nullopt when there is none.
  [[nodiscard]] std::optional<BackendIndex> pick(std::span<const BackendIndex> tried, Draws draws);

  // Whether pick() would find a backend.
  [[nodiscard]] bool has_untried(std::span<const BackendIndex> tried) const;

  void on_attempt_started(BackendIndex backend) { ++loads_[index(backend)].in_flight; }
  void on_attempt_ended(BackendIndex backend) { --loads_[index(backend)].in_flight; }

  [[nodiscard]] std::span<const BackendIndex> eligible() const { return eligible_; }
  [[nodiscard]] const Load& load(BackendIndex backend) const { return loads_[index(backend)]; }
  [[nodiscard]] std::size_t size() const { return loads_.size(); }

 private:
  std::vector<Load> loads_;             // by BackendIndex
  std::vector<BackendIndex> eligible_;  // ascending; never a backend of weight 0
  std::vector<BackendIndex> untried_;   // scratch of pick()
  bool equal_weights_ = true;
  Picker picker_;
};

}  // namespace evenkeel::core
