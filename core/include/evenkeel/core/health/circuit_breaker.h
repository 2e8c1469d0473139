// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/shared_value.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/time_window.h"

namespace evenkeel::core {

// Stops sending to one backend that mostly fails, or mostly dawdles, and finds out with a few
// probes when it is well.
//
//            enough failures                     open time over
//   closed ------------------> open ------------------------------> half_open
//      ^                        ^                                     |    |
//      |                        +---------- one probe failed ---------+    |
//      +------------------ half_open_successes probes succeeded -----------+
//
// - Every change starts a new generation. A result counts only in the generation it was admitted
//   in: failures still in flight when the breaker opens neither prolong the pause nor fail a later
//   probe.
// - A probe holds a permit for at most open_duration. One that is never heard of again would
//   otherwise pin the breaker half-open for good.
// - Requests turned away by an open breaker never come here, so they cannot be counted as failures.
// - Every reopening doubles the pause up to max_open_duration. Who asks to be left alone for longer
//   (Retry-After with the failure that opens) is, up to kMaxRetryAfter. Jitter of at most 10 %
//   comes on top. A full window spent closed forgets earlier openings.
// - An operator's word holds until reset: forced open stays open, forced closed counts nothing.
//
// Only a failure or a slow call opens: the conditions are looked at when one arrives.
class CircuitBreaker {
 public:
  struct Change {
    BreakerState from{};
    BreakerState to{};
    TransitionReason reason{};
    // The count that reached its threshold: failures, or probes; for failure_rate and
    // slow_call_rate the percentage; for open_duration_over the openings in a row.
    std::uint64_t evidence = 0;
    friend bool operator==(const Change&, const Change&) = default;
  };

  // Proof of admission; goes back with the result.
  struct Ticket {
    std::uint32_t generation = 0;
    std::uint32_t lease = 0;  // a probe's permit
    bool probe = false;
    friend bool operator==(const Ticket&, const Ticket&) = default;
  };
  // For a request that goes although the breaker does not admit it: its result counts for nothing.
  static constexpr Ticket kNoTicket{0xffffffff, 0, false};

  static constexpr std::uint32_t kOpenJitterPercent = 10;

  // `jitter` is this backend's own stream. A disabled policy admits always and keeps no state.
  CircuitBreaker(const SharedValue<CircuitBreakerPolicy>& policy, Stream jitter, Instant now);

  // Whether admit() may be called. As of the last on_deadline(): time alone changes nothing, and
  // neither does asking.
  [[nodiscard]] bool admits() const {
    return state_ == BreakerState::closed ||
           (state_ == BreakerState::half_open && leases_.size() < policy_->half_open_max_requests);
  }
  // Only when admits(). Every ticket is to be handed to on_result() once.
  Ticket admit(Instant now) {
    if (state_ == BreakerState::closed) return Ticket{generation_, 0, false};
    return admit_probe(now);
  }
  // Ignored when the ticket's generation is over, or its lease.
  std::optional<Change> on_result(Instant now, Ticket ticket, const Feedback& feedback) {
    if (ticket.generation != generation_) return std::nullopt;
    if (ticket.probe) return on_probe_result(now, ticket, feedback);
    if (!policy_->enabled || forced_) return std::nullopt;
    if (feedback.outcome == Outcome::success && !slow(feedback)) {
      failures_in_a_row_ = 0;
      window_.add(now, {1, 0});
      return std::nullopt;
    }
    return feedback.outcome == Outcome::neutral ? std::nullopt : on_bad_result(now, feedback);
  }
  // Ends the pause, or takes back what a lost probe holds.
  std::optional<Change> on_deadline(Instant now);

  // An operator's word: open or closed until the next one; half_open ends a pause now (of
  // a breaker switched off, it closes); nullopt forgets everything and begins anew. Says the
  // change, if there is one to see.
  std::optional<Change> force(Instant now, std::optional<BreakerState> state);
  // Another policy for the same backend. State, permits and counts stay; a pause that runs keeps
  // its end. A changed window, or slow calls switched on or off, begin counting anew. Switched off,
  // a breaker that no operator holds closes.
  std::optional<Change> apply(const SharedValue<CircuitBreakerPolicy>& policy, Instant now);
  // Another backend in this place: closed, with nothing remembered. Generations go on, so that
  // results of the one before count for nothing.
  std::optional<Change> restart(const SharedValue<CircuitBreakerPolicy>& policy, Instant now);

  [[nodiscard]] Instant next_deadline() const { return next_deadline_; }
  [[nodiscard]] BreakerState state() const { return state_; }
  [[nodiscard]] bool forced() const { return forced_; }
  // The end of the pause; kNever unless open, or when forced.
  [[nodiscard]] Instant open_until() const {
    return state_ == BreakerState::open ? next_deadline_ : kNever;
  }
  // Probes that hold a permit.
  [[nodiscard]] std::uint32_t probes_in_flight() const {
    return static_cast<std::uint32_t>(leases_.size());
  }

  friend bool operator==(const CircuitBreaker&, const CircuitBreaker&) = default;

 private:
  struct Lease {
    std::uint32_t number = 0;
    Instant until;
    friend bool operator==(const Lease&, const Lease&) = default;
  };

  [[nodiscard]] bool slow(const Feedback& feedback) const {
    return policy_->slow_call_duration > Duration::zero() &&
           policy_->slow_call_rate_threshold != 0 &&
           feedback.latency >= policy_->slow_call_duration;
  }
  Ticket admit_probe(Instant now);
  std::optional<Change> on_bad_result(Instant now, const Feedback& feedback);
  std::optional<Change> on_probe_result(Instant now, Ticket ticket, const Feedback& feedback);
  Change open(Instant now, TransitionReason reason, std::uint64_t evidence, Duration at_least);
  Change close(Instant now, TransitionReason reason, std::uint64_t evidence);
  Change become(BreakerState to, TransitionReason reason, std::uint64_t evidence);

  SharedValue<CircuitBreakerPolicy> policy_;
  Stream jitter_;
  TimeWindow window_;  // first: results, second: failures among them
  // One, in step with window_, when slow calls count, else none: most breakers are spared its
  // memory. first: slow calls.
  std::vector<TimeWindow> slow_window_;
  BreakerState state_ = BreakerState::closed;
  bool forced_ = false;
  std::uint32_t generation_ = 0;  // of the current state; never kNoTicket's
  std::uint32_t failures_in_a_row_ = 0;
  std::uint32_t successful_probes_ = 0;
  std::uint32_t openings_ = 0;  // in a row, without a full window closed in between
  std::uint32_t next_lease_ = 0;
  Instant closed_since_;
  Instant next_deadline_ = kNever;  // open: end of the pause; half_open: end of the first lease
  // Oldest first, so the first to end is in front. Never more than half_open_max_requests at the
  // time of admission, for which there is room from the start. Empty unless half_open.
  std::vector<Lease> leases_;
};

}  // namespace evenkeel::core
