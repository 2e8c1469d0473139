// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "evenkeel/core/deadlines.h"
#include "evenkeel/core/time.h"

namespace evenkeel::net {

// Told when its deadline has passed.
class TimerOwner {
 public:
  virtual void on_timer(core::Instant now) = 0;

 protected:
  ~TimerOwner() = default;
};

// One deadline for each connection, over the same lists as the core's.
class Timers {
 public:
  using Class = core::Deadlines::Class;

  explicit Timers(core::Duration coarse_quantum) : deadlines_(coarse_quantum) {}

  [[nodiscard]] Class add_class(core::Duration timeout) { return deadlines_.add_class(timeout); }

  // A place for an owner's deadline, until remove().
  [[nodiscard]] std::uint32_t add(TimerOwner* owner) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(owners_.size()));
      owners_.push_back(nullptr);
      deadlines_.reserve_nodes(static_cast<std::uint32_t>(owners_.size()));
    }
    const std::uint32_t node = free_.back();
    free_.pop_back();
    owners_[node] = owner;
    return node;
  }
  void remove(std::uint32_t node) {
    deadlines_.disarm(node);
    owners_[node] = nullptr;
    free_.push_back(node);
  }

  void arm(std::uint32_t node, Class timeout, core::Instant now) {
    deadlines_.arm(node, timeout, now);
  }
  void disarm(std::uint32_t node) { deadlines_.disarm(node); }
  [[nodiscard]] bool armed(std::uint32_t node) const { return deadlines_.armed(node); }

  [[nodiscard]] core::Instant next() const { return deadlines_.next(); }
  void fire(core::Instant now) {
    while (const auto due = deadlines_.pop_due(now)) owners_[*due]->on_timer(now);
  }

 private:
  core::Deadlines deadlines_;
  std::vector<TimerOwner*> owners_;
  std::vector<std::uint32_t> free_;
};

}  // namespace evenkeel::net
