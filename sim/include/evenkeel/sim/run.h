// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"
#include "evenkeel/sim/samples.h"
#include "evenkeel/sim/scenario.h"

// One run of one world: the seam between those who simulate (world) and those who judge.
namespace evenkeel::sim {

// 128 bits that stand for a sequence of events. Equal digests: the same run.
struct Digest {
  std::array<std::uint64_t, 2> lanes{};
  friend bool operator==(const Digest&, const Digest&) = default;
};
// 32 lower-case hexadecimal digits.
[[nodiscard]] std::string to_text(const Digest& digest);

// The global invariants, checked continuously in every run.
enum class Invariant : std::uint8_t {
  conservation,     // I1: arrivals = success + failed + rejected + in flight at the end
  single_delivery,  // I2: no backend begins a non-idempotent request a second time
  retry_bound,      // I3: retries ≤ percent of first attempts + reserve · (time + interval)
  obedience,        // I4: nothing is sent to a backend the balancer took out (probes excepted)
  no_leak,          // I5: after the drain no request, attempt, connection or timer is left
  causality,        // I6: the clock is monotone and every event is handled at its time
  attempt_bound,    // I7: attempts per request ≤ max_attempts
};
inline constexpr std::size_t kInvariantCount = 7;

// "I1" … "I7".
[[nodiscard]] const char* id_of(Invariant invariant);
// One sentence in words.
[[nodiscard]] const char* sentence_of(Invariant invariant);

struct InvariantResult {
  bool held = true;
  std::string detail;  // figures behind the verdict, one line, e.g. "480123 = 480119 + 0 + 0 + 4"
};

// The first invariant that broke. It ends the run at once.
struct Violation {
  Invariant invariant{};
  core::Instant at;
  std::uint64_t event = 0;           // number of the event, from 1
  std::string what;                  // one sentence with the figures
  std::vector<std::string> history;  // the last decisions of the request concerned, oldest first
};

struct RunLimits {
  // Events at or after this instant are not handled, and then nothing is drained.
  core::Instant until = core::kNever;
  // Nor are more events than this.
  std::uint64_t max_events = std::numeric_limits<std::uint64_t>::max();
};

struct RunResult {
  Digest decisions;             // the core's inputs and actions
  Digest trace;                 // every event
  std::uint64_t events = 0;     // handled
  core::Instant ended;          // virtual time of the last event
  std::uint64_t arrivals = 0;   // requests that arrived
  std::uint64_t in_flight = 0;  // of these, without an ending at Scenario::duration (or the limit)
  std::uint64_t first_attempts = 0;
  std::uint64_t retries = 0;
  std::uint64_t hedges = 0;
  std::uint64_t checks = 0;             // active health checks started
  std::uint64_t double_deliveries = 0;  // I2's count
  bool complete = false;  // reached the end: neither a limit nor a violation stopped it
  std::array<InvariantResult, kInvariantCount> invariants;
  std::optional<Violation> violation;
};

// Runs the scenario's world from time 0, telling the judge everything in order of time.
//
// Arrivals stop at `scenario.duration`. What is in flight then counts as RunResult::in_flight; the
// world goes on without arrivals until the last of it has ended, to check I5, and tells the judge
// nothing more about requests. Thread-safe: runs share nothing. `scenario` must have come through
// the loader or keep to the ranges its fields name.
[[nodiscard]] RunResult run_world(const Scenario& scenario, core::Seed seed, Fidelity fidelity,
                                  const RunLimits& limits, Judge& judge);

}  // namespace evenkeel::sim
