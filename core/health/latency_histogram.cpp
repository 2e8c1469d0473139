// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/latency_histogram.h"

#include <algorithm>

#include "evenkeel/core/fixed_point.h"

namespace evenkeel::core {

Duration LatencyHistogram::percentile(std::span<const std::uint32_t, kBuckets> counts,
                                      std::uint32_t percent) {
  std::uint64_t total = 0;
  for (const std::uint32_t count : counts) total += count;
  if (total == 0) return Duration::zero();
  const std::uint64_t rank = std::clamp<std::uint64_t>((total * percent + 99) / 100, 1, total);
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  while (below + counts[bucket] < rank) below += counts[bucket++];
  const Duration start = bucket == 0 ? Duration::zero() : lower_end(bucket);
  const auto width = static_cast<std::uint64_t>((lower_end(bucket + 1) - start).count());
  // The middle of the sample's own part of the bucket.
  const std::uint64_t into = multiply_divide(width, 2 * (rank - below) - 1, 2ULL * counts[bucket]);
  return start + Duration(static_cast<Duration::rep>(into));
}

}  // namespace evenkeel::core
