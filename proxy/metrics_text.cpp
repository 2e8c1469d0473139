// SPDX-License-Identifier: Apache-2.0
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <deque>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

#include "evenkeel/proxy/metrics.h"

namespace evenkeel::proxy {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Families in the order in which they are added; a family without a series is left out.
class Families {
 public:
  MetricFamily& family(MetricType type, std::string name, std::string help) {
    MetricFamily& added = families_.emplace_back();
    added.type = type;
    added.name = std::move(name);
    added.help = std::move(help);
    return added;
  }

  [[nodiscard]] std::string text() {
    std::vector<MetricFamily> filled;
    for (MetricFamily& family : families_) {
      if (!family.metric.empty()) filled.push_back(std::move(family));
    }
    return prometheus::TextSerializer().Serialize(filled);
  }

 private:
  std::deque<MetricFamily> families_;  // family() hands out references that stay valid
};

ClientMetric& series(MetricFamily& family, Labels labels) {
  ClientMetric& metric = family.metric.emplace_back();
  for (const auto& [name, value] : labels) {
    metric.label.push_back({std::string(name), std::string(value)});
  }
  return metric;
}

void add(MetricFamily& family, Labels labels, std::uint64_t value) {
  ClientMetric& metric = series(family, labels);
  if (family.type == MetricType::Counter) {
    metric.counter.value = static_cast<double>(value);
  } else {
    metric.gauge.value = static_cast<double>(value);
  }
}

void add(MetricFamily& family, Labels labels, const DurationHistogram& histogram) {
  using Seconds = std::chrono::duration<double>;
  ClientMetric& metric = series(family, labels);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < histogram.buckets().size(); ++i) {
    count += histogram.buckets()[i];
    const double bound = i < DurationHistogram::kBounds.size()
                             ? Seconds(DurationHistogram::kBounds[i]).count()
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({count, bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = Seconds(histogram.sum()).count();
}

// A route's requests by the pool that took them.
template <typename F>
void for_each_route(const MetricsView& view, F&& f) {
  for (std::size_t r = 0; r < view.config.routes.size(); ++r) {
    const auto& pools = view.metrics.routes()[r].pools;
    for (std::size_t p = 0; p < pools.size(); ++p) {
      if (pools[p] == nullptr) continue;
      f(std::string_view(view.config.routes[r].name), std::string_view(view.config.pools[p].name),
        *pools[p]);
    }
  }
}

// Every pool that is configured.
template <typename F>
void for_each_pool(const MetricsView& view, F&& f) {
  for (std::size_t p = 0; p < view.config.pools.size(); ++p) {
    if (view.config.pools[p].removed) continue;
    f(core::PoolIndex(p), std::string_view(view.config.pools[p].name), view.metrics.pools()[p]);
  }
}

// Every backend with the names it is known by.
template <typename F>
void for_each_backend(const MetricsView& view, F&& f) {
  for (std::size_t p = 0; p < view.config.pools.size(); ++p) {
    const core::PoolPolicy& pool = view.config.pools[p];
    for (std::size_t b = 0; b < pool.backends.size(); ++b) {
      if (pool.backends[b].removed) continue;
      const core::BackendRef ref{core::PoolIndex(p), core::BackendIndex(b)};
      f(ref, std::string_view(pool.name), std::string_view(pool.backends[b].id),
        view.metrics.pools()[p].backends[b]);
    }
  }
}

void add_requests(Families& families, const MetricsView& view) {
  auto& requests =
      families.family(MetricType::Counter, "evenkeel_requests_total",
                      "Requests that ended, by the status the client was told; code 0: "
                      "the client was told nothing.");
  for_each_route(view, [&](auto route, auto pool, const WorkerMetrics::Requests& taken) {
    for (unsigned m = 0; m < core::kMethodCount; ++m) {
      if (taken.counts[m] == nullptr) continue;
      for (std::size_t code = 0; code < WorkerMetrics::kStatuses; ++code) {
        const std::uint64_t count = (*taken.counts[m])[code];
        if (count == 0) continue;
        add(requests,
            {{"route", route},
             {"pool", pool},
             {"method", core::to_text(static_cast<core::Method>(m))},
             {"code", std::to_string(code)}},
            count);
      }
    }
  });
  auto& duration = families.family(MetricType::Histogram, "evenkeel_request_duration_seconds",
                                   "From the complete request head to the response's last byte.");
  for_each_route(view, [&](auto route, auto pool, const WorkerMetrics::Requests& taken) {
    add(duration, {{"route", route}, {"pool", pool}}, taken.duration);
  });
  auto& limited = families.family(MetricType::Counter, "evenkeel_rate_limited_total",
                                  "Requests answered 429 by a route's rate limit.");
  for (std::size_t r = 0; r < view.config.routes.size(); ++r) {
    if (view.config.routes[r].rate_limit.requests_per_second == core::Decimal{}) continue;
    add(limited, {{"route", view.config.routes[r].name}}, view.metrics.routes()[r].rate_limited);
  }
  auto& refused =
      families.family(MetricType::Counter, "evenkeel_requests_refused_total",
                      "Input that never became a request for a pool, by the status it was "
                      "answered with; code 0: by closing the connection.");
  for (std::size_t l = 0; l < view.config.listeners.size(); ++l) {
    if (view.metrics.refused()[l] == nullptr) continue;
    for (std::size_t code = 0; code < WorkerMetrics::kStatuses; ++code) {
      const std::uint64_t count = (*view.metrics.refused()[l])[code];
      if (count == 0) continue;
      add(refused, {{"listener", view.config.listeners[l].name}, {"code", std::to_string(code)}},
          count);
    }
  }
}

void add_pools(Families& families, const MetricsView& view) {
  auto& active = families.family(MetricType::Gauge, "evenkeel_active_requests",
                                 "Attempts running in a pool, connecting ones included.");
  auto& eligible = families.family(MetricType::Gauge, "evenkeel_pool_eligible_backends",
                                   "Backends that new requests may go to.");
  auto& rejected = families.family(MetricType::Counter, "evenkeel_requests_rejected_total",
                                   "Requests that were answered locally, by cause.");
  auto& retries =
      families.family(MetricType::Counter, "evenkeel_retries_total",
                      "Attempts after the first, hedges aside, by how the request ended.");
  auto& exhausted = families.family(MetricType::Counter, "evenkeel_retry_budget_exhausted_total",
                                    "Requests that were not retried for want of budget.");
  auto& hedges =
      families.family(MetricType::Counter, "evenkeel_hedges_total", "Requests that were hedged.");
  for_each_pool(view, [&](core::PoolIndex index, auto name, const WorkerMetrics::Pool& counts) {
    const core::Pool& pool = view.balancer.pool(index);
    add(active, {{"pool", name}}, pool.in_flight());
    add(eligible, {{"pool", name}}, pool.eligible_count());
    for (unsigned c = 0; c < core::kRejectCauseCount; ++c) {
      if (counts.rejected[c] == 0) continue;
      add(rejected, {{"pool", name}, {"cause", core::to_text(static_cast<core::RejectCause>(c))}},
          counts.rejected[c]);
    }
    add(retries, {{"pool", name}, {"outcome", "success"}}, counts.retries_succeeded);
    add(retries, {{"pool", name}, {"outcome", "failure"}}, counts.retries_failed);
    add(exhausted, {{"pool", name}}, counts.budget_exhausted);
    add(hedges, {{"pool", name}}, counts.hedges);
  });
}

void add_queues(Families& families, const MetricsView& view) {
  auto& depth = families.family(MetricType::Gauge, "evenkeel_queue_depth",
                                "Requests that wait for a backend with room.");
  auto& wait = families.family(MetricType::Histogram, "evenkeel_queue_wait_seconds",
                               "How long requests waited, of those that had to.");
  auto& shed = families.family(MetricType::Counter, "evenkeel_queue_shed_total",
                               "Requests turned away for want of room: queue_full, queue_timeout; "
                               "and by overload: shed.");
  auto& limit = families.family(MetricType::Gauge, "evenkeel_concurrency_limit",
                                "Requests a pool may have in flight, as adaptive_concurrency "
                                "found it.");
  for_each_pool(view, [&](core::PoolIndex index, auto name, const WorkerMetrics::Pool& counts) {
    add(depth, {{"pool", name}}, view.balancer.queue_depth(index));
    add(wait, {{"pool", name}}, counts.queue_wait);
    for (const auto cause : {core::RejectCause::queue_full, core::RejectCause::queue_timeout,
                             core::RejectCause::shed}) {
      add(shed, {{"pool", name}, {"reason", core::to_text(cause)}},
          counts.rejected[static_cast<std::size_t>(cause)]);
    }
    if (view.config.pools[core::index(index)].adaptive_concurrency.enabled) {
      add(limit, {{"pool", name}}, view.balancer.admission(index).adaptive().limit());
    }
  });
}

void add_panics(Families& families, const MetricsView& view) {
  auto& panic =
      families.family(MetricType::Gauge, "evenkeel_pool_panic",
                      "1 while too few backends are healthy, so that requests go to all.");
  auto& begun =
      families.family(MetricType::Counter, "evenkeel_pool_panics_total", "Times that panic began.");
  auto& picks = families.family(MetricType::Counter, "evenkeel_panic_requests_total",
                                "Requests that went to a backend whatever its health.");
  for_each_pool(view, [&](core::PoolIndex index, auto name, const WorkerMetrics::Pool& counts) {
    add(panic, {{"pool", name}}, view.balancer.pool(index).panic() ? 1 : 0);
    add(begun, {{"pool", name}}, counts.panics);
    add(picks, {{"pool", name}}, counts.panic_picks);
  });
}

void add_sessions(Families& families, const MetricsView& view) {
  auto& sessions =
      families.family(MetricType::Gauge, "evenkeel_sessions", "Sessions that are remembered here.");
  for_each_pool(view, [&](core::PoolIndex index, auto name, const WorkerMetrics::Pool&) {
    const core::SessionPolicy& session = view.config.pools[core::index(index)].session;
    if (session.mode == core::SessionMode::none) return;
    add(sessions, {{"pool", name}, {"store", "memory"}}, view.balancer.sessions(index));
  });
}

void add_backend_counters(Families& families, const MetricsView& view) {
  auto& requests = families.family(MetricType::Counter, "evenkeel_backend_requests_total",
                                   "Requests by the backend that answered, or that failed last "
                                   "(code_class none).");
  constexpr std::string_view kClassNames[WorkerMetrics::kClasses] = {"none", "1xx", "2xx",
                                                                     "3xx",  "4xx", "5xx"};
  for_each_backend(view, [&](core::BackendRef, auto pool, auto backend, const auto& counts) {
    for (std::size_t c = 0; c < WorkerMetrics::kClasses; ++c) {
      if (counts.requests[c] == 0) continue;
      add(requests, {{"pool", pool}, {"backend", backend}, {"code_class", kClassNames[c]}},
          counts.requests[c]);
    }
  });
  auto& ejections = families.family(MetricType::Counter, "evenkeel_outlier_ejections_total",
                                    "Ejections by outlier detection.");
  auto& breakers =
      families.family(MetricType::Counter, "evenkeel_circuit_breaker_transitions_total",
                      "Changes of a circuit breaker, by the state entered.");
  auto& health = families.family(MetricType::Counter, "evenkeel_health_transitions_total",
                                 "Changes of a backend's active health, by the state entered.");
  for_each_backend(view, [&](core::BackendRef, auto pool, auto backend, const auto& counts) {
    for (std::size_t r = 0; r < WorkerMetrics::kReasons; ++r) {
      if (counts.ejections[r] == 0) continue;
      add(ejections,
          {{"pool", pool},
           {"backend", backend},
           {"reason", core::to_text(static_cast<core::TransitionReason>(r))},
           {"enforced", "true"}},
          counts.ejections[r]);
    }
    for (unsigned s = 0; s < 3; ++s) {
      if (counts.breaker_transitions[s] > 0) {
        add(breakers,
            {{"pool", pool},
             {"backend", backend},
             {"to", core::to_text(static_cast<core::BreakerState>(s))}},
            counts.breaker_transitions[s]);
      }
      if (counts.health_transitions[s] > 0) {
        add(health,
            {{"pool", pool},
             {"backend", backend},
             {"to", core::to_text(static_cast<core::HealthState>(s))}},
            counts.health_transitions[s]);
      }
    }
  });
}

void add_backend_states(Families& families, const MetricsView& view) {
  auto& active = families.family(MetricType::Gauge, "evenkeel_backend_active_requests",
                                 "Attempts running on a backend, connecting ones included.");
  for_each_backend(view, [&](core::BackendRef ref, auto pool, auto backend, const auto&) {
    add(active, {{"pool", pool}, {"backend", backend}},
        view.balancer.pool(ref.pool).load(ref.backend).in_flight);
  });
  auto& state = families.family(MetricType::Gauge, "evenkeel_backend_state",
                                "1 for the states a backend is in: its active health, whether it "
                                "is ejected, and how it stands, which eligible is only one of.");
  for_each_backend(view, [&](core::BackendRef ref, auto pool, auto backend, const auto&) {
    const core::PoolHome& home = view.balancer.home(ref.pool);
    const auto set = [&](std::string_view name, bool on) {
      add(state, {{"pool", pool}, {"backend", backend}, {"state", name}}, on ? 1 : 0);
    };
    for (unsigned s = 0; s < 3; ++s) {
      const auto health = static_cast<core::HealthState>(s);
      set(core::to_text(health), home.health(ref.backend) == health);
    }
    set("ejected", home.ejected(ref.backend));
    const core::Standing standing = home.standing(ref.backend);
    for (const auto other : {core::Standing::breaker_open, core::Standing::draining,
                             core::Standing::down, core::Standing::eligible}) {
      set(core::to_text(other), standing == other);
    }
  });
  auto& breaker = families.family(MetricType::Gauge, "evenkeel_circuit_breaker_state",
                                  "1 for the state a backend's circuit breaker is in.");
  for_each_backend(view, [&](core::BackendRef ref, auto pool, auto backend, const auto&) {
    const core::BreakerState is = view.balancer.home(ref.pool).breaker(ref.backend);
    for (unsigned s = 0; s < 3; ++s) {
      const auto candidate = static_cast<core::BreakerState>(s);
      add(breaker, {{"pool", pool}, {"backend", backend}, {"state", core::to_text(candidate)}},
          is == candidate ? 1 : 0);
    }
  });
  auto& weight = families.family(MetricType::Gauge, "evenkeel_backend_weight",
                                 "A backend's weight as configured; effective: with its slow "
                                 "start, as of the last pick.");
  for_each_backend(view, [&](core::BackendRef ref, auto pool, auto backend, const auto&) {
    const core::Pool& of = view.balancer.pool(ref.pool);
    add(weight, {{"pool", pool}, {"backend", backend}, {"kind", "configured"}},
        view.config.pools[core::index(ref.pool)].backends[core::index(ref.backend)].weight);
    ClientMetric& effective =
        series(weight, {{"pool", pool}, {"backend", backend}, {"kind", "effective"}});
    effective.gauge.value = static_cast<double>(of.load(ref.backend).weight) / of.weight_scale();
  });
}

void add_connections(Families& families, const MetricsView& view) {
  const net::PipelineCounts& counts = view.connections;
  add(families.family(MetricType::Gauge, "evenkeel_downstream_connections",
                      "Client connections open."),
      {}, counts.client_connections);
  add(families.family(MetricType::Counter, "evenkeel_downstream_connections_total",
                      "Client connections accepted."),
      {}, counts.accepted);
  auto& upstream = families.family(MetricType::Gauge, "evenkeel_upstream_connections",
                                   "Connections to backends.");
  add(upstream, {{"state", "active"}},
      counts.backend_connections - counts.idle_backend_connections);
  add(upstream, {{"state", "idle"}}, counts.idle_backend_connections);
  add(families.family(MetricType::Counter, "evenkeel_upstream_connects_total",
                      "Connections to backends begun."),
      {}, counts.connects);
  add(families.family(MetricType::Counter, "evenkeel_upstream_reuses_total",
                      "Attempts that reused an idle connection."),
      {}, counts.reuses);
  add(families.family(
          MetricType::Gauge, "evenkeel_buffered_bytes",
          "Bytes held for requests that may be sent again, incomplete heads and unwritten "
          "tails."),
      {}, counts.buffered_bytes);
  auto& rejected =
      families.family(MetricType::Counter, "evenkeel_connections_rejected_total",
                      "Client connections closed at once (max_connections), and pauses of "
                      "accepting for want of descriptors or memory (resources).");
  add(rejected, {{"reason", "max_connections"}}, view.accepts.over_limit);
  add(rejected, {{"reason", "resources"}}, view.accepts.out_of_resources);
  add(families.family(MetricType::Counter, "evenkeel_access_log_dropped_total",
                      "Lines of the access log dropped because the file did not keep up."),
      {}, view.access_log_dropped);
  ClientMetric& pressure =
      series(families.family(MetricType::Gauge, "evenkeel_overload_pressure_ratio",
                             "How much of what may be used is used; see overload."),
             {{"resource", "memory"}});
  pressure.gauge.value = view.memory_pressure / 1000.0;
}

}  // namespace

std::string metrics_text(const MetricsView& view) {
  Families families;
  add(families.family(MetricType::Gauge, "evenkeel_build_info", "1; the version is in the label."),
      {{"version", EVENKEEL_VERSION}}, 1);
  add_requests(families, view);
  add_pools(families, view);
  add_queues(families, view);
  add_panics(families, view);
  add_sessions(families, view);
  add_backend_counters(families, view);
  add_backend_states(families, view);
  add_connections(families, view);
  return families.text();
}

}  // namespace evenkeel::proxy
