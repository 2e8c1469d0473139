// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/route/router.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "client_key.h"
#include "evenkeel/core/hash.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/route/match.h"
#include "evenkeel/core/route/path_pattern.h"

namespace evenkeel::core {
namespace {

// Different purposes hash differently: the canary's clients are not those of one backend.
constexpr std::uint64_t kSplitPurpose = 1;
constexpr std::uint64_t kAffinityPurpose = 2;
constexpr std::uint64_t kLimitPurpose = 3;

constexpr std::uint64_t seed_for(std::uint64_t seed, std::uint64_t purpose) {
  return mix(seed + purpose * 0x9e3779b97f4a7c15ULL);
}

// Uniform bits to a number below `bound`; 0 for a bound of 0.
std::uint64_t below(std::uint64_t bits, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(bits) * bound >> 64U);
}

// The region of one request, found when a route or the answer asks for it.
class Region {
 public:
  Region(const RegionPolicy& policy, const RequestView& request)
      : policy_(policy), request_(request) {}

  [[nodiscard]] std::string_view get() {
    if (!found_) found_ = find();
    return *found_;
  }

 private:
  [[nodiscard]] std::string_view find() const {
    if (!policy_.header.empty() && request_.trusted_peer) {
      const auto said = request_.headers.find(policy_.header);
      if (said && !said->empty()) return *said;
    }
    for (const RegionRange& candidate : policy_.clients) {  // the longest prefix first
      if (contains(candidate.range, request_.client)) return candidate.region;
    }
    return {};
  }

  const RegionPolicy& policy_;
  const RequestView& request_;
  std::optional<std::string_view> found_;
};

// One route, ready to match.
struct Rule {
  bool matches_all = false;  // the request need not be looked at
  bool is_plain = false;     // neither is it to answer: one pool, no keys, no mirror, no region
  RouteMatch match;
  std::optional<PathPattern> pattern;

  std::vector<SplitPolicy> split;
  std::uint64_t split_weight = 0;  // of all sides
  std::optional<ClientKeyHash> sticky;
  std::uint32_t mirror_percent = 0;
  std::optional<ClientKeyHash> limit;

  [[nodiscard]] bool matches(const RequestView& request, Region& region) const;
  [[nodiscard]] PoolIndex choose(const RequestView& request, std::uint64_t bits) const;
};

template <typename T, typename Predicate>
bool any_or_empty(const std::vector<T>& values, Predicate predicate) {
  return values.empty() || std::any_of(values.begin(), values.end(), predicate);
}

// The cheap parts first.
bool Rule::matches(const RequestView& request, Region& region) const {
  if (!match.methods.empty() && !match.methods.contains(request.method)) return false;
  if (!matches_prefix(match.path_prefix, request.path)) return false;
  if (!match.hosts.empty()) {
    const std::string_view host = without_port(request.host);
    const auto same = [host](const std::string& wanted) { return matches_host(wanted, host); };
    if (std::none_of(match.hosts.begin(), match.hosts.end(), same)) return false;
  }
  const bool is_client = any_or_empty(match.clients, [&request](const AddressRange& range) {
    return contains(range, request.client);
  });
  if (!is_client) return false;
  for (const FieldMatch& wanted : match.headers) {
    const auto value = request.headers.find(wanted.name);
    if (!value || !(wanted.value.empty() || *value == wanted.value)) return false;
  }
  for (const FieldMatch& wanted : match.query) {
    if (!has_parameter(request.query, wanted)) return false;
  }
  if (!match.regions.empty()) {
    const std::string_view here = region.get();
    if (std::find(match.regions.begin(), match.regions.end(), here) == match.regions.end()) {
      return false;
    }
  }
  // An expression that does not compile, which only an unvalidated configuration has, never does.
  return match.path_regex.empty() || (pattern && pattern->matches(request.path));
}

PoolIndex Rule::choose(const RequestView& request, std::uint64_t bits) const {
  if (split.size() == 1) return split.front().pool;
  // The sides divide the range of all bits in the order of the file. When the last side's weight
  // grows at the cost of the one before it, everybody on it stays there.
  std::uint64_t point = below(sticky ? sticky->of(request) : bits, split_weight);
  for (const SplitPolicy& side : split) {
    if (point < side.weight) return side.pool;
    point -= side.weight;
  }
  return split.empty() ? PoolIndex{} : split.front().pool;  // every weight 0: not valid
}

Rule compile(const RoutePolicy& route, const RouteSeeds& seeds) {
  Rule rule;
  rule.match = route.match;
  RouteMatch everything;
  rule.matches_all = route.match == everything;
  if (!route.match.path_regex.empty()) {
    auto pattern = PathPattern::compile(route.match.path_regex);
    if (pattern) rule.pattern = *std::move(pattern);
  }
  rule.split = route.split;
  for (const SplitPolicy& side : route.split) {
    rule.split_weight += side.weight;
    if (!side.sticky_by || rule.sticky) continue;
    rule.sticky =
        ClientKeyHash(*side.sticky_by, side.sticky_name, seed_for(seeds.shared, kSplitPurpose));
  }
  if (route.mirror.pool) rule.mirror_percent = route.mirror.percent;
  const RateLimitPolicy& limit = route.rate_limit;
  if (limit.requests_per_second > Decimal{0}) {
    const std::uint64_t seed = limit.shared ? seeds.shared : seeds.secret;
    rule.limit = ClientKeyHash(limit.key, limit.name, seed_for(seed, kLimitPurpose));
  }
  return rule;
}

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
  affinity.seed = seed_for(seeds.shared, kAffinityPurpose);
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
  for (const RoutePolicy& route : config.routes) table->rules.push_back(compile(route, seeds));
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
  for (const RoutePolicy& route : routes) table->rules.push_back(compile(route, {}));
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
    result.mirrored = rule.mirror_percent > 0 && below(mirror_bits, 100) < rule.mirror_percent;
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
