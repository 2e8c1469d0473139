// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/metrics.h"

#include <algorithm>

namespace evenkeel::proxy {

void DurationHistogram::observe(core::Duration value) {
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && value > kBounds[bucket]) ++bucket;
  ++buckets_[bucket];
  sum_ += value;
}

WorkerMetrics::WorkerMetrics(const core::Config& config)
    : routes_(config.routes.size()), refused_(config.listeners.size()) {
  for (const core::PoolPolicy& pool : config.pools) {
    pools_.emplace_back().backends.resize(pool.backends.size());
  }
  for (std::size_t r = 0; r < routes_.size(); ++r) {
    routes_[r].pools.resize(pools_.size());
    for (const core::SplitPolicy& side : config.routes[r].split) {
      routes_[r].pools[core::index(side.pool)] = std::make_unique<Requests>();
    }
  }
}

WorkerMetrics::Requests& WorkerMetrics::requests_of(const core::RequestRecord& record) {
  auto& requests = routes_[core::index(record.route)].pools[core::index(record.pool)];
  if (requests == nullptr) requests = std::make_unique<Requests>();  // a fallback pool took it
  return *requests;
}

void WorkerMetrics::on_request_ended(const net::RequestEnd& end) {
  const core::RequestRecord& record = end.record;
  Requests& requests = requests_of(record);
  auto& counts = requests.counts[static_cast<std::size_t>(record.method)];
  if (counts == nullptr) counts = std::make_unique<ByStatus>();
  ++(*counts)[std::min<std::size_t>(record.status, kStatuses - 1)];
  requests.duration.observe(end.ended - record.arrived);
  if (record.rejection == core::RejectCause::rate_limited) {
    ++routes_[core::index(record.route)].rate_limited;
  }

  Pool& pool = pools_[core::index(record.pool)];
  if (record.rejection) ++pool.rejected[static_cast<std::size_t>(*record.rejection)];
  if (has(record.flags, core::Flag::budget_exhausted)) ++pool.budget_exhausted;
  if (has(record.flags, core::Flag::queued)) pool.queue_wait.observe(record.queued);
  if (has(record.flags, core::Flag::panic)) ++pool.panic_picks;
  const bool hedged = has(record.flags, core::Flag::hedged);
  if (hedged) ++pool.hedges;
  const unsigned retries = record.attempts > 1 ? record.attempts - 1U - (hedged ? 1U : 0U) : 0;
  if (retries > 0) {
    const bool good = !record.rejection && record.status != 0 && record.status < 500 &&
                      !has(record.flags, core::Flag::response_aborted);
    (good ? pool.retries_succeeded : pool.retries_failed) += retries;
  }
  if (record.backend) {
    const std::size_t answered = record.rejection ? 0 : record.status / 100U;
    ++pool.backends[core::index(*record.backend)].requests[std::min(answered, kClasses - 1)];
  }
}

void WorkerMetrics::on_transition(const core::Transition& transition) {
  Pool& pool = pools_[core::index(transition.backend.pool)];
  if (transition.kind == core::TransitionKind::panic) {
    if (transition.to != 0) ++pool.panics;
    return;
  }
  Backend& backend = pool.backends[core::index(transition.backend.backend)];
  switch (transition.kind) {
    case core::TransitionKind::health:
      ++backend.health_transitions[transition.to];
      break;
    case core::TransitionKind::ejection:
      if (transition.to != 0) ++backend.ejections[static_cast<std::size_t>(transition.reason)];
      break;
    case core::TransitionKind::breaker:
      ++backend.breaker_transitions[transition.to];
      break;
    case core::TransitionKind::admin:
      ++backend.admin_transitions[transition.to];
      break;
    case core::TransitionKind::panic:
      break;  // a pool's
  }
}

void WorkerMetrics::on_refused(std::uint32_t listener, unsigned status) {
  auto& refused = refused_[listener];
  if (refused == nullptr) refused = std::make_unique<ByStatus>();
  ++(*refused)[std::min<std::size_t>(status, kStatuses - 1)];
}

}  // namespace evenkeel::proxy
