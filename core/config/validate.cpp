// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/validate.h"

#include <map>
#include <string_view>
#include <utility>

#include "address.h"
#include "evenkeel/core/config/loader.h"
#include "evenkeel/core/config/units.h"
#include "evenkeel/core/config/writer.h"

namespace evenkeel::core {
namespace {

std::string element(std::string_view list, std::size_t i) {
  return std::string(list) + "[" + std::to_string(i) + "]";
}

// Finds contradictions; each function looks at one part.
class Validator {
 public:
  explicit Validator(const Config& config) : config_(config) {}

  std::vector<Violation> run() {
    check_listeners();
    for (std::size_t i = 0; i < config_.pools.size(); ++i) check_pool(i);
    check_routes();
    if (config_.workers != 1) add({"workers"}, "more than one worker is not available yet: use 1");
    return std::move(violations_);
  }

 private:
  // A name in use, and the key of its first owner.
  using Names = std::map<std::string, std::string>;

  void add(std::vector<std::string> keys, std::string message) {
    violations_.push_back({std::move(keys), std::move(message)});
  }

  // `first` must not be longer than `second`.
  void check_order(const std::string& path, std::string_view first_key, Duration first,
                   std::string_view second_key, Duration second) {
    if (first <= second) return;
    add({path + "." + std::string(first_key), path + "." + std::string(second_key)},
        std::string(first_key) + " (" + format_duration(first) + ") must not be longer than " +
            std::string(second_key) + " (" + format_duration(second) + ")");
  }

  void check_unique(Names& names, const std::string& name, const std::string& path,
                    const std::string& key, std::string_view what) {
    if (name.empty()) return;  // missing, which is another fault
    const auto [first, is_new] = names.try_emplace(name, path);
    if (is_new) return;
    add({path + "." + key, path},
        std::string(what) + " \"" + name + "\" is already that of " + first->second);
  }

  void check_listeners() {
    Names names;
    Names addresses{{to_text(config_.admin.address), "admin"}};
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const ListenerPolicy& listener = config_.listeners[i];
      const std::string path = element("listeners", i);
      check_unique(names, listener.name, path, "name", "the name");
      if (listener.address.port != 0 && !listener.address.host.empty()) {
        check_unique(addresses, to_text(listener.address), path, "address", "the address");
      }
      if (listener.limits.max_uri_bytes > listener.limits.max_header_bytes) {
        add({path + ".limits.max_uri_bytes", path + ".limits.max_header_bytes"},
            "max_uri_bytes (" + format_size(listener.limits.max_uri_bytes) +
                ") must not be larger than max_header_bytes (" +
                format_size(listener.limits.max_header_bytes) + "), which contain it");
      }
    }
  }

  void check_pool(std::size_t i) {
    const PoolPolicy& pool = config_.pools[i];
    const std::string path = element("pools", i);
    check_unique(pools_, pool.name, path, "name", "the name");
    Names ids;
    for (std::size_t k = 0; k < pool.backends.size(); ++k) {
      check_unique(ids, pool.backends[k].id, element(path + ".backends", k), "id", "the id");
    }
    check_health_check(pool.health_check, path + ".health_check");
    if (pool.outlier_detection.enabled) {
      check_order(path + ".outlier_detection", "base_ejection_time",
                  pool.outlier_detection.base_ejection_time, "max_ejection_time",
                  pool.outlier_detection.max_ejection_time);
    }
    check_breaker(pool.circuit_breaker, path + ".circuit_breaker");
    check_order(path + ".retry.backoff", "initial", pool.retry.backoff.initial, "max",
                pool.retry.backoff.max);
    if (pool.retry.hedge.enabled && pool.retry.hedge.delay == 0s) {
      add({path + ".retry.hedge.delay"},
          "must be above 0 when hedging is enabled: delays from a measured percentile are not "
          "available yet");
    }
  }

  void check_health_check(const HealthCheckPolicy& check, const std::string& path) {
    if (check.type == CheckType::off) return;
    check_order(path, "timeout", check.timeout, "interval", check.interval);
    check_order(path, "timeout", check.timeout, "unhealthy_interval", check.unhealthy_interval);
  }

  void check_breaker(const CircuitBreakerPolicy& breaker, const std::string& path) {
    if (!breaker.enabled) return;
    check_order(path, "open_duration", breaker.open_duration, "max_open_duration",
                breaker.max_open_duration);
    if (breaker.consecutive_failures == 0 && breaker.failure_count == 0 &&
        breaker.failure_rate_threshold == 0) {
      add({path + ".failure_rate_threshold", path},
          "with consecutive_failures, failure_count and failure_rate_threshold all 0 nothing can "
          "open the breaker: set one, or write circuit_breaker: off");
    }
  }

  void check_routes() {
    if (config_.routes.empty() && !config_.pools.empty()) {
      add({"routes"}, "is required, as there are several pools to choose from");
    }
    Names names;
    for (std::size_t i = 0; i < config_.routes.size(); ++i) {
      const RoutePolicy& route = config_.routes[i];
      const std::string path = element("routes", i);
      check_unique(names, route.name, path, "name", "the name");
      if (index(route.pool) >= config_.pools.size()) continue;
      const std::string pool = element("pools", index(route.pool));
      const Duration attempt = config_.pools[index(route.pool)].retry.attempt_timeout;
      if (attempt <= route.timeout) continue;
      add({path + ".timeout", pool + ".retry.attempt_timeout", path + ".split[0].pool"},
          "the route's timeout (" + format_duration(route.timeout) +
              ") must not be shorter than attempt_timeout of its pool (" +
              format_duration(attempt) + "), which it includes");
    }
  }

  const Config& config_;
  Names pools_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> find_contradictions(const Config& config) { return Validator(config).run(); }

ConfigErrors validate(const Config& config) {
  auto loaded = load_config_text(write_config(config), "configuration", {false});
  ConfigErrors errors = loaded ? ConfigErrors{} : std::move(loaded.error());
  if (config.routes.empty()) {
    errors.push_back({"configuration", 0, 0, "routes", "is required once defaults are applied"});
  }
  return errors;
}

}  // namespace evenkeel::core
