// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: health checks, outlier detection, circuit breakers. A line is all it takes
// to add one: the loader, configs/schema.json, configs/full.yaml and docs/configuration.md follow
// from it.
#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

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
  v.scalar(
      {"relax_factor",
       "Stretches the interval by this much while requests prove the backend well; 1: never.", ""},
      integer(p.relax_factor, 1, 100));
}

void visit_fields(FieldVisitor& v, SuccessRatePolicy& p) {
  v.scalar({"method",
            "What is usual: mad takes the median and its absolute deviation, which half of the "
            "pool may spoil without effect; stddev the mean and standard deviation.",
            ""},
           choice(p.method, {{"mad", SuccessRateMethod::mad},
                             {"stddev", SuccessRateMethod::stddev},
                             {"off", SuccessRateMethod::off}}));
  v.scalar({"factor", "Deviations below what is usual that eject.", "deviations"},
           decimal(p.factor, Decimal{100}, Decimal{100'000}));
  v.scalar({"min_deviation_percent", "A success rate this close to what is usual never ejects.",
            "percentage points"},
           integer(p.min_deviation_percent, 0, 100));
  v.scalar(
      {"minimum_hosts", "Backends with enough requests before anyone is compared.", "backends"},
      integer(p.minimum_hosts, 1, kMany));
  v.scalar({"request_volume", "What is enough: requests in the interval.", "requests"},
           integer(p.request_volume, 1, kMany));
}

void visit_fields(FieldVisitor& v, FailurePercentagePolicy& p) {
  v.scalar({"threshold", "Failures of the interval that eject; 0: off.", "percent"},
           integer(p.threshold, 0, 100));
  v.scalar({"minimum_hosts", "Backends with enough requests before anyone is ejected.", "backends"},
           integer(p.minimum_hosts, 1, kMany));
  v.scalar({"request_volume", "What is enough: requests in the interval.", "requests"},
           integer(p.request_volume, 1, kMany));
}

void visit_fields(FieldVisitor& v, LatencyOutlierPolicy& p) {
  v.scalar(
      {"factor", "How many times slower than the median backend, by the 90th percentile; 0: off.",
       "times"},
      decimal(p.factor, Decimal{0}, Decimal{1'000'000}));
  v.scalar({"minimum", "A backend faster than this is never too slow.", ""},
           duration(p.minimum, 0s, 1h));
  v.scalar(
      {"minimum_hosts", "Backends with enough requests before anyone is compared.", "backends"},
      integer(p.minimum_hosts, 1, kMany));
  v.scalar({"request_volume", "What is enough: requests in the interval.", "requests"},
           integer(p.request_volume, 1, kMany));
}

void visit_fields(FieldVisitor& v, OutlierDetectionPolicy& p) {
  v.scalar({"consecutive_failures",
            "Failed requests in a row (5xx, resets, timeouts, refused connections) that eject a "
            "backend; 0: any number.",
            "requests"},
           integer(p.consecutive_failures, 0, kMany));
  v.scalar({"consecutive_gateway_failures",
            "The same, counting only 502, 503, 504 and requests without an answer; 0: any number.",
            "requests"},
           integer(p.consecutive_gateway_failures, 0, kMany));
  v.scalar(
      {"interval",
       "How often backends are compared with each other; and this long without ejection forgives "
       "one earlier ejection.",
       ""},
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
  v.scalar({"uneject_on_active_success", "A passed health check ends an ejection.", ""},
           flag(p.uneject_on_active_success));
  v.section({"success_rate", "Ejects who succeeds much less often than the others.", ""},
            switchable(p.success_rate, [&p] { p.success_rate.method = SuccessRateMethod::off; }));
  v.section(
      {"failure_percentage", "Ejects who fails more often than this, whatever the others do.", ""},
      switchable(p.failure_percentage, [&p] { p.failure_percentage.threshold = 0; }));
  v.section({"latency", "Ejects who is many times slower than the others.", ""},
            switchable(p.latency, [&p] { p.latency.factor = Decimal{0}; }));
  v.section({"sinkhole",
             "A backend that answers much faster than the others, with shorter bodies, is probably "
             "failing: it earns no extra traffic by it.",
             ""},
            section_of(
                [&p](FieldVisitor& inner) {
                  inner.scalar(
                      {"factor", "How many times faster than the median backend; 0: off.", "times"},
                      decimal(p.sinkhole_factor, Decimal{0}, Decimal{1'000'000}));
                },
                [&p] { p.sinkhole_factor = Decimal{0}; }));
}

void visit_fields(FieldVisitor& v, CircuitBreakerPolicy& p, const Pools& pools) {
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
  v.scalar({"slow_call_duration", "An answer whose head takes longer is slow; 0: none is.", ""},
           duration(p.slow_call_duration, 0s, 1h));
  v.scalar(
      {"slow_call_rate_threshold", "Share of slow answers in the window that opens it.", "percent"},
      integer(p.slow_call_rate_threshold, 1, 100));
  v.scalar({"open_duration", "How long it lets nothing through; doubles with every reopening.", ""},
           duration(p.open_duration, 10ms, kDay));
  v.scalar({"max_open_duration", "The longest it stays open.", ""},
           duration(p.max_open_duration, 10ms, kDay));
  v.scalar({"half_open_max_requests", "Trial requests in flight at once after that.", "requests"},
           integer(p.half_open_max_requests, 1, 1000));
  v.scalar({"half_open_successes", "Trial requests in a row that close it.", "requests"},
           integer(p.half_open_successes, 1, 1000));
  v.scalar({"fallback_pool",
            "The name of a pool that takes the requests while no backend of this one does.", ""},
           pool_by_name(p.fallback_pool, pools));
}

}  // namespace evenkeel::core
