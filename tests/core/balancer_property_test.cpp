// SPDX-License-Identifier: Apache-2.0
//
// Random traces of facts, in orders that make sense and in orders that do not, over random
// configurations. A watcher reads along and complains of what must never happen.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/at.h"
#include "core/balancer_watcher.h"
#include "evenkeel/core/balancer.h"

namespace evenkeel::core {

// A step of a trace; what `a` and `b` choose depends on what there is to choose from.
struct Step {
  enum class Kind : std::uint8_t {
    request,
    sent,
    head,
    end,
    fail,
    upload_progress,
    upload_waiting,
    replay_lost,
    client_gone,
    finish,
    check,
    pass,
    jump
  };
  Kind kind{};
  std::uint32_t a = 0;
  std::uint32_t b = 0;

  friend std::ostream& operator<<(std::ostream& out, const Step& step) {
    return out << static_cast<int>(step.kind) << "(" << step.a << "," << step.b << ")";
  }
};

namespace {

using Kind = Step::Kind;

rc::Gen<Step> any_step() {
  const auto kind = rc::gen::weightedElement<Kind>({{6, Kind::request},
                                                    {8, Kind::sent},
                                                    {8, Kind::head},
                                                    {6, Kind::end},
                                                    {6, Kind::fail},
                                                    {1, Kind::upload_progress},
                                                    {1, Kind::upload_waiting},
                                                    {1, Kind::replay_lost},
                                                    {1, Kind::client_gone},
                                                    {3, Kind::finish},
                                                    {2, Kind::check},
                                                    {4, Kind::pass},
                                                    {1, Kind::jump}});
  return rc::gen::build<Step>(rc::gen::set(&Step::kind, kind),
                              rc::gen::set(&Step::a, rc::gen::inRange(0U, 1000U)),
                              rc::gen::set(&Step::b, rc::gen::inRange(0U, 1000U)));
}

rc::Gen<std::vector<Step>> any_trace() {
  return rc::gen::resize(1000, rc::gen::container<std::vector<Step>>(any_step()));
}

Duration any_time(std::int64_t least_ms, std::int64_t most_ms) {
  return std::chrono::milliseconds(*rc::gen::inRange(least_ms, most_ms + 1));
}

std::uint32_t any_number(std::uint32_t least, std::uint32_t most) {
  return *rc::gen::inRange(least, most + 1);
}

bool any_flag() { return *rc::gen::arbitrary<bool>(); }

// One time in eight: for what would leave little else to happen.
bool rarely() { return *rc::gen::element(false, false, false, false, false, false, false, true); }

PoolPolicy any_pool() {
  PoolPolicy pool;
  pool.backends.resize(rarely() ? 1 : any_number(2, 6));
  for (BackendPolicy& backend : pool.backends) backend.weight = rarely() ? 0 : any_number(1, 3);
  pool.balance.algorithm = static_cast<Algorithm>(any_number(0, 4));
  pool.balance.choice_count = any_number(1, 3);

  HealthCheckPolicy& check = pool.health_check;
  check.type = any_flag() ? CheckType::off : CheckType::http;
  check.interval = any_time(100, 3000);
  check.unhealthy_interval = any_time(100, 3000);
  check.timeout = std::min({any_time(10, 3000), check.interval, check.unhealthy_interval});
  check.unhealthy_threshold = any_number(1, 3);
  check.healthy_threshold = any_number(1, 3);
  check.initial_state = rarely()   ? InitialState::unhealthy
                        : rarely() ? InitialState::unchecked
                                   : InitialState::healthy;

  OutlierDetectionPolicy& outliers = pool.outlier_detection;
  outliers.enabled = any_flag();
  outliers.consecutive_failures = any_number(1, 4);
  outliers.interval = any_time(100, 5000);
  outliers.base_ejection_time = any_time(10, 2000);
  outliers.max_ejection_time = outliers.base_ejection_time * any_number(1, 4);
  outliers.max_ejection_percent = any_number(0, 100);

  CircuitBreakerPolicy& breaker = pool.circuit_breaker;
  breaker.enabled = any_flag();
  breaker.window = any_time(100, 5000);
  breaker.consecutive_failures = any_flag() ? 0 : any_number(1, 4);
  breaker.failure_count = any_flag() ? 0 : any_number(1, 6);
  breaker.minimum_requests = any_number(1, 20);
  breaker.open_duration = any_time(10, 2000);
  breaker.max_open_duration = breaker.open_duration * any_number(1, 4);
  breaker.half_open_max_requests = any_number(1, 3);
  breaker.half_open_successes = any_number(1, 3);

  RetryPolicy& retry = pool.retry;
  retry.max_attempts = rarely() ? 1 : any_number(2, kMaxAttempts);
  retry.on.connect_failure = any_flag();
  retry.on.statuses =
      any_flag() ? std::vector<std::uint16_t>{429, 502, 503, 504} : std::vector<std::uint16_t>{};
  retry.attempt_timeout = any_time(rarely() ? 1 : 200, 2500);
  retry.backoff.initial = any_flag() ? any_time(1, 100) : 0ms;
  retry.backoff.max = retry.backoff.initial * any_number(1, 10);
  retry.budget.enabled = any_flag();
  retry.budget.percent = any_flag() ? 100 : any_number(0, 100);
  retry.budget.min_per_second = any_number(0, 5);
  retry.budget.interval = any_time(100, 5000);
  retry.hedge.enabled = any_flag();
  retry.hedge.delay = any_flag() ? any_time(1, 20) : any_time(1, 1500);
  retry.hedge.budget_percent = any_flag() ? 100 : any_number(0, 100);
  pool.connection_pool.connect_timeout = any_time(rarely() ? 1 : 200, 2500);
  // The watcher knows no panic and nobody who waits; both have tests of their own.
  pool.balance.panic_threshold = 0;
  pool.limits.max_requests = 0;
  return pool;
}

Config any_config() {
  Config config;
  const std::uint32_t pools = any_number(1, 2);
  for (std::uint32_t i = 0; i < pools; ++i) {
    config.pools.push_back(any_pool());
    RoutePolicy route;
    route.split.front().pool = PoolIndex{i};
    route.timeout = any_time(rarely() ? 1 : 500, 6000);
    config.routes.push_back(route);
  }
  return config;
}

// Interprets a trace and lets a watcher read along.
class Run {
 public:
  Run(const std::shared_ptr<const Config>& config, const Balancer::Options& options)
      : watcher_(*config, at(0s), options.coarse_quantum),
        balancer_(std::make_unique<Balancer>(config, options, at(0s))) {
    settle();
  }

  void step(const Step& step) {
    switch (step.kind) {
      case Kind::request:
        return request(step);
      case Kind::sent:
        if (const auto id = attempt(step)) balancer_->on_attempt_sent(now_, *id);
        break;
      case Kind::head:
        if (const auto id = attempt(step)) {
          static constexpr std::array<std::uint16_t, 6> kStatuses = {200, 502, 503, 500, 429, 404};
          balancer_->on_response_head(now_, *id, {kStatuses[step.b % 6], step.b % 7 == 0});
        }
        break;
      case Kind::end:
        if (const auto id = attempt(step)) balancer_->on_response_end(now_, *id);
        break;
      case Kind::fail:
        if (const auto id = attempt(step)) {
          const auto failure = static_cast<AttemptFailure>(step.b % kAttemptFailureCount);
          balancer_->on_attempt_failed(now_, *id, failure);
        }
        break;
      case Kind::upload_progress:
        if (watcher_.requests().empty()) return;
        watcher_.on_upload_progress(now_, step.a % watcher_.requests().size());
        balancer_->on_upload_progress(now_, any_request(step));
        break;
      case Kind::upload_waiting:
        if (watcher_.requests().empty()) return;
        watcher_.on_upload_waiting(step.a % watcher_.requests().size());
        balancer_->on_upload_waiting(now_, any_request(step));
        break;
      case Kind::replay_lost:
        if (!watcher_.requests().empty()) balancer_->on_replay_lost(now_, any_request(step));
        break;
      case Kind::client_gone:
        if (!watcher_.requests().empty()) balancer_->on_client_gone(now_, any_request(step));
        break;
      case Kind::finish:
        finish_one(step);
        break;
      case Kind::check:
        check(step);
        break;
      case Kind::pass:
        pass(std::chrono::microseconds(step.a % 8 == 0 ? step.a * step.b : step.a * 20));
        break;
      case Kind::jump:
        now_ += std::chrono::milliseconds(step.a * 10);
        balancer_->on_deadline(now_);
        settle();
        watcher_.on_deadlines_fired(*balancer_, now_);
        break;
    }
    settle();
  }

  // Every deadline at its own instant.
  void pass(Duration time) {
    const Instant target = now_ + time;
    while (balancer_->next_deadline() <= target && watcher_.complaint().empty()) {
      if (balancer_->next_deadline() > now_) now_ = balancer_->next_deadline();
      balancer_->on_deadline(now_);
      settle();
      watcher_.on_deadlines_fired(*balancer_, now_);
    }
    now_ = target;
  }

  // Whatever is left gets its answer by a deadline, and ends.
  void drain() {
    for (std::size_t i = 0; i < watcher_.requests().size(); ++i) {
      watcher_.on_upload_progress(now_, i);
      balancer_->on_upload_progress(now_, watcher_.requests()[i].id);
    }
    pass(10s);
    for (const BalancerWatcher::Request& request : watcher_.requests()) {
      RC_ASSERT(request.answered() || request.gone || request.finished);
    }
    for (std::size_t i = 0; i < watcher_.requests().size(); ++i) {
      if (!watcher_.requests()[i].finished) finish(i);
    }
    RC_ASSERT(balancer_->requests_in_flight() == 0U);
    const std::size_t starts = starts_;
    pass(20s);
    RC_ASSERT(starts_ == starts);
  }

  void continue_with_a_copy() { balancer_ = std::make_unique<Balancer>(*balancer_); }

  [[nodiscard]] const std::string& complaint() const { return watcher_.complaint(); }
  [[nodiscard]] const Balancer& balancer() const { return *balancer_; }

 private:
  void request(const Step& step) {
    RequestFacts facts;
    facts.route =
        RouteIndex{step.a % static_cast<std::uint32_t>(balancer_->config().routes.size())};
    static constexpr std::array<Method, 4> kMethods = {Method::get, Method::post, Method::put,
                                                       Method::other};
    facts.method = kMethods[step.b % kMethods.size()];
    facts.replayable = step.b % 5 != 0;
    const RequestId id = balancer_->on_request(now_, facts);
    watcher_.on_request(now_, id, facts);
    settle();
  }

  RequestId any_request(const Step& step) {
    return watcher_.requests()[step.a % watcher_.requests().size()].id;
  }

  // Three times in four one that runs, else any that ever was, or never.
  std::optional<AttemptId> attempt(const Step& step) {
    std::vector<AttemptId> all;
    std::vector<AttemptId> live;
    for (const BalancerWatcher::Request& request : watcher_.requests()) {
      for (std::uint32_t i = 0; i < request.tries.size(); ++i) {
        all.push_back(AttemptId{request.id, i});
        if (request.tries[i].live) live.push_back(all.back());
      }
    }
    const std::vector<AttemptId>& from = step.a % 4 != 0 && !live.empty() ? live : all;
    if (from.empty()) return std::nullopt;
    AttemptId id = from[step.a / 4 % from.size()];
    if (step.a % 64 == 0) ++id.number;
    return id;
  }

  void finish_one(const Step& step) {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < watcher_.requests().size(); ++i) {
      const BalancerWatcher::Request& request = watcher_.requests()[i];
      // Mostly those that are through, as a driver would.
      const bool through = request.answered() && request.live() == 0;
      if (!request.finished && (through || request.gone || step.b % 4 == 0)) open.push_back(i);
    }
    if (!open.empty()) finish(open[step.a % open.size()]);
  }

  void finish(std::size_t number) {
    const BalancerWatcher::Request before = watcher_.requests()[number];
    const RequestRecord record = balancer_->finish(now_, before.id);
    RC_ASSERT(record.number == number);
    RC_ASSERT(record.attempts == before.tries.size());
    RC_ASSERT(record.arrived == before.arrived);
    RC_ASSERT(has(record.flags, Flag::rejected) == before.rejected);
    RC_ASSERT(record.rejection.has_value() == before.rejected);
    RC_ASSERT(has(record.flags, Flag::client_gone) == before.gone);
    RC_ASSERT(has(record.flags, Flag::response_aborted) == before.aborted);
    RC_ASSERT((record.status != 0) == before.answered());
    RC_ASSERT((record.answered != kNever) == before.answered());
    settle();
  }

  void check(const Step& step) {
    if (checks_.empty()) return;
    const std::size_t recent = std::min<std::size_t>(8, checks_.size());
    end_check(checks_[checks_.size() - 1 - step.a % recent], static_cast<CheckOutcome>(step.b % 7));
  }

  void end_check(CheckId id, CheckOutcome outcome) {
    watcher_.on_check_ended(id);
    balancer_->on_check_ended(now_, id, outcome);
  }

  // Reads what came of the last call.
  void settle() {
    watcher_.read(*balancer_, now_);
    std::vector<Action> actions;
    while (const auto action = balancer_->poll_action()) {
      actions.push_back(*action);
      if (std::holds_alternative<StartAttempt>(*action)) ++starts_;
      if (const auto* start = std::get_if<StartCheck>(&*action)) checks_.push_back(start->check);
    }
    watcher_.compare(actions);
    (void)balancer_->take_transitions();
    answer_checks();
  }

  // Two checks in three pass at once; what becomes of the others is up to the trace.
  void answer_checks() {
    if (checks_answered_ == checks_.size()) return;
    for (; checks_answered_ < checks_.size(); ++checks_answered_) {
      if (checks_answered_ % 3 != 0) end_check(checks_[checks_answered_], CheckOutcome::passed);
    }
    settle();
  }

  Instant now_ = at(0s);
  BalancerWatcher watcher_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<CheckId> checks_;
  std::size_t checks_answered_ = 0;  // or passed over
  std::size_t starts_ = 0;
};

Balancer::Options any_options() {
  Balancer::Options options;
  options.seed = Seed{*rc::gen::arbitrary<std::uint64_t>()};
  options.capacity = rarely() ? any_number(1, 5) : 65536;
  options.journal = JournalMode::keep;
  return options;
}

RC_GTEST_PROP(BalancerProperty, WhateverHappensTheRulesHold, ()) {
  const auto config = std::make_shared<const Config>(any_config());
  Run run(config, any_options());
  for (const Step& step : *any_trace()) {
    run.step(step);
    RC_ASSERT(run.complaint() == "");
  }
  run.drain();
  RC_ASSERT(run.complaint() == "");
}

RC_GTEST_PROP(BalancerProperty, TheSameTraceTwiceIsTheSameHistory, ()) {
  const auto config = std::make_shared<const Config>(any_config());
  const Balancer::Options options = any_options();
  const std::vector<Step> trace = *any_trace();
  const std::size_t copied_at = any_number(0, 600);
  Run original(config, options);
  Run again(config, options);
  Run copied(config, options);
  for (std::size_t i = 0; i < trace.size(); ++i) {
    if (i == copied_at) copied.continue_with_a_copy();
    for (Run* run : {&original, &again, &copied}) {
      run->step(trace[i]);
      RC_ASSERT(run->complaint() == "");
    }
  }
  const Journal& journal = original.balancer().journal();
  for (const Run* run : {&again, &copied}) {
    RC_ASSERT(run->balancer().journal().count() == journal.count());
    RC_ASSERT(run->balancer().journal().digest() == journal.digest());
    RC_ASSERT(run->balancer().next_deadline() == original.balancer().next_deadline());
  }
}

}  // namespace
}  // namespace evenkeel::core
