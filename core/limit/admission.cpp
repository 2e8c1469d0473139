// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/admission.h"

#include <algorithm>
#include <limits>

namespace evenkeel::core {

std::uint32_t pending_bound(const LimitsPolicy& policy, std::uint32_t backends) {
  std::uint64_t bound = std::uint64_t{policy.max_pending} * std::max(1U, backends);
  if (bound == 0 || (policy.pool.max_pending != 0 && policy.pool.max_pending < bound)) {
    bound = policy.pool.max_pending;
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(bound, kMost));
}

PoolAdmission::PoolAdmission(const PoolPolicy& policy, Instant now)
    : adaptive_(policy.adaptive_concurrency, now) {
  apply(policy, now);
}

void PoolAdmission::apply(const PoolPolicy& policy, Instant now) {
  // A connection carries one request at a time, so a limit of connections is one of requests.
  const PoolLimits& limits = policy.limits.pool;
  const bool fewer_connections =
      limits.max_connections != 0 &&
      (limits.max_requests == 0 || limits.max_connections < limits.max_requests);
  max_requests_ = fewer_connections ? limits.max_connections : limits.max_requests;
  max_pending_ = pending_bound(policy.limits, static_cast<std::uint32_t>(policy.backends.size()));
  adaptive_.apply(policy.adaptive_concurrency, now);
}

Admission PoolAdmission::ask(std::uint32_t in_flight, std::uint32_t pending) const {
  if (pending == 0 && has_room(in_flight)) return Admission::admit;
  return max_pending_ == 0 || pending < max_pending_ ? Admission::wait : Admission::refuse;
}

}  // namespace evenkeel::core
