// SPDX-License-Identifier: Apache-2.0
//
// Random requests, checks, operators' orders, reloads and passing time, applied to a home and to a
// model of it that says for each backend what everybody thinks of it. Time moves in steps of ten
// seconds, which is the interval of the checks: each backend is checked once in every step, and
// whatever jitter decides is decided within one.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/home.h"

namespace evenkeel::core {
namespace {

constexpr std::uint32_t kBackends = 4;
constexpr Duration kStep = 10s;
constexpr Duration kEjection = 25s;
constexpr Duration kPause = 15s;
constexpr Duration kLongestPause = 60s;

struct Member {
  // Checks: what the health page says, the verdict, and results against it in a row.
  bool page_passes = true;
  HealthState health = HealthState::healthy;
  std::uint32_t contrary = 0;
  // Ejections.
  std::uint32_t failures = 0;
  std::uint32_t unforgiven = 0;
  Instant out_until = kNever;
  Instant in_since = kNever;
  // The breaker.
  BreakerState breaker = BreakerState::closed;
  bool forced = false;
  std::uint32_t era = 0;
  std::uint32_t streak = 0;
  std::uint32_t openings = 0;
  std::uint32_t probes_passed = 0;
  Instant closed_since = at(0s);
  Instant opened = at(0s);
  Duration pause{};
  // Words.
  AdminState admin = AdminState::ready;
  bool removed = false;
};

struct Held {
  std::uint32_t backend = 0;
  std::uint32_t era = 0;
  bool effective = false;  // not past the breaker
  bool permit = false;
  Instant admitted;
};

struct Model {
  PoolPolicy policy;
  Instant now = at(0s);
  std::array<Member, kBackends> members;
  std::vector<Held> held;  // admitted and not reported

  [[nodiscard]] std::uint32_t permits_out(std::uint32_t i) const {
    return static_cast<std::uint32_t>(std::count_if(
        held.begin(), held.end(), [i](const Held& h) { return h.backend == i && h.permit; }));
  }
  [[nodiscard]] bool admits(std::uint32_t i) const {
    const Member& m = members[i];
    return m.breaker == BreakerState::closed ||
           (m.breaker == BreakerState::half_open &&
            permits_out(i) < policy.circuit_breaker.half_open_max_requests);
  }
  [[nodiscard]] Standing standing(std::uint32_t i) const {
    const Member& m = members[i];
    if (m.removed || m.admin == AdminState::maintenance) return Standing::down;
    if (m.admin == AdminState::drain) return Standing::draining;
    if (m.health == HealthState::unhealthy) return Standing::unhealthy;
    if (m.out_until != kNever) return Standing::ejected;
    return admits(i) ? Standing::eligible : Standing::breaker_open;
  }
  [[nodiscard]] std::uint32_t present() const {
    return static_cast<std::uint32_t>(
        std::count_if(members.begin(), members.end(), [](const Member& m) { return !m.removed; }));
  }
  [[nodiscard]] std::uint32_t out() const {
    return static_cast<std::uint32_t>(std::count_if(
        members.begin(), members.end(), [](const Member& m) { return m.out_until != kNever; }));
  }
  [[nodiscard]] bool fits(std::uint32_t count) const {
    return count < present() &&
           count * 100 <= present() * policy.outlier_detection.max_ejection_percent;
  }

  void change_breaker(std::uint32_t i, BreakerState to) {
    Member& m = members[i];
    m.breaker = to;
    ++m.era;
    m.streak = 0;
    m.probes_passed = 0;
    if (to == BreakerState::closed) m.closed_since = now;
    for (Held& h : held) h.permit = h.permit && h.backend != i;
  }
  void open(std::uint32_t i) {
    Member& m = members[i];
    if (m.breaker == BreakerState::closed && now - m.closed_since >= 10s) m.openings = 0;
    m.pause = kPause;
    for (std::uint32_t k = 0; k < m.openings; ++k) m.pause = std::min(2 * m.pause, kLongestPause);
    ++m.openings;
    m.opened = now;
    change_breaker(i, BreakerState::open);
  }
  void force(std::uint32_t i, std::optional<BreakerState> to) {
    Member& m = members[i];
    if (m.removed || (to == BreakerState::half_open && m.breaker == to)) return;
    m.forced = to.has_value() && to != BreakerState::half_open;
    if (!to || to == BreakerState::closed) m.openings = 0;
    change_breaker(i, to.value_or(BreakerState::closed));
  }
  Held admit(std::uint32_t i) const {
    const Member& m = members[i];
    const bool probe = admits(i) && m.breaker == BreakerState::half_open;
    return Held{i, m.era, admits(i), probe, now};
  }
  void report(const Held& h, Outcome outcome) {
    Member& m = members[h.backend];
    if (m.removed) return;
    const bool probe = h.permit;
    const bool failed = outcome == Outcome::failure;
    if (h.effective && h.era == m.era && outcome != Outcome::neutral) {
      if (m.breaker == BreakerState::half_open && probe) {
        if (failed) {
          open(h.backend);
        } else if (++m.probes_passed >= policy.circuit_breaker.half_open_successes) {
          change_breaker(h.backend, BreakerState::closed);
        }
      } else if (m.breaker == BreakerState::closed && !m.forced) {
        m.streak = failed ? m.streak + 1 : 0;
        if (m.streak >= policy.circuit_breaker.consecutive_failures) open(h.backend);
      }
    }
    if (outcome == Outcome::neutral || m.out_until != kNever) return;
    bool others = false;
    for (std::uint32_t i = 0; i < kBackends; ++i) {
      others = others || (i != h.backend && standing(i) == Standing::eligible);
    }
    if (!failed) m.failures = 0;
    if (!failed || !others) return;
    if (++m.failures < policy.outlier_detection.consecutive_failures || !fits(out() + 1)) return;
    while (m.unforgiven > 0 && now - m.in_since >= 10s) {
      --m.unforgiven;
      m.in_since += 10s;
    }
    ++m.unforgiven;
    m.failures = 0;
    m.out_until = now + std::min<Duration>(m.unforgiven * kEjection, 60s);
  }
  void step() {
    now += kStep;
    for (std::uint32_t i = 0; i < kBackends; ++i) {
      Member& m = members[i];
      if (m.out_until <= now) {
        m.in_since = m.out_until;
        m.out_until = kNever;
      }
      if (m.breaker == BreakerState::open && !m.forced && m.opened + m.pause < now) {
        change_breaker(i, BreakerState::half_open);
      }
      if (m.removed) continue;
      if (m.page_passes == (m.health == HealthState::healthy)) {
        m.contrary = 0;
      } else if (++m.contrary >= (m.page_passes ? 1U : 2U)) {
        m.health = m.page_passes ? HealthState::healthy : HealthState::unhealthy;
        m.contrary = 0;
      }
    }
    for (Held& h : held) h.permit = h.permit && h.admitted + kPause > now;
  }
  void set_removed(std::uint32_t i, bool removed) {
    Member& m = members[i];
    const std::uint32_t era = m.era + 1;
    const bool page_passes = m.page_passes;
    m = Member{};
    m.page_passes = page_passes;
    m.removed = removed;
    m.era = era;
    m.closed_since = now;
    if (removed) m.admin = AdminState::maintenance;
    for (Held& h : held) h.permit = h.permit && h.backend != i;
    while (out() != 0 && !fits(out())) {
      Member& soonest = *std::min_element(
          members.begin(), members.end(),
          [](const Member& a, const Member& b) { return a.out_until < b.out_until; });
      soonest.out_until = kNever;
      soonest.in_since = now;
    }
  }
};

struct System {
  explicit System(const PoolPolicy& policy)
      : home(PoolIndex{0}, policy, Stream(Seed{5}, "home"), at(0s)) {}

  PoolHome home;
  std::vector<CircuitBreaker::Ticket> held;
  // What followers know from the news alone.
  std::array<Standing, kBackends> told{};
  std::array<std::uint8_t, kBackends> health_to{1, 1, 1, 1};
  std::array<std::uint8_t, kBackends> out_to{};
  std::array<std::uint8_t, kBackends> breaker_to{};
  std::array<std::uint8_t, kBackends> admin_to{};

  void read_news() {
    for (const Verdict& verdict : home.verdicts()) told[index(verdict.backend)] = verdict.standing;
    for (const Transition& t : home.transitions()) {
      auto& last = t.kind == TransitionKind::health     ? health_to
                   : t.kind == TransitionKind::ejection ? out_to
                   : t.kind == TransitionKind::breaker  ? breaker_to
                                                        : admin_to;
      std::uint8_t& state = last[index(t.backend.backend)];
      RC_ASSERT(t.from == state);
      RC_ASSERT(t.to != state || t.reason == TransitionReason::forced);
      state = t.to;
    }
    home.clear_news();
  }
};

using Command = rc::state::Command<Model, System>;

void check_equal(const Model& model, System& system) {
  system.read_news();
  const PoolHome& home = system.home;
  std::uint32_t out = 0;
  for (std::uint32_t i = 0; i < kBackends; ++i) {
    const BackendIndex backend{i};
    const Member& m = model.members[i];
    RC_ASSERT(home.breaker(backend) == m.breaker);
    RC_ASSERT(home.breaker_forced(backend) == m.forced);
    RC_ASSERT(home.ejected_until(backend) == m.out_until);
    RC_ASSERT(home.health(backend) == m.health);
    RC_ASSERT(home.admin(backend) == m.admin);
    RC_ASSERT(home.standing(backend) == model.standing(i));
    RC_ASSERT(system.told[i] == model.standing(i));
    RC_ASSERT(system.breaker_to[i] == static_cast<std::uint8_t>(m.breaker));
    RC_ASSERT(system.out_to[i] == (m.out_until != kNever ? 1 : 0));
    RC_ASSERT(model.permits_out(i) <= model.policy.circuit_breaker.half_open_max_requests);
    out += home.ejected(backend) ? 1 : 0;
  }
  RC_ASSERT(out == 0 || model.fits(out));
}

std::uint32_t any_backend() { return *rc::gen::inRange<std::uint32_t>(0, kBackends); }
Outcome any_outcome() {
  return *rc::gen::weightedElement<Outcome>(
      {{3, Outcome::success}, {6, Outcome::failure}, {1, Outcome::neutral}});
}

struct Request : Command {
  std::uint32_t backend = any_backend();
  Outcome outcome = any_outcome();
  void apply(Model& model) const override { model.report(model.admit(backend), outcome); }
  void run(const Model& model, System& system) const override {
    const BackendIndex b{backend};
    const auto ticket = system.home.admit(model.now, b);
    system.home.on_evidence(model.now, Evidence{b, Feedback{outcome}, ticket});
    check_equal(nextState(model), system);
  }
  void show(std::ostream& os) const override {
    os << "request " << backend << " " << static_cast<int>(outcome);
  }
};

struct Hold : Command {
  std::uint32_t backend = any_backend();
  void apply(Model& model) const override { model.held.push_back(model.admit(backend)); }
  void run(const Model& model, System& system) const override {
    system.held.push_back(system.home.admit(model.now, BackendIndex{backend}));
    RC_ASSERT(system.held.back().probe == nextState(model).held.back().permit);
    check_equal(nextState(model), system);
  }
  void show(std::ostream& os) const override { os << "hold " << backend; }
};

struct Finish : Command {
  explicit Finish(const Model& model)
      : which(model.held.empty() ? 0 : *rc::gen::inRange<std::size_t>(0, model.held.size())) {}
  std::size_t which;
  Outcome outcome = any_outcome();
  void checkPreconditions(const Model& model) const override { RC_PRE(which < model.held.size()); }
  void apply(Model& model) const override {
    const Held h = model.held[which];
    model.held.erase(model.held.begin() + static_cast<std::ptrdiff_t>(which));
    // A probe that has lost its permit counts for no breaker.
    model.report(h, outcome);
  }
  void run(const Model& model, System& system) const override {
    const BackendIndex b{model.held[which].backend};
    const auto ticket = system.held[which];
    system.held.erase(system.held.begin() + static_cast<std::ptrdiff_t>(which));
    system.home.on_evidence(model.now, Evidence{b, Feedback{outcome}, ticket});
    check_equal(nextState(model), system);
  }
  void show(std::ostream& os) const override {
    os << "finish " << which << " " << static_cast<int>(outcome);
  }
};

struct SetPage : Command {
  std::uint32_t backend = any_backend();
  bool passes = *rc::gen::arbitrary<bool>();
  void apply(Model& model) const override { model.members[backend].page_passes = passes; }
  void show(std::ostream& os) const override { os << "page " << backend << " " << passes; }
};

struct Order : Command {
  std::uint32_t backend = any_backend();
  AdminState state = *rc::gen::element(AdminState::ready, AdminState::ready, AdminState::drain,
                                       AdminState::maintenance);
  void apply(Model& model) const override {
    if (!model.members[backend].removed) model.members[backend].admin = state;
  }
  void run(const Model& model, System& system) const override {
    system.home.set_admin(model.now, BackendIndex{backend}, state);
    check_equal(nextState(model), system);
  }
  void show(std::ostream& os) const override { os << to_text(state) << " " << backend; }
};

struct Force : Command {
  std::uint32_t backend = any_backend();
  std::optional<BreakerState> to = *rc::gen::element<std::optional<BreakerState>>(
      std::nullopt, std::nullopt, BreakerState::closed, BreakerState::open,
      BreakerState::half_open);
  void apply(Model& model) const override { model.force(backend, to); }
  void run(const Model& model, System& system) const override {
    system.home.force_breaker(model.now, BackendIndex{backend}, to);
    check_equal(nextState(model), system);
  }
  void show(std::ostream& os) const override {
    os << "force " << backend << " " << (to ? to_text(*to) : "reset");
  }
};

// Takes a backend out of the configuration, or back in; with it the whole configuration is applied
// once more, which changes nothing.
struct Reload : Command {
  std::uint32_t backend = any_backend();
  bool removed = *rc::gen::weightedElement<bool>({{1, true}, {3, false}});
  void apply(Model& model) const override {
    if (model.members[backend].removed != removed) model.set_removed(backend, removed);
  }
  void run(const Model& model, System& system) const override {
    PoolPolicy policy = model.policy;
    for (std::uint32_t i = 0; i < kBackends; ++i) {
      policy.backends[i].removed = nextState(model).members[i].removed;
    }
    system.home.apply(policy, model.now);
    check_equal(nextState(model), system);
    const PoolHome before = system.home;
    system.home.apply(policy, model.now);
    RC_ASSERT(system.home == before);
  }
  void show(std::ostream& os) const override {
    os << (removed ? "remove " : "configure ") << backend;
  }
};

struct Wait : Command {
  int steps = *rc::gen::inRange(1, 6);
  void apply(Model& model) const override {
    for (int i = 0; i < steps; ++i) model.step();
  }
  void run(const Model& model, System& system) const override {
    const Instant end = model.now + steps * kStep;
    while (system.home.next_deadline() <= end) {
      const Instant now = system.home.next_deadline();
      system.home.on_deadline(now);
      const std::vector<Action> actions(system.home.actions().begin(), system.home.actions().end());
      for (const Action& action : actions) {
        const auto* start = std::get_if<StartCheck>(&action);
        if (start == nullptr) continue;
        const BackendIndex b = start->check.backend.backend;
        system.home.on_check_ended(
            now, b, start->check.number,
            model.members[index(b)].page_passes ? CheckOutcome::passed : CheckOutcome::bad_status);
      }
      system.read_news();
    }
    check_equal(nextState(model), system);
  }
  void show(std::ostream& os) const override { os << "wait " << steps << " steps"; }
};

RC_GTEST_PROP(HomeModel, AnyHistoryAgreesWithTheModel, ()) {
  Model model;
  PoolPolicy& policy = model.policy;
  policy.backends.resize(kBackends);
  for (std::uint32_t i = 0; i < kBackends; ++i) policy.backends[i].id = std::to_string(i);
  policy.health_check.jitter_percent = 0;
  policy.health_check.unhealthy_threshold = 2;
  policy.health_check.healthy_threshold = 1;
  OutlierDetectionPolicy& outliers = policy.outlier_detection;
  outliers.consecutive_failures = *rc::gen::inRange<std::uint32_t>(1, 4);
  outliers.base_ejection_time = kEjection;
  outliers.max_ejection_time = 60s;
  outliers.ejection_jitter_percent = 0;
  outliers.max_ejection_percent = *rc::gen::element<std::uint32_t>(0, 33, 50, 100);
  outliers.success_rate.method = SuccessRateMethod::off;
  outliers.failure_percentage.threshold = 0;
  CircuitBreakerPolicy& breaker = policy.circuit_breaker;
  breaker.consecutive_failures = *rc::gen::inRange<std::uint32_t>(1, 5);
  breaker.failure_rate_threshold = 0;
  breaker.open_duration = kPause;
  breaker.max_open_duration = kLongestPause;
  breaker.half_open_max_requests = *rc::gen::inRange<std::uint32_t>(1, 3);
  breaker.half_open_successes = *rc::gen::inRange<std::uint32_t>(1, 3);
  System system(policy);
  system.read_news();
  rc::state::check(
      model, system,
      rc::state::gen::execOneOfWithArgs<Request, Request, Request, Request, Hold, Finish, SetPage,
                                        Order, Force, Reload, Wait, Wait>());
}

}  // namespace
}  // namespace evenkeel::core
