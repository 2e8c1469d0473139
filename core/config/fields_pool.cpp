// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: pools. A line is all it takes to add one: the loader,
// configs/schema.json, configs/full.yaml and docs/configuration.md follow from it.
#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

void visit_fields(FieldVisitor& v, BackendPolicy& p) {
  v.scalar({"id", "What logs and metrics call it; its host:port when absent.", ""},
           name(p.id, kMaxBackendId));
  v.scalar({"url", "Where it listens: http://host:port.", "", true}, backend_url(p.endpoint));
  v.scalar({"weight", "Its share relative to the others; 0: no new requests.", ""},
           integer(p.weight, 0, 65535));
  v.scalar({"zone", "Where it runs, for `zones`.", ""}, optional_name(p.zone));
  v.scalar(
      {"priority", "0 is asked first; higher numbers while those below cannot take it all.", ""},
      integer(p.priority, 0, 15));
  v.scalar({"max_requests", "In flight at once; 0: what the pool's `limits` say.", "requests"},
           integer(p.max_requests, 0, kMany));
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

static void visit_switches(FieldVisitor& v, PoolPolicy& p, const Pools& pools) {
  v.section({"health_check", "Asks every backend whether it works.", ""},
            switchable(p.health_check, [&p] { p.health_check.type = CheckType::off; }));
  v.section({"outlier_detection",
             "Ejects a backend whose answers fail, for a while, whatever its checks say.", ""},
            switchable(p.outlier_detection));
  Section breaker = section_of(
      [&p, &pools](FieldVisitor& inner) { visit_fields(inner, p.circuit_breaker, pools); },
      [&p] {
        p.circuit_breaker = CircuitBreakerPolicy{};
        p.circuit_breaker.enabled = false;
      });
  breaker.is_off = [&p] { return !p.circuit_breaker.enabled; };
  v.section({"circuit_breaker",
             "Stops sending to a backend that fails, then lets a few trial requests through.", ""},
            breaker);
  v.section({"limits",
             "How much a backend is given at once; requests beyond it wait for a free one. off: no "
             "limit.",
             ""},
            switchable(p.limits, [&p] {
              p.limits.max_connections = p.limits.max_requests = p.limits.max_pending = 0;
              p.limits.pool = PoolLimits{};
            }));
  v.section({"adaptive_concurrency", "A limit for the pool that follows its response times.", ""},
            switchable(p.adaptive_concurrency,
                       [&p] { p.adaptive_concurrency = AdaptiveConcurrencyPolicy{}; }));
  v.section({"retry", "Other attempts for a request that failed. off: one attempt.", ""},
            switchable(p.retry, [&p] {
              p.retry.max_attempts = 1;
              p.retry.hedge = HedgePolicy{};
            }));
  v.section({"session", "Keeps a client on one backend.", ""},
            switchable(p.session, [&p] { p.session = SessionPolicy{}; }));
}

void visit_fields(FieldVisitor& v, PoolPolicy& p, const Pools& pools) {
  v.scalar({"name", "What routes, logs and metrics call it.", "", true}, name(p.name));
  v.sections({"backends", "The servers that answer its requests.", "", true},
             elements(p.backends, 1, kMaxBackends, [](FieldVisitor& inner, BackendPolicy& backend) {
               visit_fields(inner, backend);
             }));
  v.section({"balance", "Which backend a request goes to.", ""}, section(p.balance));
  visit_switches(v, p, pools);
  v.section({"connection_pool", "Connections to its backends.", ""}, section(p.connection_pool));
}

}  // namespace evenkeel::core
