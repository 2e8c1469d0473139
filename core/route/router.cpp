// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/route/router.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "client_key.h"
#include "evenkeel/core/hash.h"
#include "rule.h"

namespace evenkeel::core {
namespace {

// What a pool's picker tells requests apart by, if it does.
struct Affinity {
  bool hashes = false;
  bool by_path = false;
  ClientKeyHash client;
  std::uint64_t seed = 0;

  [[nodiscard]] std::uint64_t of(const RequestView& request) const {
    return by_path ? hash_bytes(request.path, seed) : client.of(request);
  }
};

ClientKey client_key(HashKey key) {
  if (key == HashKey::header) return ClientKey::header;
  return key == HashKey::cookie ? ClientKey::cookie : ClientKey::client_ip;
}

Affinity compile(const BalancePolicy& balance, const RouteSeeds& seeds) {
  Affinity affinity;
  affinity.hashes = balance.algorithm == Algorithm::ring_hash ||
                    balance.algorithm == Algorithm::maglev ||
                    balance.algorithm == Algorithm::rendezvous;
  affinity.by_path = balance.hash.on == HashKey::path;
  affinity.seed = seed_for(seeds.shared, HashPurpose::affinity);
  affinity.client = ClientKeyHash(client_key(balance.hash.on), balance.hash.name, affinity.seed);
  return affinity;
}

}  // namespace

struct Router::Table {
  std::vector<Rule> rules;
  std::vector<Affinity> pools;
  RegionPolicy regions;  // the longest prefix first
  bool has_regions = false;
};

Router::Router(const Config& config, const RouteSeeds& seeds) {
  auto table = std::make_shared<Table>();
  for (const RoutePolicy& route : config.routes)
    table->rules.push_back(Rule::compile(route, seeds));
  for (const PoolPolicy& pool : config.pools) table->pools.push_back(compile(pool.balance, seeds));
  table->regions = config.regions;
  std::stable_sort(table->regions.clients.begin(), table->regions.clients.end(),
                   [](const RegionRange& a, const RegionRange& b) {
                     return a.range.prefix_bits > b.range.prefix_bits;
                   });
  table->has_regions = !config.regions.header.empty() || !config.regions.clients.empty();
  for (Rule& rule : table->rules) {
    const std::size_t pool = rule.split.size() == 1 ? index(rule.split.front().pool) : 0;
    const bool hashes = pool < table->pools.size() && table->pools[pool].hashes;
    rule.is_plain = rule.split.size() == 1 && !hashes && rule.mirror_percent == 0 && !rule.limit &&
                    !table->has_regions;
  }
  table_ = std::move(table);
}

Router::Router(const std::vector<RoutePolicy>& routes) {
  auto table = std::make_shared<Table>();
  for (const RoutePolicy& route : routes) table->rules.push_back(Rule::compile(route, {}));
  table_ = std::move(table);
}

std::optional<Classified> Router::classify(const RequestView& request, std::uint64_t split_bits,
                                           std::uint64_t mirror_bits) const {
  const Table& table = *table_;
  Region region(table.regions, request);
  for (std::uint32_t i = 0; i < table.rules.size(); ++i) {
    const Rule& rule = table.rules[i];
    if (!rule.matches_all && !rule.matches(request, region)) continue;
    Classified result;
    result.route = RouteIndex{i};
    if (rule.is_plain) {
      result.pool = rule.split.front().pool;
      return result;
    }
    result.pool = rule.choose(request, split_bits);
    if (index(result.pool) < table.pools.size()) {
      const Affinity& affinity = table.pools[index(result.pool)];
      if (affinity.hashes) result.affinity = affinity.of(request);
    }
    if (rule.limit) result.limit_key = rule.limit->of(request);
    result.mirrored = rule.mirror_percent > 0 && scale(mirror_bits, 100) < rule.mirror_percent;
    if (table.has_regions) result.region = region.get();
    return result;
  }
  return std::nullopt;
}

std::optional<RouteIndex> Router::find(std::string_view host, std::string_view path,
                                       Method method) const {
  const NoHeaders headers;
  const RequestView request{method, host, path, {}, {}, false, headers};
  Region region(table_->regions, request);
  for (std::uint32_t i = 0; i < table_->rules.size(); ++i) {
    const Rule& rule = table_->rules[i];
    if (rule.matches_all || rule.matches(request, region)) return RouteIndex{i};
  }
  return std::nullopt;
}

}  // namespace evenkeel::core
