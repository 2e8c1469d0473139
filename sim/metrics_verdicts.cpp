// SPDX-License-Identifier: Apache-2.0
#include "metric_makers.h"

namespace evenkeel::sim {
namespace {

// Whether a transition takes the backend out of rotation, and who did it.
std::optional<Detection> taken_out(const core::Transition& transition) {
  switch (transition.kind) {
    case core::TransitionKind::health:
      if (transition.to != static_cast<std::uint8_t>(core::HealthState::unhealthy)) break;
      return Detection::active;
    case core::TransitionKind::ejection:
      if (transition.to == 0) break;
      return Detection::passive;
    case core::TransitionKind::breaker:
      if (transition.to != static_cast<std::uint8_t>(core::BreakerState::open)) break;
      return Detection::passive;
    case core::TransitionKind::admin:
    case core::TransitionKind::panic:
      break;
  }
  return std::nullopt;
}

class VerdictCounter final : public Accumulator {
 public:
  VerdictCounter(const MeasureContext& context, OfVerdicts figure)
      : window_(context.window), figure_(figure) {
    if (!context.where.backend.empty()) {
      backend_ = backend_named(context.scenario, context.where.backend);
    }
    totals_.seconds = static_cast<double>((window_.until - window_.from).count()) / 1e9;
  }

  void on_transition(const core::Transition& transition, std::uint32_t backend) override {
    if (!selects(transition.at, backend)) return;
    switch (transition.kind) {
      case core::TransitionKind::health:
        ++totals_.health_changes;
        break;
      case core::TransitionKind::ejection:
        totals_.ejections += transition.to;
        break;
      case core::TransitionKind::breaker:
        totals_.breaker_opens += taken_out(transition).has_value() ? 1 : 0;
        break;
      case core::TransitionKind::admin:
      case core::TransitionKind::panic:
        break;
    }
  }
  void on_check(core::Instant at, std::uint32_t backend, core::CheckOutcome) override {
    if (selects(at, backend)) ++totals_.checks;
  }
  [[nodiscard]] Figure value(const RunResult&) const override { return figure_(totals_); }

 private:
  [[nodiscard]] bool selects(core::Instant at, std::uint32_t backend) const {
    return window_.contains(at) && (!backend_ || backend == *backend_);
  }

  Window window_;
  std::optional<std::uint32_t> backend_;
  OfVerdicts figure_;
  VerdictTotals totals_;
};

class DetectionTime final : public Accumulator {
 public:
  explicit DetectionTime(const MeasureContext& context)
      : fault_(*fault_of(context.scenario, context.where, context.window)),
        kind_(context.where.kind) {}

  void on_transition(const core::Transition& transition, std::uint32_t backend) override {
    if (first_ || backend != fault_.target) return;
    // After the fault's end nothing is left to detect.
    if (transition.at < fault_.at || transition.at >= fault_.until) return;
    const auto by = taken_out(transition);
    if (by && (kind_ == Detection::any || kind_ == *by)) first_ = transition.at;
  }
  [[nodiscard]] Figure value(const RunResult&) const override {
    if (!first_) return std::nullopt;
    return static_cast<double>((*first_ - fault_.at).count());
  }

 private:
  Fault fault_;
  Detection kind_;
  std::optional<core::Instant> first_;
};

class DoubleDeliveries final : public Accumulator {
 public:
  [[nodiscard]] Figure value(const RunResult& result) const override {
    return static_cast<double>(result.double_deliveries);
  }
};

class InvariantHeld final : public Accumulator {
 public:
  explicit InvariantHeld(Invariant invariant) : invariant_(invariant) {}
  [[nodiscard]] Figure value(const RunResult& result) const override {
    return result.invariants[static_cast<std::size_t>(invariant_)].held ? 1 : 0;
  }

 private:
  Invariant invariant_;
};

}  // namespace

std::unique_ptr<Accumulator> count_verdicts(const MeasureContext& context, OfVerdicts figure) {
  return std::make_unique<VerdictCounter>(context, figure);
}
std::unique_ptr<Accumulator> make_detection_time(const MeasureContext& context) {
  return std::make_unique<DetectionTime>(context);
}
std::unique_ptr<Accumulator> make_double_deliveries(const MeasureContext&) {
  return std::make_unique<DoubleDeliveries>();
}
std::unique_ptr<Accumulator> make_invariant(const MeasureContext&, Invariant invariant) {
  return std::make_unique<InvariantHeld>(invariant);
}

}  // namespace evenkeel::sim
