// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evenkeel/sim/metrics.h"
#include "evenkeel/sim/scenario.h"

// What a scenario file says in full: a world, the same world under other policies, and what must
// hold.
namespace evenkeel::sim {

enum class ScenarioKind : std::uint8_t { load, chaos };

// One measurement of one run.
struct Measure {
  const Metric* metric = nullptr;
  Where where;
  std::optional<Window> window;  // none: everything that is graded
  friend bool operator==(const Measure&, const Measure&) = default;
};

// How the points of a sweep become one figure. A point without a figure leaves the whole without
// one, so that a detection that never came cannot hide among 39 that did.
enum class Aggregate : std::uint8_t { mean, min, max, p50, p99 };

enum class Comparison : std::uint8_t { less, at_most, at_least, greater, equal, within };
[[nodiscard]] const char* to_text(Comparison op);

// A bound that is a multiple of another measurement.
struct Reference {
  double times = 1;
  Measure measure;
  std::optional<Aggregate> aggregate;
  // Which run it is taken from: an index in Plan::runs; none: the run that is being graded.
  std::optional<std::size_t> run;
};

struct Expectation {
  std::string id;
  Measure measure;
  std::optional<Aggregate> aggregate;  // of a sweep's points; always set when `run` is a sweep
  std::size_t run = 0;                 // index in Plan::runs of the run it is graded on
  Comparison op{};
  double value = 0;      // in the metric's unit; not used with a reference
  double tolerance = 0;  // for `within`
  std::optional<Reference> reference;
  std::string because;  // where the number comes from
};

// The base run (always the first, named "base") or a variant of it.
struct PlannedRun {
  std::string name;
  std::vector<Scenario> points;  // one, or one for each point of a sweep
  bool sweep = false;
  core::Duration warmup{};             // not graded; shorter than every point
  std::vector<std::size_t> must_fail;  // the expectations this run is a control of
  std::vector<std::string> changes;    // "proxy.pools.main.retry.max_attempts: 1", for reports
};

struct Plan {
  std::string label;       // the file's name without ".yaml": "L01-steady-baseline"
  std::string path;        // as given, for the command that reproduces a failure
  std::string proxy_file;  // that replaced its `proxy:` section; empty: none did
  ScenarioKind kind{};
  std::string about;
  std::vector<std::uint64_t> seeds;       // not empty, distinct
  std::vector<PlannedRun> runs;           // not empty
  std::vector<Expectation> expectations;  // in file order, ids distinct

  // Of everything that was read, comments and spelling aside, and of its `proxy` alone.
  std::uint64_t scenario_hash = 0;
  std::uint64_t config_hash = 0;

  [[nodiscard]] const Scenario& base() const&& = delete;  // it would dangle
  [[nodiscard]] const Scenario& base() const& { return runs.front().points.front(); }
};

}  // namespace evenkeel::sim
