// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: pools. A line is all it takes to add one: the loader, configs/schema.json,
// configs/full.yaml and docs/configuration.md follow from it.
#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

void visit_fields(FieldVisitor& v, BackendPolicy& p) {
  v.scalar({"id", "What logs and metrics call it; its host:port when absent.", ""},
           name(p.id, kMaxBackendId));
  v.scalar({"url", "Where it listens: http://host:port.", "", true}, backend_url(p.endpoint));
  v.scalar({"weight", "Its share relative to the others; 0: no new requests.", ""},
           integer(p.weight, 0, 65535));
}

void visit_fields(FieldVisitor& v, BalancePolicy& p) {
  v.scalar({"algorithm",
            "How a backend is picked. least_request compares choice_count backends drawn at random "
            "and takes the one with the fewest requests in flight for its weight; p2c is that with "
            "two; least_conn compares all.",
            ""},
           choice(p.algorithm, {{"least_request", Algorithm::least_request},
                                {"p2c", Algorithm::least_request},
                                {"least_conn", Algorithm::least_conn},
                                {"round_robin", Algorithm::round_robin},
                                {"weighted_round_robin", Algorithm::weighted_round_robin},
                                {"random", Algorithm::random}}));
  v.scalar({"choice_count", "Distinct backends that least_request compares.", "backends"},
           integer(p.choice_count, 2, 64));
}

void visit_fields(FieldVisitor& v, HealthCheckPolicy& p) {
  v.scalar({"type", "http sends GET path, tcp connects.", ""},
           choice(p.type,
                  {{"http", CheckType::http}, {"tcp", CheckType::tcp}, {"off", CheckType::off}}));
  v.scalar({"path", "What an http check asks for.", ""}, url_path(p.path));
  v.scalar({"interval", "From the start of a check to the start of the next.", ""},
           duration(p.interval, 10ms, kDay));
  v.scalar({"unhealthy_interval", "The same while the backend is unhealthy.", ""},
           duration(p.unhealthy_interval, 10ms, kDay));
  v.scalar({"timeout", "Later than this the check has failed. Not above either interval.", ""},
           duration(p.timeout, kShort, kDay));
  v.scalar(
      {"unhealthy_threshold", "Failed checks in a row that make a backend unhealthy.", "checks"},
      integer(p.unhealthy_threshold, 1, 1000));
  v.scalar({"healthy_threshold", "Passed checks in a row that make it healthy again.", "checks"},
           integer(p.healthy_threshold, 1, 1000));
  v.scalar({"jitter_percent", "How far an interval varies, drawn anew for every check.", "percent"},
           integer(p.jitter_percent, 0, 100));
  v.list({"expected_statuses", "Status codes and ranges that pass.", ""},
         status_ranges(p.expected_statuses));
  v.scalar({"initial_state",
            "Before the first checks: healthy takes traffic, unhealthy takes none until checks "
            "pass, unchecked none until the first result (at most one interval).",
            ""},
           choice(p.initial_state, {{"healthy", InitialState::healthy},
                                    {"unhealthy", InitialState::unhealthy},
                                    {"unchecked", InitialState::unchecked}}));
}

void visit_fields(FieldVisitor& v, OutlierDetectionPolicy& p) {
  v.scalar({"consecutive_failures",
            "Failed requests in a row (5xx, resets, timeouts, refused connections) that eject a "
            "backend.",
            "requests"},
           integer(p.consecutive_failures, 1, kMany));
  v.scalar({"interval", "This long without ejection forgives one earlier ejection.", ""},
           duration(p.interval, 10ms, kDay));
  v.scalar(
      {"base_ejection_time", "How long the first ejection lasts; the n-th lasts n times it.", ""},
      duration(p.base_ejection_time, 10ms, kDay));
  v.scalar({"max_ejection_time", "The longest ejection.", ""},
           duration(p.max_ejection_time, 10ms, kDay));
  v.scalar({"ejection_jitter_percent", "Lengthens each ejection by up to this much.", "percent"},
           integer(p.ejection_jitter_percent, 0, 100));
  v.scalar(
      {"max_ejection_percent",
       "The share of the pool that may be ejected at once; never the last backend.", "percent"},
      integer(p.max_ejection_percent, 0, 100));
}

void visit_fields(FieldVisitor& v, CircuitBreakerPolicy& p) {
  v.scalar({"window", "How far back failures count.", ""}, duration(p.window, 100ms, 1h));
  v.scalar({"consecutive_failures", "Failures in a row that open the breaker; 0: any number.",
            "requests"},
           integer(p.consecutive_failures, 0, kMany));
  v.scalar({"failure_count", "Failures in the window that open it; 0: any number.", "requests"},
           integer(p.failure_count, 0, kMany));
  v.scalar({"failure_rate_threshold",
            "Share of failures in the window that opens it; 0: any share.", "percent"},
           integer(p.failure_rate_threshold, 0, 100));
  v.scalar(
      {"minimum_requests", "Requests in the window before that share means anything.", "requests"},
      integer(p.minimum_requests, 1, kMany));
  v.scalar({"open_duration", "How long it lets nothing through; doubles with every reopening.", ""},
           duration(p.open_duration, 10ms, kDay));
  v.scalar({"max_open_duration", "The longest it stays open.", ""},
           duration(p.max_open_duration, 10ms, kDay));
  v.scalar({"half_open_max_requests", "Trial requests in flight at once after that.", "requests"},
           integer(p.half_open_max_requests, 1, 1000));
  v.scalar({"half_open_successes", "Trial requests in a row that close it.", "requests"},
           integer(p.half_open_successes, 1, 1000));
}

void visit_fields(FieldVisitor& v, BackoffPolicy& p) {
  v.scalar({"initial", "Upper end of the first wait; doubles with every retry. 0: no wait.", ""},
           duration(p.initial, 0s, 1min));
  v.scalar({"max", "Upper end of any wait.", ""}, duration(p.max, 0s, 10min));
  v.scalar({"jitter", "full: each wait is drawn evenly from 0 to its upper end.", ""},
           constant("full"));
}

void visit_fields(FieldVisitor& v, RetryBudgetPolicy& p) {
  v.scalar({"percent", "Retries allowed for every hundred requests of the interval.", "percent"},
           integer(p.percent, 0, 100));
  v.scalar({"min_per_second", "Retries allowed in any case, so that a quiet pool may retry at all.",
            "per second"},
           integer(p.min_per_second, 0, kMany));
  v.scalar({"interval", "How far back requests and retries count.", ""},
           duration(p.interval, 100ms, 1h));
}

void visit_fields(FieldVisitor& v, HedgePolicy& p) {
  v.scalar({"enabled", "Sends a second attempt when the first is slow; the first answer wins.", ""},
           flag(p.enabled));
  v.scalar({"delay", "How long the first attempt has. Must be above 0 when enabled.", ""},
           duration(p.delay, 0s, 1h));
  v.scalar({"budget_percent", "Hedges allowed for every hundred requests.", "percent"},
           integer(p.budget_percent, 0, 100));
}

void visit_fields(FieldVisitor& v, RetryPolicy& p) {
  v.scalar({"max_attempts", "Attempts of a request in all; 1: no retries.", "attempts"},
           integer(p.max_attempts, 1, kMaxAttempts));
  v.list({"on",
          "What is retried: connect_failure (any method, as no byte was sent), and for `methods` "
          "reset_before_head, attempt_timeout and status codes (a 503 only without Retry-After).",
          ""},
         retry_conditions(p.on));
  v.list({"methods", "Requests that are safe to send twice.", ""}, methods(p.methods));
  v.scalar({"attempt_timeout",
            "From the attempt's start to the response head. Not above the route's timeout.", ""},
           duration(p.attempt_timeout, kShort, kDay));
  v.section({"backoff", "The wait before a retry.", ""}, switchable(p.backoff, [&p] {
              p.backoff.initial = 0s;
              p.backoff.max = 0s;
            }));
  v.scalar({"buffer_limit", "A larger request body is not kept, so it cannot be sent again.", ""},
           bytes(p.buffer_limit, 0, 16 * kMiB));
  v.section({"budget",
             "Bounds retries to a share of the traffic, so that an outage does not "
             "multiply it. off: no bound.",
             ""},
            switchable(p.budget));
  v.section(
      {"hedge", "Second attempts for slow requests; same methods and reserve as retries.", ""},
      switchable(p.hedge, [&p] { p.hedge = HedgePolicy{}; }));
}

void visit_fields(FieldVisitor& v, ConnectionPoolPolicy& p) {
  v.scalar({"max_idle_per_backend", "Idle connections kept for reuse.", "connections"},
           integer(p.max_idle_per_backend, 0, 65535));
  v.scalar({"idle_timeout", "An idle connection is closed after this.", ""},
           duration(p.idle_timeout, kShort, kDay));
  v.scalar({"connect_timeout", "How long a connect may take.", ""},
           duration(p.connect_timeout, kShort, 5min));
  v.scalar({"max_reuse", "Requests on one connection; 0: no limit.", "requests"},
           integer(p.max_reuse, 0, kMany * 1000));
  v.scalar({"body_idle_timeout", "The longest a body may stand still, in either direction.", ""},
           duration(p.body_idle_timeout, kShort, kDay));
}

void visit_fields(FieldVisitor& v, PoolPolicy& p) {
  v.scalar({"name", "What routes, logs and metrics call it.", "", true}, name(p.name));
  v.sections({"backends", "The servers that answer its requests.", "", true},
             elements(p.backends, 1, [](FieldVisitor& inner, BackendPolicy& backend) {
               visit_fields(inner, backend);
             }));
  v.section({"balance", "Which backend a request goes to.", ""}, section(p.balance));
  v.section({"health_check", "Asks every backend whether it works.", ""},
            switchable(p.health_check, [&p] { p.health_check.type = CheckType::off; }));
  v.section({"outlier_detection",
             "Ejects a backend whose answers fail, for a while, whatever its checks say.", ""},
            switchable(p.outlier_detection));
  v.section({"circuit_breaker",
             "Stops sending to a backend that fails, then lets a few trial requests through.", ""},
            switchable(p.circuit_breaker));
  v.section({"retry", "Other attempts for a request that failed. off: one attempt.", ""},
            switchable(p.retry, [&p] {
              p.retry.max_attempts = 1;
              p.retry.hedge = HedgePolicy{};
            }));
  v.section({"connection_pool", "Connections to its backends.", ""}, section(p.connection_pool));
}

}  // namespace evenkeel::core
