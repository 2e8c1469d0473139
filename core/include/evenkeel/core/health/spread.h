// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "evenkeel/core/policies.h"

// How far from the others is too far.
//
// The mean and the standard deviation, which Envoy uses, are moved by the very outliers they are to
// find: with k equally bad backends of n, those lie sqrt((n - k) / k) deviations below the mean. Of
// eight backends two dead ones pull the threshold below zero, and nobody is found. The median and
// the median absolute deviation do not move until half of the backends are bad; then nobody can say
// which half is the sick one, and nobody is found either.
namespace evenkeel::core {

// Parts per million.
inline constexpr std::uint32_t kMillion = 1'000'000;

[[nodiscard]] constexpr std::uint32_t part_per_million(std::uint64_t part, std::uint64_t whole) {
  if (part >= whole) return kMillion;
  __extension__ using Product = unsigned __int128;
  return static_cast<std::uint32_t>(static_cast<Product>(part) * kMillion / whole);
}

// The middle value; of an even count the mean of the two in the middle, rounded down. Of none, 0.
// Reorders the values.
[[nodiscard]] std::uint64_t median(std::span<std::uint64_t> values);

// Success rates below this, in parts per million, are outliers; nullopt when nothing can be. The
// distance from the middle is policy.factor deviations (a median absolute deviation counts 1.4826
// times, as it would be a standard deviation if the rates were normal), and never less than
// min_deviation_percent: of backends that are all alike, one that is hardly different is no
// outlier. `rates` in parts per million; reordered and overwritten.
[[nodiscard]] std::optional<std::uint32_t> success_rate_threshold(const SuccessRatePolicy& policy,
                                                                  std::span<std::uint64_t> rates);

}  // namespace evenkeel::core
