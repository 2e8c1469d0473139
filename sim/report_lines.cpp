// SPDX-License-Identifier: Apache-2.0
//
// What the terminal shows, and the words that reports share.
#include "report_parts.h"

namespace evenkeel::sim {
namespace {

std::string at_text(core::Instant at) { return duration_text(at.time_since_epoch()); }

std::string where_broken(const Plan& plan, std::size_t run, std::size_t point) {
  if (run == 0) return "";
  std::string text = " in variant " + plan.runs[run].name;
  if (plan.runs[run].sweep) text += ", point " + std::to_string(point);
  return text;
}

std::string violation_lines(const Violation& violation, const std::string& where) {
  std::string lines = std::string("  invariant ") + id_of(violation.invariant) + " broke" + where +
                      " at " + at_text(violation.at) + ", event " +
                      std::to_string(violation.event) + ": " + violation.what + "\n";
  for (const std::string& decision : violation.history) lines += "    " + decision + "\n";
  return lines;
}

std::string invariant_lines(const Plan& plan, const SeedOutcome& outcome) {
  std::string lines;
  for (std::size_t r = 0; r < outcome.runs.size(); ++r) {
    for (std::size_t p = 0; p < outcome.runs[r].points.size(); ++p) {
      const RunResult& result = outcome.runs[r].points[p].result;
      const std::string where = where_broken(plan, r, p);
      if (result.violation) {
        lines += violation_lines(*result.violation, where);
        continue;
      }
      for (std::size_t i = 0; i < kInvariantCount; ++i) {
        if (result.invariants[i].held) continue;
        lines += std::string("  invariant ") + id_of(static_cast<Invariant>(i)) + " does not hold" +
                 where + ": " + result.invariants[i].detail + "\n";
      }
    }
  }
  return lines;
}

}  // namespace

std::string replay_command(const Plan& plan, std::uint64_t seed, const SuiteOptions& options) {
  std::string command = "evenkeel-sim run " + plan.path + " --seed " + std::to_string(seed);
  if (options.fidelity) command += std::string(" --fidelity ") + to_text(*options.fidelity);
  if (!plan.proxy_file.empty()) command += " --proxy " + plan.proxy_file;
  if (options.until.set()) command += " --until " + to_text(options.until);
  return command;
}

std::string result_line(const Plan& plan, const SeedOutcome& outcome, const SuiteOptions& options) {
  const PointOutcome& base = outcome.base();
  const bool any = base.graded.requests > base.graded.rejected;
  std::string line = outcome.passed ? "PASS " : "FAIL ";
  line += plan.label + " seed=" + std::to_string(outcome.seed);
  if (options.until.set()) line += " until=" + to_text(options.until);
  line += " requests=" + std::to_string(base.result.arrivals);
  line += " p99=" + (any ? duration_text(base.graded.latency_p99) : "-");
  line += " digest=" + to_text(outcome.decisions) + " trace=" + to_text(outcome.trace);
  return line;
}

std::string failure_lines(const Plan& plan, const SeedOutcome& outcome,
                          const SuiteOptions& options) {
  if (outcome.passed) return "";
  std::string lines = invariant_lines(plan, outcome);
  for (const Verdict& verdict : outcome.verdicts) {
    if (!verdict.as_it_must()) lines += "  " + verdict_text(plan, verdict) + "\n";
  }
  return lines + "  reproduce: " + replay_command(plan, outcome.seed, options) + "\n";
}

std::string verdict_text(const Plan& plan, const Verdict& verdict) {
  const Expectation& expectation = plan.expectations[verdict.expectation];
  std::string text = verdict.must_fail ? "control of " : "";
  text += expectation.id + ": " + measure_text(expectation, plan, verdict.run) + " is " +
          figure_text(verdict.measured, expectation.measure.metric->unit);
  if (verdict.must_fail) {
    return text +
           (verdict.held ? " and holds, but must fail: required "
                         : " and fails as it must: required ") +
           required_text(expectation, plan, verdict.bound);
  }
  return text + ", required " + required_text(expectation, plan, verdict.bound) + " (" +
         expectation.because + ")";
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return fixed(100 * static_cast<double>(part) / static_cast<double>(whole), 4) + " %";
}

std::string hex(std::uint64_t value) { return to_text(Digest{{value, 0}}).substr(0, 16); }

std::vector<ReportFile> reports_of(const std::vector<Plan>& plans, const SuiteOutcome& outcome,
                                   const SuiteOptions& options) {
  std::vector<ReportFile> files;
  std::vector<const ScenarioOutcome*> all;
  for (const ScenarioOutcome& scenario : outcome.scenarios) all.push_back(&scenario);
  files.push_back({"report.md", markdown_suite(plans, outcome, options)});
  files.push_back({"report.html", html_suite(plans, outcome)});
  files.push_back({"result.json", json_report(plans, all, options, false)});
  files.push_back({"junit.xml", junit_report(plans, all, options)});
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const std::string folder = plans[i].label + "/";
    const std::vector<Plan> one = {plans[i]};
    files.push_back({folder + "report.md", markdown_section(plans[i], *all[i], options)});
    files.push_back({folder + "report.html", html_section(plans[i], *all[i], options)});
    files.push_back({folder + "result.json", json_report(one, {all[i]}, options, true)});
    files.push_back({folder + "junit.xml", junit_report(one, {all[i]}, options)});
  }
  return files;
}

}  // namespace evenkeel::sim
