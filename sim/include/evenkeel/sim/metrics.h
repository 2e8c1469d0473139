// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "evenkeel/core/method.h"
#include "evenkeel/sim/numbers.h"
#include "evenkeel/sim/run.h"
#include "evenkeel/sim/samples.h"
#include "evenkeel/sim/scenario.h"

// What a run can be asked: every metric an expectation may name, one row of a table each.
//
// A metric is turned into an accumulator before the run and fed while it runs, so that memory does
// not grow with the number of requests. A request belongs to the window of its scheduled arrival,
// whatever became of it later; an attempt, a check and a transition to the window of their own
// instant.
namespace evenkeel::sim {

// What `where:` can say; a metric takes some of these keys.
enum class WhereKey : std::uint8_t {
  method = 1U << 0U,
  status = 1U << 1U,
  backend = 1U << 2U,
  traffic = 1U << 3U,
  kind = 1U << 4U,
};
[[nodiscard]] constexpr unsigned bit(WhereKey key) { return static_cast<unsigned>(key); }

// Who took a backend out.
enum class Detection : std::uint8_t {
  any,
  active,   // health checks
  passive,  // ejection, from the outcome of requests
};

struct StatusSpan {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend bool operator==(StatusSpan, StatusSpan) = default;
};

// Restricts a metric. Names are those of the scenario; empty or absent: no restriction.
struct Where {
  std::optional<core::Method> method;
  std::optional<StatusSpan> status;  // "503" or "5xx"
  std::string backend;
  std::string traffic;
  Detection kind = Detection::any;
  friend bool operator==(const Where&, const Where&) = default;
};
// "GET, backend b-1", for reports; empty when nothing is restricted.
[[nodiscard]] std::string to_text(const Where& where);

// Takes in what a judge is told and knows one figure at the end.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  virtual void on_request(const RequestSample&) {}
  virtual void on_attempt(const AttemptSample&) {}
  virtual void on_backend(const BackendSample&) {}
  virtual void on_transition(const core::Transition&, std::uint32_t /*backend*/) {}
  virtual void on_check(core::Instant, std::uint32_t /*backend*/, core::CheckOutcome) {}
  // Nothing when the run had nothing to measure: a latency without requests, a detection that never
  // came. An expectation about it then fails.
  [[nodiscard]] virtual std::optional<double> value(const RunResult& result) const = 0;
};

// Which of the calls above an accumulator wants.
enum class Hears : std::uint8_t {
  nothing = 0,
  requests = 1U << 0U,
  attempts = 1U << 1U,
  backends = 1U << 2U,
  transitions = 1U << 3U,
  checks = 1U << 4U,
};
[[nodiscard]] constexpr Hears operator|(Hears a, Hears b) {
  return static_cast<Hears>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr bool hears(Hears set, Hears what) {
  return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(what)) != 0;
}

// What an accumulator is made for. The scenario outlives it.
struct MeasureContext {
  const Scenario& scenario;
  Window window;  // inside [graded_from, scenario.duration)
  Where where;    // its names exist in the scenario
  core::Instant graded_from;
};

struct Metric {
  std::string_view name;
  Unit unit;
  std::string_view meaning;
  unsigned where_keys;       // WhereKey bits it takes
  unsigned needs = 0;        // WhereKey bits it cannot do without
  bool about_fault = false;  // speaks of the one fault that begins inside its window
  Hears hears;
  std::unique_ptr<Accumulator> (*make)(const MeasureContext& context);
};

// Ordered by subject; names are distinct.
[[nodiscard]] std::span<const Metric> metrics();
[[nodiscard]] const Metric* find_metric(std::string_view name);

// The fault a metric about faults speaks of: the only one that begins inside `window` and, when
// `where` names a backend, hits it. Null when there is none or more than one.
[[nodiscard]] const Fault* fault_of(const Scenario& scenario, const Where& where,
                                    const Window& window);
// The index of a backend or traffic of this name, if there is one.
[[nodiscard]] std::optional<std::uint32_t> backend_named(const Scenario& scenario,
                                                         std::string_view name);
[[nodiscard]] std::optional<std::uint32_t> traffic_named(const Scenario& scenario,
                                                         std::string_view name);

}  // namespace evenkeel::sim
