// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "evenkeel/core/time.h"

namespace evenkeel::core {

// Two exact counts over the last while, in a ring of buckets.
//
// The window is the bucket being filled and the ten full ones before it: at least `length` long, at
// most a tenth longer. "At least" matters: over less than the interval, a bound per interval would
// not hold over every interval. Exact counts see a burst of failures that a moving average would
// hide.
class TimeWindow {
 public:
  struct Counts {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    friend bool operator==(Counts, Counts) = default;
  };

  // `length` must be at least 10 ns.
  TimeWindow(Duration length, Instant now);

  // Forgets what is too old. The counts below are as of the last call of advance() or add().
  void advance(Instant now) {
    if (now >= bucket_end_) turn(now);
  }
  void add(Instant now, Counts counts) {
    advance(now);
    buckets_[current_].first += counts.first;
    buckets_[current_].second += counts.second;
    first_ += counts.first;
    second_ += counts.second;
  }
  // Forgets everything; the first bucket begins now.
  void clear(Instant now);

  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint64_t second() const { return second_; }

  friend bool operator==(const TimeWindow&, const TimeWindow&) = default;

 private:
  static constexpr std::uint32_t kFullBuckets = 10;
  static constexpr std::uint32_t kBuckets = kFullBuckets + 1;

  void turn(Instant now);
  void empty();

  Duration width_;           // of a bucket
  Instant bucket_end_;       // of the current bucket
  std::uint64_t first_ = 0;  // the sums over all buckets
  std::uint64_t second_ = 0;
  std::uint32_t current_ = 0;
  std::array<Counts, kBuckets> buckets_{};
};

}  // namespace evenkeel::core
