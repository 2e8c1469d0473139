// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/metrics.h"

#include <algorithm>
#include <array>

#include "metric_makers.h"

namespace evenkeel::sim {
namespace {

Figure quotient(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}
Figure per_second(std::uint64_t events, double seconds) {
  return static_cast<double>(events) / seconds;
}
Figure total(std::uint64_t value) { return static_cast<double>(value); }

// ---- one function a metric ----------------------------------------------------------------------

Figure requests(const RequestTotals& t) { return total(t.ended); }
Figure responses(const RequestTotals& t) { return total(t.answered); }
Figure failures(const RequestTotals& t) { return total(t.failed); }
Figure success_ratio(const RequestTotals& t) { return quotient(t.succeeded, t.ended); }
Figure goodput_share(const RequestTotals& t) { return quotient(t.succeeded, t.attempted); }
Figure goodput_per_second(const RequestTotals& t) { return per_second(t.succeeded, t.seconds); }
Figure rejected_share(const RequestTotals& t) { return quotient(t.rejected, t.ended); }
Figure attempts_per_request(const RequestTotals& t) { return quotient(t.attempts, t.attempted); }

Figure retries(const AttemptTotals& t) { return total(t.retries); }
Figure retry_share(const AttemptTotals& t) { return quotient(t.retries, t.first); }
Figure hedges(const AttemptTotals& t) { return total(t.hedges); }
Figure hedge_share(const AttemptTotals& t) { return quotient(t.hedges, t.first); }
Figure share(const AttemptTotals& t) { return quotient(t.here, t.all); }

Figure ejections(const VerdictTotals& t) { return total(t.ejections); }
Figure health_transitions(const VerdictTotals& t) { return total(t.health_changes); }
Figure breaker_opens(const VerdictTotals& t) { return total(t.breaker_opens); }
Figure checks_per_second(const VerdictTotals& t) { return per_second(t.checks, t.seconds); }

// ---- makers -------------------------------------------------------------------------------------

template <OfRequests kFigure>
std::unique_ptr<Accumulator> of_requests(const MeasureContext& context) {
  return count_requests(context, kFigure);
}
template <OfAttempts kFigure>
std::unique_ptr<Accumulator> of_attempts(const MeasureContext& context) {
  return count_attempts(context, kFigure);
}
template <OfVerdicts kFigure>
std::unique_ptr<Accumulator> of_verdicts(const MeasureContext& context) {
  return count_verdicts(context, kFigure);
}
template <Invariant kInvariant>
std::unique_ptr<Accumulator> of_invariant(const MeasureContext& context) {
  return make_invariant(context, kInvariant);
}
std::unique_ptr<Accumulator> latency_mean(const MeasureContext& context) {
  return make_latency(context, {true});
}
template <std::uint64_t kNumerator, std::uint64_t kDenominator>
std::unique_ptr<Accumulator> latency(const MeasureContext& context) {
  return make_latency(context, {false, kNumerator, kDenominator});
}
std::unique_ptr<Accumulator> service_mean(const MeasureContext& context) {
  return make_service_latency(context, {true});
}
template <std::uint64_t kNumerator, std::uint64_t kDenominator>
std::unique_ptr<Accumulator> service(const MeasureContext& context) {
  return make_service_latency(context, {false, kNumerator, kDenominator});
}

// ---- the table ----------------------------------------------------------------------------------

constexpr unsigned kBackend = bit(WhereKey::backend);
constexpr unsigned kKind = bit(WhereKey::kind);
constexpr unsigned kOfRequests =
    bit(WhereKey::method) | bit(WhereKey::status) | kBackend | bit(WhereKey::traffic);

constexpr Metric row(std::string_view name, Unit unit, std::string_view meaning,
                     unsigned where_keys, Hears hears, Maker make) {
  return {name, unit, meaning, where_keys, 0, false, hears, make};
}
constexpr Metric requests_row(std::string_view name, Unit unit, std::string_view meaning,
                              Maker make) {
  return row(name, unit, meaning, kOfRequests, Hears::requests, make);
}
constexpr Metric latency_row(std::string_view name, std::string_view meaning, Maker make) {
  return requests_row(name, Unit::duration, meaning, make);
}
constexpr Metric fault_row(std::string_view name, std::string_view meaning, unsigned where_keys,
                           unsigned needs, Hears hears, Maker make) {
  return {name, Unit::duration, meaning, where_keys, needs, true, hears, make};
}
constexpr Metric invariant_row(std::string_view name, Maker make) {
  return row(name, Unit::count, "1 when the invariant held over the whole run, else 0", 0,
             Hears::nothing, make);
}

constexpr auto kMetrics = std::to_array<Metric>({
    requests_row("requests", Unit::count, "requests that ended", of_requests<requests>),
    requests_row("responses", Unit::count, "requests answered with a status",
                 of_requests<responses>),
    requests_row("failures", Unit::count, "requests that failed; shed load is not among them",
                 of_requests<failures>),
    requests_row("success_ratio", Unit::ratio, "successes per request that ended",
                 of_requests<success_ratio>),
    requests_row("goodput_share", Unit::ratio, "successes per first attempt",
                 of_requests<goodput_share>),
    requests_row("goodput_per_second", Unit::per_second, "successes per second",
                 of_requests<goodput_per_second>),
    requests_row("rejected_share", Unit::ratio, "shed requests per request that ended",
                 of_requests<rejected_share>),
    requests_row("attempts_per_request", Unit::ratio, "attempts per request that got one",
                 of_requests<attempts_per_request>),

    latency_row("latency_mean", "of the client's latency, rejected requests left out",
                latency_mean),
    latency_row("latency_p50", "of the client's latency", latency<50, 100>),
    latency_row("latency_p90", "of the client's latency", latency<90, 100>),
    latency_row("latency_p98", "of the client's latency", latency<98, 100>),
    latency_row("latency_p99", "of the client's latency", latency<99, 100>),
    latency_row("latency_p999", "of the client's latency", latency<999, 1000>),
    latency_row("latency_max", "of the client's latency", latency<1, 1>),
    latency_row("service_latency_mean", "queueing and service of successes, without the network",
                service_mean),
    latency_row("service_latency_p50", "of queueing and service", service<50, 100>),
    latency_row("service_latency_p90", "of queueing and service", service<90, 100>),
    latency_row("service_latency_p98", "of queueing and service", service<98, 100>),
    latency_row("service_latency_p99", "of queueing and service", service<99, 100>),
    latency_row("service_latency_p999", "of queueing and service", service<999, 1000>),
    latency_row("service_latency_max", "of queueing and service", service<1, 1>),

    row("retries", Unit::count, "attempts after the first, hedges left out", kBackend,
        Hears::attempts, of_attempts<retries>),
    row("retry_share", Unit::ratio, "retries per first attempt", kBackend, Hears::attempts,
        of_attempts<retry_share>),
    row("hedges", Unit::count, "second attempts started without waiting for the first", kBackend,
        Hears::attempts, of_attempts<hedges>),
    row("hedge_share", Unit::ratio, "hedges per first attempt", kBackend, Hears::attempts,
        of_attempts<hedge_share>),
    {"share", Unit::ratio, "the backend's part of all attempts", kBackend, kBackend, false,
     Hears::attempts, of_attempts<share>},
    row("imbalance", Unit::ratio, "the largest ratio of a backend's attempts to its part by weight",
        0, Hears::attempts, make_imbalance),

    row("ejections", Unit::count, "times a backend was ejected", kBackend, Hears::transitions,
        of_verdicts<ejections>),
    row("health_transitions", Unit::count, "changes of the verdict of health checks", kBackend,
        Hears::transitions, of_verdicts<health_transitions>),
    row("breaker_opens", Unit::count, "times a circuit breaker opened", kBackend,
        Hears::transitions, of_verdicts<breaker_opens>),
    row("checks_per_second", Unit::per_second, "health checks that ended, per second", kBackend,
        Hears::checks, of_verdicts<checks_per_second>),
    fault_row("detection_time", "from the fault to the backend's being taken out", kBackend | kKind,
              kBackend, Hears::transitions, make_detection_time),
    fault_row("resume_time", "from the fault's end to the first attempt on the backend", kBackend,
              kBackend, Hears::attempts, make_resume_time),
    fault_row("recovery_time",
              "from the fault's end to ten good seconds: goodput share of 99 % and p99 at most "
              "twice that before the first fault",
              kBackend, 0, Hears::requests, make_recovery_time),

    row("queue_length_mean", Unit::count, "requests waiting at a backend, over time and backends",
        kBackend, Hears::backends, make_queue_length),
    row("utilisation", Unit::ratio, "busy workers, over time and backends", kBackend,
        Hears::backends, make_utilisation),
    row("in_flight_max", Unit::count, "most requests a backend had in service and waiting",
        kBackend, Hears::backends, make_in_flight_max),
    row("half_open_in_flight_max", Unit::count,
        "most requests a backend had in hand while its breaker was half-open", kBackend,
        Hears::backends | Hears::transitions, make_half_open_in_flight_max),

    row("double_deliveries", Unit::count, "non-idempotent requests begun twice, in the whole run",
        0, Hears::nothing, make_double_deliveries),
    invariant_row("I1", of_invariant<Invariant::conservation>),
    invariant_row("I2", of_invariant<Invariant::single_delivery>),
    invariant_row("I3", of_invariant<Invariant::retry_bound>),
    invariant_row("I4", of_invariant<Invariant::obedience>),
    invariant_row("I5", of_invariant<Invariant::no_leak>),
    invariant_row("I6", of_invariant<Invariant::causality>),
    invariant_row("I7", of_invariant<Invariant::attempt_bound>),
});

std::string status_text(StatusSpan status) {
  if (status.first == status.last) return std::to_string(status.first);
  return std::to_string(status.first / 100) + "xx";
}

}  // namespace

std::span<const Metric> metrics() { return kMetrics; }

const Metric* find_metric(std::string_view name) {
  const auto found = std::find_if(kMetrics.begin(), kMetrics.end(),
                                  [name](const Metric& metric) { return metric.name == name; });
  return found == kMetrics.end() ? nullptr : &*found;
}

std::string to_text(const Where& where) {
  std::string text;
  const auto add = [&text](const std::string& part) {
    if (!text.empty()) text += ", ";
    text += part;
  };
  if (where.method) add(std::string(core::to_text(*where.method)));
  if (where.status) add("status " + status_text(*where.status));
  if (!where.backend.empty()) add("backend " + where.backend);
  if (!where.traffic.empty()) add("traffic " + where.traffic);
  if (where.kind == Detection::active) add("active");
  if (where.kind == Detection::passive) add("passive");
  return text;
}

std::optional<std::uint32_t> backend_named(const Scenario& scenario, std::string_view name) {
  const auto& backends = scenario.world.backends;
  for (std::uint32_t i = 0; i < backends.size(); ++i) {
    if (backends[i].name == name) return i;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> traffic_named(const Scenario& scenario, std::string_view name) {
  for (std::uint32_t i = 0; i < scenario.traffic.size(); ++i) {
    if (scenario.traffic[i].name == name) return i;
  }
  return std::nullopt;
}

const Fault* fault_of(const Scenario& scenario, const Where& where, const Window& window) {
  const auto target = backend_named(scenario, where.backend);
  const Fault* found = nullptr;
  for (const Fault& fault : scenario.faults) {
    if (!window.contains(fault.at)) continue;
    if (!where.backend.empty() && fault.target != target) continue;
    if (found != nullptr) return nullptr;
    found = &fault;
  }
  return found;
}

}  // namespace evenkeel::sim
