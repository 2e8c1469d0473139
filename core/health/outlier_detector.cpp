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

void count(std::uint32_t& counter) {
  if (counter < std::numeric_limits<std::uint32_t>::max()) ++counter;
}

}  // namespace

OutlierDetector::OutlierDetector(const OutlierDetectionPolicy& policy, std::uint32_t backends,
                                 Stream jitter)
    : policy_(policy),
      jitter_(jitter),
      statistics_(policy, backends),
      members_(backends),
      present_(backends) {}

std::optional<OutlierDetector::Ejection> OutlierDetector::on_failure(Instant now, Member& member,
                                                                     BackendIndex backend,
                                                                     FailureKind kind) {
  count(member.failures_in_a_row);
  if (kind == FailureKind::gateway || kind == FailureKind::local_origin) {
    count(member.gateway_failures_in_a_row);
  } else {
    member.gateway_failures_in_a_row = 0;
  }
  // Without room the counts stand: the next failure after somebody's return ejects.
  if (policy_.consecutive_failures != 0 &&
      member.failures_in_a_row >= policy_.consecutive_failures) {
    return eject(
        now, Outlier{backend, TransitionReason::consecutive_failures, member.failures_in_a_row});
  }
  if (policy_.consecutive_gateway_failures != 0 &&
      member.gateway_failures_in_a_row >= policy_.consecutive_gateway_failures) {
    return eject(now, Outlier{backend, TransitionReason::gateway_failures,
                              member.gateway_failures_in_a_row});
  }
  return std::nullopt;
}

std::optional<OutlierDetector::Ejection> OutlierDetector::eject(Instant now,
                                                                const Outlier& outlier) {
  Member& member = members_[index(outlier.backend)];
  if (!policy_.enabled || !member.present || member.out_until != kNever ||
      !within_cap(std::uint64_t{ejected_} + 1)) {
    return std::nullopt;
  }
  forgive(now, member);
  ++member.unforgiven;
  const Duration time =
      multiplied(policy_.base_ejection_time, member.unforgiven, policy_.max_ejection_time);
  const Duration extra = jitter(jitter_.of(index(outlier.backend)), time,
                                policy_.ejection_jitter_percent, member.ejections++);
  // It returns with a clean sheet: counts that survived would throw it out at the first failure, or
  // past a threshold that is tested for equality never again.
  member.failures_in_a_row = 0;
  member.gateway_failures_in_a_row = 0;
  statistics_.forget(outlier.backend);
  member.out_until = later(now, time + extra);
  ++ejected_;
  next_return_ = earlier_of(next_return_, member.out_until);
  return Ejection{member.out_until, outlier.reason, outlier.evidence};
}

void OutlierDetector::on_deadline(Instant now, std::vector<BackendIndex>& returned,
                                  std::vector<Outlier>& outliers) {
  if (now >= interval_end_) {
    interval_end_ = kNever;
    statistics_.judge(outliers);
  }
  if (now < next_return_) return;
  const auto first = static_cast<std::ptrdiff_t>(returned.size());
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    if (members_[i].out_until <= now) returned.push_back(BackendIndex{i});
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
  find_next_return();
}

bool OutlierDetector::readmit(Instant now, BackendIndex backend) {
  Member& member = members_[index(backend)];
  if (member.out_until == kNever) return false;
  member.out_until = kNever;
  member.in_since = now;
  --ejected_;
  find_next_return();
  return true;
}

void OutlierDetector::apply(const OutlierDetectionPolicy& policy, Instant now,
                            std::vector<BackendIndex>& returned) {
  if (policy != policy_) {
    if (policy.enabled != policy_.enabled) {
      for (Member& member : members_) {
        member.failures_in_a_row = 0;
        member.gateway_failures_in_a_row = 0;
      }
    }
    policy_ = policy;
    statistics_.apply(policy);
    if (!statistics_.wanted()) interval_end_ = kNever;
  }
  while (ejected_ != 0 && (!policy_.enabled || !within_cap(ejected_))) {
    const auto soonest = std::min_element(
        members_.begin(), members_.end(),
        [](const Member& a, const Member& b) { return a.out_until < b.out_until; });
    returned.push_back(BackendIndex{static_cast<std::uint32_t>(soonest - members_.begin())});
    readmit(now, returned.back());
  }
}

void OutlierDetector::resize(std::uint32_t backends) {
  if (backends <= members_.size()) return;
  Member absent;
  absent.present = false;
  members_.resize(backends, absent);
  statistics_.resize(backends);
}

void OutlierDetector::replace(BackendIndex backend, bool present) {
  Member& member = members_[index(backend)];
  const bool was_out = member.out_until != kNever;
  if (was_out) --ejected_;
  if (member.present) --present_;
  if (present) ++present_;
  member = Member{0, 0, 0, present, member.ejections, kNever, kNever};
  statistics_.forget(backend);
  if (was_out) find_next_return();
}

bool OutlierDetector::within_cap(std::uint64_t out) const {
  return out < present_ && out * 100 <= std::uint64_t{present_} * policy_.max_ejection_percent;
}

void OutlierDetector::forgive(Instant now, Member& member) const {
  if (member.unforgiven == 0 || policy_.interval <= Duration::zero()) return;
  const auto good_intervals =
      static_cast<std::uint64_t>((now - member.in_since) / policy_.interval);
  member.unforgiven -=
      static_cast<std::uint32_t>(std::min<std::uint64_t>(good_intervals, member.unforgiven));
}

void OutlierDetector::find_next_return() {
  next_return_ = kNever;
  for (const Member& member : members_) next_return_ = earlier_of(next_return_, member.out_until);
}

}  // namespace evenkeel::core
