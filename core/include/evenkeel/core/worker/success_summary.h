// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "evenkeel/core/outcome.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// The successes of one backend over a few milliseconds, small enough for a message.
//
// The home judges by more than counts: latency percentiles, slow calls, body sizes. So successes of
// similar latency form a group, of which count and sums are kept; a group spans a quarter of an
// octave (up to 25 %) and never both sides of the slow-call threshold. When all groups are taken, a
// success joins the nearest one: the count is always exact, a latency may then be off.
class SuccessSummary {
 public:
  static constexpr std::uint32_t kGroups = 4;

  // `slow_from` is the breaker's slow_call_duration; 0: nothing is slow.
  void add(const Feedback& feedback, Duration slow_from);
  void clear() { *this = SuccessSummary{}; }

  [[nodiscard]] std::uint32_t count() const;
  [[nodiscard]] bool empty() const { return used_ == 0; }

  // Calls `take(feedback, count)` for each group in the order in which they began, with the group's
  // mean latency and body.
  template <typename Take>
  void for_each(Take take) const {
    for (std::uint32_t i = 0; i < used_; ++i) take(mean(groups_[i]), groups_[i].count);
  }

  friend bool operator==(const SuccessSummary&, const SuccessSummary&) = default;

 private:
  struct Group {
    std::uint16_t scale = 0;
    std::uint32_t count = 0;
    std::uint64_t latency_ns = 0;  // sums
    std::uint64_t body_bytes = 0;
    friend bool operator==(const Group&, const Group&) = default;
  };

  [[nodiscard]] Group& group_for(std::uint16_t scale);
  [[nodiscard]] static Feedback mean(const Group& group);

  std::array<Group, kGroups> groups_{};
  std::uint32_t used_ = 0;
};

}  // namespace evenkeel::core
