// SPDX-License-Identifier: Apache-2.0
#include "sim/small_plan.h"

#include <cstdlib>
#include <iostream>

#include "evenkeel/core/random.h"
#include "evenkeel/sim/plan_loader.h"

namespace evenkeel::sim {

std::string small_file(const std::string& expect, const std::string& controls) {
  return R"(scenario: small
kind: chaos
about: A scenario for tests.
duration: 100s
warmup: 10s
seeds: [1, 2]
proxy:
  pools: [{name: main}]
world:
  backends:
  - {name: b-1, workers: 2, weight: 3, service: {mean: 20ms}}
  - {name: b-2, workers: 2, service: {mean: 20ms}}
  - {name: b-3, workers: 2, service: {mean: 20ms}}
  - {name: b-4, workers: 2, service: {mean: 20ms}}
traffic:
- {name: web, arrivals: {rate: 10}}
- {name: api, arrivals: {rate: 1}, methods: {POST: 1}}
faults:
- {kind: crash, target: b-1, at: 40s, until: 60s}
variants:
  worse: {set: {proxy.pools.main.outlier_detection: off}, control: )" +
         controls + R"(}
expect:
)" + expect;
}

std::string small_file() {
  return small_file(
      "- {id: few, metric: failures, op: \"<=\", value: 10, because: One second of the fault.}\n",
      "[few]");
}

Plan small_plan(const std::string& text) {
  auto plan = load_plan_text(text, "small.yaml");
  if (!plan) {
    std::cerr << core::to_text(plan.error());
    std::abort();
  }
  return std::move(*plan);
}

RequestSample request_at(double seconds, double ms) {
  RequestSample sample;
  sample.scheduled = at_seconds(seconds);
  sample.ended = sample.scheduled + milliseconds(ms);
  sample.service_latency = milliseconds(ms);
  sample.method = core::Method::get;
  sample.ending = Ending::success;
  sample.status = 200;
  sample.attempts = 1;
  sample.backend = 0;
  return sample;
}

RunResult fake_world(const Scenario& scenario, core::Seed seed, Fidelity fidelity,
                     const RunLimits& limits, Judge& judge) {
  const bool ejects = scenario.proxy.pools[0].outlier_detection.enabled;
  const Fault& fault = scenario.faults[0];
  RunResult result;
  for (std::uint64_t i = 0; core::Instant(milliseconds(100.0 * static_cast<double>(i))) <
                            core::Instant(scenario.duration);
       ++i) {
    RequestSample sample = request_at(static_cast<double>(i) / 10, 20);
    if (sample.scheduled >= limits.until || result.events >= limits.max_events) break;
    sample.number = i;
    sample.backend = static_cast<std::uint32_t>(i % scenario.world.backends.size());
    const bool crashed = fault.at <= sample.scheduled && sample.scheduled < fault.until;
    const bool out = ejects && sample.scheduled - fault.at >= std::chrono::seconds(1);
    if (crashed && !out) sample.ending = Ending::failed;
    judge.on_attempt({sample.scheduled, i, 0, sample.backend, 0, false});
    judge.on_request(sample);
    ++result.arrivals;
    ++result.events;
  }
  result.ended = core::Instant(scenario.duration);
  result.first_attempts = result.arrivals;
  result.complete = true;
  const std::uint64_t what = static_cast<std::uint64_t>(seed) * 8 + (ejects ? 4 : 0) +
                             (fidelity == Fidelity::wire ? 2 : 0);
  result.decisions.lanes = {
      core::mix(what + static_cast<std::uint64_t>(fault.at.time_since_epoch().count())),
      core::mix(what + 1)};
  result.trace.lanes = {core::mix(result.decisions.lanes[0] + 1), core::mix(what + result.events)};
  for (InvariantResult& invariant : result.invariants) invariant.detail = "as planned";
  return result;
}

}  // namespace evenkeel::sim
