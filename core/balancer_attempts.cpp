// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a request: attempts, failures, retries, hedges, the answer.
#include <utility>

#include "evenkeel/core/balancer.h"
#include "evenkeel/core/feedback.h"
#include "evenkeel/core/retry/backoff.h"
#include "evenkeel/core/retry/conditions.h"

namespace evenkeel::core {

namespace {

// Gives a permit back and says nothing of the backend.
constexpr Feedback kNothing{};

}  // namespace

Pick Balancer::pick(Instant now, Exchange& exchange) {
  Pool& pool = pool_of(exchange).pool;
  const auto number = exchange.record.attempts;
  const Draws draws(picks_, exchange.record.number * kMaxAttempts + number);
  if (exchange.session.wanted && pool.may_serve(*exchange.session.wanted)) {
    const BackendIndex home = *std::exchange(exchange.session.wanted, std::nullopt);
    exchange.record.flags = exchange.record.flags | Flag::sticky;
    return Pick{Pick::Result::picked, home, false};
  }
  Pick pick = pool.pick(PickRequest{now, exchange.tried_backends(), exchange.affinity, draws});
  // Every eligible backend was tried: a retry may return to one. Hedges come with one untried.
  if (pick.result != Pick::Result::picked && number > exchange.tried_from) {
    pick = pool.pick(PickRequest{now, {}, exchange.affinity, draws});
  }
  return pick;
}

Balancer::Start Balancer::start_attempt(Instant now, Exchange& exchange) {
  PoolState& state = pool_of(exchange);
  const Pick picked = pick(now, exchange);
  if (picked.result == Pick::Result::nobody) return Start::nobody;
  if (picked.result == Pick::Result::saturated) return Start::saturated;
  if (picked.panic) exchange.record.flags = exchange.record.flags | Flag::panic;

  const auto number = exchange.record.attempts;
  exchange.phase = Exchange::Phase::attempting;
  Attempt& attempt = exchange.attempts[exchange.attempts[0].live() ? 1 : 0];
  attempt = Attempt{};
  attempt.state = AttemptState::connecting;
  attempt.number = number;
  attempt.backend = picked.backend;
  attempt.started = now;
  attempt.ticket = state.home.admit(now, picked.backend);
  exchange.tried[number] = picked.backend;
  exchange.record.attempts = static_cast<std::uint8_t>(number + 1);
  state.pool.on_attempt_started(now, picked.backend);
  state.home.on_attempt_started(now, picked.backend);
  deadlines_.arm(node(exchange, attempt), state.timers.connect, now);
  if (state.home.has_news()) settle(now, exchange.pool);

  note(now, EntryKind::start_attempt, exchange, number, index(picked.backend));
  const Instant deadline = later(exchange.record.arrived, exchange.timeout);
  actions_.push(StartAttempt{
      id_of(exchange, attempt), BackendRef{exchange.pool, picked.backend}, exchange.avoid_reuse,
      attempt_time(now, deadline, policy_of(exchange).retry.attempt_timeout)});
  return Start::started;
}

void Balancer::report(Instant now, Exchange& exchange, Attempt& attempt, const Feedback& feedback) {
  if (attempt.reported) return;
  attempt.reported = true;
  PoolState& state = pool_of(exchange);
  state.home.on_evidence(now, Evidence{attempt.backend, feedback, attempt.ticket});
  if (state.home.has_news()) settle(now, exchange.pool);
}

void Balancer::end_attempt(Instant now, Exchange& exchange, Attempt& attempt,
                           const Feedback& feedback) {
  report(now, exchange, attempt, feedback);
  PoolState& state = pool_of(exchange);
  if (feedback.outcome == Outcome::success) {
    state.admission.on_sample(now, feedback.latency, state.pool.in_flight());
  }
  state.pool.on_attempt_ended(now, attempt.backend, feedback);
  state.home.on_attempt_ended(now, attempt.backend);
  want_service(state);
  deadlines_.disarm(node(exchange, attempt));
  attempt.state = AttemptState::none;
}

void Balancer::cancel_attempt(Instant now, Exchange& exchange, Attempt& attempt,
                              CancelReason reason, const Feedback& feedback) {
  note(now, EntryKind::cancel_attempt, exchange, attempt.number,
       static_cast<std::uint32_t>(reason));
  actions_.push(CancelAttempt{id_of(exchange, attempt), reason});
  end_attempt(now, exchange, attempt, feedback);
}

void Balancer::cancel_all(Instant now, Exchange& exchange, CancelReason reason) {
  for (Attempt& attempt : exchange.attempts) {
    if (attempt.live()) cancel_attempt(now, exchange, attempt, reason, kNothing);
  }
}

void Balancer::fail_attempt(Instant now, Exchange& exchange, Attempt& attempt,
                            AttemptFailure failure) {
  exchange.record.failure = failure;
  exchange.record.backend = attempt.backend;
  end_attempt(now, exchange, attempt, feedback_of(failure, now - attempt.started));
  if (exchange.phase == Exchange::Phase::attempting) {
    after_failure(now, exchange, failure);
    return;
  }
  exchange.phase = Exchange::Phase::aborted;
  exchange.record.flags = exchange.record.flags | Flag::response_aborted;
  note(now, EntryKind::abort_response, exchange, 0, static_cast<std::uint32_t>(failure));
  actions_.push(AbortResponse{id_of(exchange), failure});
}

void Balancer::after_failure(Instant now, Exchange& exchange, AttemptFailure failure) {
  if (exchange.attempts[0].live() || exchange.attempts[1].live()) return;
  exchange.avoid_reuse = failure == AttemptFailure::stale_connection;
  const bool wanted = wants_retry(policy_of(exchange).retry, failure);
  if (exchange.avoid_reuse && can_retry(exchange, wanted)) {
    // No backend saw the request and none is to blame: the budget is not charged, nothing waits.
    if (exchange.session.stays) exchange.session.wanted = exchange.session.where.backend;
    exchange.record.flags = exchange.record.flags | Flag::retried;
    place(now, exchange);
  } else if (!exchange.avoid_reuse && may_retry(now, exchange, wanted)) {
    retry(now, exchange);
  } else {
    reject(now, exchange, cause_of(failure));
  }
}

bool Balancer::can_retry(const Exchange& exchange, bool wanted_by_policy) const {
  const RetryPolicy& policy = policy_of(exchange).retry;
  if (!wanted_by_policy || exchange.record.attempts >= policy.max_attempts) return false;
  // Once a byte of it left, only an idempotent request that we still have in full may go out again.
  const bool resendable = exchange.replayable && policy.methods.contains(exchange.record.method);
  if (exchange.any_sent && !resendable) return false;
  return pools_[index(exchange.pool)].pool.has_members() || may_fall_back(exchange);
}

bool Balancer::may_retry(Instant now, Exchange& exchange, bool wanted_by_policy) {
  if (!can_retry(exchange, wanted_by_policy)) return false;
  // A strict session goes nowhere else.
  if (exchange.session.stays && !pool_of(exchange).affinity.may_leave()) return false;
  // Charged at the decision, before any backoff: a burst of failures cannot slip past the budget.
  if (pool_of(exchange).home.try_retry(now)) return true;
  exchange.record.flags = exchange.record.flags | Flag::budget_exhausted;
  return false;
}

void Balancer::retry(Instant now, Exchange& exchange) {
  exchange.record.flags = exchange.record.flags | Flag::retried;
  const std::uint32_t number = exchange.record.attempts;
  const Duration delay = backoff(policy_of(exchange).retry.backoff, number,
                                 backoffs_.at(exchange.record.number * kMaxAttempts + number));
  if (delay > Duration::zero()) {
    deadlines_.arm_at(node(exchange, Timer::backoff), later(now, delay));
  } else {
    place(now, exchange);
  }
}

void Balancer::on_backoff_over(Instant now, Exchange& exchange) {
  if (exchange.any_sent && !exchange.replayable) {
    reject(
        now, exchange,
        exchange.record.failure ? cause_of(*exchange.record.failure) : RejectCause::upstream_reset);
  } else {
    place(now, exchange);
  }
}

void Balancer::commit(Instant now, Exchange& exchange, Attempt& attempt, std::uint16_t status) {
  if (Attempt* loser = exchange.other(attempt)) {
    cancel_attempt(now, exchange, *loser, CancelReason::hedge_lost, kNothing);
  }
  disarm_all(exchange);
  attempt.state = AttemptState::answered;
  exchange.phase = Exchange::Phase::committed;
  exchange.record.answered = now;
  exchange.record.status = status;
  exchange.record.backend = attempt.backend;
  note(now, EntryKind::send_response, exchange, attempt.number, status);
  bind_session(now, exchange, attempt.backend);
  actions_.push(SendResponse{id_of(exchange, attempt)});
}

void Balancer::reject(Instant now, Exchange& exchange, RejectCause cause, Duration retry_after) {
  stop_waiting(now, exchange);
  disarm_all(exchange);
  exchange.phase = Exchange::Phase::rejected;
  exchange.record.answered = now;
  exchange.record.status = status_of(cause);
  exchange.record.rejection = cause;
  exchange.record.flags = exchange.record.flags | Flag::rejected;
  note(now, EntryKind::reject_request, exchange, 0, static_cast<std::uint32_t>(cause));
  actions_.push(RejectRequest{id_of(exchange), exchange.record.status, cause, retry_after});
}

void Balancer::disarm_all(const Exchange& exchange) {
  for (std::uint32_t i = 0; i < kTimersPerSlot; ++i) {
    deadlines_.disarm(node(exchange, static_cast<Timer>(i)));
  }
}

void Balancer::on_timer(Instant now, Deadlines::Node due) {
  Exchange& exchange = exchanges_[due / kTimersPerSlot];
  const auto timer = static_cast<Timer>(due % kTimersPerSlot);
  note(now, EntryKind::deadline, exchange, 0, static_cast<std::uint32_t>(timer));
  switch (timer) {
    case Timer::request:
      on_request_late(now, exchange);
      return;
    case Timer::attempt_0:
    case Timer::attempt_1:
      on_attempt_late(now, exchange, exchange.attempts[timer == Timer::attempt_0 ? 0 : 1]);
      return;
    case Timer::hedge:
      on_hedge_due(now, exchange);
      return;
    case Timer::backoff:
      on_backoff_over(now, exchange);
      return;
    case Timer::waiting:
      on_waited_too_long(now, exchange);
      return;
  }
}

void Balancer::on_request_late(Instant now, Exchange& exchange) {
  for (Attempt& attempt : exchange.attempts) {
    if (!attempt.live()) continue;
    exchange.record.backend = attempt.backend;
    // Clients with little time say nothing of a backend; but a probe that nobody waits for to its
    // end would leave the breaker half-open as long as clients are impatient.
    const bool overdue =
        attempt.ticket.probe && attempt.state == AttemptState::sent && !exchange.upload_waits;
    cancel_attempt(
        now, exchange, attempt, CancelReason::timed_out,
        overdue ? feedback_of(AttemptFailure::attempt_timeout, now - attempt.started) : kNothing);
  }
  reject(now, exchange, RejectCause::request_timeout);
}

void Balancer::on_attempt_late(Instant now, Exchange& exchange, Attempt& attempt) {
  const auto failure = attempt.state == AttemptState::connecting ? AttemptFailure::connect_timeout
                                                                 : AttemptFailure::attempt_timeout;
  note(now, EntryKind::cancel_attempt, exchange, attempt.number,
       static_cast<std::uint32_t>(CancelReason::timed_out));
  actions_.push(CancelAttempt{id_of(exchange, attempt), CancelReason::timed_out});
  fail_attempt(now, exchange, attempt, failure);
}

void Balancer::arm_hedge(Instant now, Exchange& exchange) {
  const RetryPolicy& retry = policy_of(exchange).retry;
  if (!retry.hedge.enabled || !retry.methods.contains(exchange.record.method)) return;
  if (exchange.session.stays) return;  // two backends would work on one session
  PoolState& state = pool_of(exchange);
  const auto delay = hedge_delay(retry.hedge, state.response_times, now);
  if (!delay) return;  // too few answers to know what is slow
  if (retry.hedge.delay > Duration::zero()) {
    deadlines_.arm(node(exchange, Timer::hedge), state.timers.hedge, now);
  } else {
    deadlines_.arm_at(node(exchange, Timer::hedge), later(now, *delay));
  }
}

void Balancer::on_hedge_due(Instant now, Exchange& exchange) {
  const bool one_live = exchange.attempts[0].live() != exchange.attempts[1].live();
  if (!one_live || !exchange.replayable) return;
  if (exchange.record.attempts >= policy_of(exchange).retry.max_attempts) return;
  PoolState& state = pool_of(exchange);
  // Asked before the budget is charged: what is spent never comes back.
  if (!state.admission.has_room(state.pool.in_flight())) return;
  if (!state.pool.has_untried(exchange.tried_backends())) return;
  if (!state.home.try_hedge(now)) return;
  if (start_attempt(now, exchange) == Start::started) {
    exchange.record.flags = exchange.record.flags | Flag::hedged;
  }
}

}  // namespace evenkeel::core
