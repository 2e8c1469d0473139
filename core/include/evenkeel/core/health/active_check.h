// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
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

  // `jitter` is this backend's own stream.
  ActiveCheck(const HealthCheckPolicy& policy, Stream jitter, Instant now);

  // Takes one thing that is due; call again while next_deadline() is not after `now`.
  [[nodiscard]] Step on_deadline(Instant now);
  // The end of a check. Ignored unless it is the one that is running.
  std::optional<Change> on_result(Instant now, std::uint64_t check_number, CheckOutcome outcome);

  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] HealthState state() const { return state_; }
  [[nodiscard]] bool up() const { return state_ == HealthState::healthy; }

  friend bool operator==(const ActiveCheck&, const ActiveCheck&) = default;

 private:
  // What the state machine needs of the policy.
  struct Terms {
    Duration interval;
    Duration unhealthy_interval;
    Duration timeout;
    std::uint32_t unhealthy_threshold;
    std::uint32_t healthy_threshold;
    std::uint32_t jitter_percent;
    friend bool operator==(const Terms&, const Terms&) = default;
  };

  std::optional<Change> count(bool passed);
  Change become(HealthState to, TransitionReason reason, std::uint64_t evidence);
  void schedule_next();

  Terms terms_;
  Stream jitter_;
  HealthState state_ = HealthState::healthy;
  std::uint32_t contrary_in_a_row_ = 0;  // results that speak against the state
  std::uint64_t checks_ = 0;             // started so far; the running one's number is one less
  Instant started_ = kNever;             // the last check's start
  Instant next_start_ = kNever;
  Instant timeout_at_ = kNever;       // of the running check; kNever: none is running
  Instant give_up_waiting_ = kNever;  // unchecked no longer than this
};

}  // namespace evenkeel::core
