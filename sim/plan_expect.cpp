// SPDX-License-Identifier: Apache-2.0
//
// `expect:` and the controls: what must hold, and where it must not.
#include <algorithm>
#include <limits>
#include <utility>

#include "evenkeel/core/config/units.h"
#include "plan_reading.h"

namespace evenkeel::sim {
namespace {

using core::DocumentNode;
using core::Duration;
using Kind = core::DocumentNode::Kind;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ns;

constexpr double kLargest = 1e15;
constexpr std::size_t kLongestReason = 2000;

std::string text_of(const Window& window) {
  return "[" + duration_text(window.from.time_since_epoch()) + ", " +
         duration_text(window.until.time_since_epoch()) + "]";
}

// A duration; unlike those of a configuration it may have decimals: "20.7ms".
std::optional<Duration> parse_bound(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos) return core::parse_duration(text);
  std::size_t unit = point + 1;
  while (unit < text.size() && text[unit] >= '0' && text[unit] <= '9') ++unit;
  const std::string digits =
      std::string(text.substr(0, point)) + std::string(text.substr(point + 1, unit - point - 1));
  const std::size_t decimals = unit - point - 1;
  if (point == 0 || decimals == 0 || decimals > 6) return std::nullopt;
  // "20.7ms" is 207 ms over 10; what is no whole number of nanoseconds is refused.
  const auto scaled = core::parse_duration(digits + std::string(text.substr(unit)));
  std::int64_t divisor = 1;
  for (std::size_t i = 0; i < decimals; ++i) divisor *= 10;
  if (!scaled || scaled->count() % divisor != 0) return std::nullopt;
  return *scaled / divisor;
}

// Why a measurement cannot be made, and the key to blame.
struct Misfit {
  const char* key;
  std::string message;
};

std::optional<Misfit> misfit_in(const Scenario& scenario, const Window& graded,
                                const Measure& measure, const std::string& of_run) {
  const Where& where = measure.where;
  const Window window = measure.window.value_or(graded);
  if (window.from < graded.from || window.until > graded.until) {
    return Misfit{"window", text_of(window) + " is not inside the graded time" + of_run + ", " +
                                text_of(graded)};
  }
  if (!where.backend.empty() && !backend_named(scenario, where.backend)) {
    return Misfit{"where", "there is no backend \"" + where.backend + "\"" + of_run};
  }
  if (!where.traffic.empty() && !traffic_named(scenario, where.traffic)) {
    return Misfit{"where", "there is no traffic \"" + where.traffic + "\"" + of_run};
  }
  if (measure.metric->about_fault && fault_of(scenario, where, window) == nullptr) {
    return Misfit{"metric", std::string(measure.metric->name) + " needs exactly one fault" +
                                of_run + " that begins in its window" +
                                (where.backend.empty() ? "; name its backend in `where`"
                                                       : " and hits its backend")};
  }
  return std::nullopt;
}

// Whether a measurement can be made of a run: its window, its names, its fault, and whether the
// points of a sweep are aggregated.
std::optional<Misfit> misfit_of(const Plan& plan, std::size_t index, const Measure& measure,
                                const std::optional<Aggregate>& aggregate) {
  const PlannedRun& run = plan.runs[index];
  const std::string of_run = index == 0 ? "" : " of variant " + run.name;
  if (run.sweep && !aggregate) {
    return Misfit{"aggregate", "is required" + of_run + ", a sweep: mean, min, max, p50 or p99"};
  }
  for (const Scenario& scenario : run.points) {
    const Window graded{core::Instant(run.warmup), core::Instant(scenario.duration)};
    if (auto misfit = misfit_in(scenario, graded, measure, of_run)) return misfit;
  }
  return std::nullopt;
}

// The same for an expectation graded on a run, its reference included.
std::optional<Misfit> misfit_of(const Plan& plan, std::size_t index,
                                const Expectation& expectation) {
  auto misfit = misfit_of(plan, index, expectation.measure, expectation.aggregate);
  if (misfit || !expectation.reference) return misfit;
  const Reference& reference = *expectation.reference;
  misfit = misfit_of(plan, reference.run.value_or(index), reference.measure, reference.aggregate);
  return misfit ? std::optional(Misfit{"value", misfit->message}) : std::nullopt;
}

class ExpectationReader {
 public:
  ExpectationReader(const Plan& plan, core::ErrorSink& errors) : plan_(plan), errors_(errors) {}

  // Everything of one element of `expect`. Nothing when it had errors.
  std::optional<Expectation> read(const DocumentNode& node, const std::string& path) {
    Expectation expectation;
    core::MapReader reader(node, path, errors_);
    bool good = reader.required("id", core::name(expectation.id));
    good = read_measure(reader, expectation.measure) && good;
    std::optional<std::size_t> run = 0;
    if (reader.has("variant")) run = read_run(reader);
    good = run.has_value() && good;
    read_aggregate(reader, expectation.aggregate);
    good = read_op(reader, expectation.op) && good;
    if (good) good = read_bound(reader, expectation);
    static_cast<void>(reader.take("value"));
    static_cast<void>(reader.take("tolerance"));
    reader.required("because", core::text(expectation.because, 1, kLongestReason));
    reader.finish();
    if (!good) return std::nullopt;
    expectation.run = *run;
    if (const auto misfit = misfit_of(plan_, expectation.run, expectation)) {
      reader.fail(misfit->key, misfit->message);
      return std::nullopt;
    }
    return expectation;
  }

 private:
  bool read_measure(core::MapReader& reader, Measure& measure) {
    std::string name;
    bool good = reader.required("metric", core::text(name, 1, 64));
    if (good) {
      measure.metric = find_metric(name);
      if (measure.metric == nullptr) {
        std::vector<std::string> names;
        for (const Metric& metric : metrics()) names.emplace_back(metric.name);
        const std::string near = core::closest(name, names);
        reader.fail("metric", "there is no metric \"" + name + "\"" +
                                  (near.empty() ? "; `evenkeel-sim list --metrics` names them"
                                                : "; did you mean \"" + near + "\"?"));
        good = false;
      }
    }
    if (const DocumentNode* where = reader.take("where")) {
      good = read_where(*where, reader.path("where"), measure) && good;
    }
    if (good && (measure.metric->needs & bit(WhereKey::backend)) != 0 &&
        measure.where.backend.empty()) {
      reader.fail("where", std::string(measure.metric->name) + " needs `where: {backend: …}`");
      good = false;
    }
    const bool has_window = reader.has("window");
    measure.window = read_window(reader, "window");
    return good && has_window == measure.window.has_value();
  }

  bool read_where(const DocumentNode& node, const std::string& path, Measure& measure) {
    core::MapReader reader(node, path, errors_);
    bool good = node.kind == Kind::map;
    // Whether the key is there and means something to the metric.
    const auto given = [&](WhereKey key, const char* name) {
      if (reader.take(name) == nullptr) return false;
      if (measure.metric == nullptr || (measure.metric->where_keys & bit(key)) != 0) return true;
      reader.fail(name, "means nothing to " + std::string(measure.metric->name));
      return good = false;
    };
    Where& where = measure.where;
    if (given(WhereKey::method, "method")) good = read_method(reader, where) && good;
    if (given(WhereKey::status, "status")) good = read_status(reader, where) && good;
    if (given(WhereKey::backend, "backend")) {
      good = reader.required("backend", core::name(where.backend)) && good;
    }
    if (given(WhereKey::traffic, "traffic")) {
      good = reader.required("traffic", core::name(where.traffic)) && good;
    }
    if (given(WhereKey::kind, "kind")) {
      good = reader.required("kind", core::choice(where.kind, {{"any", Detection::any},
                                                               {"active", Detection::active},
                                                               {"passive", Detection::passive}})) &&
             good;
    }
    reader.finish();
    return good;
  }

  static bool read_method(core::MapReader& reader, Where& where) {
    std::string name;
    if (!reader.required("method", core::text(name, 1, 16))) return false;
    const core::Method method = core::method_from(name);
    if (method == core::Method::other) {
      reader.fail("method", "expected a method such as GET, found \"" + name + "\"");
      return false;
    }
    where.method = method;
    return true;
  }

  // 503, or a class such as 5xx.
  static bool read_status(core::MapReader& reader, Where& where) {
    const DocumentNode* node = reader.take("status");
    const std::string text = node->kind == Kind::scalar ? node->scalar : "";
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.size() == 3 && text[0] >= '1' && text[0] <= '5') {
      const int hundreds = (text[0] - '0') * 100;
      const bool one = digit(text[1]) && digit(text[2]);
      const int code = one ? hundreds + (text[1] - '0') * 10 + (text[2] - '0') : hundreds;
      if (one || text.substr(1) == "xx") {
        where.status = {static_cast<std::uint16_t>(code),
                        static_cast<std::uint16_t>(one ? code : hundreds + 99)};
        return true;
      }
    }
    reader.fail("status", "expected a status such as 503 or a class such as 5xx, found " +
                              core::describe(*node));
    return false;
  }

  // The index of the run that `variant` names.
  std::optional<std::size_t> read_run(core::MapReader& reader) {
    std::string name;
    if (!reader.required("variant", core::text(name, 1, 64))) return std::nullopt;
    for (std::size_t i = 0; i < plan_.runs.size(); ++i) {
      if (plan_.runs[i].name == name) return i;
    }
    reader.fail("variant", "there is no variant \"" + name + "\"");
    return std::nullopt;
  }

  void read_aggregate(core::MapReader& reader, std::optional<Aggregate>& aggregate) {
    if (!reader.has("aggregate")) return;
    Aggregate value{};
    if (reader.optional("aggregate", core::choice(value, {{"mean", Aggregate::mean},
                                                          {"min", Aggregate::min},
                                                          {"max", Aggregate::max},
                                                          {"p50", Aggregate::p50},
                                                          {"p99", Aggregate::p99}}))) {
      aggregate = value;
    }
  }

  bool read_op(core::MapReader& reader, Comparison& op) {
    return reader.required("op", core::choice(op, {{"<", Comparison::less},
                                                   {"<=", Comparison::at_most},
                                                   {">=", Comparison::at_least},
                                                   {">", Comparison::greater},
                                                   {"==", Comparison::equal},
                                                   {"within", Comparison::within}}));
  }

  // A figure in the metric's unit.
  bool read_figure(core::MapReader& reader, std::string_view key, Unit unit, double& figure) {
    if (unit != Unit::duration) return reader.required(key, core::number(figure, 0, kLargest));
    const DocumentNode* node = reader.take_required(key);
    if (node == nullptr) return false;
    const auto value = node->kind == Kind::scalar ? parse_bound(node->scalar) : std::nullopt;
    if (!value) {
      reader.fail(key, "expected a duration such as 130ms, 20.7ms or 1m30s, found " +
                           core::describe(*node));
      return false;
    }
    figure = static_cast<double>(value->count());
    return true;
  }

  bool read_bound(core::MapReader& reader, Expectation& expectation) {
    const Unit unit = expectation.measure.metric->unit;
    const DocumentNode* value = reader.node().find("value");
    bool good = true;
    if (value != nullptr && value->kind == Kind::map) {
      static_cast<void>(reader.take("value"));
      expectation.reference = read_reference(*value, reader.path("value"), unit);
      good = expectation.reference.has_value();
    } else {
      good = read_figure(reader, "value", unit, expectation.value);
    }
    if (expectation.op == Comparison::within) {
      return read_figure(reader, "tolerance", unit, expectation.tolerance) && good;
    }
    if (reader.has("tolerance")) {
      reader.fail("tolerance", "belongs to `op: within`");
      good = false;
    }
    return good;
  }

  std::optional<Reference> read_reference(const DocumentNode& node, const std::string& path,
                                          Unit unit) {
    Reference reference;
    core::MapReader reader(node, path, errors_);
    bool good = reader.required("times", core::number(reference.times, 0, 1e6));
    good = read_measure(reader, reference.measure) && good;
    if (reader.has("variant")) {
      reference.run = read_run(reader);
      good = reference.run.has_value() && good;
    }
    read_aggregate(reader, reference.aggregate);
    reader.finish();
    if (good && reference.measure.metric->unit != unit) {
      reader.fail("metric", std::string("is a ") + to_text(reference.measure.metric->unit) +
                                " and cannot bound a " + to_text(unit));
      good = false;
    }
    return good ? std::optional(reference) : std::nullopt;
  }

  const Plan& plan_;
  core::ErrorSink& errors_;
};

std::optional<std::size_t> index_of(const Plan& plan, const std::string& id) {
  for (std::size_t i = 0; i < plan.expectations.size(); ++i) {
    if (plan.expectations[i].id == id) return i;
  }
  return std::nullopt;
}

// Why an expectation cannot be one that must fail in a run; empty when it can.
std::string control_fault(const Plan& plan, std::size_t run, std::size_t index) {
  const Expectation& expectation = plan.expectations[index];
  const std::vector<std::size_t>& others = plan.runs[run].must_fail;
  if (expectation.run == run) return "is graded in this very variant: it cannot have to fail there";
  if (std::count(others.begin(), others.end(), index) > 0) return "is named twice";
  const auto misfit = misfit_of(plan, run, expectation);
  return misfit ? "cannot be measured here: " + misfit->message : "";
}

// One variant's list of expectations that must fail in it.
void read_controls(const Controls& controls, Plan& plan, core::ErrorSink& errors) {
  std::vector<std::string> ids;
  const auto element = [](std::string& id) { return core::name(id); };
  if (!core::read_scalars(*controls.ids, controls.path, core::list<std::string>(ids, element, 1),
                          errors)) {
    return;
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto index = index_of(plan, ids[i]);
    const std::string fault = index ? control_fault(plan, controls.run, *index)
                                    : "there is no expectation \"" + ids[i] + "\"";
    if (fault.empty()) {
      plan.runs[controls.run].must_fail.push_back(*index);
    } else {
      errors.add(controls.ids->items[i].where, controls.path + "[" + std::to_string(i) + "]",
                 fault);
    }
  }
}

}  // namespace

void read_expectations(core::MapReader& root, const std::vector<Controls>& controls, Plan& plan) {
  core::ErrorSink& errors = root.errors();
  ExpectationReader reader(plan, errors);
  const auto items = root.take_items("expect", 1);
  bool good = true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string path = root.path("expect", i);
    auto expectation = reader.read(items[i], path);
    if (!expectation) {
      good = false;
      continue;
    }
    if (index_of(plan, expectation->id)) {
      errors.add(items[i].where, path + ".id",
                 "another expectation is called \"" + expectation->id + "\" too");
    }
    plan.expectations.push_back(std::move(*expectation));
  }
  if (!good) return;  // a control may name one that had errors
  for (const Controls& one : controls) read_controls(one, plan, errors);
  const bool any = std::any_of(plan.runs.begin(), plan.runs.end(),
                               [](const PlannedRun& run) { return !run.must_fail.empty(); });
  if (!any && !items.empty()) {
    root.fail("variants",
              "no variant has a `control`: a scenario that cannot fail proves nothing. Name in one "
              "of them the expectations that must fail there");
  }
}

}  // namespace evenkeel::sim
