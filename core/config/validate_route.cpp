// SPDX-License-Identifier: Apache-2.0
//
// What contradicts itself within a route, or between a route and what it names.
#include <algorithm>

#include "findings.h"

namespace evenkeel::core {
namespace {

bool needs_name(ClientKey key) { return key == ClientKey::header || key == ClientKey::cookie; }

void check_sticky(Findings& findings, const RoutePolicy& route, const std::string& path) {
  const SplitPolicy* first = nullptr;
  for (std::size_t i = 0; i < route.split.size(); ++i) {
    const SplitPolicy& side = route.split[i];
    if (!side.sticky_by) continue;
    const std::string key = element(path + ".split", i) + ".sticky_by";
    if (needs_name(*side.sticky_by) && side.sticky_name.empty()) {
      findings.add({key}, "a header or cookie needs its name: set sticky_name");
    }
    if (first == nullptr) first = &side;
    if (side.sticky_by == first->sticky_by && side.sticky_name == first->sticky_name) continue;
    findings.add({key}, "a split is sticky by one thing, and another side says something else");
  }
}

void check_split(Findings& findings, const RoutePolicy& route, const std::string& path) {
  if (route.split.empty()) return;  // missing, which is another fault
  const bool none = std::none_of(route.split.begin(), route.split.end(),
                                 [](const SplitPolicy& side) { return side.weight > 0; });
  if (none) {
    findings.add({path + ".split[0].weight", path + ".split"},
                 "with every weight 0 the route leads nowhere: set one above 0");
  }
  for (std::size_t i = 0; i < route.split.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (route.split[i].pool != route.split[k].pool) continue;
      findings.add({element(path + ".split", i) + ".pool"},
                   "this pool is already that of " + element("split", k));
      break;
    }
  }
  check_sticky(findings, route, path);
}

// A route's timeout includes the attempts of each of its pools.
void check_timeout(Findings& findings, const Config& config, const RoutePolicy& route,
                   const std::string& path) {
  for (std::size_t i = 0; i < route.split.size(); ++i) {
    const std::size_t target = index(route.split[i].pool);
    if (target >= config.pools.size()) continue;
    const Duration attempt = config.pools[target].retry.attempt_timeout;
    if (attempt <= route.timeout) continue;
    findings.add({path + ".timeout", element("pools", target) + ".retry.attempt_timeout",
                  element(path + ".split", i) + ".pool"},
                 "the route's timeout (" + format_duration(route.timeout) +
                     ") must not be shorter than attempt_timeout of its pool (" +
                     format_duration(attempt) + "), which it includes");
  }
}

void check_regions(Findings& findings, const Config& config, const RoutePolicy& route,
                   const std::string& path) {
  if (!config.regions.header.empty()) return;  // it may say anything
  for (std::size_t i = 0; i < route.match.regions.size(); ++i) {
    const std::string& wanted = route.match.regions[i];
    const auto& ranges = config.regions.clients;
    const bool known = std::any_of(ranges.begin(), ranges.end(),
                                   [&wanted](const RegionRange& r) { return r.region == wanted; });
    if (known) continue;
    findings.add({element(path + ".match.regions", i)},
                 "no client is in this region: add it to regions.clients, or set regions.header");
  }
}

}  // namespace

void check_routes(Findings& findings, const Config& config) {
  if (config.routes.empty() && !config.pools.empty()) {
    findings.add({"routes"}, "is required, as there are several pools to choose from");
  }
  Findings::Names names;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const RoutePolicy& route = config.routes[i];
    const std::string path = element("routes", i);
    findings.check_unique(names, route.name, path, "name", "the name");
    check_split(findings, route, path);
    check_timeout(findings, config, route, path);
    check_regions(findings, config, route, path);
    if (route.mirror.percent > 0 && !route.mirror.pool) {
      findings.add({path + ".mirror.percent"}, "copies need a pool to go to: set mirror.pool");
    }
    const RateLimitPolicy& limit = route.rate_limit;
    if (limit.requests_per_second > Decimal{0} && needs_name(limit.key) && limit.name.empty()) {
      findings.add({path + ".rate_limit.key", path + ".rate_limit"},
                   "a limit by header needs its name: set rate_limit.name");
    }
  }
}

}  // namespace evenkeel::core
