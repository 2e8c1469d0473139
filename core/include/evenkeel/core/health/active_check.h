// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/shared_value.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// When to check one backend, and what its checks say of it.
//
// A verdict takes several results in a row, and a result of the other kind starts the count anew:
// otherwise a backend that fails every second check would be taken out by and by. Checks of a
// backend never overlap. An outcome of our own making (CheckOutcome::local) is no evidence either
// way.
//
// The first check comes after a drawn part of the interval, so that the checks of a pool spread
// out; the next ones an interval after the start of the one before, plus jitter.
//
// A backend that answers requests well need not be asked so often. With a relax_factor above 1, a
// check of a healthy backend whose time has come is left out when since the last such time requests
// succeeded there and none failed; at most relax_factor - 1 in a row. So the spread of the checks
// stays as it is, and from the first failure on the next check is an interval away at most.
class ActiveCheck {
 public:
  struct Change {
    HealthState from{};
    HealthState to{};
    TransitionReason reason{};
    std::uint64_t evidence = 0;  // results in a row; 0 for never_checked
    friend bool operator==(const Change&, const Change&) = default;
  };

  enum class Due : std::uint8_t {
    nothing,
    start_check,     // begin check number `check_number`, and report to on_result()
    time_out_check,  // give it up: it has been counted as failed
  };
  struct Step {
    Due due = Due::nothing;
    std::uint64_t check_number = 0;
    std::optional<Change> change;
  };

  // What the state machine needs of the policy.
  struct Terms {
    Duration interval;
    Duration unhealthy_interval;
    Duration timeout;
    std::uint32_t unhealthy_threshold;
    std::uint32_t healthy_threshold;
    std::uint32_t jitter_percent;
    std::uint32_t relax_factor;
    InitialState initial_state;
    bool enabled;

    Terms(const HealthCheckPolicy& policy);  // NOLINT(google-explicit-constructor): a part of it
    friend bool operator==(const Terms&, const Terms&) = default;
  };

  // `jitter` is this backend's own stream.
  ActiveCheck(const SharedValue<Terms>& terms, Stream jitter, Instant now);

  // Takes one thing that is due; call again while next_deadline() is not after `now`.
  [[nodiscard]] Step on_deadline(Instant now);
  // The end of a check. Ignored unless it is the one that is running.
  std::optional<Change> on_result(Instant now, std::uint64_t check_number, CheckOutcome outcome);
  // What a request showed. Moves no deadline.
  void on_traffic(bool success) { (success ? succeeded_ : failed_) = true; }

  // What the owner is to do about a change of the policy.
  struct Applied {
    std::optional<std::uint64_t> give_up;  // this check: it runs, and nobody waits for it any more
    std::optional<Change> change;
  };
  // Another policy for the same backend, whose state and results in a row stay. Without checks
  // every backend is healthy; when they begin, the state is what it was.
  Applied apply(const SharedValue<Terms>& terms, Instant now);
  // Another backend in this place, or the same one anew; begins as the policy says. Gives up the
  // running check. Numbers of checks go on, so that a late result is nobody else's.
  Applied restart(const SharedValue<Terms>& terms, Instant now);

  // Whether this check has neither ended nor timed out.
  [[nodiscard]] bool running(std::uint64_t check_number) const {
    return timeout_at_ != kNever && check_number + 1 == checks_;
  }
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] HealthState state() const { return state_; }
  [[nodiscard]] bool up() const { return state_ == HealthState::healthy; }

  friend bool operator==(const ActiveCheck&, const ActiveCheck&) = default;

 private:
  void begin(Instant now);
  std::optional<std::uint64_t> give_up();
  std::optional<Change> count(bool passed);
  bool relax(Instant now);
  Change become(HealthState to, TransitionReason reason, std::uint64_t evidence);
  void schedule_next();

  SharedValue<Terms> terms_;
  Stream jitter_;
  HealthState state_ = HealthState::healthy;
  std::uint32_t contrary_in_a_row_ = 0;  // results that speak against the state
  std::uint32_t left_out_ = 0;           // checks in a row
  bool succeeded_ = false;               // requests, since a check last had its time
  bool failed_ = false;
  std::uint64_t checks_ = 0;  // started so far; the running one's number is one less
  Instant started_ = kNever;  // the last check's start; kNever: none yet
  Instant next_start_ = kNever;
  Instant timeout_at_ = kNever;       // of the running check; kNever: none is running
  Instant give_up_waiting_ = kNever;  // unchecked no longer than this
};

}  // namespace evenkeel::core
