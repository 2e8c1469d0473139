// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/reload.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

// Puts the members of `next` into the places of `running`. `key` says who is who, `busy` whether a
// place is still taken, `leave` makes the mark of somebody who is gone, and `keep` is told where
// somebody stays.
template <typename T, typename Key, typename Busy, typename Leave, typename Keep>
std::vector<T> place(const std::vector<T>& running, std::vector<T> next, Key key, Busy busy,
                     Leave leave, Keep keep) {
  std::map<std::string, std::size_t> waiting;  // for a place; looked up, never walked
  for (std::size_t j = 0; j < next.size(); ++j) waiting.emplace(key(next[j]), j);
  std::vector<std::optional<T>> places(running.size());
  std::vector<bool> placed(next.size(), false);
  for (std::size_t i = 0; i < running.size(); ++i) {
    const auto found = waiting.find(key(running[i]));
    if (found != waiting.end() && !placed[found->second]) {
      places[i] = keep(i, std::move(next[found->second]));
      placed[found->second] = true;
    } else if (busy(i)) {
      places[i] = leave(i);
    }
  }
  std::size_t free = 0;
  for (std::size_t j = 0; j < next.size(); ++j) {
    if (placed[j]) continue;
    while (free < places.size() && places[free]) ++free;
    if (free == places.size()) places.emplace_back();
    places[free] = free < running.size() ? keep(free, std::move(next[j])) : std::move(next[j]);
  }
  std::vector<T> result;
  result.reserve(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    result.push_back(places[i] ? std::move(*places[i]) : leave(i));
  }
  return result;
}

bool used(const InUse& in_use, std::size_t pool, std::size_t backend) {
  return pool < in_use.size() && backend < in_use[pool].size() && in_use[pool][backend];
}

bool pool_used(const InUse& in_use, std::size_t pool) {
  return pool < in_use.size() &&
         std::find(in_use[pool].begin(), in_use[pool].end(), true) != in_use[pool].end();
}

BackendPolicy removed(BackendPolicy backend) {
  backend.removed = true;
  return backend;
}

PoolPolicy removed(PoolPolicy pool) {
  pool.removed = true;
  for (BackendPolicy& backend : pool.backends) backend.removed = true;
  return pool;
}

std::vector<BackendPolicy> place_backends(const PoolPolicy& running,
                                          std::vector<BackendPolicy> next, const InUse& in_use,
                                          std::size_t pool) {
  return place(
      running.backends, std::move(next),
      [](const BackendPolicy& b) { return b.id + '\n' + b.endpoint.authority(); },
      [&](std::size_t i) { return used(in_use, pool, i); },
      [&](std::size_t i) { return removed(running.backends[i]); },
      [](std::size_t /*place*/, BackendPolicy backend) { return backend; });
}

}  // namespace

bool same_backend(const BackendPolicy& a, const BackendPolicy& b) {
  return a.id == b.id && a.endpoint == b.endpoint;
}

std::uint64_t identity_of(const BackendPolicy& backend) {
  const std::uint64_t endpoint = mix(hash_name(backend.endpoint.host) + backend.endpoint.port);
  return mix(hash_name(backend.id) ^ endpoint);
}

Config merge(const Config& running, const Config& next, const InUse& in_use) {
  Config result = next;
  result.pools = place(
      running.pools, next.pools, [](const PoolPolicy& pool) { return pool.name; },
      [&](std::size_t i) { return pool_used(in_use, i); },
      [&](std::size_t i) { return removed(running.pools[i]); },
      [&](std::size_t i, PoolPolicy pool) {
        pool.backends = place_backends(running.pools[i], std::move(pool.backends), in_use, i);
        return pool;
      });

  std::map<std::string, std::uint32_t> places;
  for (std::uint32_t i = 0; i < result.pools.size(); ++i) {
    if (!result.pools[i].removed) places.emplace(result.pools[i].name, i);
  }
  const auto follow = [&](PoolIndex& pool) {
    pool = PoolIndex{places.at(next.pools[index(pool)].name)};
  };
  for (RoutePolicy& route : result.routes) {
    for (SplitPolicy& side : route.split) follow(side.pool);
    if (route.mirror.pool) follow(*route.mirror.pool);
  }
  for (PoolPolicy& pool : result.pools) {
    if (!pool.removed && pool.circuit_breaker.fallback_pool) {
      follow(*pool.circuit_breaker.fallback_pool);
    }
    if (pool.removed) pool.circuit_breaker.fallback_pool.reset();
  }
  return result;
}

}  // namespace evenkeel::core
