// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evenkeel/sim/plan.h"
#include "evenkeel/sim/recorder.h"
#include "evenkeel/sim/run.h"

// From runs to verdicts.
namespace evenkeel::sim {

// One point of a planned run, over.
struct PointOutcome {
  RunResult result;
  std::vector<std::optional<double>> figures;  // parallel to measures_of() of the run
  Stretch graded;
  Detail detail;  // empty for the points of a sweep
};

struct RunOutcome {
  std::vector<PointOutcome> points;  // parallel to PlannedRun::points
};

// What became of one expectation in one run.
struct Verdict {
  std::size_t expectation = 0;     // index in Plan::expectations
  std::size_t run = 0;             // index in Plan::runs
  bool must_fail = false;          // the run is a control of the expectation
  std::optional<double> measured;  // nothing: there was nothing to measure, and that never holds
  std::optional<double> bound;     // nothing: its reference had nothing to measure
  bool held = false;
  // By how much it held, or missed when negative, in the metric's unit.
  std::optional<double> margin;

  [[nodiscard]] bool as_it_must() const { return held != must_fail; }
};

// All runs of a plan on one seed.
struct SeedOutcome {
  std::uint64_t seed = 0;
  std::vector<RunOutcome> runs;   // parallel to Plan::runs
  std::vector<Verdict> verdicts;  // expectations in file order, then controls; none with --until
  // Over the base run and its variants in file order, sweeps point by point. With a single run,
  // that run's own digests.
  Digest decisions;
  Digest trace;
  bool passed = false;  // every verdict as it must be, no invariant broken

  [[nodiscard]] const PointOutcome& base() const { return runs.front().points.front(); }
};

struct ScenarioOutcome {
  std::vector<SeedOutcome> seeds;
  [[nodiscard]] bool passed() const;
};

// Everything that has to be measured in a run: for its own expectations, as a control and as a
// reference. Distinct.
[[nodiscard]] std::vector<Measure> measures_of(const Plan& plan, std::size_t run);

// Whether a figure satisfies an expectation, given its bound, and by how much.
[[nodiscard]] bool holds(const Expectation& expectation, double measured, double bound);
[[nodiscard]] double margin_of(const Expectation& expectation, double measured, double bound);
// The points' figures as one.
[[nodiscard]] std::optional<double> aggregate(const std::vector<std::optional<double>>& figures,
                                              Aggregate how);

// Fills verdicts, digests and `passed`. Without `graded` only invariants count.
void judge_seed(const Plan& plan, bool graded, SeedOutcome& outcome);

// "<= 130ms", "20.7ms ± 0.8ms", "< 1 × latency_p99 of variant rr = 112ms"; without a bound, only
// what it is a multiple of.
[[nodiscard]] std::string required_text(const Expectation& expectation, const Plan& plan,
                                        const std::optional<double>& bound);
// "success_ratio (GET) in [120s, 180s] of variant active-only, max".
[[nodiscard]] std::string measure_text(const Expectation& expectation, const Plan& plan,
                                       std::size_t run);
// The figure, or "nothing to measure".
[[nodiscard]] std::string figure_text(const std::optional<double>& value, Unit unit);

}  // namespace evenkeel::sim
