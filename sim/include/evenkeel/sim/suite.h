// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/sim/grade.h"
#include "evenkeel/sim/plan.h"
#include "evenkeel/sim/run.h"

// Runs plans: every seed, variant and point of a sweep, on as many threads as wanted.
namespace evenkeel::sim {

// Where runs are cut short: at a share of their length, an instant, or a number of events.
struct Stop {
  std::optional<Millionths> share;
  std::optional<core::Instant> at;
  std::optional<std::uint64_t> events;

  [[nodiscard]] bool set() const { return share || at || events; }
  [[nodiscard]] RunLimits limits_of(const Scenario& scenario) const;
};
// "5%", "30s" or a number of events. Nothing when it is none of them.
[[nodiscard]] std::optional<Stop> parse_stop(std::string_view text);
[[nodiscard]] std::string to_text(const Stop& stop);

// run_world(), or what a test puts in its place. Called from several threads at once.
using RunWorld = std::function<RunResult(const Scenario& scenario, core::Seed seed,
                                         Fidelity fidelity, const RunLimits& limits, Judge& judge)>;

struct SuiteOptions {
  std::vector<std::uint64_t> seeds;  // empty: each scenario's own
  std::optional<Fidelity> fidelity;  // none: each scenario's own
  Stop until;                        // set: invariants hold but nothing is graded
  unsigned jobs = 1;                 // threads; what comes out does not depend on it
};

// Told on the calling thread.
struct SuiteListener {
  // One seed of a plan is over. In order of plans and seeds, whatever ran first.
  std::function<void(const Plan& plan, const SeedOutcome& outcome)> on_seed;
  std::function<void(std::size_t runs_done, std::size_t runs)> on_progress;
};

struct SuiteOutcome {
  std::vector<ScenarioOutcome> scenarios;  // parallel to the plans
  [[nodiscard]] std::size_t passed() const;
};

[[nodiscard]] SuiteOutcome run_suite(const std::vector<Plan>& plans, const SuiteOptions& options,
                                     const RunWorld& world, const SuiteListener& listener);

// The fidelity a plan's base run is run at.
[[nodiscard]] Fidelity fidelity_of(const Plan& plan, const SuiteOptions& options);
[[nodiscard]] const char* to_text(Fidelity fidelity);

}  // namespace evenkeel::sim
