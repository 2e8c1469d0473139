// SPDX-License-Identifier: Apache-2.0
#include "rule.h"

#include <algorithm>
#include <string>
#include <utility>

namespace evenkeel::core {
namespace {

template <typename T, typename Predicate>
bool any_or_empty(const std::vector<T>& values, Predicate predicate) {
  return values.empty() || std::any_of(values.begin(), values.end(), predicate);
}

}  // namespace

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
  std::uint64_t point = scale(sticky ? sticky->of(request) : bits, split_weight);
  for (const SplitPolicy& side : split) {
    if (point < side.weight) return side.pool;
    point -= side.weight;
  }
  return split.empty() ? PoolIndex{} : split.front().pool;  // every weight 0: not valid
}

Rule Rule::compile(const RoutePolicy& route, const RouteSeeds& seeds) {
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
    rule.sticky = ClientKeyHash(*side.sticky_by, side.sticky_name,
                                seed_for(seeds.shared, HashPurpose::split));
  }
  if (route.mirror.pool) rule.mirror_percent = route.mirror.percent;
  const RateLimitPolicy& limit = route.rate_limit;
  if (limit.requests_per_second > Decimal{0}) {
    const std::uint64_t seed = limit.shared ? seeds.shared : seeds.secret;
    rule.limit = ClientKeyHash(limit.key, limit.name, seed_for(seed, HashPurpose::limit));
  }
  return rule;
}

}  // namespace evenkeel::core
