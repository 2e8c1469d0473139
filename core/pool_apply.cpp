// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "evenkeel/core/limit/bounds.h"
#include "evenkeel/core/pool.h"
#include "evenkeel/core/reload.h"

namespace evenkeel::core {

void Pool::apply(const PoolPolicy& policy, Instant now) {
  const bool anew = size() == 0;
  std::vector<bool> took_requests;
  for (std::uint32_t i = 0; i < size(); ++i) {
    took_requests.push_back(takes_requests(BackendIndex{i}));
    if (i >= policy.backends.size()) continue;
    const BackendPolicy& backend = policy.backends[i];
    if (members_[i].identity != identity_of(backend)) forget(BackendIndex{i});
  }
  slow_start_ = SlowStart(policy.balance.slow_start);
  balance_ = policy.balance;
  roster_.apply(policy);
  grow(roster_.size(), policy.outlier_detection.sinkhole_factor > Decimal{});
  took_requests.resize(size(), false);
  for (std::uint32_t i = 0; i < policy.backends.size(); ++i) {
    configure(BackendIndex{i}, policy.backends[i], policy.limits);
  }
  for (std::uint32_t i = 0; i < size(); ++i) {
    on_change(now, BackendIndex{i}, took_requests[i], true);
  }
  if (!slow_start_.enabled()) {
    while (!starters_.empty()) end_slow_start(starters_.back().backend);
  }
  update_picker(policy, anew);
}

void Pool::grow(std::size_t backends, bool guarded) {
  loads_.resize(backends, Load{0, 0});
  limits_.resize(backends, kNoLimit);
  members_.resize(backends);
  if (!others_.empty()) others_.resize(backends);
  stats_.resize(uses_stats(balance_.algorithm) ? backends : 0);
  if (slow_start_.enabled()) starters_.reserve(backends);
  if (guarded) {
    suspects_.reserve(backends);
    truth_.items.reserve(backends);
  }
}

void Pool::configure(BackendIndex backend, const BackendPolicy& policy,
                     const LimitsPolicy& limits) {
  Member& member = members_[index(backend)];
  member.id = policy.id;
  member.identity = identity_of(policy);
  const std::uint32_t weight = scaled_weight(policy);
  const std::uint32_t most = max_in_flight(limits, policy.max_requests);
  const std::uint32_t max_requests = most != 0 ? most : kNoLimit;
  if (member.weight == weight && member.max_requests == max_requests) return;
  member.weight = weight;
  member.max_requests = max_requests;
  set_part(backend, Fraction::one());  // a slow start goes on with the next pick
}

void Pool::forget(BackendIndex backend) {
  roster_.set_standing(backend, Standing::unchecked);
  end_slow_start(backend);
  set_suspect(backend, false);
  members_[index(backend)].joined_late = true;
  if (!stats_.empty()) stats_[index(backend)] = ResponseStats{};
  note_idle(backend);
}

std::uint32_t Pool::scaled_weight(const BackendPolicy& backend) const {
  if (!slow_start_.enabled() || backend.weight == 0) return backend.weight;
  if (balance_.algorithm == Algorithm::round_robin) return SlowStart::kScale;
  return std::min(backend.weight, SlowStart::kMaxWeight) * SlowStart::kScale;
}

void Pool::update_picker(const PoolPolicy& policy, bool anew) {
  BalancePolicy balance = policy.balance;
  // A turn has no parts: whoever is cold gets fewer of them, by weight.
  if (slow_start_.enabled() && balance.algorithm == Algorithm::round_robin) {
    balance.algorithm = Algorithm::weighted_round_robin;
  }
  std::vector<BackendPolicy> backends = policy.backends;
  backends.resize(size());
  for (std::size_t i = 0; i < size(); ++i) {
    const bool configured = i < policy.backends.size() && !policy.backends[i].removed;
    backends[i].weight = configured ? scaled_weight(backends[i]) : 0;
  }
  if (anew) {
    picker_ = make_picker(balance, backends, phase_);
  } else {
    core::apply(picker_, balance, backends, phase_);
  }
}

}  // namespace evenkeel::core
