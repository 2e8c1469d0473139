// SPDX-License-Identifier: Apache-2.0
//
// What this worker and the others tell each other. Each pool's link knows what about; here it meets
// requests, which may wait for an answer or for room.
#include <utility>

#include "evenkeel/core/balancer.h"

namespace evenkeel::core {

// ---- messages -----------------------------------------------------------------------------------

std::optional<Posted> Balancer::poll_message() {
  if (options_.workers == 1) return std::nullopt;
  std::optional<Posted> posted = limit_link_.poll_message();
  for (bool news = true; news && !posted;) {
    news = false;
    for (std::uint32_t i = 0; i < pools_.size() && !posted; ++i) {
      posted = pools_[i].home.poll_message(last_now_);
      // What the home told its own worker.
      if (!pools_[i].home.has_news()) continue;
      settle(last_now_, PoolIndex{i});
      news = true;
    }
    serve_queues(last_now_);
  }
  if (posted) note(last_now_, EntryKind::message_out, posted->to, posted->message);
  return posted;
}

void Balancer::on_message(Instant now, WorkerIndex from, const Message& message) {
  begin(now);
  note(now, EntryKind::message_in, from, message);
  if (const auto* query = std::get_if<LimitQuery>(&message.body)) {
    on_limit_query(now, from, *query);
  } else if (const auto* answer = std::get_if<LimitAnswer>(&message.body)) {
    on_limit_answer(now, *answer);
  } else if (index(message.pool) >= pools_.size()) {
    early_.push(Early{from, message});  // its sender was faster to take a new configuration
  } else {
    take(now, from, message);
  }
  serve_queues(now);
}

void Balancer::take(Instant now, WorkerIndex from, const Message& message) {
  HomeLink& link = pools_[index(message.pool)].home;
  link.on_message(now, from, message);
  if (link.has_news()) settle(now, message.pool);
}

void Balancer::take_early(Instant now) {
  for (std::size_t left = early_.size(); left > 0; --left) {
    const Early early = *early_.pop();
    if (index(early.message.pool) < pools_.size()) {
      take(now, early.from, early.message);
    } else {
      early_.push(early);
    }
  }
}

void Balancer::take_share(Instant now, PoolState& state) {
  const LoadShare& share = *state.home.share();
  for (const Slot slot : share.new_limits()) {
    if (slot == kPoolSlot) {
      state.admission.set_limit(share.limit(slot));
    } else {
      state.pool.set_limit(now, BackendIndex{index(slot) - 1}, share.limit(slot));
    }
  }
  for (const BackendIndex backend : share.new_others()) {
    state.pool.set_other_load(backend, share.others(backend));
  }
}

void Balancer::note(Instant now, EntryKind kind, WorkerIndex other, const Message& message) {
  if (options_.journal == JournalMode::off) return;
  journal_.record(now, kind, fingerprint(message), index(other));
}

// ---- rate limits --------------------------------------------------------------------------------

void Balancer::hold(Instant now, Exchange& exchange, const RequestFacts& facts) {
  exchange.phase = Exchange::Phase::metering;
  if (held_.size() < exchanges_.size()) held_.resize(exchanges_.size());
  const RoutePolicy& route = config_->routes[index(exchange.route)];
  held_[slot_of(exchange)] = Held{facts, facts.mirrored ? route.mirror.pool : std::nullopt};
  exchange.timeout = route.timeout;
  deadlines_.arm_at(node(exchange, Timer::waiting), later(now, LimitLink::kPatience));
}

void Balancer::on_limit_query(Instant now, WorkerIndex from, const LimitQuery& query) {
  const bool known = index(query.route) < routes_.size();
  if (known && routes_[index(query.route)].limiter) {
    limit_link_.on_query(now, from, *routes_[index(query.route)].limiter, query);
  } else {
    limit_link_.let_pass(from, query);
  }
}

void Balancer::on_limit_answer(Instant now, const LimitAnswer& answer) {
  Exchange* exchange = find(answer.request);
  if (exchange == nullptr || exchange->phase != Exchange::Phase::metering) return;
  const Held held = held_[slot_of(*exchange)];
  stop_waiting(now, *exchange);
  deadlines_.disarm(node(*exchange, Timer::waiting));
  if (answer.wait > Duration::zero()) {
    reject(now, *exchange, RejectCause::rate_limited, answer.wait);
  } else {
    enter(now, *exchange, held.facts, exchange->timeout, held.mirror);
  }
}

// As when a shared store does not answer.
void Balancer::on_limit_unknown(Instant now, Exchange& exchange) {
  const Held held = held_[slot_of(exchange)];
  stop_waiting(now, exchange);
  if (config_->redis.fail_open) {
    enter(now, exchange, held.facts, exchange.timeout, held.mirror);
  } else {
    reject(now, exchange, RejectCause::local_failure);
  }
}

}  // namespace evenkeel::core
