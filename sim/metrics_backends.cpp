// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "metric_makers.h"

namespace evenkeel::sim {
namespace {

enum class Gauge : std::uint8_t { waiting, in_service };

// Integrates a gauge of every backend over the window: Σ value · time, in request-nanoseconds.
// Integers, so that the order of addition is no matter; a day of a million requests needs 67 bits.
class TimeAverage final : public Accumulator {
 public:
  TimeAverage(const MeasureContext& context, Gauge gauge)
      : scenario_(context.scenario), window_(context.window), gauge_(gauge) {
    if (!context.where.backend.empty()) {
      backend_ = backend_named(scenario_, context.where.backend);
    }
    backends_.resize(scenario_.world.backends.size(), {window_.from, 0, 0});
  }

  void on_backend(const BackendSample& sample) override {
    Track& track = backends_[sample.backend];
    advance(track, sample.at);
    track.value = gauge_ == Gauge::waiting ? sample.waiting : sample.in_service;
  }

  [[nodiscard]] Figure value(const RunResult& result) const override {
    const core::Instant end = std::min(window_.until, result.ended);
    if (end <= window_.from) return std::nullopt;
    Area area = 0;
    std::uint64_t places = 0;
    for (std::size_t i = 0; i < backends_.size(); ++i) {
      if (backend_ && i != *backend_) continue;
      Track track = backends_[i];
      advance(track, end);
      area += track.area;
      places += gauge_ == Gauge::waiting ? 1 : scenario_.world.backends[i].workers;
    }
    return static_cast<double>(area) /
           (static_cast<double>((end - window_.from).count()) * static_cast<double>(places));
  }

 private:
  __extension__ using Area = unsigned __int128;
  struct Track {
    core::Instant since;  // the area is complete up to here; inside the window
    std::uint64_t value = 0;
    Area area = 0;
  };

  void advance(Track& track, core::Instant to) const {
    const core::Instant end = std::min(to, window_.until);
    if (end <= track.since) return;
    track.area +=
        static_cast<Area>(track.value) * static_cast<std::uint64_t>((end - track.since).count());
    track.since = end;
  }

  const Scenario& scenario_;
  Window window_;
  Gauge gauge_;
  std::optional<std::uint32_t> backend_;
  std::vector<Track> backends_;
};

// What a backend had when the window opened counts as well.
class InFlightMax final : public Accumulator {
 public:
  explicit InFlightMax(const MeasureContext& context) : window_(context.window) {
    if (!context.where.backend.empty()) {
      backend_ = backend_named(context.scenario, context.where.backend);
    }
    before_.resize(context.scenario.world.backends.size());
  }

  void on_backend(const BackendSample& sample) override {
    if (backend_ && sample.backend != *backend_) return;
    const std::uint64_t in_hand = std::uint64_t{sample.in_service} + sample.waiting;
    if (sample.at < window_.from) {
      before_[sample.backend] = in_hand;
    } else if (sample.at < window_.until) {
      most_ = std::max(most_, in_hand);
    }
  }
  [[nodiscard]] Figure value(const RunResult&) const override {
    const std::uint64_t at_start = *std::max_element(before_.begin(), before_.end());
    return static_cast<double>(std::max(most_, at_start));
  }

 private:
  Window window_;
  std::optional<std::uint32_t> backend_;
  std::vector<std::uint64_t> before_;
  std::uint64_t most_ = 0;
};

// What a backend has in hand while its breaker is half-open, seen from the backend: the core's own
// count of its permits would agree with itself.
class HalfOpenInFlightMax final : public Accumulator {
 public:
  explicit HalfOpenInFlightMax(const MeasureContext& context) : window_(context.window) {
    if (!context.where.backend.empty()) {
      backend_ = backend_named(context.scenario, context.where.backend);
    }
    half_open_.resize(context.scenario.world.backends.size(), false);
  }

  void on_transition(const core::Transition& transition, std::uint32_t backend) override {
    if (transition.kind != core::TransitionKind::breaker) return;
    half_open_[backend] = transition.to == static_cast<std::uint8_t>(core::BreakerState::half_open);
  }
  void on_backend(const BackendSample& sample) override {
    if (!half_open_[sample.backend] || !window_.contains(sample.at)) return;
    if (backend_ && sample.backend != *backend_) return;
    most_ = std::max(most_.value_or(0), std::uint64_t{sample.in_service} + sample.waiting);
  }
  [[nodiscard]] Figure value(const RunResult&) const override {
    if (!most_) return std::nullopt;
    return static_cast<double>(*most_);
  }

 private:
  Window window_;
  std::optional<std::uint32_t> backend_;
  std::vector<bool> half_open_;
  std::optional<std::uint64_t> most_;
};

}  // namespace

std::unique_ptr<Accumulator> make_half_open_in_flight_max(const MeasureContext& context) {
  return std::make_unique<HalfOpenInFlightMax>(context);
}
std::unique_ptr<Accumulator> make_queue_length(const MeasureContext& context) {
  return std::make_unique<TimeAverage>(context, Gauge::waiting);
}
std::unique_ptr<Accumulator> make_utilisation(const MeasureContext& context) {
  return std::make_unique<TimeAverage>(context, Gauge::in_service);
}
std::unique_ptr<Accumulator> make_in_flight_max(const MeasureContext& context) {
  return std::make_unique<InFlightMax>(context);
}

}  // namespace evenkeel::sim
