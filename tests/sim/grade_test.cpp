// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/grade.h"

#include <gtest/gtest.h>

#include "evenkeel/sim/suite.h"
#include "sim/small_plan.h"

namespace evenkeel::sim {
namespace {

Expectation expectation(Comparison op, double tolerance = 0) {
  Expectation made;
  made.op = op;
  made.tolerance = tolerance;
  return made;
}

TEST(Grade, ComparesAsWritten) {
  struct Case {
    Comparison op;
    double measured, bound, tolerance;
    bool holds;
    double margin;
  };
  for (const Case& c : {
           Case{Comparison::less, 9, 10, 0, true, 1},
           Case{Comparison::less, 10, 10, 0, false, 0},
           Case{Comparison::at_most, 10, 10, 0, true, 0},
           Case{Comparison::at_most, 12, 10, 0, false, -2},
           Case{Comparison::at_least, 10, 10, 0, true, 0},
           Case{Comparison::at_least, 9, 10, 0, false, -1},
           Case{Comparison::greater, 10, 10, 0, false, 0},
           Case{Comparison::greater, 11, 10, 0, true, 1},
           Case{Comparison::equal, 10, 10, 0, true, 0},
           Case{Comparison::equal, 8, 10, 0, false, -2},
           Case{Comparison::within, 13, 10, 3, true, 0},
           Case{Comparison::within, 8, 10, 3, true, 1},
           Case{Comparison::within, 6, 10, 3, false, -1},
       }) {
    const Expectation e = expectation(c.op, c.tolerance);
    EXPECT_EQ(holds(e, c.measured, c.bound), c.holds) << to_text(c.op) << " " << c.measured;
    EXPECT_EQ(margin_of(e, c.measured, c.bound), c.margin) << to_text(c.op) << " " << c.measured;
  }
}

TEST(Grade, AggregatesPoints) {
  const std::vector<std::optional<double>> figures = {4, 1, 3, 2};
  EXPECT_EQ(aggregate(figures, Aggregate::mean), 2.5);
  EXPECT_EQ(aggregate(figures, Aggregate::min), 1);
  EXPECT_EQ(aggregate(figures, Aggregate::max), 4);
  EXPECT_EQ(aggregate(figures, Aggregate::p50), 2);
  EXPECT_EQ(aggregate(figures, Aggregate::p99), 4);
}

TEST(Grade, OnePointWithoutAFigureLeavesNone) {
  EXPECT_EQ(aggregate({1, std::nullopt, 3}, Aggregate::mean), std::nullopt);
  EXPECT_EQ(aggregate({}, Aggregate::max), std::nullopt);
}

// Runs a small file on seed 1 in the fake world.
struct Graded {
  explicit Graded(const std::string& text) : plan(small_plan(text)) {
    SuiteOptions options;
    options.seeds = {1};
    SuiteOutcome suite = run_suite({plan}, options, fake_world, {});
    outcome = std::move(suite.scenarios[0].seeds[0]);
  }
  Plan plan;
  SeedOutcome outcome;
};

// In the fake world b-1 gets every fourth of ten requests a second: of those of the fault's first
// second 2 or 3 fail with ejection, and 50 of twenty seconds without.
std::string failures_at_most(int bound) {
  return "- {id: few, metric: failures, op: \"<=\", value: " + std::to_string(bound) +
         ", because: x}\n";
}

TEST(Grade, ScenarioPassesWhenExpectationsHoldAndControlsFail) {
  const Graded graded(small_file(failures_at_most(10), "[few]"));
  ASSERT_EQ(graded.outcome.verdicts.size(), 2U);
  EXPECT_EQ(graded.outcome.verdicts[0].measured, 10);
  EXPECT_TRUE(graded.outcome.verdicts[0].held);
  EXPECT_EQ(graded.outcome.verdicts[1].measured, 200);
  EXPECT_TRUE(graded.outcome.verdicts[1].must_fail);
  EXPECT_FALSE(graded.outcome.verdicts[1].held);
  EXPECT_TRUE(graded.outcome.passed);
}

TEST(Grade, ExpectationThatFailsFailsTheScenario) {
  EXPECT_FALSE(Graded(small_file(failures_at_most(9), "[few]")).outcome.passed);
}

TEST(Grade, ControlThatHoldsFailsTheScenario) {
  const Graded graded(small_file(failures_at_most(200), "[few]"));
  EXPECT_TRUE(graded.outcome.verdicts[0].held);
  EXPECT_TRUE(graded.outcome.verdicts[1].held);
  EXPECT_FALSE(graded.outcome.passed);
}

TEST(Grade, BoundMayBeAMultipleOfAnotherRun) {
  const Graded graded(
      small_file("- {id: few, metric: failures, op: \"<=\", because: x,\n"
                 "   value: {times: 0.05, metric: failures, variant: worse}}\n",
                 "[few]"));
  EXPECT_EQ(graded.outcome.verdicts[0].bound, 200 * 0.05);
  EXPECT_TRUE(graded.outcome.verdicts[0].held);
  // As a control it is measured in `worse` and still compared with `worse`.
  EXPECT_EQ(graded.outcome.verdicts[1].measured, 200);
  EXPECT_EQ(graded.outcome.verdicts[1].bound, 200 * 0.05);
}

TEST(Grade, ReferenceWithoutAVariantIsOfTheRunThatIsGraded) {
  const Graded graded(
      small_file("- {id: few, metric: failures, window: [40s, 60s], op: \"<=\", because: x,\n"
                 "   value: {times: 0.05, metric: requests, window: [40s, 60s]}}\n",
                 "[few]"));
  EXPECT_EQ(graded.outcome.verdicts[0].bound, 200 * 0.05);
  EXPECT_EQ(graded.outcome.verdicts[1].bound, 200 * 0.05);
  EXPECT_TRUE(graded.outcome.passed);
}

TEST(Grade, NothingToMeasureFails) {
  const Graded graded(
      small_file("- {id: fast, metric: resume_time, where: {backend: b-1}, op: \"<=\", value: 5s,"
                 " because: x}\n"
                 "- {id: seen, metric: detection_time, where: {backend: b-1}, op: \"<=\","
                 " value: 5s, because: x}\n",
                 "[seen]"));
  EXPECT_TRUE(graded.outcome.verdicts[0].held);
  EXPECT_EQ(graded.outcome.verdicts[1].measured, std::nullopt);
  EXPECT_FALSE(graded.outcome.verdicts[1].held);
  EXPECT_FALSE(graded.outcome.passed);
}

TEST(Grade, BrokenInvariantFailsTheScenarioAndLeavesTheRestUngraded) {
  const Plan plan = small_plan(small_file());
  const RunWorld broken = [](const Scenario& scenario, core::Seed seed, Fidelity fidelity,
                             const RunLimits& limits, Judge& judge) {
    RunResult result = fake_world(scenario, seed, fidelity, limits, judge);
    result.invariants[0].held = false;
    result.violation = Violation{Invariant::conservation, at_seconds(42), 7, "1 is not 2", {"x"}};
    return result;
  };
  const SuiteOutcome suite = run_suite({plan}, {}, broken, {});
  EXPECT_FALSE(suite.scenarios[0].passed());
  EXPECT_TRUE(suite.scenarios[0].seeds[0].verdicts.empty());
}

TEST(Grade, DigestsCoverEveryRunInOrder) {
  const Graded graded(small_file());
  SeedOutcome swapped = graded.outcome;
  std::swap(swapped.runs[0], swapped.runs[1]);
  judge_seed(graded.plan, false, swapped);
  EXPECT_NE(swapped.decisions, graded.outcome.decisions);
  SeedOutcome changed = graded.outcome;
  changed.decisions = {};
  changed.trace = {};
  changed.runs[1].points[0].result.trace.lanes[1] ^= 1U;
  judge_seed(graded.plan, false, changed);
  EXPECT_EQ(changed.decisions, graded.outcome.decisions);
  EXPECT_NE(changed.trace, graded.outcome.trace);
}

TEST(Grade, RequirementsReadAsWritten) {
  const Plan plan = small_plan(small_file(
      "- {id: a, metric: latency_p99, where: {method: GET, backend: b-1}, window: [40s, 60s],"
      " op: within, value: 20.7ms, tolerance: 800us, because: x}\n"
      "- {id: b, metric: failures, variant: worse, op: \"<\", because: x,"
      " value: {times: 1.2, metric: requests, variant: base}}\n",
      "[a]"));
  EXPECT_EQ(measure_text(plan.expectations[0], plan, 0),
            "latency_p99 (GET, backend b-1) in [40s, 60s]");
  EXPECT_EQ(required_text(plan.expectations[0], plan, 20.7e6), "20.7ms ± 800us");
  EXPECT_EQ(measure_text(plan.expectations[1], plan, 1), "failures of variant worse");
  EXPECT_EQ(required_text(plan.expectations[1], plan, 12), "< 1.2 × requests = 12");
  EXPECT_EQ(required_text(plan.expectations[1], plan, std::nullopt), "< 1.2 × requests");
}

}  // namespace
}  // namespace evenkeel::sim
