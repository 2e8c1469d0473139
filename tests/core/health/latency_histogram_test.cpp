// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/latency_histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;
using Counts = std::array<std::uint32_t, LatencyHistogram::kBuckets>;

Counts counts_of(const std::vector<Duration>& latencies) {
  Counts counts{};
  for (const Duration latency : latencies) ++counts[LatencyHistogram::bucket_of(latency)];
  return counts;
}

TEST(LatencyHistogram, BucketsMeetWithoutGapOrOverlap) {
  for (std::size_t bucket = 0; bucket < LatencyHistogram::kBuckets; ++bucket) {
    const Duration start = LatencyHistogram::lower_end(bucket);
    const Duration end = LatencyHistogram::lower_end(bucket + 1);
    ASSERT_EQ(LatencyHistogram::bucket_of(start), bucket);
    ASSERT_EQ(LatencyHistogram::bucket_of(end - 1ns), bucket);
    ASSERT_LE(end - start, start / 4) << "a quarter at most";
  }
}

TEST(LatencyHistogram, WhatIsOutsideGoesIntoTheOutermostBuckets) {
  EXPECT_EQ(LatencyHistogram::bucket_of(0ns), 0U);
  EXPECT_EQ(LatencyHistogram::bucket_of(-1ns), 0U);
  EXPECT_EQ(LatencyHistogram::bucket_of(Duration::max()), LatencyHistogram::kBuckets - 1);
  EXPECT_EQ(LatencyHistogram::lower_end(LatencyHistogram::kBuckets), Duration(1LL << 36));
}

TEST(LatencyHistogram, WithoutSamplesThePercentileIsZero) {
  EXPECT_EQ(LatencyHistogram::percentile(Counts{}, 90), 0ns);
}

TEST(LatencyHistogram, TheNinetiethPercentileIgnoresATenth) {
  std::vector<Duration> latencies(90, 10ms);
  latencies.resize(100, 5s);
  EXPECT_LT(LatencyHistogram::percentile(counts_of(latencies), 90), 13ms);
  EXPECT_GT(LatencyHistogram::percentile(counts_of(latencies), 91), 4s);
}

RC_GTEST_PROP(LatencyHistogram, APercentileIsWithinItsBucket, ()) {
  const auto raw = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(
      rc::gen::inRange<std::int64_t>(0, 5'000'000'000)));
  const auto percent = *rc::gen::inRange<std::uint32_t>(1, 101);
  std::vector<Duration> latencies(raw.begin(), raw.end());
  const Duration got = LatencyHistogram::percentile(counts_of(latencies), percent);
  std::sort(latencies.begin(), latencies.end());
  const std::size_t rank = (latencies.size() * percent + 99) / 100;
  RC_ASSERT(LatencyHistogram::bucket_of(got) == LatencyHistogram::bucket_of(latencies[rank - 1]));
}

}  // namespace
}  // namespace evenkeel::core
