// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "evenkeel/core/time.h"

namespace evenkeel::core {

// Latencies in 80 buckets, four to every doubling from 66 µs to 69 s: one increment per sample, and
// a percentile within a bucket's width (an eighth, in the middle of it) of the true one, which is
// enough to tell who is several times slower. What is below the first bucket goes into it, what is
// above the last into the last.
//
// The counters are the owner's, so that those of a pool can be one block.
class LatencyHistogram {
 public:
  static constexpr std::size_t kBuckets = 80;
  static constexpr Duration kLowest = Duration(1 << 16);

  [[nodiscard]] static constexpr std::size_t bucket_of(Duration latency) {
    if (latency < kLowest) return 0;
    const auto nanoseconds = static_cast<std::uint64_t>(latency.count());
    const auto octave = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1;  // at least 16
    const std::size_t bucket = (octave - 16) * 4 + (nanoseconds >> (octave - 2U) & 3U);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  // The shortest latency in a bucket; bucket kBuckets is the end of the last.
  [[nodiscard]] static constexpr Duration lower_end(std::size_t bucket) {
    const std::int64_t octave = kLowest.count() << (bucket / 4);
    return Duration(octave + octave / 4 * static_cast<std::int64_t>(bucket % 4));
  }

  // The latency that `percent` of the samples do not exceed, as if the samples of a bucket were
  // spread evenly over it. Zero without samples.
  [[nodiscard]] static Duration percentile(std::span<const std::uint32_t, kBuckets> counts,
                                           std::uint32_t percent);
};

}  // namespace evenkeel::core
