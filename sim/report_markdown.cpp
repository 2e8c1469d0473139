// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "report_parts.h"

namespace evenkeel::sim {
namespace {

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& one : cells) text += " " + cell(one) + " |";
  return text + "\n";
}

std::string header(const std::vector<std::string>& names) {
  std::string text = row(names) + "|";
  for (std::size_t i = 0; i < names.size(); ++i) text += " --- |";
  return text + "\n";
}

std::string code(const std::string& text) { return "`" + text + "`"; }

std::string seed_name(const SeedOutcome& seed) { return "seed " + std::to_string(seed.seed); }

std::string window_text(const Window& window) {
  return duration_text(window.from.time_since_epoch()) + " to " +
         duration_text(window.until.time_since_epoch());
}

std::string facts(const Plan& plan, const ScenarioOutcome& outcome, const SuiteOptions& options) {
  const Scenario& base = plan.base();
  std::string text =
      std::string(plan.kind == ScenarioKind::load ? "Load" : "Chaos") + " scenario at fidelity `" +
      to_text(fidelity_of(plan, options)) + "`, " + duration_text(base.duration) +
      " of simulated time, the first " + duration_text(plan.runs.front().warmup) + " not graded; " +
      std::to_string(base.world.backends.size()) + " backends. Scenario " +
      code(hex(plan.scenario_hash)) + ", configuration " + code(hex(plan.config_hash)) + ".\n";
  if (options.until.set()) {
    text += "\nCut short at " + to_text(options.until) +
            ": invariants were checked, nothing was graded.\n";
  }
  text += "\n```sh\n";
  for (const SeedOutcome& seed : outcome.seeds) {
    text += replay_command(plan, seed.seed, options) + "\n";
  }
  return text + "```\n\n";
}

// The verdicts with this index of every seed that was graded.
std::vector<const Verdict*> across_seeds(const ScenarioOutcome& outcome, std::size_t index) {
  std::vector<const Verdict*> verdicts;
  for (const SeedOutcome& seed : outcome.seeds) {
    if (index < seed.verdicts.size()) verdicts.push_back(&seed.verdicts[index]);
  }
  return verdicts;
}

std::size_t verdict_count(const ScenarioOutcome& outcome) {
  std::size_t most = 0;
  for (const SeedOutcome& seed : outcome.seeds) most = std::max(most, seed.verdicts.size());
  return most;
}

// One row an expectation (or control), one column a seed.
std::string verdict_row(const Plan& plan, const std::vector<const Verdict*>& verdicts) {
  const Verdict& first = *verdicts.front();
  const Expectation& expectation = plan.expectations[first.expectation];
  const Unit unit = expectation.measure.metric->unit;
  // A multiple of another measurement is another figure on every seed.
  const bool one_bound = !expectation.reference || verdicts.size() == 1;
  std::vector<std::string> cells = {
      code(expectation.id), measure_text(expectation, plan, first.run),
      required_text(expectation, plan, one_bound ? first.bound : std::nullopt)};
  bool good = true;
  std::optional<double> least;
  for (const Verdict* verdict : verdicts) {
    cells.push_back(figure_text(verdict->measured, unit));
    good = good && verdict->as_it_must();
    if (verdict->margin) least = std::min(least.value_or(*verdict->margin), *verdict->margin);
  }
  cells.push_back(least ? figure(*least, unit) : "-");
  cells.push_back(first.must_fail ? (good ? "fails as it must" : "**holds, but must fail**")
                                  : (good ? "holds" : "**fails**"));
  return row(cells);
}

std::string verdict_table(const Plan& plan, const ScenarioOutcome& outcome, bool controls) {
  std::string rows;
  for (std::size_t i = 0; i < verdict_count(outcome); ++i) {
    const auto verdicts = across_seeds(outcome, i);
    if (verdicts.front()->must_fail == controls) rows += verdict_row(plan, verdicts);
  }
  if (rows.empty()) return "";
  std::vector<std::string> names = {controls ? "control of" : "expectation", "measured",
                                    "required"};
  for (const SeedOutcome& seed : outcome.seeds) {
    if (!seed.verdicts.empty()) names.push_back(seed_name(seed));
  }
  names.push_back("least margin");
  names.push_back("verdict");
  return header(names) + rows + "\n";
}

std::string expectations(const Plan& plan, const ScenarioOutcome& outcome) {
  if (verdict_count(outcome) == 0) return "";
  std::string text = "### Expectations\n\n" + verdict_table(plan, outcome, false);
  text += "Why these numbers:\n\n";
  for (const Expectation& expectation : plan.expectations) {
    text += "- " + code(expectation.id) + ": " + expectation.because + "\n";
  }
  return text +
         "\n### Controls\n\nWhat must fail when a policy is off, so that we know it can:\n\n" +
         verdict_table(plan, outcome, true);
}

std::string variants(const Plan& plan) {
  if (plan.runs.size() < 2) return "";
  std::string text = "### Variants\n\nThe same arrivals under other policies or worlds:\n\n" +
                     header({"variant", "changes"});
  for (std::size_t i = 1; i < plan.runs.size(); ++i) {
    std::string changes;
    for (const std::string& change : plan.runs[i].changes) {
      changes += (changes.empty() ? "" : ", ") + code(change);
    }
    text += row({plan.runs[i].name, changes.empty() ? "none" : changes});
  }
  return text + "\n";
}

// Seeds whose base run has time stretches to show share one table each.
std::string phases(const ScenarioOutcome& outcome) {
  std::string text =
      "### Phases of the base run\n\n" + header({"seed", "time", "phase", "requests", "success",
                                                 "p50", "p99", "max", "retries", "ejections"});
  for (const SeedOutcome& seed : outcome.seeds) {
    for (const Stretch& phase : seed.base().detail.phases) {
      text += row({std::to_string(seed.seed), window_text(phase.window), phase.label,
                   std::to_string(phase.requests), percent(phase.succeeded, phase.requests),
                   duration_text(phase.latency_p50), duration_text(phase.latency_p99),
                   duration_text(phase.latency_max), std::to_string(phase.retries),
                   std::to_string(phase.ejections)});
    }
  }
  return text + "\n";
}

// Sums and extremes over the points of a run; of one point, simply that point.
struct RunTotals {
  std::uint64_t events = 0;
  std::uint64_t requests = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t retries = 0;
  core::Duration p99{};
};

RunTotals totals_of(const RunOutcome& run) {
  RunTotals totals;
  for (const PointOutcome& point : run.points) {
    totals.events += point.result.events;
    totals.requests += point.graded.requests;
    totals.succeeded += point.graded.succeeded;
    totals.retries += point.graded.retries;
    totals.p99 = std::max(totals.p99, point.graded.latency_p99);
  }
  return totals;
}

std::string runs(const Plan& plan, const ScenarioOutcome& outcome) {
  std::string text =
      "### Runs\n\nGraded requests; of a sweep, the sum over its points and their largest "
      "p99.\n\n" +
      header({"seed", "run", "requests", "success", "p99", "retries", "events", "decisions"});
  for (const SeedOutcome& seed : outcome.seeds) {
    for (std::size_t i = 0; i < seed.runs.size(); ++i) {
      const RunTotals totals = totals_of(seed.runs[i]);
      const auto& points = seed.runs[i].points;
      std::string name = plan.runs[i].name;
      if (plan.runs[i].sweep) name += " (" + std::to_string(points.size()) + " points)";
      text += row({std::to_string(seed.seed), name, std::to_string(totals.requests),
                   percent(totals.succeeded, totals.requests), duration_text(totals.p99),
                   std::to_string(totals.retries), std::to_string(totals.events),
                   points.size() == 1 ? code(to_text(points.front().result.decisions)) : "-"});
    }
  }
  text += "\nOver the base run and its variants:\n\n" + header({"seed", "decisions", "trace"});
  for (const SeedOutcome& seed : outcome.seeds) {
    text +=
        row({std::to_string(seed.seed), code(to_text(seed.decisions)), code(to_text(seed.trace))});
  }
  return text + "\n";
}

// How many of all runs broke an invariant, and what the first seed's base run says of it.
std::string invariants(const ScenarioOutcome& outcome) {
  std::string text =
      "### Invariants\n\n" +
      header({"", "invariant", "runs", "base run, " + seed_name(outcome.seeds.front())});
  for (std::size_t i = 0; i < kInvariantCount; ++i) {
    std::size_t total = 0;
    std::size_t broken = 0;
    for (const SeedOutcome& seed : outcome.seeds) {
      for (const RunOutcome& run : seed.runs) {
        for (const PointOutcome& point : run.points) {
          ++total;
          broken += point.result.invariants[i].held ? 0 : 1;
        }
      }
    }
    const auto invariant = static_cast<Invariant>(i);
    text += row({id_of(invariant), sentence_of(invariant),
                 broken == 0 ? "holds in all " + std::to_string(total)
                             : "**broken in " + std::to_string(broken) + " of " +
                                   std::to_string(total) + "**",
                 outcome.seeds.front().base().result.invariants[i].detail});
  }
  return text + "\n";
}

// What failed, in the terminal's words.
std::string failures(const Plan& plan, const ScenarioOutcome& outcome,
                     const SuiteOptions& options) {
  std::string text;
  for (const SeedOutcome& seed : outcome.seeds) {
    if (seed.passed) continue;
    text += "```\n" + result_line(plan, seed, options) + "\n" + failure_lines(plan, seed, options) +
            "```\n\n";
  }
  return text;
}

std::string section(const Plan& plan, const ScenarioOutcome& outcome, const SuiteOptions& options) {
  return "## " + plan.label + ": " + (outcome.passed() ? "passed" : "failed") + "\n\n" +
         plan.about + "\n\n" + facts(plan, outcome, options) + failures(plan, outcome, options) +
         expectations(plan, outcome) + variants(plan) + phases(outcome) + runs(plan, outcome) +
         invariants(outcome);
}

std::string without_last_line(std::string text) {
  text.pop_back();  // one newline at the end of a file is enough
  return text;
}

}  // namespace

std::string markdown_section(const Plan& plan, const ScenarioOutcome& outcome,
                             const SuiteOptions& options) {
  return without_last_line(section(plan, outcome, options));
}

std::string markdown_suite(const std::vector<Plan>& plans, const SuiteOutcome& outcome,
                           const SuiteOptions& options) {
  const std::size_t passed = outcome.passed();
  std::string text =
      "# Simulation report\n\nGenerated by `evenkeel-sim run`; not edited by hand. The same "
      "scenarios, seeds and code give the same bytes.\n\n**" +
      std::to_string(passed) + " passed, " + std::to_string(plans.size() - passed) +
      " failed**\n\n" +
      header({"scenario", "seed", "verdict", "requests", "success", "p50", "p99", "decisions"});
  for (std::size_t i = 0; i < plans.size(); ++i) {
    for (const SeedOutcome& seed : outcome.scenarios[i].seeds) {
      const Stretch& graded = seed.base().graded;
      text += row({plans[i].label, std::to_string(seed.seed), seed.passed ? "passed" : "**failed**",
                   std::to_string(graded.requests), percent(graded.succeeded, graded.requests),
                   duration_text(graded.latency_p50), duration_text(graded.latency_p99),
                   code(to_text(seed.decisions))});
    }
  }
  text += "\n";
  for (std::size_t i = 0; i < plans.size(); ++i) {
    text += section(plans[i], outcome.scenarios[i], options);
  }
  return without_last_line(text);
}

}  // namespace evenkeel::sim
