// SPDX-License-Identifier: Apache-2.0
//
// What is valid in routes but cannot have been meant: warnings.
#include <set>

#include "findings.h"

namespace evenkeel::core {
namespace {

// A request that waits longer has been given up by whoever sent it.
constexpr Duration kLongWait = 10min;

void doubt_route(Findings& findings, const RoutePolicy& route, const std::string& path) {
  for (std::size_t i = 0; i < route.split.size(); ++i) {
    const SplitPolicy& side = route.split[i];
    const bool used = side.sticky_by && *side.sticky_by != ClientKey::client_ip;
    if (side.sticky_name.empty() || used) continue;
    findings.add({element(path + ".split", i) + ".sticky_name"},
                 "has no effect: sticky_by is neither header nor cookie");
  }
  if (route.mirror.pool && route.mirror.percent == 0) {
    findings.add({path + ".mirror.pool"}, "has no effect: mirror.percent is 0");
  }
  const RateLimitPolicy& limit = route.rate_limit;
  if (limit.requests_per_second == Decimal{0} && !(limit == RateLimitPolicy{})) {
    findings.add({path + ".rate_limit"}, "has no effect: requests_per_second is 0");
  } else if (!limit.name.empty() && limit.key != ClientKey::header) {
    findings.add({path + ".rate_limit.name"}, "has no effect: the key is not header");
  }
  if (route.timeout > kLongWait) {
    findings.add({path + ".timeout"}, format_duration(route.timeout) +
                                          " is very long: a request that hangs holds its place "
                                          "that long");
  }
}

// Pools that a request can come to.
std::set<std::uint32_t> reached_pools(const Config& config) {
  std::set<std::uint32_t> reached;
  for (const RoutePolicy& route : config.routes) {
    for (const SplitPolicy& side : route.split) reached.insert(index(side.pool));
    if (route.mirror.pool) reached.insert(index(*route.mirror.pool));
  }
  for (const PoolPolicy& pool : config.pools) {
    if (pool.circuit_breaker.fallback_pool) {
      reached.insert(index(*pool.circuit_breaker.fallback_pool));
    }
  }
  return reached;
}

}  // namespace

void doubt_routes(Findings& findings, const Config& config) {
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const RoutePolicy& route = config.routes[i];
    const std::string path = element("routes", i);
    doubt_route(findings, route, path);
    for (std::size_t k = 0; k < i; ++k) {
      if (!covers(config.routes[k].match, route.match)) continue;
      findings.add({path}, "no request reaches this route: " + element("routes", k) + " (" +
                               config.routes[k].name + ") takes all that it matches; put it above");
      break;
    }
  }
  const auto reached = reached_pools(config);
  for (std::uint32_t i = 0; i < config.pools.size(); ++i) {
    if (reached.count(i) == 1) continue;
    findings.add({element("pools", i) + ".name"}, "no route leads to this pool");
  }
}

}  // namespace evenkeel::core
