// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/outlier_detector.h"

#include <algorithm>
#include <limits>

#include "evenkeel/core/health/jitter.h"

namespace evenkeel::core {
namespace {

// base · times, at most `most`, without overflow.
Duration multiplied(Duration base, std::uint32_t times, Duration most) {
  return base > most / times ? most : std::min(base * times, most);
}

}  // namespace

OutlierDetector::OutlierDetector(const OutlierDetectionPolicy& policy, std::uint32_t backends,
                                 Stream jitter)
    : policy_(policy), jitter_(jitter), members_(backends) {}

std::optional<OutlierDetector::Ejection> OutlierDetector::on_failure(Instant now, Member& member,
                                                                     BackendIndex backend) {
  if (!policy_.enabled || member.out_until != kNever) return std::nullopt;
  if (member.failures_in_a_row < std::numeric_limits<std::uint32_t>::max()) {
    ++member.failures_in_a_row;
  }
  // Without room the count stands: the next failure after somebody's return ejects.
  if (member.failures_in_a_row < policy_.consecutive_failures || !room_for_one_more()) {
    return std::nullopt;
  }

  forgive(now, member);
  ++member.unforgiven;
  const Duration time =
      multiplied(policy_.base_ejection_time, member.unforgiven, policy_.max_ejection_time);
  const Duration extra =
      jitter(jitter_.of(index(backend)), time, policy_.ejection_jitter_percent, member.ejections++);
  const Ejection ejection{later(now, time + extra), member.failures_in_a_row};
  member.failures_in_a_row = 0;  // it returns with a clean sheet
  member.out_until = ejection.until;
  ++ejected_;
  next_return_ = earlier_of(next_return_, ejection.until);
  return ejection;
}

void OutlierDetector::on_deadline(Instant now, std::vector<BackendIndex>& returned) {
  if (now < next_return_) return;
  const auto first = static_cast<std::ptrdiff_t>(returned.size());
  next_return_ = kNever;
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    if (members_[i].out_until <= now) {
      returned.push_back(BackendIndex{i});
    } else {
      next_return_ = earlier_of(next_return_, members_[i].out_until);
    }
  }
  std::sort(returned.begin() + first, returned.end(), [this](BackendIndex a, BackendIndex b) {
    const Instant a_until = ejected_until(a);
    const Instant b_until = ejected_until(b);
    return a_until != b_until ? a_until < b_until : a < b;
  });
  for (auto it = returned.begin() + first; it != returned.end(); ++it) {
    members_[index(*it)].out_until = kNever;
    members_[index(*it)].in_since = now;
    --ejected_;
  }
}

bool OutlierDetector::room_for_one_more() const {
  const std::uint64_t out = std::uint64_t{ejected_} + 1;
  return out < members_.size() && out * 100 <= members_.size() * policy_.max_ejection_percent;
}

void OutlierDetector::forgive(Instant now, Member& member) const {
  if (member.unforgiven == 0 || policy_.interval <= Duration::zero()) return;
  const auto good_intervals =
      static_cast<std::uint64_t>((now - member.in_since) / policy_.interval);
  member.unforgiven -=
      static_cast<std::uint32_t>(std::min<std::uint64_t>(good_intervals, member.unforgiven));
}

}  // namespace evenkeel::core
