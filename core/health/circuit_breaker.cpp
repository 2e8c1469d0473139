// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/circuit_breaker.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "evenkeel/core/check.h"
#include "evenkeel/core/health/jitter.h"

namespace evenkeel::core {
namespace {

// base · 2^doublings, at most `most`, without overflow.
Duration doubled(Duration base, std::uint32_t doublings, Duration most) {
  while (doublings-- > 0 && base < most) base = base > most / 2 ? most : 2 * base;
  return std::min(base, most);
}

bool counts_slow_calls(const CircuitBreakerPolicy& policy) {
  return policy.slow_call_duration > Duration::zero() && policy.slow_call_rate_threshold != 0;
}

}  // namespace

CircuitBreaker::CircuitBreaker(const SharedValue<CircuitBreakerPolicy>& policy, Stream jitter,
                               Instant now)
    : policy_(policy), jitter_(jitter), window_(policy->window, now), closed_since_(now) {
  if (!policy_->enabled) return;
  leases_.reserve(policy_->half_open_max_requests);
  if (counts_slow_calls(*policy_)) slow_window_.emplace_back(policy_->window, now);
}

CircuitBreaker::Ticket CircuitBreaker::admit_probe(Instant now) {
  EVENKEEL_CHECK(admits());
  const Ticket ticket{generation_, next_lease_++, true};
  leases_.push_back(Lease{ticket.lease, later(now, policy_->open_duration)});
  next_deadline_ = leases_.front().until;
  return ticket;
}

// A failure, a slow call, or both.
std::optional<CircuitBreaker::Change> CircuitBreaker::on_bad_result(Instant now,
                                                                    const Feedback& feedback) {
  if (state_ != BreakerState::closed) return std::nullopt;
  const bool failed = feedback.outcome == Outcome::failure;
  failures_in_a_row_ = failed ? failures_in_a_row_ + 1 : 0;
  window_.add(now, {1, failed ? 1U : 0U});
  const std::uint64_t results = window_.first();
  const std::uint64_t failures = window_.second();
  if (failed) {
    if (policy_->consecutive_failures != 0 && failures_in_a_row_ >= policy_->consecutive_failures) {
      return open(now, TransitionReason::consecutive_failures, failures_in_a_row_,
                  feedback.retry_after);
    }
    if (policy_->failure_count != 0 && failures >= policy_->failure_count) {
      return open(now, TransitionReason::failure_count, failures, feedback.retry_after);
    }
    if (policy_->failure_rate_threshold != 0 && results >= policy_->minimum_requests &&
        failures * 100 >= results * policy_->failure_rate_threshold) {
      return open(now, TransitionReason::failure_rate, failures * 100 / results,
                  feedback.retry_after);
    }
  }
  if (slow_window_.empty() || !slow(feedback)) return std::nullopt;
  slow_window_.front().add(now, {1, 0});
  const std::uint64_t slow_calls = slow_window_.front().first();
  if (results >= policy_->minimum_requests &&
      slow_calls * 100 >= results * policy_->slow_call_rate_threshold) {
    return open(now, TransitionReason::slow_call_rate, slow_calls * 100 / results,
                feedback.retry_after);
  }
  return std::nullopt;
}

std::optional<CircuitBreaker::Change> CircuitBreaker::on_probe_result(Instant now, Ticket ticket,
                                                                      const Feedback& feedback) {
  const auto lease = std::find_if(leases_.begin(), leases_.end(), [&](const Lease& candidate) {
    return candidate.number == ticket.lease;
  });
  if (lease == leases_.end()) return std::nullopt;
  leases_.erase(lease);
  next_deadline_ = leases_.empty() ? kNever : leases_.front().until;
  if (feedback.outcome == Outcome::neutral) return std::nullopt;
  if (feedback.outcome == Outcome::failure || slow(feedback)) {
    return open(now, TransitionReason::probe_failed, 1, feedback.retry_after);
  }
  ++successful_probes_;
  if (successful_probes_ < policy_->half_open_successes) return std::nullopt;
  return close(now, TransitionReason::probes_succeeded, successful_probes_);
}

std::optional<CircuitBreaker::Change> CircuitBreaker::on_deadline(Instant now) {
  if (now < next_deadline_) return std::nullopt;
  if (state_ == BreakerState::open) {
    return become(BreakerState::half_open, TransitionReason::open_duration_over, openings_);
  }
  const auto alive = std::find_if(leases_.begin(), leases_.end(),
                                  [now](const Lease& lease) { return lease.until > now; });
  leases_.erase(leases_.begin(), alive);
  next_deadline_ = leases_.empty() ? kNever : leases_.front().until;
  return std::nullopt;
}

std::optional<CircuitBreaker::Change> CircuitBreaker::force(Instant now,
                                                            std::optional<BreakerState> state) {
  if (state == BreakerState::half_open && state_ == BreakerState::half_open) return std::nullopt;
  const bool was_forced = std::exchange(forced_, state && *state != BreakerState::half_open);
  Change change;
  if (state == BreakerState::open) {
    change = become(BreakerState::open, TransitionReason::forced, 0);
  } else if (state == BreakerState::half_open && policy_->enabled) {
    change = become(BreakerState::half_open, TransitionReason::forced, 0);
  } else {
    openings_ = 0;
    change = close(now, TransitionReason::forced, 0);
  }
  if (change.from == change.to && was_forced == forced_) return std::nullopt;
  return change;
}

std::optional<CircuitBreaker::Change> CircuitBreaker::apply(
    const SharedValue<CircuitBreakerPolicy>& policy, Instant now) {
  const SharedValue<CircuitBreakerPolicy> before = std::exchange(policy_, policy);
  if (policy_->enabled) leases_.reserve(policy_->half_open_max_requests);
  if (policy_->window != before->window ||
      (policy_->enabled && counts_slow_calls(*policy_)) == slow_window_.empty()) {
    window_ = TimeWindow(policy_->window, now);
    slow_window_.clear();
    if (policy_->enabled && counts_slow_calls(*policy_)) {
      slow_window_.emplace_back(policy_->window, now);
    }
  }
  if (policy_->enabled || !before->enabled || forced_) return std::nullopt;
  openings_ = 0;
  const Change change = close(now, TransitionReason::requested, 0);
  return change.from == change.to ? std::nullopt : std::optional<Change>(change);
}

std::optional<CircuitBreaker::Change> CircuitBreaker::restart(
    const SharedValue<CircuitBreakerPolicy>& policy, Instant now) {
  forced_ = false;
  openings_ = 0;
  const Change change = close(now, TransitionReason::requested, 0);
  apply(policy, now);
  return change.from == change.to ? std::nullopt : std::optional<Change>(change);
}

CircuitBreaker::Change CircuitBreaker::open(Instant now, TransitionReason reason,
                                            std::uint64_t evidence, Duration at_least) {
  const bool was_well = state_ == BreakerState::closed && now - closed_since_ >= policy_->window;
  if (was_well) openings_ = 0;
  const Duration asked = std::min(at_least, kMaxRetryAfter);
  const Duration pause =
      std::max(doubled(policy_->open_duration, openings_, policy_->max_open_duration), asked);
  if (openings_ < std::numeric_limits<std::uint32_t>::max()) ++openings_;
  const Change change = become(BreakerState::open, reason, evidence);
  next_deadline_ = later(now, pause + jitter(jitter_, pause, kOpenJitterPercent, generation_));
  return change;
}

CircuitBreaker::Change CircuitBreaker::close(Instant now, TransitionReason reason,
                                             std::uint64_t evidence) {
  const Change change = become(BreakerState::closed, reason, evidence);
  closed_since_ = now;
  window_.clear(now);
  for (TimeWindow& window : slow_window_) window.clear(now);
  return change;
}

// Every change of state happens here.
CircuitBreaker::Change CircuitBreaker::become(BreakerState to, TransitionReason reason,
                                              std::uint64_t evidence) {
  const Change change{state_, to, reason, evidence};
  state_ = to;
  if (++generation_ == kNoTicket.generation) generation_ = 0;
  failures_in_a_row_ = 0;
  successful_probes_ = 0;
  leases_.clear();
  next_deadline_ = kNever;
  return change;
}

}  // namespace evenkeel::core
