// SPDX-License-Identifier: Apache-2.0
//
// What is valid in a pool but cannot have been meant: warnings.
#include <algorithm>
#include <initializer_list>

#include "findings.h"

namespace evenkeel::core {
namespace {

// Beyond these a slip of a unit is likelier than a wish. A backend that failed a few times and is
// parked for hours because of it is an outage of its own.
constexpr Duration kLongParking = 1h;
constexpr Duration kLongCheckInterval = 10min;
constexpr Duration kLongWait = 10min;

class PoolDoubts {
 public:
  PoolDoubts(Findings& findings, const Config& config, std::size_t pool)
      : findings_(findings),
        config_(config),
        pool_(config.pools[pool]),
        path_(element("pools", pool)) {}

  void run() {
    doubt_balance();
    doubt_weights();
    doubt_zones();
    doubt_checks();
    doubt_times();
    doubt_detectors();
    doubt_moot_limits();
    doubt_session();
  }

 private:
  void moot(bool is_set, const std::string& key, const std::string& why) {
    if (is_set) findings_.add({path_ + "." + key}, "has no effect: " + why);
  }

  void long_time(const std::string& key, Duration value, Duration usual,
                 const std::string& consequence) {
    if (value <= usual) return;
    findings_.add({path_ + "." + key}, format_duration(value) + " is very long: " + consequence);
  }

  [[nodiscard]] bool is_one_of(std::initializer_list<Algorithm> algorithms) const {
    return std::find(algorithms.begin(), algorithms.end(), pool_.balance.algorithm) !=
           algorithms.end();
  }

  void doubt_balance() {
    const BalancePolicy& balance = pool_.balance;
    const BalancePolicy usual;
    const bool compares =
        is_one_of({Algorithm::least_request, Algorithm::peak_ewma, Algorithm::score});
    moot(balance.choice_count != usual.choice_count && !compares, "balance.choice_count",
         "only least_request, peak_ewma and score compare a number of backends");
    moot(balance.active_request_bias != usual.active_request_bias &&
             !is_one_of({Algorithm::least_request}),
         "balance.active_request_bias", "it is for least_request");
    moot(!(balance.ewma == usual.ewma) && !is_one_of({Algorithm::peak_ewma, Algorithm::score}),
         "balance.ewma", "it is for peak_ewma and score");
    const HashPolicy& hash = balance.hash;
    if (!is_hashing(balance.algorithm)) {
      moot(!(hash == usual.hash), "balance.hash", "it is for ring_hash, maglev and rendezvous");
      return;
    }
    moot(!hash.name.empty() && hash.on != HashKey::header && hash.on != HashKey::cookie,
         "balance.hash.name", "hash.on names neither a header nor a cookie");
    moot(hash.table_size != usual.hash.table_size && !is_one_of({Algorithm::maglev}),
         "balance.hash.table_size", "it is for maglev");
    moot(hash.minimum_ring_size != usual.hash.minimum_ring_size &&
             !is_one_of({Algorithm::ring_hash}),
         "balance.hash.minimum_ring_size", "it is for ring_hash");
  }

  // Weights above 0 that are not all the same mean something to most algorithms.
  void doubt_weights() {
    const bool deaf = is_one_of({Algorithm::round_robin, Algorithm::first});
    std::uint32_t one = 0;
    for (std::size_t i = 0; deaf && i < pool_.backends.size(); ++i) {
      const std::uint32_t weight = pool_.backends[i].weight;
      if (weight == 0) continue;
      if (one == 0) one = weight;
      if (weight == one) continue;
      findings_.add({path_ + "." + element("backends", i) + ".weight",
                     path_ + "." + element("backends", i), path_ + ".balance.algorithm"},
                    "round_robin and first ignore weights: weighted_round_robin does not");
      break;
    }
    const bool keeps = is_hashing(pool_.balance.algorithm);
    if (pool_.balance.slow_start.window == 0s || !(deaf || keeps)) return;
    findings_.add({path_ + ".balance.slow_start"},
                  "changes only the limit of requests in flight: " +
                      std::string(keeps ? "an algorithm that hashes keeps its keys where they are"
                                        : "round_robin and first ignore weights"));
  }

  void doubt_zones() {
    const bool is_set = !(pool_.balance.zones == ZonePolicy{});
    moot(is_set && config_.zone.empty(), "balance.zones", "this replica is in no zone: set `zone`");
    const bool no_zone = std::all_of(pool_.backends.begin(), pool_.backends.end(),
                                     [](const BackendPolicy& b) { return b.zone.empty(); });
    moot(is_set && !config_.zone.empty() && no_zone, "balance.zones",
         "no backend of this pool is in a zone");
  }

  void doubt_checks() {
    const HealthCheckPolicy& check = pool_.health_check;
    const HealthCheckPolicy usual;
    if (check.type == CheckType::tcp) {
      moot(check.path != usual.path, "health_check.path", "a tcp check only connects");
      moot(check.expected_statuses != usual.expected_statuses, "health_check.expected_statuses",
           "a tcp check only connects");
    }
    moot(pool_.outlier_detection.enabled && pool_.outlier_detection.uneject_on_active_success &&
             check.type == CheckType::off,
         "outlier_detection.uneject_on_active_success", "there are no health checks");
    if (check.type == CheckType::off) return;
    const std::string late = "a backend that fails is noticed that much later";
    long_time("health_check.interval", check.interval, kLongCheckInterval, late);
    long_time("health_check.unhealthy_interval", check.unhealthy_interval, kLongCheckInterval,
              "a backend that is well again waits that much longer");
  }

  void doubt_times() {
    const std::string parked = "it parks a backend that failed a few times for hours";
    if (pool_.outlier_detection.enabled) {
      long_time("outlier_detection.base_ejection_time", pool_.outlier_detection.base_ejection_time,
                kLongParking, parked);
      long_time("outlier_detection.max_ejection_time", pool_.outlier_detection.max_ejection_time,
                kLongParking, parked);
    }
    if (pool_.circuit_breaker.enabled) {
      long_time("circuit_breaker.open_duration", pool_.circuit_breaker.open_duration, kLongParking,
                parked);
      long_time("circuit_breaker.max_open_duration", pool_.circuit_breaker.max_open_duration,
                kLongParking, parked);
    }
    long_time("retry.attempt_timeout", pool_.retry.attempt_timeout, kLongWait,
              "a backend that hangs holds a request that long");
    long_time("limits.queue_timeout", pool_.limits.queue_timeout, kLongWait,
              "clients give up long before that");
  }

  void doubt_detectors() {
    const OutlierDetectionPolicy& outliers = pool_.outlier_detection;
    const bool none =
        outliers.consecutive_failures == 0 && outliers.consecutive_gateway_failures == 0 &&
        outliers.success_rate.method == SuccessRateMethod::off &&
        outliers.failure_percentage.threshold == 0 && outliers.latency.factor == Decimal{0};
    moot(outliers.enabled && none, "outlier_detection",
         "every way to detect an outlier is off; outlier_detection: off says so");
    moot(pool_.circuit_breaker.enabled && pool_.circuit_breaker.slow_call_duration == 0s &&
             pool_.circuit_breaker.slow_call_rate_threshold != 100,
         "circuit_breaker.slow_call_rate_threshold", "with slow_call_duration 0 no answer is slow");
  }

  void doubt_moot_limits() {
    const LimitsPolicy& limits = pool_.limits;
    const LimitsPolicy usual;
    if (limits.queue_discipline != QueueDiscipline::codel) {
      const std::string why = "it is for queue_discipline: codel";
      moot(limits.codel_target != usual.codel_target, "limits.codel_target", why);
      moot(limits.codel_interval != usual.codel_interval, "limits.codel_interval", why);
    }
    moot(!pool_.adaptive_concurrency.enabled &&
             !(pool_.adaptive_concurrency == AdaptiveConcurrencyPolicy{}),
         "adaptive_concurrency", "it is not enabled");
    const HedgePolicy& hedge = pool_.retry.hedge;
    moot(!hedge.enabled && !(hedge == HedgePolicy{}), "retry.hedge", "it is not enabled");
    moot(hedge.enabled && pool_.retry.max_attempts == 1, "retry.hedge",
         "a hedge is an attempt, and max_attempts is 1");
    const RetryBudgetPolicy& budget = pool_.retry.budget;
    moot(budget.enabled && budget.percent == 0 && budget.min_per_second == 0 &&
             pool_.retry.max_attempts > 1,
         "retry.max_attempts", "the budget allows no retry at all");
    if (!hedge.enabled || hedge.delay == 0s) return;
    const std::string why = "hedge.delay is fixed";
    moot(hedge.delay_percentile != HedgePolicy{}.delay_percentile, "retry.hedge.delay_percentile",
         why);
    moot(hedge.min_delay != HedgePolicy{}.min_delay, "retry.hedge.min_delay", why);
  }

  void doubt_session() {
    const SessionPolicy& session = pool_.session;
    if (session.mode == SessionMode::none) {
      moot(!(session == SessionPolicy{}), "session", "its mode is none");
      return;
    }
    moot(!session.header.empty() && session.mode != SessionMode::header, "session.header",
         "the mode is not header");
    moot(session.store == SessionStoreKind::memory && session.cache != SessionPolicy{}.cache,
         "session.cache", "it is for store: redis");
    moot(session.store == SessionStoreKind::redis &&
             session.max_entries != SessionPolicy{}.max_entries,
         "session.max_entries", "it is for store: memory");
  }

  Findings& findings_;
  const Config& config_;
  const PoolPolicy& pool_;
  std::string path_;
};

}  // namespace

void doubt_pool(Findings& findings, const Config& config, std::size_t pool) {
  PoolDoubts(findings, config, pool).run();
}

}  // namespace evenkeel::core
