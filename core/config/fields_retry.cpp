// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: retries, budgets and hedges. A line is all it takes to add one: the loader,
// configs/schema.json, configs/full.yaml and docs/configuration.md follow from it.
#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

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
  v.scalar(
      {"delay",
       "How long the first attempt has; 0: as long as delay_percentile of the requests take.", ""},
      duration(p.delay, 0s, 1h));
  v.scalar({"delay_percentile",
            "With delay 0: the share of the pool's recent requests that answer sooner.", "percent"},
           integer(p.delay_percentile, 50, 99));
  v.scalar({"min_delay", "With delay 0: the first attempt has at least this long.", ""},
           duration(p.min_delay, 0s, 1h));
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
  v.scalar(
      {"respect_retry_after",
       "An answer that asks to come back later is not retried, and its backend is given less.", ""},
      flag(p.respect_retry_after));
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

}  // namespace evenkeel::core
