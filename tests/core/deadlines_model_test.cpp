// SPDX-License-Identifier: Apache-2.0
//
// Deadlines against a table that is searched from end to end: whatever is armed, re-armed, disarmed
// and popped in whatever order, both say the same.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/deadlines.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr Duration kCoarse = 50ms;
constexpr std::uint32_t kNodes = 12;
// Two share a quantum, one is zero, one is on the border between fine and coarse.
constexpr std::array<Duration, 6> kTimeouts = {0ms, 1500us, 20ms, 999ms, 1s, 5s};

Duration quantum_of(Duration timeout) { return timeout >= 1s ? kCoarse : Duration(1ms); }

struct Model {
  Instant now = at(0s);
  std::array<std::optional<Instant>, kNodes> due{};

  [[nodiscard]] Instant next() const {
    Instant soonest = kNever;
    for (const auto& instant : due) {
      if (instant) soonest = std::min(soonest, *instant);
    }
    return soonest;
  }
};

struct System {
  System() : deadlines(kCoarse) {
    deadlines.reserve_nodes(kNodes);
    for (const Duration timeout : kTimeouts) classes.push_back(deadlines.add_class(timeout));
  }
  Deadlines deadlines;
  std::vector<Deadlines::Class> classes;
};

using Command = rc::state::Command<Model, System>;

void compare(const Model& model, const Deadlines& deadlines) {
  RC_ASSERT(deadlines.next() == model.next());
  for (std::uint32_t node = 0; node < kNodes; ++node) {
    RC_ASSERT(deadlines.armed(node) == model.due[node].has_value());
  }
}

struct Arm : Command {
  std::uint32_t node = *rc::gen::inRange(0U, kNodes);
  std::size_t timeout = *rc::gen::inRange<std::size_t>(0, kTimeouts.size());

  void apply(Model& model) const override {
    const Duration length = kTimeouts[timeout];
    model.due[node] = round_up(model.now + length, quantum_of(length));
  }
  void run(const Model& before, System& system) const override {
    system.deadlines.arm(node, system.classes[timeout], before.now);
    compare(nextState(before), system.deadlines);
  }
  void show(std::ostream& out) const override {
    out << "arm " << node << " " << kTimeouts[timeout].count() << "ns";
  }
};

struct ArmAt : Command {
  std::uint32_t node = *rc::gen::inRange(0U, kNodes);
  Duration ahead = Duration(*rc::gen::inRange<std::int64_t>(0, 3'000'000'000));

  void apply(Model& model) const override { model.due[node] = round_up(model.now + ahead, 1ms); }
  void run(const Model& before, System& system) const override {
    system.deadlines.arm_at(node, before.now + ahead);
    compare(nextState(before), system.deadlines);
  }
  void show(std::ostream& out) const override {
    out << "arm " << node << " at +" << ahead.count() << "ns";
  }
};

struct Disarm : Command {
  std::uint32_t node = *rc::gen::inRange(0U, kNodes);

  void apply(Model& model) const override { model.due[node].reset(); }
  void run(const Model& before, System& system) const override {
    system.deadlines.disarm(node);
    compare(nextState(before), system.deadlines);
  }
  void show(std::ostream& out) const override { out << "disarm " << node; }
};

// Time passes, and everything that is due is popped.
struct Pass : Command {
  Duration time = Duration(*rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, 2'000'000),
                                           rc::gen::inRange<std::int64_t>(0, 2'000'000'000)));

  void apply(Model& model) const override {
    model.now += time;
    for (auto& due : model.due) {
      if (due && *due <= model.now) due.reset();
    }
  }
  void run(const Model& before, System& system) const override {
    const Instant now = before.now + time;
    Model left = before;
    Instant last{};
    while (const auto node = system.deadlines.pop_due(now)) {
      RC_ASSERT(left.due[*node].has_value());
      const Instant due = *left.due[*node];
      RC_ASSERT(due <= now);
      RC_ASSERT(due == left.next());  // soonest first
      RC_ASSERT(due >= last);
      last = due;
      left.due[*node].reset();
    }
    left.now = now;
    RC_ASSERT(left.next() > now);  // nothing was forgotten
    compare(nextState(before), system.deadlines);
  }
  void show(std::ostream& out) const override { out << "pass " << time.count() << "ns"; }
};

RC_GTEST_PROP(DeadlinesProperty, AgreesWithATableThatIsSearched, ()) {
  System system;
  rc::state::check(Model{}, system, rc::state::gen::execOneOfWithArgs<Arm, ArmAt, Disarm, Pass>());
}

// Any deadline of many may be taken out of the middle.
RC_GTEST_PROP(DeadlinesProperty, WhatIsLeftComesInItsOrder, ()) {
  const auto dues = *rc::gen::resize(
      200, rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0U, 1000U)));
  const auto count = static_cast<std::uint32_t>(dues.size());
  Deadlines deadlines(kCoarse);
  deadlines.reserve_nodes(count);
  std::vector<std::pair<Instant, Deadlines::Node>> expected;
  for (std::uint32_t node = 0; node < count; ++node) deadlines.arm_at(node, at(dues[node] * 1ms));
  for (std::uint32_t node = 0; node < count; ++node) {
    if (*rc::gen::arbitrary<bool>()) {
      deadlines.disarm(node);
    } else {
      expected.emplace_back(at(dues[node] * 1ms), node);
    }
  }
  std::sort(expected.begin(), expected.end());
  for (const auto& [due, node] : expected) {
    RC_ASSERT(deadlines.next() == due);
    RC_ASSERT(deadlines.pop_due(kNever) == node);
  }
  RC_ASSERT(deadlines.next() == kNever);
}

// No deadline fires early, and none later than its quantum.
RC_GTEST_PROP(DeadlinesProperty, IsLateByLessThanAQuantum, ()) {
  const auto start = *rc::gen::inRange<std::int64_t>(0, 10'000'000'000);
  const auto length = *rc::gen::inRange<std::int64_t>(0, 10'000'000'000);
  Deadlines deadlines(kCoarse);
  deadlines.reserve_nodes(2);
  const Instant exact = at(Duration(start)) + Duration(length);
  deadlines.arm(0, deadlines.add_class(Duration(length)), at(Duration(start)));
  RC_ASSERT(deadlines.next() >= exact);
  RC_ASSERT(deadlines.next() < exact + quantum_of(Duration(length)));
  deadlines.disarm(0);
  deadlines.arm_at(1, exact);
  RC_ASSERT(deadlines.next() >= exact);
  RC_ASSERT(deadlines.next() < exact + 1ms);
}

}  // namespace
}  // namespace evenkeel::core
