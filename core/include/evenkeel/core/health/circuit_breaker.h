// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/time_window.h"

namespace evenkeel::core {

// Stops sending to one backend that mostly fails, and finds out with a few probes when it is well.
//
//            enough failures                     open time over
//   closed ------------------> open ------------------------------> half_open
//      ^                        ^                                     |    |
//      |                        +---------- one probe failed ---------+    |
//      +------------------ half_open_successes probes succeeded -----------+
//
// - Every change starts a new generation. A result counts only in the generation it was admitted
// in:
//   failures still in flight when the breaker opens neither prolong the pause nor fail a later
//   probe.
// - A probe holds a permit for at most open_duration. One that is never heard of again would
// otherwise
//   pin the breaker half-open for good.
// - Requests turned away by an open breaker never come here, so they cannot be counted as failures.
// - Every reopening doubles the pause up to max_open_duration. Jitter of at most 10 % comes on top.
//   A full window spent closed forgets earlier openings.
//
// Only a failure opens: the conditions are looked at when one arrives.
class CircuitBreaker {
 public:
  struct Change {
    BreakerState from{};
    BreakerState to{};
    TransitionReason reason{};
    // The count that reached its threshold: failures, or probes; for failure_rate the percentage;
    // for open_duration_over the openings in a row.
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

  static constexpr std::uint32_t kOpenJitterPercent = 10;

  // `jitter` is this backend's own stream. A disabled policy admits always and keeps no state.
  CircuitBreaker(const CircuitBreakerPolicy& policy, Stream jitter, Instant now);

  // Whether admit() may be called. As of the last on_deadline(): time alone changes nothing.
  [[nodiscard]] bool admits() const {
    return state_ == BreakerState::closed ||
           (state_ == BreakerState::half_open && leases_.size() < policy_.half_open_max_requests);
  }
  // Only when admits(). Every ticket is to be handed to on_result() once.
  Ticket admit(Instant now) {
    if (state_ == BreakerState::closed) return Ticket{generation_, 0, false};
    return admit_probe(now);
  }
  // Ignored when the ticket's generation is over, or its lease.
  std::optional<Change> on_result(Instant now, Ticket ticket, Outcome outcome) {
    if (!policy_.enabled || ticket.generation != generation_) return std::nullopt;
    if (ticket.probe) return on_probe_result(now, ticket, outcome);
    if (outcome == Outcome::success) {
      failures_in_a_row_ = 0;
      window_.add(now, {1, 0});
      return std::nullopt;
    }
    return outcome == Outcome::failure ? on_failure(now) : std::nullopt;
  }
  // Ends the pause, or takes back what a lost probe holds.
  std::optional<Change> on_deadline(Instant now);

  [[nodiscard]] Instant next_deadline() const { return next_deadline_; }
  [[nodiscard]] BreakerState state() const { return state_; }
  // The end of the pause; kNever unless open.
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

  Ticket admit_probe(Instant now);
  std::optional<Change> on_failure(Instant now);
  std::optional<Change> on_probe_result(Instant now, Ticket ticket, Outcome outcome);
  Change open(Instant now, TransitionReason reason, std::uint64_t evidence);
  Change half_open();
  Change close(Instant now);
  Change become(BreakerState to, TransitionReason reason, std::uint64_t evidence);

  CircuitBreakerPolicy policy_;
  Stream jitter_;
  TimeWindow window_;  // first: results, second: failures among them
  BreakerState state_ = BreakerState::closed;
  std::uint32_t generation_ = 0;  // of the current state
  std::uint32_t failures_in_a_row_ = 0;
  std::uint32_t successful_probes_ = 0;
  std::uint32_t openings_ = 0;  // in a row, without a full window closed in between
  std::uint32_t next_lease_ = 0;
  Instant closed_since_;
  Instant next_deadline_ = kNever;  // open: end of the pause; half_open: end of the first lease
  // Oldest first, so the first to end is in front. Never more than half_open_max_requests, for
  // which there is room from the start. Empty unless half_open.
  std::vector<Lease> leases_;
};

}  // namespace evenkeel::core
