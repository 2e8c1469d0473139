// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "report_parts.h"
#include "svg_chart.h"

namespace evenkeel::sim {
namespace {

constexpr std::size_t kMaxLanes = 64;  // of backends; more are not readable

std::string element(const std::string& tag, const std::string& text) {
  return "<" + tag + ">" + escape_markup(text) + "</" + tag + ">";
}

std::string cells(const std::vector<std::string>& texts, const char* tag) {
  std::string row = "<tr>";
  for (const std::string& text : texts) row += element(tag, text);
  return row + "</tr>\n";
}

std::vector<Shade> shades_of(const Scenario& scenario) {
  std::vector<Shade> shades;
  const core::Instant end(scenario.duration);
  for (const Fault& fault : scenario.faults) {
    shades.push_back(
        {{std::min(fault.at, end), std::min(fault.until, end)},
         std::string(to_text(fault.kind)) + " " + scenario.world.backends[fault.target].name});
  }
  return shades;
}

// ---- charts -------------------------------------------------------------------------------------

using ValueOf = std::optional<double> (*)(const Stretch& piece);

double per_second(std::uint64_t count, const Stretch& piece) {
  return static_cast<double>(count) * 1e9 /
         static_cast<double>((piece.window.until - piece.window.from).count());
}
std::optional<double> arrivals(const Stretch& piece) { return per_second(piece.requests, piece); }
std::optional<double> successes(const Stretch& piece) { return per_second(piece.succeeded, piece); }
std::optional<double> retries(const Stretch& piece) { return per_second(piece.retries, piece); }
std::optional<double> p99(const Stretch& piece) {
  if (piece.requests == piece.rejected) return std::nullopt;
  return static_cast<double>(piece.latency_p99.count()) / 1e6;
}
std::optional<double> failed_percent(const Stretch& piece) {
  if (piece.requests == 0) return std::nullopt;
  return 100 * static_cast<double>(piece.failed) / static_cast<double>(piece.requests);
}

Line line(std::string label, const std::vector<Stretch>& series, ValueOf value) {
  Line made{std::move(label), {}};
  for (const Stretch& piece : series) made.values.push_back(value(piece));
  return made;
}

// One line for the base run and each variant that runs as long.
std::vector<Line> line_a_run(const Plan& plan, const SeedOutcome& seed, ValueOf value) {
  std::vector<Line> lines;
  const std::size_t pieces = seed.base().detail.series.size();
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const std::vector<Stretch>& series = seed.runs[i].points.front().detail.series;
    if (series.size() == pieces) lines.push_back(line(plan.runs[i].name, series, value));
  }
  return lines;
}

// ---- swim-lanes ---------------------------------------------------------------------------------

// What a verdict that takes a backend out is called; empty when it lets it in or changes nothing.
std::string state_after(const core::Transition& transition) {
  switch (transition.kind) {
    case core::TransitionKind::health:
      return transition.to == static_cast<std::uint8_t>(core::HealthState::unhealthy) ? "unhealthy"
                                                                                      : "";
    case core::TransitionKind::ejection:
      return transition.to != 0 ? "ejected" : "";
    case core::TransitionKind::breaker:
      return transition.to == static_cast<std::uint8_t>(core::BreakerState::open) ? "breaker-open"
                                                                                  : "";
    case core::TransitionKind::admin:
    case core::TransitionKind::panic:
      return "";
  }
  return "";
}

std::vector<Bar> bars_of(const std::vector<VerdictChange>& verdicts, std::uint32_t backend,
                         core::TransitionKind kind, core::Instant end) {
  std::vector<Bar> bars;
  for (const VerdictChange& change : verdicts) {
    if (change.backend != backend || change.transition.kind != kind) continue;
    if (!bars.empty() && bars.back().window.until == end) {
      bars.back().window.until = change.transition.at;
    }
    const std::string state = state_after(change.transition);
    if (!state.empty()) bars.push_back({{change.transition.at, end}, state});
  }
  return bars;
}

std::string swim_lanes(const Scenario& scenario, const PointOutcome& point) {
  const core::Instant end(scenario.duration);
  Lanes lanes{"Backends: in rotation, ejected, unhealthy, breaker open",
              {core::Instant(), end},
              shades_of(scenario),
              {}};
  const std::size_t count = std::min(scenario.world.backends.size(), kMaxLanes);
  for (std::uint32_t i = 0; i < count; ++i) {
    Lane lane{scenario.world.backends[i].name, {}};
    for (const auto kind : {core::TransitionKind::health, core::TransitionKind::ejection,
                            core::TransitionKind::breaker}) {
      for (Bar& bar : bars_of(point.detail.verdicts, i, kind, end)) {
        lane.bars.push_back(std::move(bar));
      }
    }
    lanes.lanes.push_back(std::move(lane));
  }
  return draw(lanes);
}

std::string charts(const Plan& plan, const SeedOutcome& seed) {
  const Scenario& base = plan.base();
  const Window time{core::Instant(), core::Instant(base.duration)};
  const std::vector<Shade> shades = shades_of(base);
  const std::vector<Stretch>& series = seed.base().detail.series;
  std::string text =
      draw(Chart{"Base run: requests per second",
                 "/s",
                 time,
                 shades,
                 {line("arrivals", series, arrivals), line("successes", series, successes)}});
  text += draw(Chart{"Latency, p99", "ms", time, shades, line_a_run(plan, seed, p99)});
  text += draw(Chart{"Failed requests", "%", time, shades, line_a_run(plan, seed, failed_percent)});
  text += draw(Chart{"Retries per second", "/s", time, shades, line_a_run(plan, seed, retries)});
  return text + swim_lanes(base, seed.base());
}

// ---- the page -----------------------------------------------------------------------------------

std::string verdict_row(const Plan& plan, const Verdict& verdict, const SeedOutcome& seed) {
  const Expectation& expectation = plan.expectations[verdict.expectation];
  const Unit unit = expectation.measure.metric->unit;
  std::string row = verdict.as_it_must() ? "<tr class=\"good\">" : "<tr class=\"bad\">";
  const std::string because = verdict.must_fail ? "a control: must fail" : expectation.because;
  for (const std::string& text :
       {std::to_string(seed.seed), expectation.id, measure_text(expectation, plan, verdict.run),
        required_text(expectation, plan, verdict.bound), figure_text(verdict.measured, unit),
        verdict.margin ? figure(*verdict.margin, unit) : std::string("-"),
        std::string(verdict.held ? "holds" : "fails"), because}) {
    row += element("td", text);
  }
  return row + "</tr>\n";
}

std::string verdicts(const Plan& plan, const ScenarioOutcome& outcome) {
  std::string rows;
  for (const SeedOutcome& seed : outcome.seeds) {
    for (const Verdict& verdict : seed.verdicts) rows += verdict_row(plan, verdict, seed);
  }
  if (rows.empty()) return "";
  return "<h3>Expectations and controls</h3>\n<table>\n" +
         cells({"seed", "id", "measured", "required", "is", "margin", "verdict", "because"}, "th") +
         rows + "</table>\n";
}

std::string section(const Plan& plan, const ScenarioOutcome& outcome, const SuiteOptions& options) {
  std::string text = "<h2>" + escape_markup(plan.label) + ": " +
                     (outcome.passed() ? "passed" : "failed") + "</h2>\n" +
                     element("p", plan.about) + "\n" + verdicts(plan, outcome);
  for (const SeedOutcome& seed : outcome.seeds) {
    const bool first = &seed == &outcome.seeds.front();
    text +=
        std::string("<details") + (first ? " open" : "") + "><summary>Seed " +
        std::to_string(seed.seed) + "</summary>\n<pre>" +
        escape_markup(result_line(plan, seed, options) + "\n" + failure_lines(plan, seed, options) +
                      replay_command(plan, seed.seed, options)) +
        "</pre>\n" + charts(plan, seed) + "</details>\n";
  }
  return text;
}

std::string style() {
  return "<style>\n:root{color-scheme:light dark}\n"
         "body{font:15px/1.45 system-ui,sans-serif;max-width:76em;margin:2em auto;padding:0 1em}\n"
         "table{border-collapse:collapse;width:100%;font-size:13px}\n"
         "th,td{text-align:left;vertical-align:top;padding:.25em .6em;"
         "border-bottom:1px solid #8884}\n"
         ".bad td{background:#e5393533;font-weight:600}\n"
         "pre{overflow-x:auto;font-size:12px}summary{cursor:pointer;margin:.6em 0}\n" +
         chart_style() + "</style>\n";
}

std::string page(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
         element("title", title) + "\n" + style() + "</head>\n<body>\n" + body +
         "</body>\n</html>\n";
}

}  // namespace

std::string html_section(const Plan& plan, const ScenarioOutcome& outcome,
                         const SuiteOptions& options) {
  return page(plan.label, section(plan, outcome, options));
}

std::string html_suite(const std::vector<Plan>& plans, const SuiteOutcome& outcome) {
  const std::size_t passed = outcome.passed();
  std::string body = "<h1>Simulation report</h1>\n" +
                     element("p", std::to_string(passed) + " passed, " +
                                      std::to_string(plans.size() - passed) + " failed") +
                     "\n<table>\n" + cells({"scenario", "verdict", "about", ""}, "th");
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const bool good = outcome.scenarios[i].passed();
    body += std::string("<tr class=\"") + (good ? "good" : "bad") + "\">" +
            element("td", plans[i].label) + element("td", good ? "passed" : "failed") +
            element("td", plans[i].about) + "<td><a href=\"" + escape_markup(plans[i].label) +
            "/report.html\">report</a></td></tr>\n";
  }
  return page("Simulation report", body + "</table>\n");
}

}  // namespace evenkeel::sim
