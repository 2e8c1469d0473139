// SPDX-License-Identifier: Apache-2.0
//
// Where a request of a pool with sessions goes. The rules are session/affinity.h's; here they meet
// the store, whose answers are facts, and the request, which waits for them.
#include "evenkeel/core/balancer.h"

namespace evenkeel::core {

void Balancer::find_session(Instant now, Exchange& exchange, const RequestFacts& facts) {
  SessionState& session = exchange.session;
  session.in_use = true;
  session.shown = ShownSession{facts.session, facts.signed_backend, facts.signature_ageing};
  session.entropy = facts.entropy;
  session.where = pool_of(exchange).affinity.find(now, session.shown);
  follow_session(now, exchange);
}

void Balancer::follow_session(Instant now, Exchange& exchange) {
  PoolState& state = pool_of(exchange);
  SessionState& session = exchange.session;
  const bool found = session.where.kind == Whereabouts::Kind::found;
  const bool may_serve = found && state.pool.may_serve(session.where.backend);
  switch (state.affinity.place(session.where, may_serve)) {
    case Placement::ask:
      if (!store_gate_.try_begin(now)) {
        session.where = state.affinity.on_failure(now, session.shown);
        follow_session(now, exchange);  // ends: nothing is left to ask
        return;
      }
      exchange.phase = Exchange::Phase::looking_up;
      deadlines_.arm_at(node(exchange, Timer::waiting), later(now, config_->redis.timeout));
      note(now, EntryKind::look_up_session, exchange, 0, 0);
      actions_.push(LookUpSession{id_of(exchange), exchange.pool, *session.shown.key});
      return;
    case Placement::stay:
      session.stays = true;
      session.wanted = session.where.backend;
      place(now, exchange);
      return;
    case Placement::choose:
      place(now, exchange);
      return;
    case Placement::reject:
      reject(now, exchange, RejectCause::session_lost);
      return;
  }
}

void Balancer::on_session_failure(Instant now, Exchange& exchange) {
  deadlines_.disarm(node(exchange, Timer::waiting));
  store_gate_.on_failed(now);
  exchange.phase = Exchange::Phase::attempting;
  exchange.session.where = pool_of(exchange).affinity.on_failure(now, exchange.session.shown);
  follow_session(now, exchange);
}

void Balancer::bind_session(Instant now, Exchange& exchange, BackendIndex backend) {
  const SessionState& session = exchange.session;
  if (!session.in_use || has(exchange.record.flags, Flag::fallback_pool)) return;
  // Its backend is well and was only full: the session still lives there.
  if (!session.stays && session.where.kind == Whereabouts::Kind::found &&
      session.where.backend != backend &&
      keeps_sessions(pool_of(exchange).pool.standing(session.where.backend))) {
    return;
  }
  const Binding binding = pool_of(exchange).affinity.commit(now, session.shown, session.where,
                                                            session.entropy, backend);
  if (binding.issue) {
    note(now, EntryKind::issue_session, exchange, binding.is_signed ? 1 : 0, index(backend));
    actions_.push(IssueSession{id_of(exchange), binding.key, binding.backend, binding.is_signed});
  }
  if (binding.store) actions_.push(StoreSession{exchange.pool, binding.key, binding.backend});
}

}  // namespace evenkeel::core
