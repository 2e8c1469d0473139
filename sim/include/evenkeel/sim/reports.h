// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evenkeel/sim/suite.h"

// What a suite's outcome looks like on a terminal and in files. The same runs give the same bytes:
// there is no date, host, revision or wall time in any of it.
namespace evenkeel::sim {

// Version of the layout of result.json; grows when a reader has to change.
inline constexpr const char* kResultSchema = "evenkeel.result/1";

// "PASS L01-steady-baseline seed=1 requests=480123 p99=58.1ms digest=… trace=…", without a newline.
// Requests and p99 are the base run's; the digests cover its variants as well (see SeedOutcome).
[[nodiscard]] std::string result_line(const Plan& plan, const SeedOutcome& outcome,
                                      const SuiteOptions& options);
// What went wrong, one indented line each and the command that shows it again; empty when nothing
// did.
[[nodiscard]] std::string failure_lines(const Plan& plan, const SeedOutcome& outcome,
                                        const SuiteOptions& options);
// "evenkeel-sim run scenarios/load/L01-steady-baseline.yaml --seed 1".
[[nodiscard]] std::string replay_command(const Plan& plan, std::uint64_t seed,
                                         const SuiteOptions& options);

struct ReportFile {
  std::string path;  // relative to the folder of reports
  std::string content;
};
// report.md, report.html, result.json and junit.xml of the suite, and of each scenario in a folder
// of its label.
[[nodiscard]] std::vector<ReportFile> reports_of(const std::vector<Plan>& plans,
                                                 const SuiteOutcome& outcome,
                                                 const SuiteOptions& options);

// Makes sure that reports can be written to `folder`, before anything is run for them. Returns what
// is in the way.
[[nodiscard]] std::optional<std::string> prepare_folder(const std::string& folder);
// Writes all files or none: they are complete in a folder of their own before the first of them
// takes its place. Returns what went wrong, e.g. a full disk.
[[nodiscard]] std::optional<std::string> write_reports(const std::string& folder,
                                                       const std::vector<ReportFile>& files);

}  // namespace evenkeel::sim
