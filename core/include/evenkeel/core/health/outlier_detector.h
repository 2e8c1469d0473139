// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/health/outlier_statistics.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// Takes backends of one pool out for a while when requests to them fail one after the other, or
// fare much worse than requests to the others.
//
// Active checks ask a health page; this listens to the requests themselves. Failures in a row eject
// at once. Rates and latencies are judged at the end of each interval, which begins with the first
// result after the one before: an idle pool needs no deadlines.
//
// Whoever fails again soon after returning stays away longer: base_ejection_time times the
// ejections not yet forgiven, where every full interval spent in the pool forgives one. At most
// max_ejection_percent of the pool is out at a time, tested with the backend in question included,
// and never the last one: taking out everybody cures nothing.
class OutlierDetector {
 public:
  struct Ejection {
    Instant until;
    TransitionReason reason{};
    std::uint64_t evidence = 0;  // as in Outlier
    friend bool operator==(const Ejection&, const Ejection&) = default;
  };

  OutlierDetector(const OutlierDetectionPolicy& policy, std::uint32_t backends, Stream jitter);

  // An attempt's outcome; the ejection it caused, if any. What arrives while the backend is out was
  // sent before, or in panic, and counts for nothing. May move next_deadline().
  std::optional<Ejection> on_outcome(Instant now, BackendIndex backend, const Feedback& feedback) {
    Member& member = members_[index(backend)];
    if (!policy_.enabled || member.out_until != kNever || feedback.outcome == Outcome::neutral) {
      return std::nullopt;
    }
    if (statistics_.wanted()) {
      if (interval_end_ == kNever) interval_end_ = later(now, policy_.interval);
      statistics_.add(backend, feedback);
    }
    if (feedback.outcome == Outcome::success) {
      member.failures_in_a_row = 0;
      member.gateway_failures_in_a_row = 0;
      return std::nullopt;
    }
    return on_failure(now, member, backend, feedback.failure);
  }

  // Appends the backends whose time is over to `returned`, the earliest first, equal times by
  // index; and at the end of an interval to `outliers` those that it shows. Whether they go is the
  // owner's to say, with eject(), worst first: only it knows whether somebody is left.
  void on_deadline(Instant now, std::vector<BackendIndex>& returned,
                   std::vector<Outlier>& outliers);
  // Takes one out, unless it is out, or there is no room for one more.
  std::optional<Ejection> eject(Instant now, const Outlier& outlier);
  // Ends an ejection before its time. Whether there was one.
  bool readmit(Instant now, BackendIndex backend);

  // Other parameters for the same backends; ejections that run keep their end. Whoever is now too
  // many for the cap returns, the soonest to return first, and is appended; switched off, everybody
  // does. To be called after replace() even if the policy is what it was: the cap depends on both.
  void apply(const OutlierDetectionPolicy& policy, Instant now,
             std::vector<BackendIndex>& returned);
  // Backends are only ever added; the new ones are not present.
  void resize(std::uint32_t backends);
  // Somebody else in this place, or nobody: who was there is forgotten, ejection and all. Places
  // without a backend do not count for the cap.
  void replace(BackendIndex backend, bool present);

  // The next return, or end of an interval; kNever without either.
  [[nodiscard]] Instant next_deadline() const { return earlier_of(next_return_, interval_end_); }
  [[nodiscard]] bool ejected(BackendIndex backend) const {
    return members_[index(backend)].out_until != kNever;
  }
  // kNever when it is not ejected.
  [[nodiscard]] Instant ejected_until(BackendIndex backend) const {
    return members_[index(backend)].out_until;
  }
  [[nodiscard]] std::uint32_t ejected_count() const { return ejected_; }
  // Answers too well to be true; see SinkholeGuard.
  [[nodiscard]] bool suspect(BackendIndex backend) const { return statistics_.suspect(backend); }

  friend bool operator==(const OutlierDetector&, const OutlierDetector&) = default;

 private:
  struct Member {
    std::uint32_t failures_in_a_row = 0;  // 0 while ejected, as the next
    std::uint32_t gateway_failures_in_a_row = 0;
    std::uint32_t unforgiven = 0;  // ejections
    bool present = true;
    std::uint64_t ejections = 0;  // ever: numbers the draws of jitter
    Instant out_until = kNever;   // kNever: in
    Instant in_since = kNever;    // last return; kNever: never was out
    friend bool operator==(const Member&, const Member&) = default;
  };

  std::optional<Ejection> on_failure(Instant now, Member& member, BackendIndex backend,
                                     FailureKind kind);
  [[nodiscard]] bool within_cap(std::uint64_t out) const;
  void forgive(Instant now, Member& member) const;
  void find_next_return();

  OutlierDetectionPolicy policy_;
  Stream jitter_;
  OutlierStatistics statistics_;
  std::vector<Member> members_;
  std::uint32_t present_ = 0;
  std::uint32_t ejected_ = 0;
  Instant next_return_ = kNever;   // the earliest out_until
  Instant interval_end_ = kNever;  // kNever: nothing has been counted since the last one
};

}  // namespace evenkeel::core
