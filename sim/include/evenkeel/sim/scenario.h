// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "evenkeel/core/ids.h"
#include "evenkeel/core/method.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

// What a world is told to be: backends, network, clients, faults and the balancer's configuration.
//
// A Scenario is a pure value. Together with a seed it determines a run completely; what is expected
// of the run is no part of it (see plan.h). Fractions are integers, so that nothing a world decides
// depends on floating point.
namespace evenkeel::sim {

// A fraction or factor in millionths.
enum class Millionths : std::uint64_t {};
inline constexpr Millionths kOne{1'000'000};
[[nodiscard]] constexpr std::uint64_t count(Millionths m) { return static_cast<std::uint64_t>(m); }

// Requests per second, in thousandths.
enum class MilliHertz : std::uint64_t {};
[[nodiscard]] constexpr std::uint64_t count(MilliHertz r) { return static_cast<std::uint64_t>(r); }

// Half-open: an instant belongs to it when from <= instant < until.
struct Window {
  core::Instant from;
  core::Instant until;
  [[nodiscard]] constexpr bool contains(core::Instant at) const { return from <= at && at < until; }
  friend bool operator==(const Window&, const Window&) = default;
};

enum class Fidelity : std::uint8_t {
  message,  // core::Balancer driven directly, one event per message
  wire,     // the real connection state machines over simulated byte streams
};

enum class Distribution : std::uint8_t { exponential, deterministic };

// How much work a request is, on a backend of speed 1.
struct ServiceModel {
  Distribution distribution = Distribution::exponential;
  core::Duration mean{};  // > 0
  friend bool operator==(const ServiceModel&, const ServiceModel&) = default;
};

inline constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

// One simulated server: a FIFO queue in front of `workers` servers.
struct BackendModel {
  std::string name;                        // also its id in the proxy's configuration
  core::BackendRef ref;                    // where it is in Scenario::proxy
  std::uint32_t workers = 1;               // ≥ 1; requests in service at once
  std::uint32_t queue_limit = kUnbounded;  // waiting requests; one more is answered 503 at once,
                                           // with Retry-After
  bool cancel = false;      // abandoned work leaves the queue or its worker; else it is done
  Millionths speed = kOne;  // > 0; service times are divided by it
  ServiceModel service;
  friend bool operator==(const BackendModel&, const BackendModel&) = default;
};

// One-way delay of a message: `latency` plus a uniform draw from [-jitter, +jitter].
struct LinkModel {
  core::Duration latency{};
  core::Duration jitter{};  // ≤ latency
  friend bool operator==(const LinkModel&, const LinkModel&) = default;
};

struct NetworkModel {
  LinkModel client;   // client ↔ balancer
  LinkModel backend;  // balancer ↔ backend, health checks included
  friend bool operator==(const NetworkModel&, const NetworkModel&) = default;
};

struct WorldModel {
  std::vector<BackendModel> backends;  // their position is "the world's index" of samples.h
  NetworkModel network;
  friend bool operator==(const WorldModel&, const WorldModel&) = default;
};

enum class ArrivalProcess : std::uint8_t {
  poisson,
  constant,  // equal gaps; the first arrival is one gap after the start
};

// The rate between two points is linear; two points at the same time are a step, for which the
// later one holds. Before the first and after the last point the rate is that point's.
struct RatePoint {
  core::Instant at;
  MilliHertz rate{};
  friend bool operator==(const RatePoint&, const RatePoint&) = default;
};

struct ArrivalModel {
  ArrivalProcess process = ArrivalProcess::poisson;
  std::vector<RatePoint> points;  // not empty, in order of time; one point: a constant rate
  friend bool operator==(const ArrivalModel&, const ArrivalModel&) = default;
};

struct MethodShare {
  core::Method method{};
  Millionths share{};
  friend bool operator==(const MethodShare&, const MethodShare&) = default;
};

inline constexpr core::Duration kPatient = core::Duration::max();

// An open-loop stream of client requests.
struct TrafficModel {
  std::string name;
  ArrivalModel arrivals;
  std::vector<MethodShare> methods;   // not empty, distinct; the shares add up to kOne
  std::uint64_t request_bytes = 0;    // body; only methods other than GET, HEAD, TRACE carry one
  std::uint64_t response_bytes = 0;   // body
  core::Duration timeout = kPatient;  // from the scheduled arrival; then the client goes away
  friend bool operator==(const TrafficModel&, const TrafficModel&) = default;
};

enum class FaultKind : std::uint8_t {
  crash,       // work in hand is lost and its connections are reset; connects are refused
  black_hole,  // packets to and from it vanish; work in hand goes on and its answers are lost
  slow,        // service takes `factor` times as long; health checks answer as before
};

// Something that befalls a backend in [at, until). A crashed backend starts empty at `until`.
struct Fault {
  FaultKind kind{};
  std::uint32_t target = 0;  // index in WorldModel::backends
  core::Instant at;
  core::Instant until = core::kNever;
  Millionths factor = kOne;  // slow only; ≥ kOne
  friend bool operator==(const Fault&, const Fault&) = default;
};

struct Scenario {
  Fidelity fidelity = Fidelity::message;
  core::Duration duration{};  // arrivals stop here. Requests in flight get no more simulated time,
                              // but I5 lets them drain first (see run.h)
  core::Config proxy;         // its pools' backends are the world's
  WorldModel world;
  std::vector<TrafficModel> traffic;
  std::vector<Fault> faults;  // in file order
  friend bool operator==(const Scenario&, const Scenario&) = default;
};

}  // namespace evenkeel::sim
