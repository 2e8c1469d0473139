// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/admission.h"

#include <algorithm>
#include <limits>

#include "evenkeel/core/limit/bounds.h"

namespace evenkeel::core {

std::uint32_t pending_bound(const LimitsPolicy& policy, std::uint32_t backends) {
  std::uint64_t bound = std::uint64_t{policy.max_pending} * std::max(1U, backends);
  if (bound == 0 || (policy.pool.max_pending != 0 && policy.pool.max_pending < bound)) {
    bound = policy.pool.max_pending;
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(bound, kMost));
}

namespace {

// Places that requests may go to.
std::uint32_t takers(const PoolPolicy& policy) {
  return static_cast<std::uint32_t>(std::count_if(
      policy.backends.begin(), policy.backends.end(),
      [](const BackendPolicy& backend) { return !backend.removed && backend.weight > 0; }));
}

}  // namespace

PoolAdmission::PoolAdmission(const PoolPolicy& policy, Instant now)
    : adaptive_(policy.adaptive_concurrency, now) {
  apply(policy, now);
}

void PoolAdmission::apply(const PoolPolicy& policy, Instant now) {
  max_requests_ = max_in_flight(policy.limits.pool);
  if (max_requests_ == 0) max_requests_ = kNoLimit;
  max_pending_ = pending_bound(policy.limits, takers(policy));
  adaptive_.apply(policy.adaptive_concurrency, now);
}

Admission PoolAdmission::ask(std::uint32_t in_flight, std::uint32_t pending) const {
  if (pending == 0 && has_room(in_flight)) return Admission::admit;
  return max_pending_ == 0 || pending < max_pending_ ? Admission::wait : Admission::refuse;
}

}  // namespace evenkeel::core
