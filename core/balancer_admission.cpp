// SPDX-License-Identifier: Apache-2.0
//
// A request's way in: what may be refused at the door, whom it may wait for, and where it goes.
#include <algorithm>

#include "evenkeel/core/balancer.h"

namespace evenkeel::core {

namespace {

// What somebody who is turned away for want of room is told to wait.
constexpr Duration kComeBackLater = 1s;

}  // namespace

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

std::optional<RejectCause> Balancer::refuse(Instant now, Exchange& exchange,
                                            const RequestFacts& facts, Duration& retry_after) {
  if (live_ > options_.capacity) return RejectCause::overflow;
  retry_after = kComeBackLater;
  if (overload_.sheds(exchange.priority)) return RejectCause::shed;
  RouteState& route = routes_[index(exchange.route)];
  if (route.limiter) {
    const std::uint64_t key = route.bucket != 0 ? route.bucket : facts.limit_key;
    const auto wait =
        limit_link_.try_take(now, *route.limiter, LimitQuery{id_of(exchange), exchange.route, key});
    if (!wait) {
      hold(now, exchange, facts);
      return std::nullopt;
    }
    retry_after = *wait;
    if (retry_after > Duration::zero()) return RejectCause::rate_limited;
  }
  return std::nullopt;
}

void Balancer::enter(Instant now, Exchange& exchange, const RequestFacts& facts, Duration timeout,
                     std::optional<PoolIndex> mirror_to) {
  if (!set_deadline(now, exchange, timeout, facts.time_left)) return;
  pool_of(exchange).home.on_request(now);
  if (mirror_to) mirror(now, exchange, *mirror_to);
  if (policy_of(exchange).session.mode == SessionMode::none) {
    place(now, exchange);
  } else {
    find_session(now, exchange, facts);
  }
}

bool Balancer::set_deadline(Instant now, Exchange& exchange, Duration timeout, Duration time_left) {
  // A request's time counts from its arrival, whomever it waited for. Who did keeps to the route
  // as it was, which may be gone by now.
  const bool held = exchange.timeout != Duration::zero();
  const Duration waited = now - exchange.record.arrived;
  if (waited != Duration::zero() && time_left != Duration::max()) {
    time_left = time_left > waited ? time_left - waited : Duration::zero();
  }
  const auto deadline =
      arrivals_.on_request(now, std::max(timeout - waited, Duration::zero()), time_left);
  if (!deadline) {
    reject(now, exchange, RejectCause::request_timeout);
    return false;
  }
  exchange.timeout = *deadline - exchange.record.arrived;
  if (!held && exchange.timeout == timeout) {
    deadlines_.arm(node(exchange, Timer::request), routes_[index(exchange.route)].timeout, now);
  } else {
    deadlines_.arm_at(node(exchange, Timer::request), *deadline);
  }
  return true;
}

// ---- finding a backend --------------------------------------------------------------------------

void Balancer::place(Instant now, Exchange& exchange) {
  PoolState& state = pool_of(exchange);
  const Admission asked = state.admission.ask(state.pool.in_flight(), state.queue.size());
  // A full queue may have room for somebody more important.
  if (asked != Admission::admit && state.pool.has_members()) {
    wait_for_backend(now, exchange);
    return;
  }
  begin_attempt(now, exchange);
}

void Balancer::begin_attempt(Instant now, Exchange& exchange) {
  const auto& wanted = exchange.session.wanted;
  const PoolState& state = pool_of(exchange);
  if (wanted && !state.affinity.may_leave() && !state.pool.may_serve(*wanted)) {
    reject(now, exchange, RejectCause::session_lost);
    return;
  }
  switch (start_attempt(now, exchange)) {
    case Start::started:
      if (exchange.record.attempts == 1) arm_hedge(now, exchange);
      return;
    case Start::saturated:
      wait_for_backend(now, exchange);
      return;
    case Start::nobody:
      if (!fall_back(now, exchange)) reject(now, exchange, RejectCause::no_healthy_backend);
      return;
  }
}

// Once: a request does not wander about while everything is down.
bool Balancer::may_fall_back(const Exchange& exchange) const {
  return policy_of(exchange).circuit_breaker.fallback_pool &&
         !has(exchange.record.flags, Flag::fallback_pool);
}

bool Balancer::fall_back(Instant now, Exchange& exchange) {
  if (!may_fall_back(exchange)) return false;
  const auto fallback = policy_of(exchange).circuit_breaker.fallback_pool;
  exchange.record.flags = exchange.record.flags | Flag::fallback_pool;
  exchange.pool = *fallback;
  exchange.record.pool = *fallback;
  exchange.tried_from = exchange.record.attempts;
  // Places of the pool it leaves mean nothing in this one.
  exchange.record.backend.reset();
  exchange.session.wanted.reset();
  exchange.session.stays = false;
  note(now, EntryKind::to_pool, exchange, 0, index(exchange.pool));
  pool_of(exchange).home.on_request(now);
  place(now, exchange);
  return true;
}

void Balancer::mirror(Instant now, Exchange& exchange, PoolIndex target) {
  // A draw of its own: a mirror must not change where requests go.
  const Draws draws(splits_.of(1), exchange.record.number);
  const Pick pick = pools_[index(target)].pool.pick(PickRequest{now, {}, exchange.affinity, draws});
  if (pick.result != Pick::Result::picked) return;
  note(now, EntryKind::mirror, exchange, 0, index(pick.backend));
  actions_.push(MirrorRequest{id_of(exchange), BackendRef{target, pick.backend}});
}

// ---- waiting ------------------------------------------------------------------------------------

void Balancer::wait_for_backend(Instant now, Exchange& exchange) {
  PoolState& state = pool_of(exchange);
  state.home.on_saturated(now);
  const auto pushed = state.queue.push(now, slot_of(exchange), exchange.priority);
  if (!pushed.queued) {
    reject(now, exchange, RejectCause::queue_full, kComeBackLater);
    return;
  }
  exchange.phase = Exchange::Phase::queued;
  exchange.queued_since = now;
  exchange.record.flags = exchange.record.flags | Flag::queued;
  note(now, EntryKind::queued, exchange, 0, state.queue.size());
  deadlines_.arm(node(exchange, Timer::waiting), state.timers.queue, now);
  if (pushed.displaced) {
    shed(now, exchanges_[*pushed.displaced], RejectCause::queue_full);
  }
}

void Balancer::end_waiting(Instant now, Exchange& exchange) {
  exchange.record.queued += now - exchange.queued_since;
  exchange.phase = Exchange::Phase::attempting;
  deadlines_.disarm(node(exchange, Timer::waiting));
}

void Balancer::shed(Instant now, Exchange& exchange, RejectCause cause) {
  end_waiting(now, exchange);
  reject(now, exchange, cause, kComeBackLater);
}

void Balancer::stop_waiting(Instant now, Exchange& exchange) {
  if (exchange.phase == Exchange::Phase::queued) {
    pool_of(exchange).queue.erase(slot_of(exchange));
    end_waiting(now, exchange);
  } else if (exchange.phase == Exchange::Phase::looking_up) {
    store_gate_.on_abandoned();
    exchange.phase = Exchange::Phase::attempting;
  } else if (exchange.phase == Exchange::Phase::metering) {
    held_[slot_of(exchange)] = Held{};
    exchange.phase = Exchange::Phase::attempting;
  }
}

void Balancer::on_waited_too_long(Instant now, Exchange& exchange) {
  if (exchange.phase == Exchange::Phase::looking_up) {
    on_session_failure(now, exchange);
  } else if (exchange.phase == Exchange::Phase::metering) {
    on_limit_unknown(now, exchange);
  } else {
    reject(now, exchange, RejectCause::queue_timeout, kComeBackLater);
  }
}

void Balancer::want_service(PoolState& state) {
  if (state.queue.empty()) return;
  state.serve_queue = true;
  queues_wait_ = true;
}

void Balancer::serve_queues(Instant now) {
  while (queues_wait_) {
    queues_wait_ = false;
    for (std::uint32_t i = 0; i < pools_.size(); ++i) {
      if (!pools_[i].serve_queue) continue;
      pools_[i].serve_queue = false;
      serve_queue(now, PoolIndex{i});
    }
  }
}

void Balancer::serve_queue(Instant now, PoolIndex pool) {
  PoolState& state = pools_[index(pool)];
  while (!state.queue.empty()) {
    const bool room = state.admission.has_room(state.pool.in_flight()) && state.pool.has_room();
    if (state.pool.has_members() && !room) return;
    const auto next = state.queue.pop(now);
    Exchange& exchange = exchanges_[next->slot];
    if (next->shed) {
      shed(now, exchange, RejectCause::queue_timeout);
      continue;
    }
    end_waiting(now, exchange);
    begin_attempt(now, exchange);
  }
}

}  // namespace evenkeel::core
