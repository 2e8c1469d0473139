// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/retry_budget.h"

namespace evenkeel::core {
namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t reserve_of(const RetryBudgetPolicy& policy) {
  const Wide retries = static_cast<Wide>(policy.interval.count()) * policy.min_per_second;
  return static_cast<std::uint64_t>(retries / std::uint64_t{std::nano::den});
}

}  // namespace

RetryBudget::RetryBudget(const RetryBudgetPolicy& policy, Instant now)
    : enabled_(policy.enabled),
      percent_(policy.percent),
      reserve_(reserve_of(policy)),
      window_(policy.interval, now) {}

bool RetryBudget::try_spend(Instant now) {
  if (!enabled_) return true;
  window_.advance(now);
  const std::uint64_t retries = window_.second() + 1;
  if (retries > reserve_ && retries * 100 > window_.first() * percent_) return false;
  window_.add(now, {0, 1});
  return true;
}

}  // namespace evenkeel::core
