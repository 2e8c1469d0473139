// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/response_times.h"

#include <algorithm>

namespace evenkeel::core {
namespace {

constexpr std::uint32_t kPercentMax = 100;

}  // namespace

std::optional<Duration> ResponseTimes::percentile(Instant now, std::uint32_t percent) {
  if (now >= half_ends_) turn(now);
  if (halves_[0].total + halves_[1].total < kMinimumSamples) return std::nullopt;
  const std::uint32_t wanted = std::min(percent, kPercentMax);
  if (!cached_ || percent_ != wanted || now - computed_at_ >= kRefresh) {
    cached_ = compute(wanted);
    percent_ = wanted;
    computed_at_ = now;
  }
  return cached_;
}

Duration ResponseTimes::compute(std::uint32_t percent) const {
  const std::uint64_t total = halves_[0].total + halves_[1].total;
  const std::uint64_t rank = (total * percent + kPercentMax - 1) / kPercentMax;
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += std::uint64_t{halves_[0].counts[bucket]} + halves_[1].counts[bucket];
    if (seen != 0 && seen >= rank) return longest_of(bucket);
  }
  return kLongest;
}

Duration ResponseTimes::longest_of(std::size_t bucket) {
  constexpr std::size_t kSplit = std::size_t{1} << kSplitBits;
  const std::size_t shift = bucket < 2 * kSplit ? 0 : (bucket >> kSplitBits) - 1;
  const std::uint64_t first = bucket - (shift << kSplitBits);  // of this bucket, in 2^shift units
  return Duration(static_cast<std::int64_t>(((first + 1) << shift << kUnitBits) - 1));
}

// The older half is emptied and filled; after a long silence both are empty.
void ResponseTimes::turn(Instant now) {
  const bool silence = now >= later(half_ends_, kHalfWindow);
  current_ = 1 - current_;
  halves_[current_] = Half{};
  if (silence) halves_[1 - current_] = Half{};
  half_ends_ = later(silence ? now : half_ends_, kHalfWindow);
}

std::optional<Duration> hedge_delay(const HedgePolicy& policy, ResponseTimes& times, Instant now) {
  if (!policy.enabled) return std::nullopt;
  if (policy.delay > Duration::zero()) return policy.delay;
  const auto percentile = times.percentile(now, policy.delay_percentile);
  if (!percentile) return std::nullopt;
  return std::max(policy.min_delay, *percentile);
}

}  // namespace evenkeel::core
