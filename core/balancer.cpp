// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balancer.h"

#include <algorithm>
#include <utility>

#include "evenkeel/core/check.h"
#include "evenkeel/core/retry/backoff.h"

namespace evenkeel::core {

namespace {

// 5xx, but not a 503 (or 429) that asks to come back later: that one sheds load, and is no
// evidence.
Outcome outcome_of(const ResponseFacts& response) {
  const bool sheds = response.has_retry_after && (response.status == 503 || response.status == 429);
  if (sheds) return Outcome::neutral;
  return response.status >= 500 ? Outcome::failure : Outcome::success;
}

bool wants_retry(const RetryConditions& on, const ResponseFacts& response) {
  if (response.has_retry_after && (response.status == 503 || response.status == 429)) return false;
  return std::find(on.statuses.begin(), on.statuses.end(), response.status) != on.statuses.end();
}

bool wants_retry(const RetryConditions& on, AttemptFailure failure) {
  switch (failure) {
    case AttemptFailure::connect_refused:
    case AttemptFailure::connect_timeout:
    case AttemptFailure::local:
      return on.connect_failure;
    case AttemptFailure::stale_connection:
    case AttemptFailure::reset_before_head:
      return on.reset_before_head;
    case AttemptFailure::attempt_timeout:
      return on.attempt_timeout;
    case AttemptFailure::bad_response:
    case AttemptFailure::reset_in_body:
      return false;
  }
  return false;
}

// A dead idle connection and our own lack of resources say nothing about the backend.
Outcome outcome_of(AttemptFailure failure) {
  const bool innocent =
      failure == AttemptFailure::stale_connection || failure == AttemptFailure::local;
  return innocent ? Outcome::neutral : Outcome::failure;
}

RejectCause cause_of(AttemptFailure failure) {
  switch (failure) {
    case AttemptFailure::connect_refused:
    case AttemptFailure::connect_timeout:
      return RejectCause::connect_failure;
    case AttemptFailure::stale_connection:
    case AttemptFailure::reset_before_head:
    case AttemptFailure::reset_in_body:
      return RejectCause::upstream_reset;
    case AttemptFailure::bad_response:
      return RejectCause::bad_response;
    case AttemptFailure::attempt_timeout:
      return RejectCause::upstream_timeout;
    case AttemptFailure::local:
      return RejectCause::local_failure;
  }
  return RejectCause::local_failure;
}

std::uint16_t status_of(RejectCause cause) {
  switch (cause) {
    case RejectCause::connect_failure:
    case RejectCause::upstream_reset:
    case RejectCause::bad_response:
      return 502;
    case RejectCause::no_healthy_backend:
    case RejectCause::overflow:
    case RejectCause::local_failure:
      return 503;
    case RejectCause::upstream_timeout:
    case RejectCause::request_timeout:
      return 504;
  }
  return 503;
}

std::uint64_t subject_of(BackendRef backend) {
  return (std::uint64_t{index(backend.pool)} << 32U) | index(backend.backend);
}

}  // namespace

Balancer::Balancer(std::shared_ptr<const Config> config, const Options& options, Instant now)
    : config_(std::move(config)),
      picks_(options.seed, "balance"),
      backoffs_(options.seed, "backoff"),
      capacity_(options.capacity),
      deadlines_(options.coarse_quantum),
      journal_(options.journal),
      last_now_(now) {
  const Stream phases(options.seed, "balance phase");
  const Stream health(options.seed, "health");
  for (std::uint32_t i = 0; i < config_->pools.size(); ++i) {
    const PoolPolicy& policy = config_->pools[i];
    EVENKEEL_CHECK(policy.retry.max_attempts <= kMaxAttempts);
    pools_.emplace_back(policy, phases.of(i));
    homes_.emplace_back(PoolIndex{i}, policy, health.of(i), now);
    PoolTimers timers;
    timers.connect = deadlines_.add_class(
        std::min(policy.connection_pool.connect_timeout, policy.retry.attempt_timeout));
    timers.attempt = deadlines_.add_class(policy.retry.attempt_timeout);
    if (policy.retry.hedge.enabled) {
      timers.hedge = deadlines_.add_class(policy.retry.hedge.delay, Deadlines::kFineQuantum);
    }
    pool_timers_.push_back(timers);
    settle(now, PoolIndex{i});
  }
  for (const RoutePolicy& route : config_->routes) {
    route_timers_.push_back(deadlines_.add_class(route.timeout));
  }
}

// ---- facts about requests -----------------------------------------------------------------------

RequestId Balancer::on_request(Instant now, const RequestFacts& request) {
  begin(now);
  Exchange& exchange = open_exchange();
  exchange.replayable = request.replayable;
  exchange.route = request.route;
  exchange.pool = config_->routes[index(request.route)].pool;
  exchange.record.number = next_number_++;
  exchange.record.route = exchange.route;
  exchange.record.pool = exchange.pool;
  exchange.record.method = request.method;
  exchange.record.arrived = now;
  note(now, EntryKind::request, exchange, 0,
       (index(request.route) << 8U) | static_cast<std::uint32_t>(request.method));
  if (!request.replayable) note(now, EntryKind::replay_lost, exchange, 0, 0);

  if (live_ > capacity_) {
    reject(now, exchange, RejectCause::overflow);
    return id_of(exchange);
  }
  homes_[index(exchange.pool)].on_request(now);
  deadlines_.arm(node(exchange, Timer::request), route_timers_[index(exchange.route)], now);
  const RequestId id = id_of(exchange);
  if (!start_attempt(now, exchange, false)) {
    reject(now, exchange, RejectCause::no_healthy_backend);
    return id;
  }
  const HedgePolicy& hedge = retry_policy(exchange).hedge;
  if (hedge.enabled && retry_policy(exchange).methods.contains(request.method)) {
    deadlines_.arm(node(exchange, Timer::hedge), pool_timers_[index(exchange.pool)].hedge, now);
  }
  return id;
}

void Balancer::on_attempt_sent(Instant now, AttemptId id) {
  begin(now);
  Attempt* attempt = find(id);
  if (attempt == nullptr || attempt->state != AttemptState::connecting) return;
  Exchange& exchange = exchange_of(id);
  note(now, EntryKind::attempt_sent, exchange, id.number, 0);
  attempt->state = AttemptState::sent;
  exchange.any_sent = true;
  // The attempt's timeout counts from its start. Only a connect that took time makes it a deadline
  // out of order, which the sorted lists cannot take.
  const PoolPolicy& pool = config_->pools[index(exchange.pool)];
  if (exchange.upload_waits) {
    deadlines_.disarm(node(exchange, *attempt));
  } else if (attempt->started == now) {
    deadlines_.arm(node(exchange, *attempt), pool_timers_[index(exchange.pool)].attempt, now);
  } else {
    deadlines_.arm_at(node(exchange, *attempt),
                      later(attempt->started, pool.retry.attempt_timeout));
  }
}

void Balancer::on_upload_progress(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  if (exchange == nullptr || exchange->phase != Exchange::Phase::attempting) return;
  for (const Attempt& attempt : exchange->attempts) {
    if (attempt.state != AttemptState::sent) continue;
    deadlines_.arm(node(*exchange, attempt), pool_timers_[index(exchange->pool)].attempt, now);
  }
  if (!exchange->upload_waits) return;
  exchange->upload_waits = false;
  deadlines_.arm(node(*exchange, Timer::request), route_timers_[index(exchange->route)], now);
}

void Balancer::on_upload_waiting(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  if (exchange == nullptr || exchange->phase != Exchange::Phase::attempting) return;
  exchange->upload_waits = true;
  deadlines_.disarm(node(*exchange, Timer::request));
  for (const Attempt& attempt : exchange->attempts) {
    if (attempt.state == AttemptState::sent) deadlines_.disarm(node(*exchange, attempt));
  }
}

void Balancer::on_replay_lost(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  if (exchange == nullptr || !exchange->replayable) return;
  note(now, EntryKind::replay_lost, *exchange, 0, 0);
  exchange->replayable = false;
}

void Balancer::on_response_head(Instant now, AttemptId id, const ResponseFacts& response) {
  begin(now);
  Attempt* attempt = find(id);
  if (attempt == nullptr || attempt->state == AttemptState::answered) return;
  Exchange& exchange = exchange_of(id);
  note(now, EntryKind::response_head, exchange, id.number,
       response.status | (response.has_retry_after ? 1U << 16U : 0U));
  if (attempt->state == AttemptState::connecting) exchange.any_sent = true;

  const Outcome outcome = outcome_of(response);
  if (outcome != Outcome::success) report(now, exchange, *attempt, outcome);
  const bool wanted = wants_retry(retry_policy(exchange).on, response);
  const bool other_goes_on = wanted && exchange.other(*attempt) != nullptr;
  if (!other_goes_on && !may_retry(now, exchange, wanted)) {
    commit(now, exchange, *attempt, response.status);
    return;
  }
  exchange.record.backend = attempt->backend;
  cancel_attempt(now, exchange, *attempt, CancelReason::retried, outcome);
  if (other_goes_on) return;
  exchange.avoid_reuse = false;
  retry(now, exchange);
}

void Balancer::on_response_end(Instant now, AttemptId id) {
  begin(now);
  Attempt* attempt = find(id);
  if (attempt == nullptr || attempt->state != AttemptState::answered) return;
  Exchange& exchange = exchange_of(id);
  note(now, EntryKind::response_end, exchange, id.number, 0);
  end_attempt(now, exchange, *attempt, Outcome::success);
}

void Balancer::on_attempt_failed(Instant now, AttemptId id, AttemptFailure failure) {
  begin(now);
  Attempt* attempt = find(id);
  if (attempt == nullptr) return;
  Exchange& exchange = exchange_of(id);
  // A reused connection that dies later was not closed while the request was on its way: the
  // backend had the request and failed it.
  if (failure == AttemptFailure::stale_connection && now - attempt->started > kReuseRace) {
    failure = AttemptFailure::reset_before_head;
  }
  note(now, EntryKind::attempt_failed, exchange, id.number, static_cast<std::uint32_t>(failure));
  fail_attempt(now, exchange, *attempt, failure);
}

void Balancer::on_client_gone(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  if (exchange == nullptr || !exchange->running()) return;
  note(now, EntryKind::client_gone, *exchange, 0, 0);
  cancel_all(now, *exchange, CancelReason::client_gone);
  disarm_all(*exchange);
  exchange->record.flags = exchange->record.flags | Flag::client_gone;
  exchange->phase = Exchange::Phase::aborted;
}

RequestRecord Balancer::finish(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  EVENKEEL_CHECK(exchange != nullptr);  // called once, with an id that on_request() gave
  note(now, EntryKind::finished, *exchange, 0, exchange->record.status);
  cancel_all(now, *exchange, CancelReason::client_gone);
  disarm_all(*exchange);
  exchange->phase = Exchange::Phase::free;
  ++exchange->generation;
  free_slots_.push_back(request.slot);
  --live_;
  return exchange->record;
}

// ---- facts about health -------------------------------------------------------------------------

void Balancer::on_check_ended(Instant now, CheckId check, CheckOutcome outcome) {
  begin(now);
  journal_.record(now, EntryKind::check_ended, subject_of(check.backend),
                  static_cast<std::uint32_t>(outcome));
  homes_[index(check.backend.pool)].on_check_ended(now, check.backend.backend, check.number,
                                                   outcome);
  settle(now, check.backend.pool);
}

void Balancer::on_deadline(Instant now) {
  begin(now);
  if (next_deadline() > now) return;
  for (std::uint32_t i = 0; i < homes_.size(); ++i) {
    if (homes_[i].next_deadline() > now) continue;
    journal_.record(now, EntryKind::health_deadline, subject_of(BackendRef{PoolIndex{i}, {}}));
    homes_[i].on_deadline(now);
    settle(now, PoolIndex{i});
  }
  while (const auto due = deadlines_.pop_due(now)) on_timer(now, *due);
}

// ---- actions and questions ----------------------------------------------------------------------

std::optional<Action> Balancer::poll_action() { return actions_.pop(); }

Instant Balancer::next_deadline() const {
  Instant next = deadlines_.next();
  for (const PoolHome& home : homes_) next = earlier_of(next, home.next_deadline());
  return next;
}

std::span<const Transition> Balancer::take_transitions() {
  if (transitions_taken_) transitions_.clear();
  transitions_taken_ = true;
  return transitions_;
}

std::uint32_t Balancer::attempts(RequestId request) const {
  if (request.slot >= exchanges_.size()) return 0;
  const Exchange& exchange = exchanges_[request.slot];
  return exchange.generation == request.generation ? exchange.record.attempts : 0;
}

// ---- looking up ---------------------------------------------------------------------------------

Exchange* Balancer::find(RequestId request) {
  if (request.slot >= exchanges_.size()) return nullptr;
  Exchange& exchange = exchanges_[request.slot];
  const bool current =
      exchange.generation == request.generation && exchange.phase != Exchange::Phase::free;
  return current ? &exchange : nullptr;
}

Attempt* Balancer::find(AttemptId id) {
  Exchange* exchange = find(id.request);
  if (exchange == nullptr) return nullptr;
  for (Attempt& attempt : exchange->attempts) {
    if (attempt.live() && attempt.number == id.number) return &attempt;
  }
  return nullptr;
}

std::uint32_t Balancer::slot_of(const Exchange& exchange) const {
  return static_cast<std::uint32_t>(&exchange - exchanges_.data());
}

RequestId Balancer::id_of(const Exchange& exchange) const {
  return RequestId{slot_of(exchange), exchange.generation};
}

AttemptId Balancer::id_of(const Exchange& exchange, const Attempt& attempt) const {
  return AttemptId{id_of(exchange), attempt.number};
}

const RetryPolicy& Balancer::retry_policy(const Exchange& exchange) const {
  return config_->pools[index(exchange.pool)].retry;
}

Deadlines::Node Balancer::node(const Exchange& exchange, Timer timer) const {
  return slot_of(exchange) * kTimersPerSlot + static_cast<std::uint32_t>(timer);
}

Deadlines::Node Balancer::node(const Exchange& exchange, const Attempt& attempt) const {
  return node(exchange, &attempt == exchange.attempts.data() ? Timer::attempt_0 : Timer::attempt_1);
}

// ---- transitions of an exchange -----------------------------------------------------------------

Exchange& Balancer::open_exchange() {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(exchanges_.size()));
    exchanges_.emplace_back();
    deadlines_.reserve_nodes(static_cast<std::uint32_t>(exchanges_.size()) * kTimersPerSlot);
  }
  Exchange& exchange = exchanges_[free_slots_.back()];
  free_slots_.pop_back();
  ++live_;
  const std::uint32_t generation = exchange.generation;
  exchange = Exchange{};
  exchange.generation = generation;
  exchange.phase = Exchange::Phase::attempting;
  return exchange;
}

bool Balancer::start_attempt(Instant now, Exchange& exchange, bool hedge) {
  Pool& pool = pools_[index(exchange.pool)];
  PoolHome& home = homes_[index(exchange.pool)];
  const auto number = exchange.record.attempts;
  const Draws draws(picks_, exchange.record.number * kMaxAttempts + number);
  auto backend = pool.pick(exchange.tried_backends(), draws);
  // Every eligible backend was tried: a retry may return to one. Hedges come with one untried.
  if (!backend && number > 0) backend = pool.pick({}, draws);
  if (!backend) return false;

  Attempt& attempt = exchange.attempts[exchange.attempts[0].live() ? 1 : 0];
  attempt = Attempt{};
  attempt.state = AttemptState::connecting;
  attempt.hedge = hedge;
  attempt.number = number;
  attempt.backend = *backend;
  attempt.started = now;
  attempt.ticket = home.admit(now, *backend);
  exchange.tried[number] = *backend;
  exchange.record.attempts = static_cast<std::uint8_t>(number + 1);
  pool.on_attempt_started(*backend);
  deadlines_.arm(node(exchange, attempt), pool_timers_[index(exchange.pool)].connect, now);
  if (home.has_news()) settle(now, exchange.pool);

  note(now, EntryKind::start_attempt, exchange, number, index(*backend));
  actions_.push(StartAttempt{id_of(exchange, attempt), BackendRef{exchange.pool, *backend},
                             exchange.avoid_reuse});
  return true;
}

void Balancer::end_attempt(Instant now, Exchange& exchange, Attempt& attempt, Outcome outcome) {
  report(now, exchange, attempt, outcome);
  pools_[index(exchange.pool)].on_attempt_ended(attempt.backend);
  deadlines_.disarm(node(exchange, attempt));
  attempt.state = AttemptState::none;
}

void Balancer::cancel_attempt(Instant now, Exchange& exchange, Attempt& attempt,
                              CancelReason reason, Outcome outcome) {
  note(now, EntryKind::cancel_attempt, exchange, attempt.number,
       static_cast<std::uint32_t>(reason));
  actions_.push(CancelAttempt{id_of(exchange, attempt), reason});
  end_attempt(now, exchange, attempt, outcome);
}

void Balancer::cancel_all(Instant now, Exchange& exchange, CancelReason reason) {
  for (Attempt& attempt : exchange.attempts) {
    if (attempt.live()) cancel_attempt(now, exchange, attempt, reason, Outcome::neutral);
  }
}

void Balancer::fail_attempt(Instant now, Exchange& exchange, Attempt& attempt,
                            AttemptFailure failure) {
  exchange.record.failure = failure;
  exchange.record.backend = attempt.backend;
  end_attempt(now, exchange, attempt, outcome_of(failure));
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
  const bool wanted = wants_retry(retry_policy(exchange).on, failure);
  if (exchange.avoid_reuse && can_retry(exchange, wanted)) {
    // No backend saw the request and none is to blame: the budget is not charged, nothing waits.
    exchange.record.flags = exchange.record.flags | Flag::retried;
    start_or_reject(now, exchange);
  } else if (!exchange.avoid_reuse && may_retry(now, exchange, wanted)) {
    retry(now, exchange);
  } else {
    reject(now, exchange, cause_of(failure));
  }
}

bool Balancer::can_retry(const Exchange& exchange, bool wanted_by_policy) const {
  const RetryPolicy& policy = retry_policy(exchange);
  if (!wanted_by_policy || exchange.record.attempts >= policy.max_attempts) return false;
  // Once a byte of it left, only an idempotent request that we still have in full may go out again.
  const bool resendable = exchange.replayable && policy.methods.contains(exchange.record.method);
  if (exchange.any_sent && !resendable) return false;
  return !pools_[index(exchange.pool)].eligible().empty();
}

bool Balancer::may_retry(Instant now, Exchange& exchange, bool wanted_by_policy) {
  if (!can_retry(exchange, wanted_by_policy)) return false;
  // Charged at the decision, before any backoff: a burst of failures cannot slip past the budget.
  if (homes_[index(exchange.pool)].try_retry(now)) return true;
  exchange.record.flags = exchange.record.flags | Flag::budget_exhausted;
  return false;
}

void Balancer::retry(Instant now, Exchange& exchange) {
  exchange.record.flags = exchange.record.flags | Flag::retried;
  const std::uint32_t number = exchange.record.attempts;
  const Duration delay = backoff(retry_policy(exchange).backoff, number,
                                 backoffs_.at(exchange.record.number * kMaxAttempts + number));
  if (delay > Duration::zero()) {
    deadlines_.arm_at(node(exchange, Timer::backoff), later(now, delay));
  } else {
    start_or_reject(now, exchange);
  }
}

void Balancer::start_or_reject(Instant now, Exchange& exchange) {
  if (!start_attempt(now, exchange, false)) reject(now, exchange, RejectCause::no_healthy_backend);
}

void Balancer::commit(Instant now, Exchange& exchange, Attempt& attempt, std::uint16_t status) {
  if (Attempt* loser = exchange.other(attempt)) {
    cancel_attempt(now, exchange, *loser, CancelReason::hedge_lost, Outcome::neutral);
  }
  disarm_all(exchange);
  attempt.state = AttemptState::answered;
  exchange.phase = Exchange::Phase::committed;
  exchange.record.answered = now;
  exchange.record.status = status;
  exchange.record.backend = attempt.backend;
  note(now, EntryKind::send_response, exchange, attempt.number, status);
  actions_.push(SendResponse{id_of(exchange, attempt)});
}

void Balancer::reject(Instant now, Exchange& exchange, RejectCause cause) {
  disarm_all(exchange);
  exchange.phase = Exchange::Phase::rejected;
  exchange.record.answered = now;
  exchange.record.status = status_of(cause);
  exchange.record.rejection = cause;
  exchange.record.flags = exchange.record.flags | Flag::rejected;
  note(now, EntryKind::reject_request, exchange, 0, static_cast<std::uint32_t>(cause));
  actions_.push(RejectRequest{id_of(exchange), exchange.record.status, cause});
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
      cancel_all(now, exchange, CancelReason::timed_out);
      reject(now, exchange, RejectCause::request_timeout);
      return;
    case Timer::attempt_0:
    case Timer::attempt_1: {
      Attempt& attempt = exchange.attempts[timer == Timer::attempt_0 ? 0 : 1];
      const auto failure = attempt.state == AttemptState::connecting
                               ? AttemptFailure::connect_timeout
                               : AttemptFailure::attempt_timeout;
      note(now, EntryKind::cancel_attempt, exchange, attempt.number,
           static_cast<std::uint32_t>(CancelReason::timed_out));
      actions_.push(CancelAttempt{id_of(exchange, attempt), CancelReason::timed_out});
      fail_attempt(now, exchange, attempt, failure);
      return;
    }
    case Timer::hedge:
      on_hedge_due(now, exchange);
      return;
    case Timer::backoff:
      on_backoff_over(now, exchange);
      return;
  }
}

void Balancer::on_backoff_over(Instant now, Exchange& exchange) {
  if (exchange.any_sent && !exchange.replayable) {
    reject(
        now, exchange,
        exchange.record.failure ? cause_of(*exchange.record.failure) : RejectCause::upstream_reset);
  } else if (!start_attempt(now, exchange, false)) {
    reject(now, exchange, RejectCause::no_healthy_backend);
  }
}

void Balancer::on_hedge_due(Instant now, Exchange& exchange) {
  const bool one_live = exchange.attempts[0].live() != exchange.attempts[1].live();
  if (!one_live || !exchange.replayable) return;
  if (exchange.record.attempts >= retry_policy(exchange).max_attempts) return;
  // Asked before the budget is charged: what is spent never comes back.
  if (!pools_[index(exchange.pool)].has_untried(exchange.tried_backends())) return;
  if (!homes_[index(exchange.pool)].try_hedge(now)) return;
  if (start_attempt(now, exchange, true)) {
    exchange.record.flags = exchange.record.flags | Flag::hedged;
  }
}

// ---- plumbing -----------------------------------------------------------------------------------

void Balancer::report(Instant now, Exchange& exchange, Attempt& attempt, Outcome outcome) {
  if (attempt.reported) return;
  attempt.reported = true;
  PoolHome& home = homes_[index(exchange.pool)];
  home.on_evidence(now, Evidence{attempt.backend, outcome, attempt.ticket});
  if (home.has_news()) settle(now, exchange.pool);
}

void Balancer::settle(Instant now, PoolIndex pool) {
  PoolHome& home = homes_[index(pool)];
  for (const Verdict& verdict : home.verdicts()) {
    pools_[index(pool)].set_eligible(verdict.backend, verdict.eligible);
  }
  for (const Transition& transition : home.transitions()) {
    if (transitions_taken_) {
      transitions_.clear();
      transitions_taken_ = false;
    }
    transitions_.push_back(transition);
    journal_.record(now, EntryKind::transition, subject_of(transition.backend),
                    (static_cast<std::uint32_t>(transition.kind) << 16U) |
                        (static_cast<std::uint32_t>(transition.reason) << 12U) |
                        (std::uint32_t{transition.from} << 8U) | transition.to);
  }
  for (const Action& action : home.actions()) {
    const auto* start = std::get_if<StartCheck>(&action);
    const CheckId& check = start != nullptr ? start->check : std::get<CancelCheck>(action).check;
    journal_.record(now, start != nullptr ? EntryKind::start_check : EntryKind::cancel_check,
                    subject_of(check.backend), static_cast<std::uint32_t>(check.number));
    actions_.push(action);
  }
  home.clear_news();
}

void Balancer::note(Instant now, EntryKind kind, const Exchange& exchange, std::uint32_t attempt,
                    std::uint32_t detail) {
  journal_.record(now, kind, (exchange.record.number << 4U) | attempt, detail);
}

void Balancer::begin(Instant now) {
  EVENKEEL_CHECK(now >= last_now_);  // time never goes backwards
  last_now_ = now;
}

}  // namespace evenkeel::core
