// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/success_summary.h"

#include <bit>
#include <cstdlib>

namespace evenkeel::core {
namespace {

constexpr std::uint16_t kUnmeasured = 0xffff;
constexpr std::uint16_t kSlow = 0x100;  // above every scale

// Four steps to the octave.
std::uint16_t scale_of(Duration latency, Duration slow_from) {
  if (latency < Duration::zero()) return kUnmeasured;
  const auto ns = static_cast<std::uint64_t>(latency.count());
  const auto width = static_cast<unsigned>(std::bit_width(ns));
  const std::uint64_t step = width >= 3 ? ns >> (width - 3U) & 3U : ns & 3U;
  const bool slow = slow_from > Duration::zero() && latency >= slow_from;
  return static_cast<std::uint16_t>((width << 2U | step) + (slow ? kSlow : 0U));
}

}  // namespace

void SuccessSummary::add(const Feedback& feedback, Duration slow_from) {
  Group& group = group_for(scale_of(feedback.latency, slow_from));
  // One that was not measured leaves the mean as it is.
  group.latency_ns += feedback.latency >= Duration::zero()
                          ? static_cast<std::uint64_t>(feedback.latency.count())
                      : group.count != 0 ? group.latency_ns / group.count
                                         : 0;
  group.body_bytes += feedback.body_bytes;
  ++group.count;
}

SuccessSummary::Group& SuccessSummary::group_for(std::uint16_t scale) {
  Group* nearest = groups_.data();
  for (std::uint32_t i = 0; i < used_; ++i) {
    if (std::abs(groups_[i].scale - scale) < std::abs(nearest->scale - scale))
      nearest = &groups_[i];
  }
  if (used_ == kGroups || (used_ != 0 && nearest->scale == scale)) return *nearest;
  groups_[used_].scale = scale;
  return groups_[used_++];
}

std::uint32_t SuccessSummary::count() const {
  std::uint32_t count = 0;
  for (const Group& group : groups_) count += group.count;
  return count;
}

Feedback SuccessSummary::mean(const Group& group) {
  Feedback feedback;
  feedback.outcome = Outcome::success;
  if (group.scale != kUnmeasured) {
    feedback.latency = Duration(static_cast<Duration::rep>(group.latency_ns / group.count));
  }
  feedback.body_bytes = group.body_bytes / group.count;
  return feedback;
}

}  // namespace evenkeel::core
