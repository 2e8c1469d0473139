// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/overload.h"

#include <algorithm>

namespace evenkeel::core {
namespace {

constexpr std::uint32_t kMost = std::max(Overload::kShedAll, Overload::kStopAccepting);

bool has(const OverloadPolicy& policy, OverloadAction action) {
  return std::find(policy.actions.begin(), policy.actions.end(), action) != policy.actions.end();
}

}  // namespace

Overload::Overload(const OverloadPolicy& policy, std::uint32_t least_important) {
  apply(policy, least_important);
}

void Overload::apply(const OverloadPolicy& policy, std::uint32_t least_important) {
  disable_keepalive_ = has(policy, OverloadAction::disable_keepalive);
  shed_low_priority_ = has(policy, OverloadAction::shed_low_priority);
  stop_accepting_ = has(policy, OverloadAction::stop_accepting);
  least_important_ = least_important;
  shed_from_ = shed_from();
}

void Overload::on_pressure(std::uint32_t thousandths) {
  const std::uint32_t pressure = std::min(thousandths, kMost);
  // 50 below the threshold is where an action ends, not where it still holds.
  pressure_ = std::clamp(pressure_, pressure, pressure + kHysteresis - 1);
  shed_from_ = shed_from();
}

// With n priorities above 0, number n - i is shed from 900 + 100 * i / n.
std::uint64_t Overload::shed_from() const {
  if (!shed_low_priority_ || pressure_ < kShedFirst) return kNobody;
  const std::uint64_t above = pressure_ - kShedFirst;
  const std::uint64_t steps = above * least_important_ / (kShedAll - kShedFirst);
  return least_important_ - steps;
}

}  // namespace evenkeel::core
