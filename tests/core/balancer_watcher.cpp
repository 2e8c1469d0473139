// SPDX-License-Identifier: Apache-2.0
#include "core/balancer_watcher.h"

#include <algorithm>

namespace evenkeel::core {
namespace {

BackendRef backend_of(const Entry& entry) {
  return {PoolIndex{static_cast<std::uint32_t>(entry.subject >> 32U)},
          BackendIndex{static_cast<std::uint32_t>(entry.subject)}};
}

std::uint64_t subject_of(BackendRef backend) {
  return (std::uint64_t{index(backend.pool)} << 32U) | index(backend.backend);
}

// Whether `count` keeps to percent/100 · requests + per_second · (time + interval).
bool within_budget(std::uint64_t count, std::uint64_t requests, std::uint32_t percent,
                   const RetryBudgetPolicy& policy, Duration time) {
  __extension__ using Wide = unsigned __int128;
  constexpr Wide kSecond = 1'000'000'000;
  const Wide share = static_cast<Wide>(percent) * requests * kSecond;
  const Wide reserve =
      static_cast<Wide>(100) * policy.min_per_second * (time + policy.interval).count();
  return static_cast<Wide>(count) * 100 * kSecond <= share + reserve;
}

}  // namespace

std::uint32_t BalancerWatcher::Request::live() const {
  return static_cast<std::uint32_t>(
      std::count_if(tries.begin(), tries.end(), [](const Try& t) { return t.live; }));
}

BalancerWatcher::BalancerWatcher(const Config& config, Instant start, Duration coarse_quantum)
    : config_(config), start_(start), coarse_quantum_(coarse_quantum) {
  for (const PoolPolicy& pool : config.pools) {
    Member member;
    if (pool.health_check.type != CheckType::off) {
      switch (pool.health_check.initial_state) {
        case InitialState::healthy:
          member.health = HealthState::healthy;
          break;
        case InitialState::unhealthy:
          member.health = HealthState::unhealthy;
          break;
        case InitialState::unchecked:
          member.health = HealthState::unchecked;
          break;
      }
    }
    members_.emplace_back(pool.backends.size(), member);
    spending_.emplace_back();
  }
}

void BalancerWatcher::on_request(Instant now, RequestId id, const RequestFacts& facts) {
  Request request;
  request.id = id;
  request.arrived = request.restarted = now;
  request.route = facts.route;
  request.pool = config_.routes[index(facts.route)].split.front().pool;
  request.method = facts.method;
  requests_.push_back(request);
  ++spending_[index(request.pool)].requests;
}

void BalancerWatcher::on_upload_progress(Instant now, std::size_t request) {
  Request& moved = requests_[request];
  if (moved.answered() || moved.gone || moved.finished) return;
  if (moved.upload_waits) moved.restarted = now;
  moved.upload_waits = false;
  for (Try& t : moved.tries) {
    if (t.live && t.sent) t.restarted = now;
  }
}

void BalancerWatcher::on_upload_waiting(std::size_t request) {
  Request& waiting = requests_[request];
  if (!waiting.answered() && !waiting.gone && !waiting.finished) waiting.upload_waits = true;
}

void BalancerWatcher::on_check_ended(CheckId check) {
  const auto running = checks_running_.find(subject_of(check.backend));
  if (running != checks_running_.end() && running->second == check.number) {
    checks_running_.erase(running);
  }
}

void BalancerWatcher::read(const Balancer& balancer, Instant now) {
  const Journal& journal = balancer.journal();
  for (; read_ < journal.count() && complaint_.empty(); ++read_) read(journal.entry(read_));
  for (std::uint32_t pool = 0; pool < members_.size(); ++pool) {
    check_budget(PoolIndex{pool}, now);
    for (std::uint32_t i = 0; i < members_[pool].size(); ++i) {
      const Load& load = balancer.pool(PoolIndex{pool}).load(BackendIndex{i});
      if (load.in_flight != members_[pool][i].in_flight) complain("in-flight counts differ");
    }
  }
  const auto open = std::count_if(requests_.begin(), requests_.end(),
                                  [](const Request& r) { return !r.finished; });
  if (balancer.requests_in_flight() != static_cast<std::uint64_t>(open)) {
    complain("requests in flight differ");
  }
}

void BalancerWatcher::read(const Entry& entry) {
  const std::size_t number = entry.subject >> 4U;
  const std::size_t attempt = entry.subject & 15U;
  switch (entry.kind) {
    case EntryKind::check_ended:
      return;  // may be one that is over
    case EntryKind::start_check:
      actions_.push_back(entry);
      expect(checks_running_.emplace(entry.subject, entry.detail).second, entry,
             "checks of a backend never overlap");
      return;
    case EntryKind::cancel_check:
      actions_.push_back(entry);
      expect(checks_running_.erase(entry.subject) == 1, entry, "only a running check ends");
      return;
    case EntryKind::transition:
      on_transition(entry);
      return;
    case EntryKind::health_deadline:
      return;
    default:
      break;
  }
  expect(number < requests_.size(), entry, "an entry is about a known request");
  if (!complaint_.empty()) return;
  Request& request = requests_[number];
  const bool known = attempt < request.tries.size();
  const bool live = known && request.tries[attempt].live;
  switch (entry.kind) {
    case EntryKind::request:
      expect(number + 1 == requests_.size(), entry, "requests are numbered in turn");
      return;
    case EntryKind::start_attempt:
      actions_.push_back(entry);
      on_start(entry, request);
      return;
    case EntryKind::attempt_sent:
      expect(live && !request.tries[attempt].sent, entry, "only a connecting attempt is sent");
      if (live) request.tries[attempt].sent = true;
      request.any_sent = true;
      return;
    case EntryKind::replay_lost:
      request.replayable = false;
      return;
    case EntryKind::response_head:
      expect(live && !request.tries[attempt].answered, entry, "only a running attempt answers");
      if (live) on_response_head(entry, request);
      return;
    case EntryKind::response_end:
      expect(live && request.tries[attempt].answered, entry, "only an answer ends");
      on_close(number, attempt);
      return;
    case EntryKind::attempt_failed:
      expect(live, entry, "only a running attempt fails");
      on_close(number, attempt);
      request.replays =
          entry.detail == static_cast<std::uint32_t>(AttemptFailure::stale_connection);
      return;
    case EntryKind::cancel_attempt:
      actions_.push_back(entry);
      expect(live, entry, "only a running attempt is cancelled");
      on_close(number, attempt);
      return;
    case EntryKind::client_gone:
      expect(!request.gone && !request.rejected && !request.aborted, entry, "a client goes once");
      request.gone = true;
      return;
    case EntryKind::send_response:
      actions_.push_back(entry);
      expect(live && request.live() == 1, entry, "the answer is of the only attempt left");
      expect(!request.answered() && !request.gone && !request.finished, entry, "answered once");
      request.sent_answer = true;
      if (live) request.tries[attempt].answered = true;
      return;
    case EntryKind::reject_request:
      actions_.push_back(entry);
      expect(request.live() == 0, entry, "nothing runs on after a rejection");
      expect(!request.answered() && !request.gone && !request.finished, entry, "answered once");
      request.rejected = true;
      // What is turned away at the door never came to its pool.
      if (entry.detail == static_cast<std::uint32_t>(RejectCause::overflow)) {
        --spending_[index(request.pool)].requests;
      }
      return;
    case EntryKind::abort_response:
      actions_.push_back(entry);
      expect(request.sent_answer && !request.aborted && !request.gone && !request.finished, entry,
             "only a forwarded response breaks off");
      expect(request.live() == 0, entry, "nothing runs on after an abort");
      request.aborted = true;
      return;
    case EntryKind::finished:
      expect(!request.finished, entry, "finished once");
      request.finished = true;
      return;
    default:
      expect(!request.finished, entry, "nothing happens after the finish");
      return;
  }
}

void BalancerWatcher::on_start(const Entry& entry, Request& request) {
  const std::size_t number = entry.subject >> 4U;
  const std::size_t attempt = entry.subject & 15U;
  const RetryPolicy& policy = config_.pools[index(request.pool)].retry;
  const BackendIndex backend{entry.detail};
  const bool hedge = request.live() > 0;
  expect(!request.answered() && !request.gone && !request.finished, entry,
         "nothing starts once there is an answer");
  expect(attempt == request.tries.size(), entry, "attempts are numbered in turn");
  expect(attempt < policy.max_attempts, entry, "at most max_attempts");
  expect(request.live() <= 1, entry, "at most two run");
  expect(may_be_picked(request.pool, backend, entry.at), entry, "the backend is eligible");
  const bool resendable = request.replayable && policy.methods.contains(request.method);
  expect(!request.any_sent || resendable, entry, "what may not be sent twice is not");
  expect(!hedge || resendable, entry, "only what may be sent twice is hedged");

  const auto tried = [&request](std::uint32_t candidate) {
    return std::any_of(request.tries.begin(), request.tries.end(),
                       [candidate](const Try& t) { return t.backend == BackendIndex{candidate}; });
  };
  if (tried(index(backend))) {
    expect(!hedge, entry, "a hedge asks somebody new");
    for (std::uint32_t i = 0; i < members_[index(request.pool)].size(); ++i) {
      // A half-open one may have lent its permits out.
      const bool surely = member(request.pool, BackendIndex{i}).breaker == BreakerState::closed &&
                          may_be_picked(request.pool, BackendIndex{i}, entry.at);
      expect(!surely || tried(i), entry, "untried backends come first");
    }
  }
  Spending& spending = spending_[index(request.pool)];
  // After a dead reused connection the next attempt is free: no backend saw the last one.
  if (hedge) {
    ++spending.hedges;
  } else if (attempt > 0 && !request.replays) {
    ++spending.retries;
  }

  Try started;
  started.backend = backend;
  started.started = started.restarted = entry.at;
  request.tries.push_back(started);
  Member& asked = member(request.pool, backend);
  ++asked.in_flight;
  if (asked.breaker == BreakerState::half_open) {
    const CircuitBreakerPolicy& breaker = config_.pools[index(request.pool)].circuit_breaker;
    asked.probes[{number, attempt}] = later(entry.at, breaker.open_duration);
  }
}

void BalancerWatcher::on_response_head(const Entry& entry, Request& request) {
  const std::size_t number = entry.subject >> 4U;
  const std::size_t attempt = entry.subject & 15U;
  request.any_sent = true;
  const unsigned status = entry.detail & 0xffffU;
  const bool sheds = (entry.detail >> 16U) != 0 && (status == 503 || status == 429);
  // A failure, or none of the backend's, is known at once and gives the permit back.
  if (status >= 500 || sheds) {
    member(request.pool, request.tries[attempt].backend).probes.erase({number, attempt});
  }
}

void BalancerWatcher::on_close(std::size_t number, std::size_t attempt) {
  if (!complaint_.empty()) return;
  Request& request = requests_[number];
  Member& asked = member(request.pool, request.tries[attempt].backend);
  request.tries[attempt].live = false;
  --asked.in_flight;
  asked.probes.erase({number, attempt});
}

void BalancerWatcher::on_transition(const Entry& entry) {
  const BackendRef backend = backend_of(entry);
  Member& changed = member(backend.pool, backend.backend);
  const auto from = (entry.detail >> 8U) & 0xfU;
  const auto to = entry.detail & 0xffU;
  expect(from != to, entry, "a transition changes something");
  switch (static_cast<TransitionKind>(entry.detail >> 17U)) {
    case TransitionKind::health:
      expect(changed.health == static_cast<HealthState>(from), entry, "from what it was");
      changed.health = static_cast<HealthState>(to);
      return;
    case TransitionKind::ejection: {
      expect(changed.ejected == (from == 1), entry, "from what it was");
      changed.ejected = to == 1;
      if (!changed.ejected) return;
      const auto& members = members_[index(backend.pool)];
      const auto out =
          std::count_if(members.begin(), members.end(), [](const Member& m) { return m.ejected; });
      const auto most = config_.pools[index(backend.pool)].outlier_detection.max_ejection_percent;
      expect(static_cast<std::uint64_t>(out) * 100 <= members.size() * most, entry,
             "no more are out than may be");
      bool somebody_left = false;
      for (std::uint32_t i = 0; i < members.size(); ++i) {
        const bool well = members[i].health == HealthState::healthy && !members[i].ejected &&
                          members[i].breaker != BreakerState::open;
        somebody_left =
            somebody_left || (well && config_.pools[index(backend.pool)].backends[i].weight != 0);
      }
      expect(somebody_left, entry, "never the last backend");
      return;
    }
    case TransitionKind::breaker:
      expect(changed.breaker == static_cast<BreakerState>(from), entry, "from what it was");
      changed.breaker = static_cast<BreakerState>(to);
      changed.probes.clear();
      return;
    case TransitionKind::admin:
    case TransitionKind::panic:
      complain("nobody asked for it");
      return;
  }
}

bool BalancerWatcher::may_be_picked(PoolIndex pool, BackendIndex backend, Instant now) const {
  const PoolPolicy& policy = config_.pools[index(pool)];
  const Member& asked = members_[index(pool)][index(backend)];
  if (policy.backends[index(backend)].weight == 0) return false;
  if (asked.health != HealthState::healthy || asked.ejected) return false;
  if (asked.breaker == BreakerState::closed) return true;
  const auto lent = std::count_if(asked.probes.begin(), asked.probes.end(),
                                  [now](const auto& probe) { return probe.second > now; });
  return asked.breaker == BreakerState::half_open &&
         static_cast<std::uint64_t>(lent) < policy.circuit_breaker.half_open_max_requests;
}

void BalancerWatcher::check_budget(PoolIndex pool, Instant now) {
  const RetryPolicy& policy = config_.pools[index(pool)].retry;
  if (!policy.budget.enabled) return;
  const Spending& spending = spending_[index(pool)];
  const Duration time = now - start_;
  if (!within_budget(spending.retries, spending.requests, policy.budget.percent, policy.budget,
                     time)) {
    complain("more retries than the budget allows");
  }
  if (!within_budget(spending.hedges, spending.requests, policy.hedge.budget_percent, policy.budget,
                     time)) {
    complain("more hedges than their budget allows");
  }
}

void BalancerWatcher::compare(const std::vector<Action>& actions) {
  std::vector<std::pair<EntryKind, std::uint64_t>> polled;
  const auto subject = [this](AttemptId attempt) {
    for (std::size_t i = requests_.size(); i-- > 0;) {
      if (requests_[i].id == attempt.request) return (std::uint64_t{i} << 4U) | attempt.number;
    }
    return ~std::uint64_t{0};
  };
  struct Reader {
    decltype(polled)& to;
    const decltype(subject)& number;
    void operator()(const StartAttempt& a) const {
      to.emplace_back(EntryKind::start_attempt, number(a.attempt));
    }
    void operator()(const CancelAttempt& a) const {
      to.emplace_back(EntryKind::cancel_attempt, number(a.attempt));
    }
    void operator()(const SendResponse& a) const {
      to.emplace_back(EntryKind::send_response, number(a.attempt));
    }
    void operator()(const RejectRequest& a) const {
      to.emplace_back(EntryKind::reject_request, number(AttemptId{a.request, 0}));
    }
    void operator()(const AbortResponse& a) const {
      to.emplace_back(EntryKind::abort_response, number(AttemptId{a.request, 0}));
    }
    void operator()(const StartCheck& a) const {
      to.emplace_back(EntryKind::start_check, subject_of(a.check.backend));
    }
    void operator()(const CancelCheck& a) const {
      to.emplace_back(EntryKind::cancel_check, subject_of(a.check.backend));
    }
    // Worlds with sessions and mirrors have tests of their own.
    void operator()(const LookUpSession& a) const {
      to.emplace_back(EntryKind::look_up_session, number(AttemptId{a.request, 0}));
    }
    void operator()(const StoreSession& /*unused*/) const {}
    void operator()(const IssueSession& a) const {
      to.emplace_back(EntryKind::issue_session, number(AttemptId{a.request, 0}));
    }
    void operator()(const MirrorRequest& a) const {
      to.emplace_back(EntryKind::mirror, number(AttemptId{a.request, 0}));
    }
  };
  for (const Action& action : actions) std::visit(Reader{polled, subject}, action);
  const bool same = std::equal(
      polled.begin(), polled.end(), actions_.begin(), actions_.end(),
      [](const auto& a, const Entry& b) { return a.first == b.kind && a.second == b.subject; });
  if (!same) complain("actions are not those of the journal");
  actions_.clear();
}

void BalancerWatcher::on_deadlines_fired(const Balancer& balancer, Instant now) {
  if (balancer.next_deadline() <= now) complain("a deadline that fired is still due");
  for (const Request& request : requests_) {
    if (request.finished || request.answered() || request.gone) continue;
    const Duration whole = config_.routes[index(request.route)].timeout + coarse_quantum_;
    if (!request.upload_waits && now - request.restarted >= whole) {
      complain("a request outlives its deadline");
    }
    const PoolPolicy& pool = config_.pools[index(request.pool)];
    for (const Try& t : request.tries) {
      if (!t.live || (t.sent && request.upload_waits)) continue;
      const Duration most =
          t.sent ? pool.retry.attempt_timeout
                 : std::min(pool.connection_pool.connect_timeout, pool.retry.attempt_timeout);
      if (now - t.restarted >= most + coarse_quantum_) complain("an attempt outlives its deadline");
    }
  }
}

void BalancerWatcher::expect(bool condition, const Entry& entry, const char* rule) {
  if (!condition) complain(std::string(rule) + ": " + to_text(entry));
}

void BalancerWatcher::complain(const std::string& what) {
  if (complaint_.empty()) complaint_ = what;
}

}  // namespace evenkeel::core
