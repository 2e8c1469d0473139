// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/retry_budget.h"

#include <algorithm>

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
      interval_(policy.interval),
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

std::uint64_t RetryBudget::allowance(Instant now) {
  if (!enabled_) return 0;
  window_.advance(now);
  return std::max(reserve_, window_.first() * percent_ / 100);
}

void RetryBudget::apply(const RetryBudgetPolicy& policy, Instant now) {
  enabled_ = policy.enabled;
  percent_ = policy.percent;
  reserve_ = reserve_of(policy);
  if (policy.interval == interval_) return;
  interval_ = policy.interval;
  window_.advance(now);
  const TimeWindow::Counts charged{static_cast<std::uint32_t>(window_.first()),
                                   static_cast<std::uint32_t>(window_.second())};
  window_ = TimeWindow(policy.interval, now);
  window_.add(now, charged);
}

}  // namespace evenkeel::core
