// SPDX-License-Identifier: Apache-2.0
//
// What contradicts itself within a pool. Each function looks at one part.
#include <algorithm>

#include "evenkeel/core/balance/maglev.h"
#include "findings.h"

namespace evenkeel::core {
namespace {

// The primes on both sides of a number that is none.
std::string nearest_primes(std::uint32_t n) {
  std::uint32_t above = n;
  std::uint32_t below = n;
  while (!is_prime(above)) ++above;
  while (below > 2 && !is_prime(below)) --below;
  return std::to_string(below) + " or " + std::to_string(above);
}

void check_backends(Findings& findings, const PoolPolicy& pool, const std::string& path) {
  Findings::Names ids;
  for (std::size_t i = 0; i < pool.backends.size(); ++i) {
    findings.check_unique(ids, pool.backends[i].id, element(path + ".backends", i), "id", "the id");
  }
  const bool none = std::none_of(pool.backends.begin(), pool.backends.end(),
                                 [](const BackendPolicy& backend) { return backend.weight > 0; });
  if (none && !pool.backends.empty()) {
    findings.add({path + ".backends[0].weight", path + ".backends"},
                 "with every weight 0 no backend takes a request: set one above 0");
  }
}

void check_hash(Findings& findings, const PoolPolicy& pool, const std::string& path) {
  const HashPolicy& hash = pool.balance.hash;
  if (!is_prime(hash.table_size)) {
    findings.add({path + ".table_size"}, "table_size (" + std::to_string(hash.table_size) +
                                             ") must be a prime, such as " +
                                             nearest_primes(hash.table_size));
  } else if (pool.balance.algorithm == Algorithm::maglev &&
             hash.table_size < pool.backends.size()) {
    findings.add({path + ".table_size"}, "table_size (" + std::to_string(hash.table_size) +
                                             ") must not be below the number of backends (" +
                                             std::to_string(pool.backends.size()) +
                                             "), or some get nothing");
  }
  if (hash.balance_factor >= 1 && hash.balance_factor <= 100) {
    findings.add({path + ".balance_factor"},
                 "balance_factor (" + std::to_string(hash.balance_factor) +
                     ") must be above 100, such as 125, or 0 for no bound");
  }
  const bool named = hash.on == HashKey::header || hash.on == HashKey::cookie;
  if (named && hash.name.empty() && is_hashing(pool.balance.algorithm)) {
    findings.add({path + ".on"}, "hashing by a header or cookie needs its name: set hash.name");
  }
}

void check_health_check(Findings& findings, const HealthCheckPolicy& check,
                        const std::string& path) {
  if (check.type == CheckType::off) return;
  findings.check_order(path, "timeout", check.timeout, "interval", check.interval);
  findings.check_order(path, "timeout", check.timeout, "unhealthy_interval",
                       check.unhealthy_interval);
}

// A factor of the median: at or below 1 it would mean backends like all the others.
void check_factor(Findings& findings, Decimal factor, const std::string& path) {
  if (factor.thousandths == 0 || factor.thousandths > 1000) return;
  findings.add({path + ".factor"}, "must be above 1, as it multiplies the median, or 0 for off");
}

void check_outliers(Findings& findings, const OutlierDetectionPolicy& outliers,
                    const std::string& path) {
  if (!outliers.enabled) return;
  findings.check_order(path, "base_ejection_time", outliers.base_ejection_time, "max_ejection_time",
                       outliers.max_ejection_time);
  check_factor(findings, outliers.latency.factor, path + ".latency");
  check_factor(findings, outliers.sinkhole_factor, path + ".sinkhole");
}

void check_breaker(Findings& findings, const CircuitBreakerPolicy& breaker,
                   const std::string& path) {
  if (!breaker.enabled) return;
  findings.check_order(path, "open_duration", breaker.open_duration, "max_open_duration",
                       breaker.max_open_duration);
  if (breaker.consecutive_failures == 0 && breaker.failure_count == 0 &&
      breaker.failure_rate_threshold == 0 && breaker.slow_call_duration == 0s) {
    findings.add({path + ".failure_rate_threshold", path},
                 "with consecutive_failures, failure_count, failure_rate_threshold and "
                 "slow_call_duration all 0 nothing can open the breaker: set one, or write "
                 "circuit_breaker: off");
  }
}

void check_limits(Findings& findings, const PoolPolicy& pool, const std::string& path) {
  const LimitsPolicy& limits = pool.limits;
  if (limits.queue_discipline == QueueDiscipline::codel) {
    findings.check_order(path + ".limits", "codel_target", limits.codel_target, "codel_interval",
                         limits.codel_interval);
  }
  const AdaptiveConcurrencyPolicy& adaptive = pool.adaptive_concurrency;
  if (adaptive.enabled && adaptive.min_limit > adaptive.max_limit) {
    const std::string keys = path + ".adaptive_concurrency.";
    findings.add({keys + "min_limit", keys + "max_limit"},
                 "min_limit (" + std::to_string(adaptive.min_limit) +
                     ") must not be above max_limit (" + std::to_string(adaptive.max_limit) + ")");
  }
}

void check_hedge(Findings& findings, const RetryPolicy& retry, const std::string& path) {
  const HedgePolicy& hedge = retry.hedge;
  if (!hedge.enabled) return;
  const bool fixed = hedge.delay > 0s;
  const Duration delay = fixed ? hedge.delay : hedge.min_delay;
  if (delay < retry.attempt_timeout) return;
  const std::string key = fixed ? "delay" : "min_delay";
  findings.add({path + ".hedge." + key, path + ".attempt_timeout"},
               key + " (" + format_duration(delay) + ") must be shorter than attempt_timeout (" +
                   format_duration(retry.attempt_timeout) +
                   "), or the first attempt has ended before a second begins");
}

void check_session(Findings& findings, const SessionPolicy& session, const std::string& path) {
  if (session.mode == SessionMode::header && session.header.empty()) {
    findings.add({path + ".header", path + ".mode"}, "mode header needs the header's name");
  }
  if (session.mode == SessionMode::cookie && session.cookie.empty()) {
    findings.add({path + ".cookie", path + ".mode"}, "mode cookie needs the cookie's name");
  }
  if (session.same_site == SameSite::none && session.secure != SecureCookie::always) {
    findings.add({path + ".same_site", path + ".secure"},
                 "browsers drop cookies with same_site: none unless they are secure: set secure: "
                 "always");
  }
}

}  // namespace

void check_pool(Findings& findings, const PoolPolicy& pool, const std::string& path) {
  check_backends(findings, pool, path);
  check_hash(findings, pool, path + ".balance.hash");
  check_health_check(findings, pool.health_check, path + ".health_check");
  check_outliers(findings, pool.outlier_detection, path + ".outlier_detection");
  check_breaker(findings, pool.circuit_breaker, path + ".circuit_breaker");
  check_limits(findings, pool, path);
  findings.check_order(path + ".retry.backoff", "initial", pool.retry.backoff.initial, "max",
                       pool.retry.backoff.max);
  check_hedge(findings, pool.retry, path + ".retry");
  check_session(findings, pool.session, path + ".session");
}

}  // namespace evenkeel::core
