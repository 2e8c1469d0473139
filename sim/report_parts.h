// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "evenkeel/sim/reports.h"

// The writers behind reports_of().
namespace evenkeel::sim {

// A scenario's part of report.md, from its heading on.
[[nodiscard]] std::string markdown_section(const Plan& plan, const ScenarioOutcome& outcome,
                                           const SuiteOptions& options);
[[nodiscard]] std::string markdown_suite(const std::vector<Plan>& plans,
                                         const SuiteOutcome& outcome, const SuiteOptions& options);
// A page of its own with charts, and the suite's with links to them.
[[nodiscard]] std::string html_section(const Plan& plan, const ScenarioOutcome& outcome,
                                       const SuiteOptions& options);
[[nodiscard]] std::string html_suite(const std::vector<Plan>& plans, const SuiteOutcome& outcome);
// `series`: with the time series, which a suite of many scenarios leaves to their own files.
[[nodiscard]] std::string json_report(const std::vector<Plan>& plans,
                                      const std::vector<const ScenarioOutcome*>& outcomes,
                                      const SuiteOptions& options, bool series);
[[nodiscard]] std::string junit_report(const std::vector<Plan>& plans,
                                       const std::vector<const ScenarioOutcome*>& outcomes,
                                       const SuiteOptions& options);

// What the verdict says, in one line: "mean: service_latency_mean is 22ms, required 20.7ms ±
// 0.8ms".
[[nodiscard]] std::string verdict_text(const Plan& plan, const Verdict& verdict);
// "1 800 000" without the spaces, "98.61 %".
[[nodiscard]] std::string percent(std::uint64_t part, std::uint64_t whole);
[[nodiscard]] std::string hex(std::uint64_t value);

}  // namespace evenkeel::sim
