// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "evenkeel/sim/plan.h"
#include "evenkeel/sim/run.h"
#include "evenkeel/sim/samples.h"

// A scenario small enough to know by heart, and a world that needs no simulation.
namespace evenkeel::sim {

// 100 s, the first 10 not graded; four backends b-1 … b-4 of two workers, b-1 with weight 3; b-1
// crashes from 40 s to 60 s. Variant `worse`.
//
// small_file(expect, controls): with `expect` as the list of expectations and `controls` as the
// list of what must fail in `worse`.
[[nodiscard]] std::string small_file(const std::string& expect, const std::string& controls);
// The same with one expectation about failures and its control.
[[nodiscard]] std::string small_file();
// Loads such a file as "small.yaml"; ends the test program when it has errors.
[[nodiscard]] Plan small_plan(const std::string& text);

inline core::Instant at_seconds(double seconds) {
  return core::Instant(core::Duration(static_cast<std::int64_t>(seconds * 1e9)));
}
inline core::Duration milliseconds(double ms) {
  return core::Duration(static_cast<std::int64_t>(ms * 1e6));
}

// A success on backend 0 at the first attempt, scheduled at `seconds` and `ms` long.
[[nodiscard]] RequestSample request_at(double seconds, double ms);

// Ten requests a second of 20 ms each, evenly spread over the backends. Without outlier detection
// (so in `worse`) those that meet the fault fail; with it, b-1 is ejected a second after. Digests
// depend on seed, policy and fault. Stops where it is told.
[[nodiscard]] RunResult fake_world(const Scenario& scenario, core::Seed seed, Fidelity fidelity,
                                   const RunLimits& limits, Judge& judge);

}  // namespace evenkeel::sim
