// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/ids.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// Takes backends of one pool out for a while when requests to them fail one after the other.
//
// Active checks ask a health page; this listens to the requests themselves. Whoever fails again
// soon after returning stays away longer: base_ejection_time times the ejections not yet forgiven,
// where every full interval spent in the pool forgives one. At most max_ejection_percent of the
// pool is out at a time, tested with the backend in question included, and never the last one:
// taking out everybody cures nothing.
class OutlierDetector {
 public:
  struct Ejection {
    Instant until;
    std::uint64_t evidence = 0;  // failures in a row
    friend bool operator==(const Ejection&, const Ejection&) = default;
  };

  OutlierDetector(const OutlierDetectionPolicy& policy, std::uint32_t backends, Stream jitter);

  // An attempt's outcome; the ejection it caused, if any. What arrives while the backend is out was
  // sent before, or in panic, and counts for nothing.
  std::optional<Ejection> on_outcome(Instant now, BackendIndex backend, bool success) {
    Member& member = members_[index(backend)];
    if (success) {
      member.failures_in_a_row = 0;
      return std::nullopt;
    }
    return on_failure(now, member, backend);
  }

  // Appends the backends whose time is over: the earliest first, equal times by index.
  void on_deadline(Instant now, std::vector<BackendIndex>& returned);

  // The next return, or kNever.
  [[nodiscard]] Instant next_deadline() const { return next_return_; }
  [[nodiscard]] bool ejected(BackendIndex backend) const {
    return members_[index(backend)].out_until != kNever;
  }
  // kNever when it is not ejected.
  [[nodiscard]] Instant ejected_until(BackendIndex backend) const {
    return members_[index(backend)].out_until;
  }
  [[nodiscard]] std::uint32_t ejected_count() const { return ejected_; }

  friend bool operator==(const OutlierDetector&, const OutlierDetector&) = default;

 private:
  struct Member {
    std::uint32_t failures_in_a_row = 0;  // 0 while ejected
    std::uint32_t unforgiven = 0;         // ejections
    std::uint64_t ejections = 0;          // ever: numbers the draws of jitter
    Instant out_until = kNever;           // kNever: in
    Instant in_since = kNever;            // last return; kNever: never was out
    friend bool operator==(const Member&, const Member&) = default;
  };

  std::optional<Ejection> on_failure(Instant now, Member& member, BackendIndex backend);
  [[nodiscard]] bool room_for_one_more() const;
  void forgive(Instant now, Member& member) const;

  OutlierDetectionPolicy policy_;
  Stream jitter_;
  std::vector<Member> members_;
  std::uint32_t ejected_ = 0;
  Instant next_return_ = kNever;  // the earliest out_until
};

}  // namespace evenkeel::core
