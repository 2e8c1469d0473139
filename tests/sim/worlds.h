// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "evenkeel/sim/run.h"
#include "evenkeel/sim/samples.h"
#include "evenkeel/sim/scenario.h"

// Small worlds for tests, built by hand: the scenario loader is not under test here.
namespace evenkeel::sim::testing {

using namespace std::chrono_literals;

// Keeps everything that a judge is told.
struct Witness final : Judge {
  void on_request(const RequestSample& s) override { requests.push_back(s); }
  void on_attempt(const AttemptSample& s) override { attempts.push_back(s); }
  void on_backend(const BackendSample& s) override { backends.push_back(s); }
  void on_transition(const core::Transition& t, std::uint32_t backend, std::uint32_t) override {
    transitions.push_back(t);
    transition_backends.push_back(backend);
  }
  void on_check(core::Instant, std::uint32_t, core::CheckOutcome outcome) override {
    ++checks[outcome];
  }

  [[nodiscard]] std::uint64_t count(Ending ending) const {
    std::uint64_t n = 0;
    for (const RequestSample& s : requests) n += s.ending == ending ? 1 : 0;
    return n;
  }
  // Of successes, in milliseconds.
  [[nodiscard]] double mean_service_ms() const {
    double sum = 0;
    for (const RequestSample& s : requests) sum += ms(s.service_latency);
    return sum / static_cast<double>(requests.size());
  }
  static double ms(core::Duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
  }

  std::vector<RequestSample> requests;
  std::vector<AttemptSample> attempts;
  std::vector<BackendSample> backends;
  std::vector<core::Transition> transitions;
  std::vector<std::uint32_t> transition_backends;
  std::map<core::CheckOutcome, std::uint64_t> checks;
};

inline MilliHertz per_second(std::uint64_t n) { return MilliHertz{n * 1000}; }

// `count` backends with c workers and exponential service; Poisson arrivals, 80 % GET, 20 % POST
// with a body; checks every 2 s, ejection after 5 failures, 2 retries on other backends within the
// budget.
inline Scenario world(std::uint32_t count, std::uint32_t workers, core::Duration service,
                      std::uint64_t rate, core::Duration duration,
                      core::Algorithm algorithm = core::Algorithm::least_request) {
  Scenario s;
  s.duration = duration;
  core::PoolPolicy pool;
  pool.name = "main";
  pool.balance.algorithm = algorithm;
  pool.balance.hash.on = core::HashKey::header;  // of strategies that hash: every request its own
  pool.balance.hash.name = "x-sim-request";
  pool.health_check.interval = pool.health_check.unhealthy_interval = 2s;
  pool.health_check.timeout = 1s;
  pool.health_check.jitter_percent = 0;
  pool.outlier_detection.ejection_jitter_percent = 0;
  pool.circuit_breaker.enabled = false;
  pool.retry.backoff.initial = 0s;
  pool.retry.attempt_timeout = 1s;
  for (std::uint32_t i = 0; i < count; ++i) {
    core::BackendPolicy backend;
    backend.id = "b" + std::to_string(i);
    backend.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(9000 + i)};
    pool.backends.push_back(backend);
    BackendModel model;
    model.name = backend.id;
    model.ref.backend = core::BackendIndex{i};
    model.workers = workers;
    model.service = {Distribution::exponential, service};
    s.world.backends.push_back(model);
  }
  s.proxy.pools.push_back(pool);
  core::RoutePolicy route;
  route.name = "main";
  route.timeout = 3s;
  s.proxy.routes.push_back(route);
  s.proxy.listeners.emplace_back();
  TrafficModel traffic;
  traffic.name = "web";
  traffic.arrivals.points = {{core::Instant{}, per_second(rate)}};
  traffic.methods = {{core::Method::get, Millionths{800'000}},
                     {core::Method::post, Millionths{200'000}}};
  traffic.request_bytes = 100;
  traffic.response_bytes = 1500;
  s.traffic.push_back(traffic);
  return s;
}

inline Fault fault(FaultKind kind, std::uint32_t target, core::Duration at, core::Duration until) {
  Fault f;
  f.kind = kind;
  f.target = target;
  f.at = core::Instant(at);
  f.until = core::Instant(until);
  return f;
}

inline Scenario over_a_network(Scenario s) {
  s.world.network.client = {1ms, 0ms};
  s.world.network.backend = {250us, 50us};
  return s;
}

}  // namespace evenkeel::sim::testing
