// SPDX-License-Identifier: Apache-2.0
#include "json_writer.h"
#include "report_parts.h"

namespace evenkeel::sim {
namespace {

constexpr int kDecimals = 6;

double milliseconds(core::Duration value) { return static_cast<double>(value.count()) / 1e6; }
double seconds(core::Instant at) {
  return static_cast<double>(at.time_since_epoch().count()) / 1e9;
}

// A figure in the unit its name in the file ends with: durations in milliseconds.
double written(double value, Unit unit) { return unit == Unit::duration ? value / 1e6 : value; }
const char* unit_name(Unit unit) { return unit == Unit::duration ? "ms" : to_text(unit); }

void write_optional(JsonWriter& json, const char* key, const std::optional<double>& value,
                    Unit unit) {
  json.key(key);
  if (value) {
    json.number(written(*value, unit), kDecimals);
  } else {
    json.null();
  }
}

void write_stretch(JsonWriter& json, const Stretch& stretch) {
  json.open('{');
  if (!stretch.label.empty()) json.key("label").text(stretch.label);
  json.key("from_s").number(seconds(stretch.window.from), kDecimals);
  json.key("until_s").number(seconds(stretch.window.until), kDecimals);
  json.key("requests").number(stretch.requests);
  json.key("succeeded").number(stretch.succeeded);
  json.key("failed").number(stretch.failed);
  json.key("rejected").number(stretch.rejected);
  json.key("retries").number(stretch.retries);
  json.key("ejections").number(stretch.ejections);
  json.key("latency_ms_mean").number(milliseconds(stretch.latency_mean), kDecimals);
  json.key("latency_ms_p50").number(milliseconds(stretch.latency_p50), kDecimals);
  json.key("latency_ms_p99").number(milliseconds(stretch.latency_p99), kDecimals);
  json.key("latency_ms_max").number(milliseconds(stretch.latency_max), kDecimals);
  json.close('}');
}

// One row a piece, in the order of `columns`.
void write_series(JsonWriter& json, const std::vector<Stretch>& series) {
  json.key("series").open('{').key("columns").raw(
      "[\"from_s\", \"requests\", \"succeeded\", \"failed\", \"rejected\", \"retries\", "
      "\"ejections\", \"latency_ms_p50\", \"latency_ms_p99\"]");
  json.key("rows").open('[');
  for (const Stretch& piece : series) {
    std::string row = "[" + fixed(seconds(piece.window.from), 0);
    for (const std::uint64_t count : {piece.requests, piece.succeeded, piece.failed, piece.rejected,
                                      piece.retries, piece.ejections}) {
      row += ", " + std::to_string(count);
    }
    for (const core::Duration latency : {piece.latency_p50, piece.latency_p99}) {
      row += ", " + fixed(milliseconds(latency), kDecimals);
    }
    json.raw(row + "]");
  }
  json.close(']').close('}');
}

void write_invariants(JsonWriter& json, const RunResult& result) {
  json.key("invariants").open('{');
  for (std::size_t i = 0; i < kInvariantCount; ++i) {
    json.key(id_of(static_cast<Invariant>(i))).open('{');
    json.key("held").boolean(result.invariants[i].held);
    json.key("detail").text(result.invariants[i].detail).close('}');
  }
  json.close('}');
  if (!result.violation) return;
  const Violation& violation = *result.violation;
  json.key("violation").open('{').key("invariant").text(id_of(violation.invariant));
  json.key("at_s").number(seconds(violation.at), 9).key("event").number(violation.event);
  json.key("what").text(violation.what).key("history").open('[');
  for (const std::string& decision : violation.history) json.text(decision);
  json.close(']').close('}');
}

void write_point(JsonWriter& json, const PointOutcome& point, bool series) {
  const RunResult& result = point.result;
  json.open('{');
  json.key("decisions").text(to_text(result.decisions)).key("trace").text(to_text(result.trace));
  json.key("events").number(result.events).key("arrivals").number(result.arrivals);
  json.key("in_flight").number(result.in_flight).key("checks").number(result.checks);
  json.key("first_attempts").number(result.first_attempts);
  json.key("retries").number(result.retries).key("hedges").number(result.hedges);
  json.key("double_deliveries").number(result.double_deliveries);
  json.key("complete").boolean(result.complete);
  write_invariants(json, result);
  json.key("graded");
  write_stretch(json, point.graded);
  if (!point.detail.phases.empty()) {
    json.key("phases").open('[');
    for (const Stretch& phase : point.detail.phases) write_stretch(json, phase);
    json.close(']');
  }
  if (series && !point.detail.series.empty()) write_series(json, point.detail.series);
  json.close('}');
}

// A sweep's points, one line each: what was measured of them in the order of `measures`.
void write_sweep(JsonWriter& json, const Plan& plan, std::size_t run, const RunOutcome& outcome) {
  json.key("measures").open('[');
  const std::vector<Measure> measures = measures_of(plan, run);
  for (const Measure& measure : measures) {
    const std::string where = to_text(measure.where);
    std::string text(measure.metric->name);
    if (!where.empty()) text += " (" + where + ")";
    json.text(text + ", " + unit_name(measure.metric->unit));
  }
  json.close(']').key("points").open('[');
  for (const PointOutcome& point : outcome.points) {
    const RunResult& result = point.result;
    std::string row = "{\"decisions\": \"" + to_text(result.decisions) + "\", \"trace\": \"" +
                      to_text(result.trace) + "\", \"events\": " + std::to_string(result.events) +
                      ", \"arrivals\": " + std::to_string(result.arrivals) +
                      ", \"retries\": " + std::to_string(result.retries) + ", \"figures\": [";
    for (std::size_t i = 0; i < point.figures.size(); ++i) {
      const auto& value = point.figures[i];
      row += (i == 0 ? "" : ", ") +
             (value ? fixed(written(*value, measures[i].metric->unit), kDecimals) : "null");
    }
    json.raw(row + "]}");
  }
  json.close(']');
}

void write_verdict(JsonWriter& json, const Plan& plan, const Verdict& verdict) {
  const Expectation& expectation = plan.expectations[verdict.expectation];
  const Unit unit = expectation.measure.metric->unit;
  json.open('{').key("id").text(expectation.id);
  json.key("metric").text(expectation.measure.metric->name);
  json.key("measured_on").text(measure_text(expectation, plan, verdict.run));
  json.key("run").text(plan.runs[verdict.run].name).key("must_fail").boolean(verdict.must_fail);
  json.key("unit").text(unit_name(unit));
  write_optional(json, "measured", verdict.measured, unit);
  json.key("op").text(to_text(expectation.op));
  write_optional(json, "bound", verdict.bound, unit);
  if (expectation.op == Comparison::within) {
    write_optional(json, "tolerance", expectation.tolerance, unit);
  }
  write_optional(json, "margin", verdict.margin, unit);
  json.key("held").boolean(verdict.held).key("as_it_must").boolean(verdict.as_it_must());
  if (!verdict.must_fail) json.key("because").text(expectation.because);
  json.close('}');
}

void write_seed(JsonWriter& json, const Plan& plan, const SeedOutcome& seed,
                const SuiteOptions& options, bool series) {
  json.open('{').key("seed").number(seed.seed).key("passed").boolean(seed.passed);
  json.key("decisions").text(to_text(seed.decisions)).key("trace").text(to_text(seed.trace));
  json.key("replay").text(replay_command(plan, seed.seed, options));
  json.key("verdicts").open('[');
  for (const Verdict& verdict : seed.verdicts) write_verdict(json, plan, verdict);
  json.close(']').key("runs").open('[');
  for (std::size_t r = 0; r < seed.runs.size(); ++r) {
    json.open('{').key("name").text(plan.runs[r].name).key("changes").open('[');
    for (const std::string& change : plan.runs[r].changes) json.text(change);
    json.close(']');
    if (plan.runs[r].sweep) {
      write_sweep(json, plan, r, seed.runs[r]);
    } else {
      json.key("run");
      write_point(json, seed.runs[r].points.front(), series);
    }
    json.close('}');
  }
  json.close(']').close('}');
}

}  // namespace

std::string json_report(const std::vector<Plan>& plans,
                        const std::vector<const ScenarioOutcome*>& outcomes,
                        const SuiteOptions& options, bool series) {
  JsonWriter json;
  json.open('{').key("schema").text(kResultSchema);
  if (options.until.set()) json.key("until").text(to_text(options.until));
  json.key("scenarios").open('[');
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const Plan& plan = plans[i];
    json.open('{').key("scenario").text(plan.label);
    json.key("kind").text(plan.kind == ScenarioKind::load ? "load" : "chaos");
    json.key("about").text(plan.about);
    json.key("fidelity").text(to_text(fidelity_of(plan, options)));
    json.key("duration_s").number(seconds(core::Instant(plan.base().duration)), kDecimals);
    json.key("scenario_hash").text(hex(plan.scenario_hash));
    json.key("config_hash").text(hex(plan.config_hash));
    json.key("passed").boolean(outcomes[i]->passed()).key("seeds").open('[');
    for (const SeedOutcome& seed : outcomes[i]->seeds) {
      write_seed(json, plan, seed, options, series);
    }
    json.close(']').close('}');
  }
  json.close(']').close('}');
  return json.take();
}

}  // namespace evenkeel::sim
