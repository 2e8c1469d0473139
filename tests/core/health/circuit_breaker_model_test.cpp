// SPDX-License-Identifier: Apache-2.0
//
// Random sequences of admissions, results in any order, lost requests, an operator's orders and
// passing time, applied to a breaker and to a model of it that is written the obvious way: every
// result is kept for ever, every ticket knows when it was given out. What rapidcheck finds it
// shrinks to a short sequence.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string_view>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/health/circuit_breaker.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

struct Model {
  struct Result {
    Instant at;
    bool failed;
    bool slow;
  };
  struct Admitted {
    std::uint32_t era;
    bool probe;
    bool permit;  // still held
    Instant admitted;
    bool reported = false;
  };

  CircuitBreakerPolicy policy;
  Instant now = at(0s);
  BreakerState state = BreakerState::closed;
  std::uint32_t era = 0;        // changes of state so far
  Instant since = at(0s);       // the last change
  std::vector<Result> results;  // of this era
  std::uint32_t openings = 0;
  Duration asked{};     // by Retry-After, for the pause that runs
  bool forced = false;  // open or closed by an operator's word
  std::uint32_t probes_passed = 0;
  std::vector<Admitted> tickets;  // in the order of admission

  [[nodiscard]] std::uint32_t permits_out() const {
    return static_cast<std::uint32_t>(std::count_if(
        tickets.begin(), tickets.end(), [](const Admitted& ticket) { return ticket.permit; }));
  }
  [[nodiscard]] bool admits() const {
    return state == BreakerState::closed ||
           (state == BreakerState::half_open && permits_out() < policy.half_open_max_requests);
  }
  // The pause without jitter.
  [[nodiscard]] Duration pause() const {
    Duration length = policy.open_duration;
    for (std::uint32_t i = 1; i < openings; ++i)
      length = std::min(2 * length, policy.max_open_duration);
    return std::max(std::min(length, policy.max_open_duration), asked);
  }

  void change(BreakerState to) {
    state = to;
    ++era;
    since = now;
    results.clear();
    probes_passed = 0;
    for (Admitted& ticket : tickets) ticket.permit = false;
  }
  void open(Duration retry_after) {
    asked = std::min(retry_after, kMaxRetryAfter);
    if (state == BreakerState::closed && now - since >= policy.window) openings = 0;
    change(BreakerState::open);
    ++openings;
  }
  [[nodiscard]] bool must_open() const {
    const Duration bucket = policy.window / 10;
    const auto bucket_of = [&](Instant when) { return (when - since) / bucket; };
    std::uint64_t in_window = 0;
    std::uint64_t failed = 0;
    std::uint64_t slow = 0;
    for (const Result& result : results) {
      if (bucket_of(result.at) + 10 < bucket_of(now)) continue;
      ++in_window;
      failed += result.failed ? 1 : 0;
      slow += result.slow ? 1 : 0;
    }
    const bool enough = in_window >= policy.minimum_requests;
    std::uint64_t row = 0;
    for (auto it = results.rbegin(); it != results.rend() && it->failed; ++it) ++row;
    const bool by_failures =
        (policy.consecutive_failures != 0 && row >= policy.consecutive_failures) ||
        (policy.failure_count != 0 && failed >= policy.failure_count) ||
        (policy.failure_rate_threshold != 0 && enough &&
         failed * 100 >= in_window * policy.failure_rate_threshold);
    const bool by_slowness = enough && slow * 100 >= in_window * policy.slow_call_rate_threshold;
    return (results.back().failed && by_failures) || (results.back().slow && by_slowness);
  }
  [[nodiscard]] bool slow(const Feedback& feedback) const {
    return policy.slow_call_duration != 0s && feedback.latency >= policy.slow_call_duration;
  }
  void report(std::size_t which, const Feedback& feedback) {
    Admitted& ticket = tickets[which];
    const bool counts = ticket.era == era && !ticket.reported && (!ticket.probe || ticket.permit);
    ticket.reported = true;
    ticket.permit = false;
    if (!counts || forced || feedback.outcome == Outcome::neutral) return;
    const bool failed = feedback.outcome == Outcome::failure;
    if (ticket.probe) {
      if (failed || slow(feedback)) {
        open(feedback.retry_after);
      } else if (++probes_passed >= policy.half_open_successes) {
        change(BreakerState::closed);
      }
      return;
    }
    results.push_back(Result{now, failed, slow(feedback)});
    if (must_open()) open(feedback.retry_after);
  }
  void force(std::optional<BreakerState> to) {
    if (to == BreakerState::half_open) {
      if (state == BreakerState::half_open) return;
      forced = false;
      change(BreakerState::half_open);
      return;
    }
    forced = to.has_value();
    if (to != BreakerState::open) openings = 0;
    change(to.value_or(BreakerState::closed));
  }
};

struct System {
  explicit System(const CircuitBreakerPolicy& policy)
      : breaker(policy, Stream(Seed{5}, "breakers"), at(0s)) {}
  CircuitBreaker breaker;
  std::vector<CircuitBreaker::Ticket> tickets;
};

using Command = rc::state::Command<Model, System>;

void check_equal(const Model& model, const System& system) {
  const CircuitBreaker& breaker = system.breaker;
  RC_ASSERT(breaker.state() == model.state);
  RC_ASSERT(breaker.forced() == model.forced);
  RC_ASSERT(breaker.admits() == model.admits());
  RC_ASSERT(breaker.probes_in_flight() == model.permits_out());
  RC_ASSERT(breaker.probes_in_flight() <= model.policy.half_open_max_requests);
  switch (model.state) {
    case BreakerState::closed:
      RC_ASSERT(breaker.next_deadline() == kNever);
      break;
    case BreakerState::open: {
      RC_ASSERT(breaker.next_deadline() == breaker.open_until());
      if (model.forced) {
        RC_ASSERT(breaker.open_until() == kNever);
        break;
      }
      const Duration pause = breaker.open_until() - model.since;
      RC_ASSERT(pause >= model.pause());
      RC_ASSERT(pause <= model.pause() + model.pause() / 10);
      // Never stuck open: neither a backend's wish nor any history is longer than this.
      RC_ASSERT(pause <= std::max(model.policy.max_open_duration, kMaxRetryAfter) * 11 / 10);
      break;
    }
    case BreakerState::half_open: {
      Instant first_end = kNever;
      for (const Model::Admitted& ticket : model.tickets) {
        if (!ticket.permit) continue;
        first_end = earlier_of(first_end, ticket.admitted + model.policy.open_duration);
      }
      RC_ASSERT(breaker.next_deadline() == first_end);
      break;
    }
  }
}

struct Admit : Command {
  void checkPreconditions(const Model& model) const override { RC_PRE(model.admits()); }
  void apply(Model& model) const override {
    const bool probe = model.state == BreakerState::half_open;
    model.tickets.push_back(Model::Admitted{model.era, probe, probe, model.now});
  }
  void run(const Model& model, System& system) const override {
    system.tickets.push_back(system.breaker.admit(model.now));
    RC_ASSERT(system.tickets.back().probe == (model.state == BreakerState::half_open));
    check_equal(nextState(model), system);
  }
  void show(std::ostream& os) const override { os << "admit"; }
};

// Any ticket, even one that has reported before, or that was given out in an earlier era.
struct Report : Command {
  explicit Report(const Model& model)
      : which(model.tickets.empty() ? 0 : *rc::gen::inRange<std::size_t>(0, model.tickets.size())),
        feedback{*rc::gen::weightedElement<Outcome>(
            {{3, Outcome::success}, {5, Outcome::failure}, {1, Outcome::neutral}})} {
    feedback.latency = *rc::gen::element<Duration>(Duration(-1), 1s, 2s - 1ns, 2s, 5s);
    feedback.retry_after = *rc::gen::weightedElement<Duration>({{6, 0s}, {1, 20s}, {1, 100s}});
  }
  void checkPreconditions(const Model& model) const override {
    RC_PRE(which < model.tickets.size());
    // A driver reports once; only what was a probe is protected against more.
    RC_PRE(!model.tickets[which].reported || model.tickets[which].probe);
  }
  void apply(Model& model) const override { model.report(which, feedback); }
  void run(const Model& model, System& system) const override {
    const auto change = system.breaker.on_result(model.now, system.tickets[which], feedback);
    const Model next = nextState(model);
    RC_ASSERT(change.has_value() == (next.era != model.era));
    if (change) {
      RC_ASSERT(change->from == model.state);
      RC_ASSERT(change->to == next.state);
    }
    check_equal(next, system);
  }
  void show(std::ostream& os) const override {
    os << "report ticket " << which << " "
       << (feedback.outcome == Outcome::success   ? "success"
           : feedback.outcome == Outcome::failure ? "failure"
                                                  : "neutral")
       << " after " << feedback.latency.count() << " ns, asks for " << feedback.retry_after.count()
       << " ns";
  }
  std::size_t which;
  Feedback feedback;
};

// The latest request in flight ends: without this, long sequences report on the past only.
struct ReportLatest : Report {
  explicit ReportLatest(const Model& model) : Report(model) {
    if (!model.tickets.empty()) which = model.tickets.size() - 1;
  }
};

// An operator's order; nullopt is a reset.
struct Force : Command {
  Force()
      : to(*rc::gen::element<std::optional<BreakerState>>(std::nullopt, std::nullopt,
                                                          BreakerState::closed, BreakerState::open,
                                                          BreakerState::half_open)) {}
  void apply(Model& model) const override { model.force(to); }
  void run(const Model& model, System& system) const override {
    const auto change = system.breaker.force(model.now, to);
    const Model next = nextState(model);
    RC_ASSERT(change.has_value() == (next.state != model.state || next.forced != model.forced));
    if (change) {
      RC_ASSERT(change->from == model.state);
      RC_ASSERT(change->to == next.state);
      RC_ASSERT(change->reason == TransitionReason::forced);
    }
    check_equal(next, system);
  }
  void show(std::ostream& os) const override {
    os << "force " << (to ? to_text(*to) : std::string_view("reset"));
  }
  std::optional<BreakerState> to;
};

// Time passes, and the driver comes when it was asked to, and possibly in between. Where jitter
// decides whether the pause is over, time does not stop.
struct Wait : Command {
  Wait()
      : length(*rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, 2'000'000'000),
                               rc::gen::inRange<std::int64_t>(0, 80'000'000'000))) {}
  [[nodiscard]] Instant end(const Model& model) const {
    const Instant end = model.now + Duration(length);
    if (model.state != BreakerState::open || model.forced) return end;
    const Instant surely_open = model.since + model.pause();
    const Instant surely_over = surely_open + model.pause() / 10;
    return end >= surely_open ? std::max(end, surely_over) : end;
  }
  void apply(Model& model) const override {
    const Instant until = end(model);
    const bool over =
        model.state == BreakerState::open && !model.forced && until >= model.since + model.pause();
    model.now = until;
    if (over) model.change(BreakerState::half_open);
    for (Model::Admitted& ticket : model.tickets) {
      if (ticket.admitted + model.policy.open_duration <= model.now) ticket.permit = false;
    }
  }
  void run(const Model& model, System& system) const override {
    const Model next = nextState(model);
    const auto change = system.breaker.on_deadline(next.now);
    RC_ASSERT(change.has_value() == (next.era != model.era));
    if (change) {
      RC_ASSERT(change->from == BreakerState::open);
      RC_ASSERT(change->to == BreakerState::half_open);
    }
    check_equal(next, system);
  }
  void show(std::ostream& os) const override { os << "wait " << length << " ns"; }
  std::int64_t length;
};

RC_GTEST_PROP(CircuitBreakerModel, AnyHistoryAgreesWithTheModel, ()) {
  Model model;
  model.policy.consecutive_failures = *rc::gen::element<std::uint32_t>(0, 2, 4);
  model.policy.failure_count = *rc::gen::element<std::uint32_t>(0, 3, 6);
  model.policy.failure_rate_threshold = *rc::gen::element<std::uint32_t>(0, 40, 100);
  model.policy.minimum_requests = *rc::gen::inRange<std::uint32_t>(1, 6);
  model.policy.half_open_max_requests = *rc::gen::inRange<std::uint32_t>(1, 4);
  model.policy.half_open_successes = *rc::gen::inRange<std::uint32_t>(1, 4);
  model.policy.open_duration = *rc::gen::element<Duration>(1s, 7s, 30s, 60s);
  model.policy.max_open_duration = *rc::gen::element<Duration>(30s, 50s, 300s);
  model.policy.slow_call_duration = *rc::gen::element<Duration>(0s, 2s);
  model.policy.slow_call_rate_threshold = *rc::gen::element<std::uint32_t>(50, 100);
  System system(model.policy);
  rc::state::check(
      model, system,
      rc::state::gen::execOneOfWithArgs<Admit, Admit, Admit, Report, ReportLatest, ReportLatest,
                                        ReportLatest, Wait, Wait, Force>());
}

}  // namespace
}  // namespace evenkeel::core
