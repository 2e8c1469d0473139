// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/suite.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "evenkeel/sim/reports.h"
#include "sim/small_plan.h"

namespace evenkeel::sim {
namespace {

std::vector<Plan> two_plans() {
  std::vector<Plan> plans = {small_plan(small_file()), small_plan(small_file())};
  plans[1].label = "other";
  plans[1].seeds = {5};
  return plans;
}

TEST(Suite, RunsEveryPlanOnItsOwnSeedsInOrder) {
  const std::vector<Plan> plans = two_plans();
  std::vector<std::string> told;
  SuiteListener listener;
  listener.on_seed = [&told](const Plan& plan, const SeedOutcome& outcome) {
    told.push_back(plan.label + " " + std::to_string(outcome.seed));
  };
  const SuiteOutcome outcome = run_suite(plans, {}, fake_world, listener);
  EXPECT_EQ(told, (std::vector<std::string>{"small 1", "small 2", "other 5"}));
  EXPECT_EQ(outcome.passed(), 2U);
}

TEST(Suite, SeedsOfTheCommandReplaceThoseOfTheFile) {
  SuiteOptions options;
  options.seeds = {7, 8, 9};
  const SuiteOutcome outcome = run_suite(two_plans(), options, fake_world, {});
  for (const ScenarioOutcome& scenario : outcome.scenarios) {
    ASSERT_EQ(scenario.seeds.size(), 3U);
    EXPECT_EQ(scenario.seeds[2].seed, 9U);
  }
}

TEST(Suite, OutcomeDoesNotDependOnTheNumberOfThreads) {
  const std::vector<Plan> plans = two_plans();
  const auto bytes = [&plans](unsigned jobs) {
    SuiteOptions options;
    options.seeds = {1, 2, 3, 4, 5, 6, 7, 8};
    options.jobs = jobs;
    std::string all;
    SuiteListener listener;
    listener.on_seed = [&](const Plan& plan, const SeedOutcome& outcome) {
      all += result_line(plan, outcome, options) + "\n";
    };
    const SuiteOutcome outcome = run_suite(plans, options, fake_world, listener);
    for (const ReportFile& file : reports_of(plans, outcome, options)) all += file.content;
    return all;
  };
  EXPECT_EQ(bytes(1), bytes(16));
}

TEST(Suite, FidelityOfTheCommandReplacesThatOfTheFile) {
  std::atomic<int> wire = 0;
  const RunWorld count_wire = [&wire](const Scenario& scenario, core::Seed seed, Fidelity fidelity,
                                      const RunLimits& limits, Judge& judge) {
    if (fidelity == Fidelity::wire) ++wire;
    return fake_world(scenario, seed, fidelity, limits, judge);
  };
  SuiteOptions options;
  static_cast<void>(run_suite(two_plans(), options, count_wire, {}));
  EXPECT_EQ(wire, 0);
  options.fidelity = Fidelity::wire;
  static_cast<void>(run_suite(two_plans(), options, count_wire, {}));
  EXPECT_EQ(wire, 6);  // three seeds, two runs each
}

TEST(Suite, CutShortNothingIsGraded) {
  SuiteOptions options;
  options.until = *parse_stop("5%");
  const SuiteOutcome outcome = run_suite(two_plans(), options, fake_world, {});
  const SeedOutcome& seed = outcome.scenarios[0].seeds[0];
  EXPECT_EQ(seed.base().result.arrivals, 50U);  // 5 s at 10/s
  EXPECT_TRUE(seed.verdicts.empty());
  EXPECT_TRUE(seed.passed);
}

TEST(Suite, ExceptionOfAWorldReachesTheCaller) {
  const RunWorld failing = [](const Scenario&, core::Seed, Fidelity, const RunLimits&,
                              Judge&) -> RunResult { throw std::runtime_error("out of memory"); };
  SuiteOptions options;
  options.jobs = 4;
  EXPECT_THROW(static_cast<void>(run_suite(two_plans(), options, failing, {})), std::runtime_error);
}

TEST(Stop, IsAShareATimeOrANumberOfEvents) {
  const Plan plan = small_plan(small_file());  // 100 s
  EXPECT_EQ(parse_stop("5%")->limits_of(plan.base()).until, at_seconds(5));
  EXPECT_EQ(parse_stop("0.5%")->limits_of(plan.base()).until, at_seconds(0.5));
  EXPECT_EQ(parse_stop("100%")->limits_of(plan.base()).until, at_seconds(100));
  EXPECT_EQ(parse_stop("1m30s")->limits_of(plan.base()).until, at_seconds(90));
  EXPECT_EQ(parse_stop("1200")->limits_of(plan.base()).max_events, 1200U);
  for (const char* text : {"5%", "0.5%", "30s", "1200"})
    EXPECT_EQ(to_text(*parse_stop(text)), text);
  for (const char* wrong : {"", "0", "0%", "101%", "%", "-5%", "5 %", "nan%", "30x", "s", "0s"}) {
    EXPECT_FALSE(parse_stop(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace evenkeel::sim
