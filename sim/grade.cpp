// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/grade.h"

#include <algorithm>

#include "evenkeel/core/random.h"

namespace evenkeel::sim {
namespace {

void add_measure(std::vector<Measure>& measures, const Measure& measure) {
  if (std::find(measures.begin(), measures.end(), measure) == measures.end()) {
    measures.push_back(measure);
  }
}

// What was measured of a run: one figure, or the points' in one.
std::optional<double> measured_in(const Plan& plan, const SeedOutcome& outcome, std::size_t run,
                                  const Measure& measure, std::optional<Aggregate> how) {
  const std::vector<Measure> measures = measures_of(plan, run);
  const auto found = std::find(measures.begin(), measures.end(), measure);
  const auto index = static_cast<std::size_t>(found - measures.begin());
  std::vector<std::optional<double>> figures;
  for (const PointOutcome& point : outcome.runs[run].points) {
    figures.push_back(point.figures[index]);
  }
  return figures.size() == 1 ? figures.front() : aggregate(figures, how.value_or(Aggregate::mean));
}

Verdict verdict_on(const Plan& plan, const SeedOutcome& outcome, std::size_t index,
                   std::size_t run) {
  const Expectation& expectation = plan.expectations[index];
  Verdict verdict;
  verdict.expectation = index;
  verdict.run = run;
  verdict.measured = measured_in(plan, outcome, run, expectation.measure, expectation.aggregate);
  if (expectation.reference) {
    const Reference& reference = *expectation.reference;
    const auto base = measured_in(plan, outcome, reference.run.value_or(run), reference.measure,
                                  reference.aggregate);
    if (base) verdict.bound = *base * reference.times;
  } else {
    verdict.bound = expectation.value;
  }
  if (verdict.measured && verdict.bound) {
    verdict.held = holds(expectation, *verdict.measured, *verdict.bound);
    verdict.margin = margin_of(expectation, *verdict.measured, *verdict.bound);
  }
  return verdict;
}

void fold(Digest& into, const Digest& one) {
  for (std::size_t i = 0; i < into.lanes.size(); ++i) {
    into.lanes[i] = core::mix(into.lanes[i] + 0x9e3779b97f4a7c15ULL) ^ core::mix(one.lanes[i]);
  }
}

void digest_runs(SeedOutcome& outcome) {
  if (outcome.runs.size() == 1 && outcome.runs.front().points.size() == 1) {
    outcome.decisions = outcome.base().result.decisions;
    outcome.trace = outcome.base().result.trace;
    return;
  }
  for (const RunOutcome& run : outcome.runs) {
    for (const PointOutcome& point : run.points) {
      fold(outcome.decisions, point.result.decisions);
      fold(outcome.trace, point.result.trace);
    }
  }
}

bool invariants_held(const SeedOutcome& outcome) {
  for (const RunOutcome& run : outcome.runs) {
    for (const PointOutcome& point : run.points) {
      if (point.result.violation) return false;
      for (const InvariantResult& invariant : point.result.invariants) {
        if (!invariant.held) return false;
      }
    }
  }
  return true;
}

}  // namespace

const char* to_text(Comparison op) {
  switch (op) {
    case Comparison::less:
      return "<";
    case Comparison::at_most:
      return "<=";
    case Comparison::at_least:
      return ">=";
    case Comparison::greater:
      return ">";
    case Comparison::equal:
      return "==";
    case Comparison::within:
      return "within";
  }
  return "";
}

bool ScenarioOutcome::passed() const {
  return std::all_of(seeds.begin(), seeds.end(), [](const SeedOutcome& s) { return s.passed; });
}

std::vector<Measure> measures_of(const Plan& plan, std::size_t run) {
  std::vector<Measure> measures;
  const std::vector<std::size_t>& controls = plan.runs[run].must_fail;
  for (std::size_t i = 0; i < plan.expectations.size(); ++i) {
    const Expectation& expectation = plan.expectations[i];
    const bool here =
        expectation.run == run || std::find(controls.begin(), controls.end(), i) != controls.end();
    if (here) add_measure(measures, expectation.measure);
    if (!expectation.reference) continue;
    const auto of = expectation.reference->run;
    if (of ? *of == run : here) add_measure(measures, expectation.reference->measure);
  }
  return measures;
}

bool holds(const Expectation& expectation, double measured, double bound) {
  switch (expectation.op) {
    case Comparison::less:
      return measured < bound;
    case Comparison::at_most:
      return measured <= bound;
    case Comparison::at_least:
      return measured >= bound;
    case Comparison::greater:
      return measured > bound;
    case Comparison::equal:
      return measured == bound;
    case Comparison::within:
      return measured >= bound - expectation.tolerance && measured <= bound + expectation.tolerance;
  }
  return false;
}

double margin_of(const Expectation& expectation, double measured, double bound) {
  const double above = measured - bound;
  const double distance = above < 0 ? -above : above;
  switch (expectation.op) {
    case Comparison::less:
    case Comparison::at_most:
      return -above;
    case Comparison::at_least:
    case Comparison::greater:
      return above;
    case Comparison::equal:
      return -distance;
    case Comparison::within:
      return expectation.tolerance - distance;
  }
  return 0;
}

std::optional<double> aggregate(const std::vector<std::optional<double>>& figures, Aggregate how) {
  std::vector<double> sorted;
  double sum = 0;
  for (const std::optional<double>& figure : figures) {
    if (!figure) return std::nullopt;
    sorted.push_back(*figure);
    sum += *figure;
  }
  if (sorted.empty()) return std::nullopt;
  std::sort(sorted.begin(), sorted.end());
  // Nearest rank: ⌈n · percent / 100⌉, counted from 1.
  const auto rank = [&sorted](std::size_t percent) {
    return sorted[(sorted.size() * percent + 99) / 100 - 1];
  };
  switch (how) {
    case Aggregate::mean:
      return sum / static_cast<double>(sorted.size());
    case Aggregate::min:
      return sorted.front();
    case Aggregate::max:
      return sorted.back();
    case Aggregate::p50:
      return rank(50);
    case Aggregate::p99:
      return rank(99);
  }
  return std::nullopt;
}

void judge_seed(const Plan& plan, bool graded, SeedOutcome& outcome) {
  digest_runs(outcome);
  outcome.passed = invariants_held(outcome);
  // A run that an invariant ended has not measured what was asked of it.
  if (!graded || !outcome.passed) return;
  for (std::size_t i = 0; i < plan.expectations.size(); ++i) {
    outcome.verdicts.push_back(verdict_on(plan, outcome, i, plan.expectations[i].run));
  }
  for (std::size_t run = 0; run < plan.runs.size(); ++run) {
    for (const std::size_t i : plan.runs[run].must_fail) {
      outcome.verdicts.push_back(verdict_on(plan, outcome, i, run));
      outcome.verdicts.back().must_fail = true;
    }
  }
  outcome.passed = std::all_of(outcome.verdicts.begin(), outcome.verdicts.end(),
                               [](const Verdict& verdict) { return verdict.as_it_must(); });
}

namespace {

const char* to_text(Aggregate how) {
  switch (how) {
    case Aggregate::mean:
      return "mean";
    case Aggregate::min:
      return "min";
    case Aggregate::max:
      return "max";
    case Aggregate::p50:
      return "p50";
    case Aggregate::p99:
      return "p99";
  }
  return "";
}

std::string describe(const Measure& measure, std::optional<Aggregate> how, const Plan& plan,
                     std::size_t run) {
  std::string text(measure.metric->name);
  const std::string where = to_text(measure.where);
  if (!where.empty()) text += " (" + where + ")";
  if (measure.window) {
    text += " in [" + duration_text(measure.window->from.time_since_epoch()) + ", " +
            duration_text(measure.window->until.time_since_epoch()) + "]";
  }
  if (run != 0) text += " of variant " + plan.runs[run].name;
  if (plan.runs[run].sweep && how) text += ", " + std::string(to_text(*how)) + " of the points";
  return text;
}

}  // namespace

std::string measure_text(const Expectation& expectation, const Plan& plan, std::size_t run) {
  return describe(expectation.measure, expectation.aggregate, plan, run);
}

std::string required_text(const Expectation& expectation, const Plan& plan,
                          const std::optional<double>& bound) {
  const Unit unit = expectation.measure.metric->unit;
  const bool within = expectation.op == Comparison::within;
  std::string text = within ? "" : to_text(expectation.op) + std::string(" ");
  if (expectation.reference) {
    const Reference& reference = *expectation.reference;
    text += figure(reference.times, Unit::ratio) + " × " +
            describe(reference.measure, reference.aggregate, plan,
                     reference.run.value_or(expectation.run));
    if (bound) text += " = ";
  }
  if (bound) text += figure(*bound, unit);
  if (within) text += " ± " + figure(expectation.tolerance, unit);
  return text;
}

std::string figure_text(const std::optional<double>& value, Unit unit) {
  return value ? figure(*value, unit) : "nothing to measure";
}

}  // namespace evenkeel::sim
