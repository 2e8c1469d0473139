// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/active_check.h"

#include <algorithm>

#include "evenkeel/core/health/jitter.h"

namespace evenkeel::core {
namespace {

HealthState initial_state(const HealthCheckPolicy& policy) {
  if (policy.type == CheckType::off) return HealthState::healthy;
  switch (policy.initial_state) {
    case InitialState::healthy:
      return HealthState::healthy;
    case InitialState::unhealthy:
      return HealthState::unhealthy;
    case InitialState::unchecked:
      return HealthState::unchecked;
  }
  return HealthState::healthy;
}

}  // namespace

ActiveCheck::ActiveCheck(const HealthCheckPolicy& policy, Stream jitter, Instant now)
    : terms_{policy.interval,          policy.unhealthy_interval,
             policy.timeout,           policy.unhealthy_threshold,
             policy.healthy_threshold, policy.jitter_percent},
      jitter_(jitter),
      state_(initial_state(policy)) {
  if (policy.type == CheckType::off) return;
  next_start_ = later(now, jitter_.within(terms_.interval, 0));
  if (state_ == HealthState::unchecked) give_up_waiting_ = later(now, terms_.interval);
}

Instant ActiveCheck::next_deadline() const {
  const bool running = timeout_at_ != kNever;
  return earlier_of(running ? timeout_at_ : next_start_, give_up_waiting_);
}

ActiveCheck::Step ActiveCheck::on_deadline(Instant now) {
  if (now < next_deadline()) return Step{};
  if (timeout_at_ <= now) {
    timeout_at_ = kNever;
    return Step{Due::time_out_check, checks_ - 1, count(false)};
  }
  if (give_up_waiting_ <= now) {
    return Step{Due::nothing, 0, become(HealthState::healthy, TransitionReason::never_checked, 0)};
  }
  started_ = now;
  timeout_at_ = later(now, terms_.timeout);
  ++checks_;
  schedule_next();
  return Step{Due::start_check, checks_ - 1, std::nullopt};
}

std::optional<ActiveCheck::Change> ActiveCheck::on_result(Instant /*now*/,
                                                          std::uint64_t check_number,
                                                          CheckOutcome outcome) {
  const bool running = timeout_at_ != kNever;
  if (!running || check_number + 1 != checks_) return std::nullopt;
  timeout_at_ = kNever;
  if (outcome == CheckOutcome::local) return std::nullopt;
  return count(outcome == CheckOutcome::passed);
}

std::optional<ActiveCheck::Change> ActiveCheck::count(bool passed) {
  const HealthState verdict = passed ? HealthState::healthy : HealthState::unhealthy;
  if (verdict == state_) {
    contrary_in_a_row_ = 0;
    return std::nullopt;
  }
  ++contrary_in_a_row_;
  // Whoever waits for a first result takes what comes.
  const std::uint32_t threshold = state_ == HealthState::unchecked ? 1
                                  : passed                         ? terms_.healthy_threshold
                                                                   : terms_.unhealthy_threshold;
  if (contrary_in_a_row_ < threshold) return std::nullopt;
  const TransitionReason reason =
      passed ? TransitionReason::checks_passed : TransitionReason::checks_failed;
  return become(verdict, reason, contrary_in_a_row_);
}

ActiveCheck::Change ActiveCheck::become(HealthState to, TransitionReason reason,
                                        std::uint64_t evidence) {
  const Change change{state_, to, reason, evidence};
  state_ = to;
  contrary_in_a_row_ = 0;
  give_up_waiting_ = kNever;
  schedule_next();
  return change;
}

// Measured from the start of the last check, with the interval of what is known now: a backend that
// has just failed is looked at again after unhealthy_interval, not after the interval that was
// running.
void ActiveCheck::schedule_next() {
  if (checks_ == 0) return;  // the first one's time is drawn already
  const Duration interval =
      state_ == HealthState::unhealthy ? terms_.unhealthy_interval : terms_.interval;
  const Duration extra = jitter(jitter_, interval, terms_.jitter_percent, checks_);
  next_start_ = later(started_, interval + extra);
}

}  // namespace evenkeel::core
