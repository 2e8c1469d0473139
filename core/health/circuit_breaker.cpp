// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/circuit_breaker.h"

#include <algorithm>

#include "evenkeel/core/check.h"
#include "evenkeel/core/health/jitter.h"

namespace evenkeel::core {
namespace {

// base · 2^doublings, at most `most`, without overflow.
Duration doubled(Duration base, std::uint32_t doublings, Duration most) {
  while (doublings-- > 0 && base < most) base = base > most / 2 ? most : 2 * base;
  return std::min(base, most);
}

}  // namespace

CircuitBreaker::CircuitBreaker(const CircuitBreakerPolicy& policy, Stream jitter, Instant now)
    : policy_(policy), jitter_(jitter), window_(policy.window, now), closed_since_(now) {
  if (policy_.enabled) leases_.reserve(policy_.half_open_max_requests);
}

CircuitBreaker::Ticket CircuitBreaker::admit_probe(Instant now) {
  EVENKEEL_CHECK(admits());
  const Ticket ticket{generation_, next_lease_++, true};
  leases_.push_back(Lease{ticket.lease, later(now, policy_.open_duration)});
  next_deadline_ = leases_.front().until;
  return ticket;
}

std::optional<CircuitBreaker::Change> CircuitBreaker::on_failure(Instant now) {
  ++failures_in_a_row_;
  window_.add(now, {1, 1});
  const std::uint64_t results = window_.first();
  const std::uint64_t failures = window_.second();
  if (policy_.consecutive_failures != 0 && failures_in_a_row_ >= policy_.consecutive_failures) {
    return open(now, TransitionReason::consecutive_failures, failures_in_a_row_);
  }
  if (policy_.failure_count != 0 && failures >= policy_.failure_count) {
    return open(now, TransitionReason::failure_count, failures);
  }
  if (policy_.failure_rate_threshold != 0 && results >= policy_.minimum_requests &&
      failures * 100 >= results * policy_.failure_rate_threshold) {
    return open(now, TransitionReason::failure_rate, failures * 100 / results);
  }
  return std::nullopt;
}

std::optional<CircuitBreaker::Change> CircuitBreaker::on_probe_result(Instant now, Ticket ticket,
                                                                      Outcome outcome) {
  const auto lease = std::find_if(leases_.begin(), leases_.end(), [&](const Lease& candidate) {
    return candidate.number == ticket.lease;
  });
  if (lease == leases_.end()) return std::nullopt;
  leases_.erase(lease);
  next_deadline_ = leases_.empty() ? kNever : leases_.front().until;
  switch (outcome) {
    case Outcome::neutral:
      return std::nullopt;
    case Outcome::failure:
      return open(now, TransitionReason::probe_failed, 1);
    case Outcome::success:
      ++successful_probes_;
      if (successful_probes_ < policy_.half_open_successes) return std::nullopt;
      return close(now);
  }
  return std::nullopt;
}

std::optional<CircuitBreaker::Change> CircuitBreaker::on_deadline(Instant now) {
  if (now < next_deadline_) return std::nullopt;
  if (state_ == BreakerState::open) return half_open();
  const auto alive = std::find_if(leases_.begin(), leases_.end(),
                                  [now](const Lease& lease) { return lease.until > now; });
  leases_.erase(leases_.begin(), alive);
  next_deadline_ = leases_.empty() ? kNever : leases_.front().until;
  return std::nullopt;
}

CircuitBreaker::Change CircuitBreaker::open(Instant now, TransitionReason reason,
                                            std::uint64_t evidence) {
  const bool was_well = state_ == BreakerState::closed && now - closed_since_ >= policy_.window;
  if (was_well) openings_ = 0;
  const Duration pause = doubled(policy_.open_duration, openings_++, policy_.max_open_duration);
  const Change change = become(BreakerState::open, reason, evidence);
  next_deadline_ = later(now, pause + jitter(jitter_, pause, kOpenJitterPercent, generation_));
  return change;
}

CircuitBreaker::Change CircuitBreaker::half_open() {
  return become(BreakerState::half_open, TransitionReason::open_duration_over, openings_);
}

CircuitBreaker::Change CircuitBreaker::close(Instant now) {
  const Change change =
      become(BreakerState::closed, TransitionReason::probes_succeeded, successful_probes_);
  closed_since_ = now;
  window_.clear(now);
  return change;
}

// Every change of state happens here.
CircuitBreaker::Change CircuitBreaker::become(BreakerState to, TransitionReason reason,
                                              std::uint64_t evidence) {
  const Change change{state_, to, reason, evidence};
  state_ = to;
  ++generation_;
  failures_in_a_row_ = 0;
  successful_probes_ = 0;
  leases_.clear();
  next_deadline_ = kNever;
  return change;
}

}  // namespace evenkeel::core
