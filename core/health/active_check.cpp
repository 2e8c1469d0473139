// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/active_check.h"

#include <utility>

#include "evenkeel/core/health/jitter.h"

namespace evenkeel::core {
namespace {

HealthState initial_state(const ActiveCheck::Terms& terms) {
  if (!terms.enabled) return HealthState::healthy;
  switch (terms.initial_state) {
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

ActiveCheck::Terms::Terms(const HealthCheckPolicy& policy)
    : interval(policy.interval),
      unhealthy_interval(policy.unhealthy_interval),
      timeout(policy.timeout),
      unhealthy_threshold(policy.unhealthy_threshold),
      healthy_threshold(policy.healthy_threshold),
      jitter_percent(policy.jitter_percent),
      relax_factor(policy.relax_factor),
      initial_state(policy.initial_state),
      enabled(policy.type != CheckType::off) {}

ActiveCheck::ActiveCheck(const SharedValue<Terms>& terms, Stream jitter, Instant now)
    : terms_(terms), jitter_(jitter), state_(initial_state(*terms)) {
  begin(now);
}

void ActiveCheck::begin(Instant now) {
  started_ = kNever;
  next_start_ = kNever;
  give_up_waiting_ = kNever;
  contrary_in_a_row_ = 0;
  left_out_ = 0;
  succeeded_ = false;
  failed_ = false;
  if (!terms_->enabled) return;
  next_start_ = later(now, jitter_.within(terms_->interval, checks_));
  if (state_ == HealthState::unchecked) give_up_waiting_ = later(now, terms_->interval);
}

std::optional<std::uint64_t> ActiveCheck::give_up() {
  if (timeout_at_ == kNever) return std::nullopt;
  timeout_at_ = kNever;
  return checks_ - 1;
}

ActiveCheck::Applied ActiveCheck::apply(const SharedValue<Terms>& terms, Instant now) {
  const SharedValue<Terms> before = std::exchange(terms_, terms);
  if (terms_->enabled != before->enabled) {
    Applied applied{give_up(), std::nullopt};
    if (!terms_->enabled && state_ != HealthState::healthy) {
      applied.change = become(HealthState::healthy, TransitionReason::requested, 0);
    }
    begin(now);
    return applied;
  }
  const bool other_times = terms_->interval != before->interval ||
                           terms_->unhealthy_interval != before->unhealthy_interval ||
                           terms_->jitter_percent != before->jitter_percent;
  if (terms_->enabled && other_times) {
    left_out_ = 0;
    schedule_next();
    // A shorter interval makes many checks due at this moment: they spread out again.
    const Instant spread = later(now, jitter_.of(checks_).within(terms_->interval, 0));
    if (next_start_ <= now || (next_start_ - now) / 2 > terms_->interval) next_start_ = spread;
  }
  return Applied{};
}

ActiveCheck::Applied ActiveCheck::restart(const SharedValue<Terms>& terms, Instant now) {
  Applied applied{give_up(), std::nullopt};
  terms_ = terms;
  const HealthState from = state_;
  state_ = initial_state(*terms);
  if (state_ != from) applied.change = Change{from, state_, TransitionReason::requested, 0};
  begin(now);
  return applied;
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
  if (relax(now)) return Step{};
  started_ = now;
  timeout_at_ = later(now, terms_->timeout);
  ++checks_;
  schedule_next();
  return Step{Due::start_check, checks_ - 1, std::nullopt};
}

std::optional<ActiveCheck::Change> ActiveCheck::on_result(Instant /*now*/,
                                                          std::uint64_t check_number,
                                                          CheckOutcome outcome) {
  if (!running(check_number)) return std::nullopt;
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
                                  : passed                         ? terms_->healthy_threshold
                                                                   : terms_->unhealthy_threshold;
  if (contrary_in_a_row_ < threshold) return std::nullopt;
  const TransitionReason reason =
      passed ? TransitionReason::checks_passed : TransitionReason::checks_failed;
  return become(verdict, reason, contrary_in_a_row_);
}

// Whether the check that is due is left out. If so, the next one's time has been set.
bool ActiveCheck::relax(Instant now) {
  const bool proven = succeeded_ && !failed_;
  succeeded_ = false;
  failed_ = false;
  if (!proven || started_ == kNever || state_ != HealthState::healthy || contrary_in_a_row_ != 0 ||
      left_out_ + 1 >= terms_->relax_factor) {
    left_out_ = 0;
    return false;
  }
  const Stream draws = jitter_.of(checks_);
  const Duration extra = jitter(draws, terms_->interval, terms_->jitter_percent, left_out_++);
  next_start_ = later(now, terms_->interval + extra);
  return true;
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
  if (started_ == kNever) return;  // the first one's time is drawn already
  const Duration interval =
      state_ == HealthState::unhealthy ? terms_->unhealthy_interval : terms_->interval;
  const Duration extra = jitter(jitter_, interval, terms_->jitter_percent, checks_);
  next_start_ = later(started_, interval + extra);
}

}  // namespace evenkeel::core
