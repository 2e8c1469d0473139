// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::sim {

// How many idle connections the balancer has to one backend, and how old they are. At message
// fidelity there are no connections, but whether one was waiting decides what the balancer learns:
// over it the request counts as sent also when the backend has fallen silent, and its death is a
// stale connection rather than a reset. Follows net::KeepAlive: last in, first out, bounded, each
// with a deadline on the coarse quantum.
class IdleModel {
 public:
  IdleModel(const core::ConnectionPoolPolicy& policy, core::Duration quantum)
      : policy_(policy), quantum_(quantum) {}

  // Takes the youngest; its requests so far, or nullopt when there is none.
  [[nodiscard]] std::optional<std::uint32_t> take(core::Instant now) {
    expire(now);
    if (first_ == idle_.size()) return std::nullopt;
    const std::uint32_t uses = idle_.back().uses;
    idle_.pop_back();
    return uses;
  }
  // A connection whose `uses`-th response is complete.
  void put(core::Instant now, std::uint32_t uses) {
    expire(now);
    if (policy_.max_reuse != 0 && uses >= policy_.max_reuse) return;
    if (idle_.size() - first_ >= policy_.max_idle_per_backend) return;
    idle_.push_back({round_up(later(now, policy_.idle_timeout), quantum_), uses});
  }
  // All of them were reset.
  void clear() {
    idle_.clear();
    first_ = 0;
  }

 private:
  struct Idle {
    core::Instant deadline;
    std::uint32_t uses;
  };
  void expire(core::Instant now) {
    while (first_ < idle_.size() && idle_[first_].deadline <= now) ++first_;
    if (first_ == idle_.size()) {
      clear();
    } else if (first_ > 64 && 2 * first_ > idle_.size()) {
      idle_.erase(idle_.begin(), idle_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
  }

  core::ConnectionPoolPolicy policy_;
  core::Duration quantum_;
  std::vector<Idle> idle_;  // oldest first
  std::size_t first_ = 0;   // those before it are closed
};

}  // namespace evenkeel::sim
