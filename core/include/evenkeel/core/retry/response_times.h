// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// How long a pool's responses took lately, for the delay of hedges.
//
// A second attempt is worth its load only for the few requests that are already slower than nearly
// all others, and what "slow" is changes by the hour. So the delay is a percentile of the last 15
// to 30 s, computed anew at most every 3 s.
//
// A histogram: 16 buckets for every power of two, two halves of a window that take turns. An answer
// is never below the true percentile of the window, and above it by at most 1/16 and 1 µs, whatever
// the distribution. Four kilobytes, integers only.
class ResponseTimes {
 public:
  static constexpr Duration kHalfWindow = std::chrono::seconds(15);
  static constexpr Duration kRefresh = std::chrono::seconds(3);
  // With fewer, a high percentile is one request's bad luck.
  static constexpr std::uint64_t kMinimumSamples = 100;
  // Longer ones count as this, 73 minutes.
  static constexpr Duration kLongest{(std::int64_t{1} << 42U) - 1};

  explicit ResponseTimes(Instant now) : half_ends_(later(now, kHalfWindow)) {}

  // A response took this long. Negative ones count as 0.
  void add(Instant now, Duration took) {
    if (now >= half_ends_) turn(now);
    ++halves_[current_].counts[bucket_of(took)];
    ++halves_[current_].total;
  }

  // A time that this percentage of the recent responses did not exceed; nullopt until there are
  // kMinimumSamples. Above 100 means 100.
  [[nodiscard]] std::optional<Duration> percentile(Instant now, std::uint32_t percent);

  friend bool operator==(const ResponseTimes&, const ResponseTimes&) = default;

 private:
  static constexpr unsigned kUnitBits = 10;   // counted in 1024 ns
  static constexpr unsigned kSplitBits = 4;   // buckets of a power of two, as a power of two
  static constexpr unsigned kValueBits = 42;  // of kLongest
  static constexpr std::size_t kBuckets = std::size_t{kValueBits - kUnitBits - kSplitBits + 1}
                                          << kSplitBits;

  struct Half {
    std::uint64_t total = 0;
    std::array<std::uint32_t, kBuckets> counts{};
    friend bool operator==(const Half&, const Half&) = default;
  };

  static std::size_t bucket_of(Duration took) {
    const Duration clamped = took < Duration::zero() ? Duration::zero()
                             : took > kLongest       ? kLongest
                                                     : took;
    const auto units = static_cast<std::uint64_t>(clamped.count()) >> kUnitBits;
    // Below 2^5 units every bucket holds one.
    const unsigned width = static_cast<unsigned>(std::bit_width(units | (1U << kSplitBits)));
    const unsigned shift = width - kSplitBits - 1;
    return (std::size_t{shift} << kSplitBits) + (units >> shift);
  }
  // The longest time that falls into this bucket.
  static Duration longest_of(std::size_t bucket);

  void turn(Instant now);
  [[nodiscard]] Duration compute(std::uint32_t percent) const;

  Instant half_ends_;  // of the current half
  std::uint32_t current_ = 0;
  std::array<Half, 2> halves_{};

  std::uint32_t percent_ = 0;  // what `cached_` is
  Instant computed_at_;        // and when
  std::optional<Duration> cached_;
};

// How long after the first attempt of a request a second one starts; nullopt: not at all, as
// hedging is off or too little is known.
[[nodiscard]] std::optional<Duration> hedge_delay(const HedgePolicy& policy, ResponseTimes& times,
                                                  Instant now);

}  // namespace evenkeel::core
