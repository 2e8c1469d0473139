// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "client_key.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/route/match.h"
#include "evenkeel/core/route/path_pattern.h"
#include "evenkeel/core/route/router.h"

// What a Router is made of.
namespace evenkeel::core {

// Different purposes hash differently: the canary's clients are not those of one backend.
enum class HashPurpose : std::uint64_t { split = 1, affinity = 2, limit = 3 };

[[nodiscard]] constexpr std::uint64_t seed_for(std::uint64_t seed, HashPurpose purpose) {
  return mix(seed + static_cast<std::uint64_t>(purpose) * 0x9e3779b97f4a7c15ULL);
}

// Uniform bits to a number below `bound`; 0 for a bound of 0.
[[nodiscard]] constexpr std::uint64_t scale(std::uint64_t bits, std::uint64_t bound) {
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
  static Rule compile(const RoutePolicy& route, const RouteSeeds& seeds);

  bool matches_all = false;  // the request need not be looked at
  bool is_plain = false;     // neither is it to answer: one pool, no keys, no mirror, no region
  RouteMatch match;
  std::optional<PathPattern> pattern;

  std::vector<SplitPolicy> split;
  std::uint64_t split_weight = 0;  // of all sides
  std::optional<ClientKeyHash> sticky;
  std::uint32_t mirror_percent = 0;
  std::optional<ClientKeyHash> limit;

  // Whether all of its parts match; not needed when matches_all.
  [[nodiscard]] bool matches(const RequestView& request, Region& region) const;
  // The side of its split.
  [[nodiscard]] PoolIndex choose(const RequestView& request, std::uint64_t bits) const;
};

}  // namespace evenkeel::core
