// SPDX-License-Identifier: Apache-2.0
//
// A whole scenario, and its variants: the same document with some values set.
#include <algorithm>
#include <array>
#include <utility>

#include "evenkeel/core/config/loader.h"
#include "evenkeel/core/config/units.h"
#include "plan_reading.h"

namespace evenkeel::sim {
namespace {

using core::DocumentNode;
using core::Duration;
using core::Instant;
using Kind = core::DocumentNode::Kind;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;

constexpr Duration kLongest = 24 * 366h;
constexpr std::uint32_t kMaxSweepPoints = 1000;

// What a variant may change. The rest says what is asked, not what is run.
constexpr auto kChangeable = std::to_array<std::string_view>(
    {"proxy", "world", "traffic", "faults", "duration", "warmup", "fidelity"});

void check_paths(const DocumentNode& set, const std::string& path, core::ErrorSink& errors) {
  for (const core::DocumentMember& member : set.members) {
    const std::string_view first = std::string_view(member.key).substr(0, member.key.find('.'));
    if (std::find(kChangeable.begin(), kChangeable.end(), first) != kChangeable.end()) continue;
    errors.add(member.where, path + "." + member.key,
               "expected a path into proxy, world, traffic, faults, duration, warmup or fidelity");
  }
}

struct Sweep {
  std::uint32_t fault = 0;
  Duration first{};
  Duration last{};
  std::uint32_t points = 0;
};

std::optional<Sweep> read_sweep(const DocumentNode& node, const std::string& path,
                                const Scenario& scenario, core::ErrorSink& errors) {
  Sweep sweep;
  core::MapReader reader(node, path, errors);
  bool good = reader.required("fault", core::integer(sweep.fault, 0, 1'000'000));
  if (good && sweep.fault >= scenario.faults.size()) {
    reader.fail("fault",
                "there is no fault " + std::to_string(sweep.fault) + "; they are numbered from 0");
    good = false;
  }
  good = reader.required("points", core::integer(sweep.points, 2, kMaxSweepPoints)) && good;
  const auto window = read_window(reader, "at");
  if (!window) {
    if (!reader.has("at")) reader.fail("at", "is required");
    good = false;
  } else {
    sweep.first = window->from.time_since_epoch();
    sweep.last = window->until.time_since_epoch();
    if (sweep.last >= scenario.duration) {
      reader.fail("at", "must be before the end of the run");
      good = false;
    }
  }
  reader.finish();
  return good ? std::optional(sweep) : std::nullopt;
}

// Moves the fault, with its end, over [first, last) in equal steps: the ends of a period are the
// same phase, so the last point is one step before the end.
std::vector<Scenario> points_of(const Sweep& sweep, const Scenario& scenario) {
  std::vector<Scenario> points(sweep.points, scenario);
  for (std::uint32_t i = 0; i < sweep.points; ++i) {
    Fault& fault = points[i].faults[sweep.fault];
    const Instant at = Instant(sweep.first + (sweep.last - sweep.first) * i / sweep.points);
    if (fault.until != core::kNever) fault.until = at + (fault.until - fault.at);
    fault.at = at;
  }
  return points;
}

std::vector<std::string> changes_of(const DocumentNode* set, const std::optional<Sweep>& sweep) {
  std::vector<std::string> changes;
  if (set != nullptr) {
    for (const core::DocumentMember& member : set->members) {
      changes.push_back(member.key + ": " + flow_text(member.value));
    }
  }
  if (sweep) {
    changes.push_back("faults." + std::to_string(sweep->fault) +
                      ".at: " + std::to_string(sweep->points) + " points in [" +
                      core::format_duration(sweep->first) + ", " +
                      core::format_duration(sweep->last) + ")");
  }
  return changes;
}

}  // namespace

std::optional<Window> read_window(core::MapReader& reader, std::string_view key) {
  const DocumentNode* node = reader.take(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind != Kind::sequence || node->items.size() != 2) {
    reader.fail(key, "expected [from, until], found " + core::describe(*node));
    return std::nullopt;
  }
  std::array<Duration, 2> ends{};
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (!core::read_scalar(node->items[i], reader.path(key, i),
                           core::duration(ends[i], 0ns, kLongest), reader.errors())) {
      return std::nullopt;
    }
  }
  if (ends[1] <= ends[0]) {
    reader.fail(key, "is empty: it must end after it begins");
    return std::nullopt;
  }
  return Window{Instant(ends[0]), Instant(ends[1])};
}

ReadScenario read_scenario(core::MapReader& reader) {
  ReadScenario read;
  Scenario& scenario = read.scenario;
  core::ErrorSink& errors = reader.errors();
  reader.optional("fidelity", core::choice(scenario.fidelity, {{"message", Fidelity::message},
                                                               {"wire", Fidelity::wire}}));
  if (reader.required("duration", core::duration(scenario.duration, 1ms, kLongest))) {
    read.warmup = std::min<Duration>(scenario.duration / 10, 60s);
  }
  if (reader.optional("warmup", core::duration(read.warmup, 0ns, kLongest)) &&
      read.warmup >= scenario.duration) {
    reader.fail("warmup", "must be shorter than the run");
  }
  std::uint32_t replicas = 1;
  reader.optional("replicas", core::integer(replicas, 1, 1));

  const DocumentNode* proxy_node = reader.take_required("proxy");
  const DocumentNode* world_node = reader.take_required("world");
  if (proxy_node != nullptr && world_node != nullptr) {
    DocumentNode proxy = *proxy_node;
    scenario.world = read_world(*world_node, proxy, errors);
    auto config = core::load_config_node(proxy, {.listeners_required = false}, "proxy");
    if (config) {
      scenario.proxy = std::move(*config);
    } else {
      errors.add(std::move(config.error()));
    }
  }
  scenario.traffic = read_traffic(reader);
  scenario.faults = read_faults(reader, scenario);
  return read;
}

std::vector<Controls> read_variants(core::MapReader& root, const DocumentNode& document,
                                    std::vector<PlannedRun>& runs) {
  std::vector<Controls> controls;
  const DocumentNode* variants = root.take("variants");
  if (variants == nullptr) return controls;
  core::ErrorSink& errors = root.errors();
  if (variants->kind != Kind::map) {
    root.fail("variants", "expected a map of variants by name, found " + core::describe(*variants));
    return controls;
  }
  for (const core::DocumentMember& member : variants->members) {
    const std::string path = "variants." + member.key;
    if (member.key == "base")
      errors.add(member.where, path, "is the name of the run without changes");
    core::MapReader reader(member.value, path, errors);
    DocumentNode changed = document;
    const DocumentNode* set = reader.take("set");
    if (set != nullptr) {
      check_paths(*set, path + ".set", errors);
      core::apply_overrides(changed, *set, path + ".set", errors);
    }
    core::ErrorSink own;  // a fault of the base document has been reported before
    core::MapReader inner(changed, "", own);
    ReadScenario read = read_scenario(inner);
    const DocumentNode* sweep_node = reader.take("sweep");
    if (const DocumentNode* ids = reader.take("control")) {
      controls.push_back({runs.size(), ids, path + ".control"});
    }
    reader.finish();
    if (!own.empty()) {
      errors.add(own.take());
      continue;
    }
    std::optional<Sweep> sweep;
    if (sweep_node != nullptr) {
      sweep = read_sweep(*sweep_node, path + ".sweep", read.scenario, errors);
      if (!sweep) continue;
    }
    PlannedRun run;
    run.name = member.key;
    run.points = sweep ? points_of(*sweep, read.scenario) : std::vector{read.scenario};
    run.sweep = sweep.has_value();
    run.warmup = read.warmup;
    run.changes = changes_of(set, sweep);
    runs.push_back(std::move(run));
  }
  return controls;
}

}  // namespace evenkeel::sim
