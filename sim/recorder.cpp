// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/recorder.h"

#include <algorithm>
#include <utility>

namespace evenkeel::sim {
namespace {

using core::Duration;
using core::Instant;
using std::chrono_literals::operator""s;

constexpr std::int64_t kMaxPieces = 600;  // of a time series

Stretch stretch(Window window, std::string label) {
  Stretch made;
  made.window = window;
  made.label = std::move(label);
  return made;
}

// The instants where something begins or ends: the warm-up and every fault.
std::vector<Instant> edges_of(const Scenario& scenario, Duration warmup) {
  const Instant end(scenario.duration);
  std::vector<Instant> edges = {Instant(), Instant(warmup), end};
  for (const Fault& fault : scenario.faults) {
    edges.push_back(std::min(fault.at, end));
    edges.push_back(std::min(fault.until, end));
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return edges;
}

std::vector<Stretch> phases_of(const Scenario& scenario, Duration warmup) {
  const std::vector<Instant> edges = edges_of(scenario, warmup);
  std::vector<Stretch> phases;
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    const Window window{edges[i], edges[i + 1]};
    const bool warming = window.until <= Instant(warmup);
    phases.push_back(stretch(window, (warming ? "warm-up, " : "") + faults_text(scenario, window)));
  }
  return phases;
}

// Whole seconds, so many that the series stays readable.
Duration piece_of(Duration duration) {
  const std::int64_t seconds = (duration + 1s - Duration(1)) / 1s;
  return Duration(1s) * ((seconds + kMaxPieces - 1) / kMaxPieces);
}

std::vector<Stretch> series_of(Duration duration, Duration piece) {
  std::vector<Stretch> series;
  for (Duration at{}; at < duration; at += piece) {
    series.push_back(stretch({Instant(at), Instant(std::min(at + piece, duration))}, ""));
  }
  return series;
}

}  // namespace

const char* to_text(FaultKind kind) {
  switch (kind) {
    case FaultKind::crash:
      return "crash";
    case FaultKind::black_hole:
      return "black hole";
    case FaultKind::slow:
      return "slow";
  }
  return "";
}

std::string faults_text(const Scenario& scenario, const Window& window) {
  std::string text;
  for (const Fault& fault : scenario.faults) {
    if (fault.at >= window.until || fault.until <= window.from) continue;
    text += (text.empty() ? "" : ", ") + std::string(to_text(fault.kind)) + " " +
            scenario.world.backends[fault.target].name;
  }
  return text.empty() ? "no fault" : text;
}

void Recorder::Growing::add(const RequestSample& sample) {
  ++stretch.requests;
  switch (sample.ending) {
    case Ending::success:
      ++stretch.succeeded;
      break;
    case Ending::failed:
      ++stretch.failed;
      break;
    case Ending::rejected:
      ++stretch.rejected;
      return;
  }
  latencies.add(sample.ended - sample.scheduled);
}

Stretch Recorder::Growing::settled() const {
  Stretch settled = stretch;
  settled.latency_mean = latencies.mean();
  settled.latency_p50 = latencies.quantile(50, 100);
  settled.latency_p99 = latencies.quantile(99, 100);
  settled.latency_max = latencies.max();
  return settled;
}

std::vector<Recorder::Growing> Recorder::growing(std::vector<Stretch> stretches) {
  std::vector<Growing> made(stretches.size());
  for (std::size_t i = 0; i < made.size(); ++i) made[i].stretch = std::move(stretches[i]);
  return made;
}

Recorder::Recorder(const Scenario& scenario, Duration warmup, const std::vector<Measure>& measures,
                   bool detailed) {
  graded_.stretch = stretch({Instant(warmup), Instant(scenario.duration)}, "");
  if (detailed) {
    piece_ = piece_of(scenario.duration);
    phases_ = growing(phases_of(scenario, warmup));
    series_ = growing(series_of(scenario.duration, piece_));
  }
  const Window everything = graded_.stretch.window;
  for (const Measure& measure : measures) {
    const Window window = measure.window.value_or(everything);
    accumulators_.push_back(
        measure.metric->make({scenario, window, measure.where, everything.from}));
    Accumulator* made = accumulators_.back().get();
    const Hears wanted = measure.metric->hears;
    if (hears(wanted, Hears::requests)) on_requests_.push_back(made);
    if (hears(wanted, Hears::attempts)) on_attempts_.push_back(made);
    if (hears(wanted, Hears::backends)) on_backends_.push_back(made);
    if (hears(wanted, Hears::transitions)) on_transitions_.push_back(made);
    if (hears(wanted, Hears::checks)) on_checks_.push_back(made);
  }
}

Recorder::Growing* Recorder::phase_at(Instant at) {
  for (Growing& phase : phases_) {
    if (phase.stretch.window.contains(at)) return &phase;
  }
  return nullptr;
}

Recorder::Growing* Recorder::piece_at(Instant at) {
  if (piece_ == Duration::zero()) return nullptr;
  const auto index = static_cast<std::size_t>(at.time_since_epoch() / piece_);
  return index < series_.size() ? &series_[index] : nullptr;
}

template <typename Change>
void Recorder::for_each_at(Instant at, Change change) {
  if (graded_.stretch.window.contains(at)) change(graded_);
  if (Growing* phase = phase_at(at)) change(*phase);
  if (Growing* piece = piece_at(at)) change(*piece);
}

void Recorder::on_request(const RequestSample& sample) {
  for_each_at(sample.scheduled, [&sample](Growing& one) { one.add(sample); });
  for (Accumulator* one : on_requests_) one->on_request(sample);
}

void Recorder::on_attempt(const AttemptSample& sample) {
  if (sample.attempt > 0 && !sample.hedge) {
    for_each_at(sample.at, [](Growing& one) { ++one.stretch.retries; });
  }
  for (Accumulator* one : on_attempts_) one->on_attempt(sample);
}

void Recorder::on_backend(const BackendSample& sample) {
  for (Accumulator* one : on_backends_) one->on_backend(sample);
}

void Recorder::on_transition(const core::Transition& transition, std::uint32_t backend,
                             std::uint32_t /*replica*/) {
  if (piece_ != Duration::zero() && verdicts_.size() < kMaxVerdictChanges) {
    verdicts_.push_back({transition, backend});
  }
  if (transition.kind == core::TransitionKind::ejection && transition.to != 0) {
    for_each_at(transition.at, [](Growing& one) { ++one.stretch.ejections; });
  }
  for (Accumulator* one : on_transitions_) one->on_transition(transition, backend);
}

void Recorder::on_check(Instant at, std::uint32_t backend, core::CheckOutcome outcome) {
  for (Accumulator* one : on_checks_) one->on_check(at, backend, outcome);
}

Detail Recorder::detail() const {
  Detail detail;
  for (const Growing& phase : phases_) detail.phases.push_back(phase.settled());
  for (const Growing& piece : series_) detail.series.push_back(piece.settled());
  detail.verdicts = verdicts_;
  return detail;
}

std::vector<std::optional<double>> Recorder::figures(const RunResult& result) const {
  std::vector<std::optional<double>> figures;
  figures.reserve(accumulators_.size());
  for (const auto& one : accumulators_) figures.push_back(one->value(result));
  return figures;
}

}  // namespace evenkeel::sim
