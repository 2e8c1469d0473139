// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "evenkeel/core/time.h"

namespace evenkeel::sim {

// Counts durations in buckets whose width grows with their value, so that a day of requests takes
// as much memory as a second of them and no sample is kept.
//
// Below 128 ns every nanosecond has its own bucket; above, each octave is cut into 128. A bucket is
// therefore never wider than 1/128 of the values in it, and a quantile, which is a bucket's middle,
// is off by at most 1/256. Count, sum, minimum and maximum are exact. Integers only: merging in any
// order and on any machine gives the same digits.
class Histogram {
 public:
  static constexpr unsigned kBitsPerOctave = 7;

  // Negative durations count as zero.
  void add(core::Duration value);
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  // Zero when empty, as are all that follow.
  [[nodiscard]] core::Duration min() const;
  [[nodiscard]] core::Duration max() const;
  // Rounded down to a nanosecond.
  [[nodiscard]] core::Duration mean() const;
  // The value of rank ⌈count · numerator / denominator⌉ in order of size (the nearest-rank
  // quantile): the middle of its bucket, but never outside [min, max]. numerator ≤ denominator, not
  // 0.
  [[nodiscard]] core::Duration quantile(std::uint64_t numerator, std::uint64_t denominator) const;

  // Bucket of a value and the first value of a bucket; the last bucket's end does not fit and is
  // never asked for.
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value);
  [[nodiscard]] static std::uint64_t first_of(std::size_t bucket);

 private:
  __extension__ using Sum = unsigned __int128;

  // Makes room for buckets [first, last]. Only the range that occurs is held: latencies of one run
  // span a few octaves of 57.
  void cover(std::size_t first, std::size_t last);

  std::vector<std::uint64_t> counts_;  // of buckets base_, base_ + 1, …
  std::size_t base_ = 0;
  std::uint64_t count_ = 0;
  Sum sum_ = 0;
  std::uint64_t min_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace evenkeel::sim
