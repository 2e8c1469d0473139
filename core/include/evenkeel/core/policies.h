// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evenkeel/core/ids.h"
#include "evenkeel/core/method.h"
#include "evenkeel/core/time.h"

// The typed configuration: plain values with the shipped defaults in place. Ranges, units and a
// sentence for every field stand once, in config/fields.h, which drives the loader, the JSON Schema
// and the documentation. A Config that came through the loader has been validated; one built by
// hand must keep to the same ranges.
namespace evenkeel::core {

using namespace std::chrono_literals;

// Where a backend listens. `host` is a name or a literal address.
struct Endpoint {
  std::string host;
  std::uint16_t port = 80;

  // "example.org:80", "[::1]:80": as a Host field says it.
  [[nodiscard]] std::string authority() const {
    const bool bare_v6 = host.find(':') != std::string::npos;
    return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct BackendPolicy {
  std::string id;  // "host:port" when the file does not say
  Endpoint endpoint;
  std::uint32_t weight = 1;  // 0: takes no new requests
  friend bool operator==(const BackendPolicy&, const BackendPolicy&) = default;
};

enum class Algorithm : std::uint8_t {
  round_robin,
  weighted_round_robin,
  least_conn,
  least_request,
  random,
};

struct BalancePolicy {
  Algorithm algorithm = Algorithm::least_request;
  std::uint32_t choice_count = 2;  // least_request only: distinct backends compared
  friend bool operator==(const BalancePolicy&, const BalancePolicy&) = default;
};

// An inclusive range of status codes, as in "200-399".
struct StatusRange {
  std::uint16_t first = 200;
  std::uint16_t last = 399;
  friend bool operator==(StatusRange, StatusRange) = default;
};

enum class CheckType : std::uint8_t { off, http, tcp };
enum class InitialState : std::uint8_t {
  healthy,    // takes traffic until checks say otherwise
  unhealthy,  // takes none until checks pass
  unchecked,  // takes none until the first result, at most one interval
};

struct HealthCheckPolicy {
  CheckType type = CheckType::http;
  std::string path = "/health";
  Duration interval = 10s;  // start to start
  Duration unhealthy_interval = 10s;
  Duration timeout = 5s;  // not above either interval: checks of a backend never overlap
  std::uint32_t unhealthy_threshold = 3;
  std::uint32_t healthy_threshold = 2;
  std::uint32_t jitter_percent = 10;  // of the interval, drawn anew for every check
  std::vector<StatusRange> expected_statuses = {StatusRange{}};
  InitialState initial_state = InitialState::healthy;
  friend bool operator==(const HealthCheckPolicy&, const HealthCheckPolicy&) = default;
};

struct OutlierDetectionPolicy {
  bool enabled = true;
  std::uint32_t consecutive_failures = 5;
  Duration interval = 10s;  // this long without ejection forgives one earlier ejection
  Duration base_ejection_time = 10s;
  Duration max_ejection_time = 300s;
  std::uint32_t ejection_jitter_percent = 10;
  std::uint32_t max_ejection_percent = 50;  // tested after the fact; never the last backend
  friend bool operator==(const OutlierDetectionPolicy&, const OutlierDetectionPolicy&) = default;
};

struct CircuitBreakerPolicy {
  bool enabled = true;
  Duration window = 10s;
  std::uint32_t consecutive_failures = 0;     // 0: off
  std::uint32_t failure_count = 0;            // in the window; 0: off
  std::uint32_t failure_rate_threshold = 50;  // percent of the window; 0: off
  std::uint32_t minimum_requests = 20;        // before the rate means anything
  Duration open_duration = 30s;               // doubles with every reopening
  Duration max_open_duration = 300s;
  std::uint32_t half_open_max_requests = 1;
  std::uint32_t half_open_successes = 2;
  friend bool operator==(const CircuitBreakerPolicy&, const CircuitBreakerPolicy&) = default;
};

// What may be retried. Connect failures: any method, as no byte of the request left. The rest: only
// RetryPolicy::methods.
struct RetryConditions {
  bool connect_failure = true;
  bool reset_before_head = true;
  bool attempt_timeout = true;
  std::vector<std::uint16_t> statuses = {502, 504};  // a 503 only without Retry-After
  friend bool operator==(const RetryConditions&, const RetryConditions&) = default;
};

struct BackoffPolicy {
  Duration initial = 25ms;  // 0: retry at once
  Duration max = 250ms;
  friend bool operator==(const BackoffPolicy&, const BackoffPolicy&) = default;
};

// retries ≤ percent/100 · requests + min_per_second · (time + interval), over any stretch of time.
struct RetryBudgetPolicy {
  bool enabled = true;
  std::uint32_t percent = 10;
  std::uint32_t min_per_second = 3;
  Duration interval = 10s;
  friend bool operator==(const RetryBudgetPolicy&, const RetryBudgetPolicy&) = default;
};

struct HedgePolicy {
  bool enabled = false;
  Duration delay = 0s;               // a second attempt starts this long after the first
  std::uint32_t budget_percent = 5;  // reserve and interval are the retry budget's
  friend bool operator==(const HedgePolicy&, const HedgePolicy&) = default;
};

struct RetryPolicy {
  std::uint32_t max_attempts = 3;  // in all; 1: no retries
  RetryConditions on;
  MethodSet methods = {Method::get, Method::head,    Method::options,
                       Method::put, Method::delete_, Method::trace};
  Duration attempt_timeout = 5s;  // to the response head
  BackoffPolicy backoff;
  std::uint64_t buffer_limit = 64 * 1024;  // bytes; a larger body is not replayable
  RetryBudgetPolicy budget;
  HedgePolicy hedge;
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};
inline constexpr std::uint32_t kMaxAttempts = 8;  // upper end of RetryPolicy::max_attempts

struct ConnectionPoolPolicy {
  std::uint32_t max_idle_per_backend = 32;
  Duration idle_timeout = 60s;
  Duration connect_timeout = 1s;
  std::uint32_t max_reuse = 0;  // requests per connection; 0: no limit
  Duration body_idle_timeout = 30s;
  friend bool operator==(const ConnectionPoolPolicy&, const ConnectionPoolPolicy&) = default;
};

struct PoolPolicy {
  std::string name;
  std::vector<BackendPolicy> backends;
  BalancePolicy balance;
  HealthCheckPolicy health_check;
  OutlierDetectionPolicy outlier_detection;
  CircuitBreakerPolicy circuit_breaker;
  RetryPolicy retry;
  ConnectionPoolPolicy connection_pool;
  friend bool operator==(const PoolPolicy&, const PoolPolicy&) = default;
};

// Empty parts match everything.
struct RouteMatch {
  std::vector<std::string> hosts;  // lower case, without port
  std::string path_prefix = "/";
  MethodSet methods;
  friend bool operator==(const RouteMatch&, const RouteMatch&) = default;
};

struct RoutePolicy {
  std::string name;
  RouteMatch match;
  PoolIndex pool{};
  Duration timeout = 15s;  // complete request head to response head, retries included
  friend bool operator==(const RoutePolicy&, const RoutePolicy&) = default;
};

struct CertificatePolicy {
  std::string cert_file;
  std::string key_file;
  friend bool operator==(const CertificatePolicy&, const CertificatePolicy&) = default;
};

struct ListenerTimeouts {
  Duration request_header = 10s;  // absolute: dribbling does not extend it
  Duration body_idle = 30s;
  Duration keepalive = 75s;
  friend bool operator==(const ListenerTimeouts&, const ListenerTimeouts&) = default;
};

struct ListenerLimits {
  std::uint64_t max_header_bytes = 64 * 1024;
  std::uint32_t max_headers = 100;
  std::uint64_t max_body_bytes = 0;  // 0: no limit, bodies stream
  std::uint64_t max_uri_bytes = 8 * 1024;
  std::uint64_t max_buffered_bytes = 64 * 1024;  // per connection and direction
  friend bool operator==(const ListenerLimits&, const ListenerLimits&) = default;
};

struct ListenerPolicy {
  std::string name;
  Endpoint address;                             // literal address; port 0: the system picks one
  std::vector<CertificatePolicy> certificates;  // empty: plaintext
  std::uint32_t max_connections = 10000;
  ListenerTimeouts timeouts;
  ListenerLimits limits;
  friend bool operator==(const ListenerPolicy&, const ListenerPolicy&) = default;
};

struct AdminPolicy {
  Endpoint address{"127.0.0.1", 9901};
  friend bool operator==(const AdminPolicy&, const AdminPolicy&) = default;
};

struct DrainPolicy {
  Duration grace = 5s;     // readiness fails this long before connections close
  Duration timeout = 30s;  // then what is left is cut
  friend bool operator==(const DrainPolicy&, const DrainPolicy&) = default;
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };

struct LoggingPolicy {
  LogLevel level = LogLevel::info;
  bool access = true;
  std::string access_file;  // "": standard output
  friend bool operator==(const LoggingPolicy&, const LoggingPolicy&) = default;
};

struct Config {
  std::uint32_t version = 1;
  AdminPolicy admin;
  std::vector<ListenerPolicy> listeners;
  // Never empty once loaded: without any, one leads to the only pool.
  std::vector<RoutePolicy> routes;
  std::vector<PoolPolicy> pools;
  DrainPolicy drain;
  LoggingPolicy logging;
  std::uint32_t workers = 1;  // more than one follows with the worker messages
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace evenkeel::core
