// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "evenkeel/core/config/fields.h"
#include "evenkeel/core/policies.h"

// What the parts of the table of fields share.
namespace evenkeel::core {

inline constexpr Duration kShort = 1ms;  // shorter timeouts are below what a driver's timers keep
inline constexpr Duration kDay = 24h;
inline constexpr std::uint64_t kMany =
    1'000'000;  // more of anything countable is a slip of the finger
inline constexpr std::uint64_t kMiB = 1024 * 1024;

void visit_fields(FieldVisitor& v, ListenerPolicy& p);
// References to pools are by name: `pools` are those of the file.
using Pools = std::vector<PoolPolicy>;
void visit_fields(FieldVisitor& v, PoolPolicy& p, const Pools& pools);
void visit_fields(FieldVisitor& v, RoutePolicy& p, const Pools& pools);
void visit_fields(FieldVisitor& v, BalancePolicy& p);
void visit_fields(FieldVisitor& v, HealthCheckPolicy& p);
void visit_fields(FieldVisitor& v, OutlierDetectionPolicy& p);
void visit_fields(FieldVisitor& v, CircuitBreakerPolicy& p, const Pools& pools);
void visit_fields(FieldVisitor& v, LimitsPolicy& p);
void visit_fields(FieldVisitor& v, AdaptiveConcurrencyPolicy& p);
void visit_fields(FieldVisitor& v, RetryPolicy& p);
void visit_fields(FieldVisitor& v, SessionPolicy& p);

template <typename Policy>
Section section(Policy& policy) {
  return {[&policy](FieldVisitor& visitor) { visit_fields(visitor, policy); }, {}, {}};
}

// A policy whose `enabled` is said by writing `off` instead of its map.
template <typename Policy>
Section switchable(Policy& policy) {
  Section result = section(policy);
  result.switch_off = [&policy] {
    policy = Policy{};
    policy.enabled = false;
  };
  result.is_off = [&policy] { return !policy.enabled; };
  return result;
}

template <typename Policy>
Section switchable(Policy& policy, std::function<void()> switch_off) {
  return {section(policy).visit, std::move(switch_off), {}};
}

// A section without a policy of its own.
inline Section section_of(std::function<void(FieldVisitor&)> visit,
                          std::function<void()> switch_off = {}) {
  return {std::move(visit), std::move(switch_off), {}};
}

template <typename T, typename Visit>
SectionList elements(std::vector<T>& values, std::size_t min_items, std::size_t max_items,
                     Visit visit_one) {
  SectionList result;
  result.min_items = min_items;
  result.max_items = max_items;
  result.size = [&values] { return values.size(); };
  result.clear = [&values] { values.clear(); };
  result.append = [&values] { values.emplace_back(); };
  result.visit = [&values, visit_one](std::size_t i, FieldVisitor& visitor) {
    visit_one(visitor, values[i]);
  };
  return result;
}

}  // namespace evenkeel::core
