// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/books.h"

#include <algorithm>
#include <utility>

#include "evenkeel/core/check.h"

namespace evenkeel::sim {

namespace {

constexpr unsigned kAttemptBits = 4;  // a subject is number · 16 + attempt
constexpr std::uint64_t kAttemptMask = (1U << kAttemptBits) - 1;
constexpr std::size_t kHistory = 64;  // entries shown of a broken request

core::BackendRef backend_of(const core::Entry& entry) {
  return {core::PoolIndex{static_cast<std::uint32_t>(entry.subject >> 32U)},
          core::BackendIndex{static_cast<std::uint32_t>(entry.subject)}};
}

bool is_about_request(core::EntryKind kind) {
  switch (kind) {
    case core::EntryKind::check_ended:
    case core::EntryKind::health_deadline:
    case core::EntryKind::start_check:
    case core::EntryKind::cancel_check:
    case core::EntryKind::transition:
    case core::EntryKind::reload:
    case core::EntryKind::admin:
    case core::EntryKind::pressure:
    case core::EntryKind::message_in:
    case core::EntryKind::message_out:
      return false;
    default:
      return true;
  }
}

}  // namespace

Books::Books(const Scenario& scenario, Judge& judge, core::Instant start)
    : scenario_(scenario), judge_(&judge), obedience_(scenario.world.backends.size()) {
  for (const core::PoolPolicy& pool : scenario.proxy.pools) {
    retries_.emplace_back(pool.retry, start);
    panics_.push_back(false);
    world_index_.emplace_back(pool.backends.size(), kNoBackend);
  }
  for (std::uint32_t i = 0; i < scenario.world.backends.size(); ++i) {
    const core::BackendRef ref = scenario.world.backends[i].ref;
    world_index_[index(ref.pool)][index(ref.backend)] = i;
    const core::HealthCheckPolicy& check = scenario.proxy.pools[index(ref.pool)].health_check;
    if (check.type != core::CheckType::off && check.initial_state != core::InitialState::healthy) {
      obedience_.on_transition(i, core::TransitionKind::health,
                               static_cast<std::uint8_t>(core::HealthState::unhealthy));
    }
  }
}

// ---- clients -----------------------------------------------------------------------------------

ClientRequest& Books::on_arrival(core::Instant scheduled, std::uint32_t traffic,
                                 core::Method method) {
  conservation_.on_arrival();
  ClientRequest& request = ledger_.open(next_request_++);
  request.scheduled = scheduled;
  request.traffic = traffic;
  request.method = method;
  return request;
}

void Books::on_ended(core::Instant now, std::uint64_t number, Ending ending, std::uint16_t status,
                     const core::RequestRecord* record) {
  ClientRequest* request = ledger_.find(number);
  const bool was_live = request != nullptr && request->live;
  if (!conservation_.on_ended(was_live, ending)) {
    broke(Invariant::conservation, record != nullptr ? record->number : kNoRequest,
          conservation_.detail());
  }
  if (!was_live) return;
  request->live = false;
  RequestSample sample;
  sample.number = number;
  sample.scheduled = request->scheduled;
  sample.ended = now;
  sample.method = request->method;
  sample.ending = ending;
  sample.status = status;
  sample.traffic = request->traffic;
  if (record != nullptr) {
    sample.attempts = record->attempts;
    sample.flags = record->flags;
    if (status != 0 && !record->rejection && record->backend) {
      sample.backend = world_index({record->pool, *record->backend});
      sample.service_latency = request->served_by(sample.backend);
    }
  }
  judge_->on_request(sample);
}

// Bytes are conserved as requests are: what one lost, or another got, breaks I1.
void Books::on_misdelivery(std::uint64_t request, const std::string& what) {
  broke(Invariant::conservation, kNoRequest, "request " + std::to_string(request) + ": " + what);
}

std::uint64_t Books::client_request(std::uint64_t balancer_number) {
  const Exchange* exchange = exchanges_.find(balancer_number);
  return exchange == nullptr ? kNoRequest : exchange->request;
}

// ---- backends ----------------------------------------------------------------------------------

void Books::on_begun(core::Instant /*now*/, std::uint64_t number) {
  ClientRequest* request = ledger_.find(number);
  if (request == nullptr) return;  // abandoned so long ago that nobody could send it again
  bool resendable = false;
  for (const core::PoolPolicy& pool : scenario_.proxy.pools) {
    resendable = resendable || pool.retry.methods.contains(request->method);
  }
  if (!deliveries_.on_begun(request->method, request->begun, resendable)) {
    broke(Invariant::single_delivery, kNoRequest,
          "request " + std::to_string(number) + " (" + std::string(core::to_text(request->method)) +
              ") was begun a second time; " + deliveries_.detail());
  }
  if (request->begun < 255) ++request->begun;
}

// ---- the balancer ------------------------------------------------------------------------------

void Books::read_entries(const core::Journal& journal, std::uint64_t request) {
  EVENKEEL_CHECK(journal.count() - read_ <= core::Journal::kKept);  // what one event may write
  for (; read_ < journal.count(); ++read_) {
    if (breach_) return;
    read_entry(journal.entry(read_), request);
  }
}

void Books::read_entry(const core::Entry& entry, std::uint64_t request) {
  const std::uint64_t number = entry.subject >> kAttemptBits;
  switch (entry.kind) {
    case core::EntryKind::request: {
      Exchange& exchange = exchanges_.open(number);
      exchange.request = request;
      exchange.pool = index(scenario_.proxy.routes[entry.detail >> 8U].split.front().pool);
      if (ClientRequest* client = ledger_.find(request)) client->reached = true;
      return;
    }
    case core::EntryKind::to_pool:
      if (Exchange* exchange = exchanges_.find(number)) exchange->pool = entry.detail;
      return;
    case core::EntryKind::start_attempt:
      if (Exchange* exchange = exchanges_.find(number)) on_start(entry, *exchange);
      return;
    case core::EntryKind::response_end:
    case core::EntryKind::attempt_failed:
    case core::EntryKind::cancel_attempt:
      on_attempt_over(entry);
      return;
    case core::EntryKind::finished:
      if (Exchange* exchange = exchanges_.find(number)) exchange->live = false;
      return;
    case core::EntryKind::transition:
      if (static_cast<core::TransitionKind>(entry.detail >> 17U) == core::TransitionKind::panic) {
        panics_[index(backend_of(entry).pool)] = (entry.detail & 0xffU) != 0;
        return;
      }
      obedience_.on_transition(world_index(backend_of(entry)),
                               static_cast<core::TransitionKind>(entry.detail >> 17U),
                               static_cast<std::uint8_t>(entry.detail & 0xffU));
      return;
    case core::EntryKind::start_check:
      ++checks_;
      return;
    case core::EntryKind::check_ended:
      judge_->on_check(entry.at, world_index(backend_of(entry)),
                       static_cast<core::CheckOutcome>(entry.detail));
      return;
    case core::EntryKind::cancel_check:
      judge_->on_check(entry.at, world_index(backend_of(entry)), core::CheckOutcome::timeout);
      return;
    case core::EntryKind::attempt_sent:
    case core::EntryKind::replay_lost:
    case core::EntryKind::response_head:
    case core::EntryKind::client_gone:
    case core::EntryKind::deadline:
    case core::EntryKind::health_deadline:
    case core::EntryKind::send_response:
    case core::EntryKind::reject_request:
    case core::EntryKind::abort_response:
    case core::EntryKind::reload:
    case core::EntryKind::session_found:
    case core::EntryKind::session_failed:
    case core::EntryKind::admin:
    case core::EntryKind::pressure:
    case core::EntryKind::queued:
    case core::EntryKind::look_up_session:
    case core::EntryKind::issue_session:
    case core::EntryKind::mirror:
    case core::EntryKind::message_in:
    case core::EntryKind::message_out:
      return;
  }
}

void Books::on_start(const core::Entry& entry, Exchange& exchange) {
  const auto number = static_cast<std::uint32_t>(entry.subject & kAttemptMask);
  // A retry begins when nothing runs any more; what begins beside a running attempt is a hedge.
  const bool hedge = exchange.running > 0;
  const std::uint32_t backend =
      world_index({core::PoolIndex{exchange.pool}, core::BackendIndex{entry.detail}});
  RetryBound& bound = retries_[exchange.pool];
  if (number == 0) {
    bound.on_first_attempt();
  } else if (!hedge && exchange.replays) {
    // No backend saw the attempt before: it is no retry, and not charged as one.
  } else if (!(hedge ? bound.on_hedge(entry.at) : bound.on_retry(entry.at))) {
    broke(Invariant::retry_bound, exchange.number, bound.detail());
  }
  if (!obedience_.on_start(backend, panics_[exchange.pool])) {
    broke(Invariant::obedience, exchange.number, obedience_.detail());
  }
  if (!attempts_.on_start(number, scenario_.proxy.pools[exchange.pool].retry.max_attempts)) {
    broke(Invariant::attempt_bound, exchange.number, attempts_.detail());
  }
  ++exchange.running;
  ++attempts_running_;
  judge_->on_attempt(AttemptSample{entry.at, exchange.request, number, backend, 0, hedge});
}

void Books::on_attempt_over(const core::Entry& entry) {
  Exchange* exchange = exchanges_.find(entry.subject >> kAttemptBits);
  if (exchange == nullptr || exchange->running == 0) return;
  exchange->replays =
      entry.kind == core::EntryKind::attempt_failed &&
      entry.detail == static_cast<std::uint32_t>(core::AttemptFailure::stale_connection);
  --exchange->running;
  --attempts_running_;
}

// ---- the run -----------------------------------------------------------------------------------

void Books::on_end_of_traffic() {
  std::uint64_t in_flight = 0;
  ledger_.for_each_live([&](const ClientRequest&) { ++in_flight; });
  if (!conservation_.on_count(in_flight)) {
    broke(Invariant::conservation, kNoRequest, conservation_.detail());
  }
}

void Books::on_drained(const Leftovers& left) {
  if (!leaks_.on_drained(left)) broke(Invariant::no_leak, kNoRequest, leaks_.detail());
}

void Books::broke(Invariant invariant, std::uint64_t exchange, std::string what) {
  if (!breach_) breach_ = Breach{invariant, exchange, std::move(what), read_};
}

void Books::report(const core::Journal& journal, RunResult& result) const {
  const auto verdict = [&](Invariant invariant, const std::string& detail) {
    InvariantResult& entry = result.invariants[static_cast<std::size_t>(invariant)];
    entry.held = !breach_ || breach_->invariant != invariant;
    entry.detail = detail;
  };
  std::string bounds;
  for (const RetryBound& bound : retries_) {
    result.first_attempts += bound.first_attempts();
    result.retries += bound.retries();
    result.hedges += bound.hedges();
    bounds += (bounds.empty() ? "" : "; ") + bound.detail();
  }
  result.checks = checks_;
  result.double_deliveries = deliveries_.doubles();
  verdict(Invariant::conservation, conservation_.detail());
  verdict(Invariant::single_delivery, deliveries_.detail());
  verdict(Invariant::retry_bound, bounds);
  verdict(Invariant::obedience, obedience_.detail());
  verdict(Invariant::no_leak, leaks_.detail());
  verdict(Invariant::causality, causality_.detail());
  verdict(Invariant::attempt_bound, attempts_.detail());
  if (!breach_) return;
  Violation violation;
  violation.invariant = breach_->invariant;
  violation.at = result.ended;
  violation.event = result.events;
  violation.what = breach_->what;
  // Up to the entry that broke it; the event may have written more.
  const std::uint64_t last = std::min(journal.count(), breach_->entry + 1);
  const std::uint64_t first =
      journal.count() - std::min<std::uint64_t>(journal.count(), core::Journal::kKept);
  for (std::uint64_t i = first; i < last; ++i) {
    const core::Entry& entry = journal.entry(i);
    const bool concerned =
        breach_->exchange == kNoRequest ||
        (is_about_request(entry.kind) && entry.subject >> kAttemptBits == breach_->exchange);
    if (concerned) violation.history.push_back(core::to_text(entry));
  }
  if (violation.history.size() > kHistory) {
    violation.history.erase(violation.history.begin(),
                            violation.history.end() - static_cast<std::ptrdiff_t>(kHistory));
  }
  result.violation = std::move(violation);
}

}  // namespace evenkeel::sim
