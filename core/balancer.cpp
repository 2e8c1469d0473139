// SPDX-License-Identifier: Apache-2.0
//
// Facts in, and the questions. What follows from them is in balancer_admission.cpp (a request's way
// in), balancer_attempts.cpp (what becomes of it), balancer_reload.cpp and balancer_workers.cpp.
#include "evenkeel/core/balancer.h"

#include <utility>

#include "evenkeel/core/check.h"
#include "evenkeel/core/feedback.h"
#include "evenkeel/core/retry/conditions.h"

namespace evenkeel::core {

namespace {

std::uint64_t subject_of(BackendRef backend) {
  return (std::uint64_t{index(backend.pool)} << 32U) | index(backend.backend);
}

// Packed into an entry's detail; Obedience of the simulator's invariants unpacks it.
std::uint32_t detail_of(const Transition& transition) {
  return (static_cast<std::uint32_t>(transition.kind) << 17U) |
         (static_cast<std::uint32_t>(transition.reason) << 12U) |
         (std::uint32_t{transition.from} << 8U) | transition.to;
}

}  // namespace

Balancer::Balancer(std::shared_ptr<const Config> config, const Options& options, Instant now)
    : config_(std::move(config)),
      options_(options),
      overload_(config_->overload, config_->least_important()),
      store_gate_(config_->redis),
      limit_link_(options.worker, options.workers),
      arrivals_(now),
      picks_(own_stream("balance")),
      backoffs_(own_stream("backoff")),
      splits_(own_stream("split")),
      deadlines_(options.coarse_quantum),
      journal_(options.journal),
      last_now_(now) {
  EVENKEEL_CHECK(index(options.worker) < options.workers);
  for (std::uint32_t i = 0; i < config_->pools.size(); ++i) add_pool(now, PoolIndex{i});
  set_timers();
  set_routes(now, nullptr);
}

// ---- facts about requests -----------------------------------------------------------------------

RequestId Balancer::on_request(Instant now, const RequestFacts& request) {
  begin(now);
  const RoutePolicy& route = config_->routes[index(request.route)];
  Exchange& exchange = open_exchange();
  const RequestId id = id_of(exchange);
  exchange.replayable = request.replayable;
  exchange.route = request.route;
  exchange.pool = request.pool.value_or(route.split.front().pool);
  exchange.priority = route.priority;
  exchange.affinity = request.affinity;
  exchange.record.number = next_number_++;
  exchange.record.route = exchange.route;
  exchange.record.pool = exchange.pool;
  exchange.record.method = request.method;
  exchange.record.arrived = now;
  note(now, EntryKind::request, exchange, 0,
       (index(request.route) << 8U) | static_cast<std::uint32_t>(request.method));
  if (exchange.pool != route.split.front().pool) {
    note(now, EntryKind::to_pool, exchange, 0, index(exchange.pool));
  }
  if (!request.replayable) note(now, EntryKind::replay_lost, exchange, 0, 0);

  Duration retry_after = Duration::zero();
  if (const auto cause = refuse(now, exchange, request, retry_after)) {
    reject(now, exchange, *cause, retry_after);
    return id;
  }
  if (exchange.phase == Exchange::Phase::metering) return id;
  enter(now, exchange, request, route.timeout, request.mirrored ? route.mirror.pool : std::nullopt);
  serve_queues(now);
  return id;
}

void Balancer::on_session_found(Instant now, RequestId request,
                                std::optional<BackendIndex> backend) {
  begin(now);
  Exchange* exchange = find(request);
  if (exchange == nullptr || exchange->phase != Exchange::Phase::looking_up) return;
  note(now, EntryKind::session_found, *exchange, 0, backend ? index(*backend) + 1 : 0);
  deadlines_.disarm(node(*exchange, Timer::waiting));
  store_gate_.on_answered();
  exchange->phase = Exchange::Phase::attempting;
  exchange->session.where =
      pool_of(*exchange).affinity.on_answer(now, exchange->session.shown, backend);
  follow_session(now, *exchange);
  serve_queues(now);
}

void Balancer::on_session_store_failed(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  if (exchange == nullptr || exchange->phase != Exchange::Phase::looking_up) return;
  note(now, EntryKind::session_failed, *exchange, 0, 0);
  on_session_failure(now, *exchange);
  serve_queues(now);
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
  if (exchange.upload_waits) {
    deadlines_.disarm(node(exchange, *attempt));
  } else if (attempt->started == now) {
    deadlines_.arm(node(exchange, *attempt), pool_of(exchange).timers.attempt, now);
  } else {
    deadlines_.arm_at(node(exchange, *attempt),
                      later(attempt->started, policy_of(exchange).retry.attempt_timeout));
  }
}

void Balancer::on_upload_progress(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  if (exchange == nullptr || !exchange->undecided()) return;
  for (const Attempt& attempt : exchange->attempts) {
    if (attempt.state != AttemptState::sent) continue;
    deadlines_.arm(node(*exchange, attempt), pool_of(*exchange).timers.attempt, now);
  }
  if (!exchange->upload_waits) return;
  exchange->upload_waits = false;
  deadlines_.arm_at(node(*exchange, Timer::request), later(now, exchange->timeout));
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

  attempt->feedback = feedback_of(response, now - attempt->started);
  const bool success = attempt->feedback.outcome == Outcome::success;
  // What failed is known now; a success must still deliver its body.
  if (!success) report(now, exchange, *attempt, attempt->feedback);
  if (success) pool_of(exchange).response_times.add(now, attempt->feedback.latency);
  const bool wanted = wants_retry(policy_of(exchange).retry, response);
  const bool other_goes_on = wanted && exchange.other(*attempt) != nullptr;
  if (!other_goes_on && !may_retry(now, exchange, wanted)) {
    commit(now, exchange, *attempt, response.status);
  } else {
    exchange.record.backend = attempt->backend;
    cancel_attempt(now, exchange, *attempt, CancelReason::retried, attempt->feedback);
    if (!other_goes_on) {
      exchange.avoid_reuse = false;
      retry(now, exchange);
    }
  }
  serve_queues(now);
}

void Balancer::on_response_end(Instant now, AttemptId id, std::uint64_t body_bytes) {
  begin(now);
  Attempt* attempt = find(id);
  if (attempt == nullptr || attempt->state != AttemptState::answered) return;
  Exchange& exchange = exchange_of(id);
  note(now, EntryKind::response_end, exchange, id.number, 0);
  attempt->feedback.body_bytes = body_bytes;
  end_attempt(now, exchange, *attempt, attempt->feedback);
  serve_queues(now);
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
  serve_queues(now);
}

void Balancer::on_client_gone(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  if (exchange == nullptr || !exchange->running()) return;
  note(now, EntryKind::client_gone, *exchange, 0, 0);
  stop_waiting(now, *exchange);
  cancel_all(now, *exchange, CancelReason::client_gone);
  disarm_all(*exchange);
  exchange->record.flags = exchange->record.flags | Flag::client_gone;
  exchange->phase = Exchange::Phase::aborted;
  serve_queues(now);
}

RequestRecord Balancer::finish(Instant now, RequestId request) {
  begin(now);
  Exchange* exchange = find(request);
  EVENKEEL_CHECK(exchange != nullptr);  // called once, with an id that on_request() gave
  note(now, EntryKind::finished, *exchange, 0, exchange->record.status);
  stop_waiting(now, *exchange);
  cancel_all(now, *exchange, CancelReason::client_gone);
  disarm_all(*exchange);
  exchange->phase = Exchange::Phase::free;
  ++exchange->generation;
  free_slots_.push_back(request.slot);
  --live_;
  const RequestRecord record = exchange->record;
  serve_queues(now);
  return record;
}

// ---- facts about health and the world -----------------------------------------------------------

void Balancer::on_check_ended(Instant now, CheckId check, CheckOutcome outcome) {
  begin(now);
  journal_.record(now, EntryKind::check_ended, subject_of(check.backend),
                  static_cast<std::uint32_t>(outcome));
  if (PoolHome* home = pools_[index(check.backend.pool)].home.local()) {
    home->on_check_ended(now, check.backend.backend, check.number, outcome);
  }
  settle(now, check.backend.pool);
  serve_queues(now);
}

void Balancer::set_admin(Instant now, BackendRef backend, AdminState state) {
  begin(now);
  journal_.record(now, EntryKind::admin, subject_of(backend), static_cast<std::uint32_t>(state));
  if (PoolHome* home = pools_[index(backend.pool)].home.local()) {
    home->set_admin(now, backend.backend, state);
  }
  settle(now, backend.pool);
  serve_queues(now);
}

void Balancer::force_breaker(Instant now, BackendRef backend, std::optional<BreakerState> state) {
  begin(now);
  journal_.record(now, EntryKind::admin, subject_of(backend),
                  16U + (state ? static_cast<std::uint32_t>(*state) + 1 : 0U));
  if (PoolHome* home = pools_[index(backend.pool)].home.local()) {
    home->force_breaker(now, backend.backend, state);
  }
  settle(now, backend.pool);
  serve_queues(now);
}

void Balancer::on_pressure(Instant now, std::uint32_t thousandths) {
  begin(now);
  journal_.record(now, EntryKind::pressure, 0, thousandths);
  overload_.on_pressure(thousandths);
}

void Balancer::on_deadline(Instant now) {
  begin(now);
  if (next_deadline() > now) return;
  for (std::uint32_t i = 0; i < pools_.size(); ++i) {
    if (pools_[i].home.next_deadline() > now) continue;
    journal_.record(now, EntryKind::health_deadline, subject_of(BackendRef{PoolIndex{i}, {}}));
    // Whoever waits goes on wanting room, which another worker may have by now.
    if (!pools_[i].queue.empty()) pools_[i].home.on_saturated(now);
    pools_[i].home.on_deadline(now);
    settle(now, PoolIndex{i});
  }
  while (const auto due = deadlines_.pop_due(now)) on_timer(now, *due);
  serve_queues(now);
}

// ---- actions and questions ----------------------------------------------------------------------

std::optional<Action> Balancer::poll_action() { return actions_.pop(); }

Instant Balancer::next_deadline() const {
  Instant next = deadlines_.next();
  for (const PoolState& state : pools_) next = earlier_of(next, state.home.next_deadline());
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

Explanation Balancer::explain(Instant now, const RequestFacts& request) const {
  const PoolIndex pool =
      request.pool.value_or(config_->routes[index(request.route)].split.front().pool);
  return pools_[index(pool)].pool.explain(
      PickRequest{now, {}, request.affinity, Draws(picks_, next_number_ * kMaxAttempts)});
}

bool operator==(const Balancer& a, const Balancer& b) {
  return *a.config_ == *b.config_ && a.options_ == b.options_ && a.pools_ == b.pools_ &&
         a.routes_ == b.routes_ && a.overload_ == b.overload_ && a.generation_ == b.generation_ &&
         a.exchanges_ == b.exchanges_ && a.free_slots_ == b.free_slots_ && a.live_ == b.live_ &&
         a.store_gate_ == b.store_gate_ && a.limit_link_ == b.limit_link_ && a.held_ == b.held_ &&
         a.early_ == b.early_ && a.arrivals_ == b.arrivals_ && a.next_number_ == b.next_number_ &&
         a.deadlines_ == b.deadlines_ && a.actions_ == b.actions_ && a.journal_ == b.journal_ &&
         a.last_now_ == b.last_now_;
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

const PoolPolicy& Balancer::policy_of(const Exchange& exchange) const {
  return config_->pools[index(exchange.pool)];
}

Deadlines::Node Balancer::node(const Exchange& exchange, Timer timer) const {
  return slot_of(exchange) * kTimersPerSlot + static_cast<std::uint32_t>(timer);
}

Deadlines::Node Balancer::node(const Exchange& exchange, const Attempt& attempt) const {
  return node(exchange, &attempt == exchange.attempts.data() ? Timer::attempt_0 : Timer::attempt_1);
}

// ---- plumbing -----------------------------------------------------------------------------------

void Balancer::settle(Instant now, PoolIndex pool) {
  PoolState& state = pools_[index(pool)];
  for (const Verdict& verdict : state.home.verdicts()) state.pool.on_verdict(now, verdict);
  note_panic(now, pool);
  for (const Transition& transition : state.home.transitions()) tell(now, transition);
  for (const Action& action : state.home.actions()) {
    const auto* start = std::get_if<StartCheck>(&action);
    const CheckId& check = start != nullptr ? start->check : std::get<CancelCheck>(action).check;
    journal_.record(now, start != nullptr ? EntryKind::start_check : EntryKind::cancel_check,
                    subject_of(check.backend), static_cast<std::uint32_t>(check.number));
    actions_.push(action);
  }
  if (state.home.share() != nullptr) take_share(now, state);
  state.home.clear_news(now);
  want_service(state);
}

void Balancer::note_panic(Instant now, PoolIndex pool) {
  PoolState& state = pools_[index(pool)];
  if (state.panic == state.pool.panic()) return;
  state.panic = state.pool.panic();
  tell(now,
       Transition{now, BackendRef{pool, {}}, TransitionKind::panic,
                  state.panic ? TransitionReason::few_healthy : TransitionReason::enough_healthy,
                  static_cast<std::uint8_t>(state.panic ? 0 : 1),
                  static_cast<std::uint8_t>(state.panic ? 1 : 0), state.pool.healthy_count(),
                  kNever});
}

void Balancer::tell(Instant now, const Transition& transition) {
  if (transitions_taken_) {
    transitions_.clear();
    transitions_taken_ = false;
  }
  transitions_.push_back(transition);
  journal_.record(now, EntryKind::transition, subject_of(transition.backend),
                  detail_of(transition));
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
