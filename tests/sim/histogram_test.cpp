// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace evenkeel::sim {
namespace {

using core::Duration;

// Durations of every size, from nanoseconds to days.
rc::Gen<std::vector<std::int64_t>> durations() {
  const auto one = rc::gen::map(
      rc::gen::pair(rc::gen::inRange<std::uint64_t>(0, 1ULL << 50U), rc::gen::inRange(0, 50)),
      [](const std::pair<std::uint64_t, int>& drawn) {
        return static_cast<std::int64_t>(drawn.first >> drawn.second);
      });
  return rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(one));
}

Histogram of(const std::vector<std::int64_t>& values) {
  Histogram histogram;
  for (const std::int64_t value : values) histogram.add(Duration(value));
  return histogram;
}

TEST(Histogram, IsZeroWhenEmpty) {
  const Histogram histogram;
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.quantile(99, 100), Duration::zero());
  EXPECT_EQ(histogram.mean(), Duration::zero());
  EXPECT_EQ(histogram.max(), Duration::zero());
}

TEST(Histogram, GivesTheNearestRank) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.add(Duration(i));  // below 128 ns buckets are exact
  EXPECT_EQ(histogram.quantile(50, 100), Duration(50));
  EXPECT_EQ(histogram.quantile(99, 100), Duration(99));
  EXPECT_EQ(histogram.quantile(999, 1000), Duration(100));
  EXPECT_EQ(histogram.quantile(1, 1), Duration(100));
  EXPECT_EQ(histogram.quantile(1, 1000), Duration(1));
}

TEST(Histogram, CountsNegativeDurationsAsZero) {
  Histogram histogram;
  histogram.add(Duration(-5));
  EXPECT_EQ(histogram.max(), Duration::zero());
  EXPECT_EQ(histogram.count(), 1U);
}

TEST(Histogram, BucketsCoverEveryValueWithoutGapOrOverlap) {
  for (std::size_t bucket = 0; bucket + 1 < Histogram::bucket_of(~0ULL); ++bucket) {
    ASSERT_EQ(Histogram::bucket_of(Histogram::first_of(bucket)), bucket);
    ASSERT_EQ(Histogram::bucket_of(Histogram::first_of(bucket + 1) - 1), bucket);
  }
}

RC_GTEST_PROP(Histogram, BucketIsNeverWiderThanItsPartOfTheValue, ()) {
  const auto value = *rc::gen::map(
      rc::gen::pair(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(1, 64)),
      [](const std::pair<std::uint64_t, int>& drawn) { return drawn.first >> drawn.second; });
  const std::size_t bucket = Histogram::bucket_of(value);
  const std::uint64_t width = Histogram::first_of(bucket + 1) - Histogram::first_of(bucket);
  RC_ASSERT(Histogram::first_of(bucket) <= value);
  RC_ASSERT(width == 1 || width <= value / 128);
}

RC_GTEST_PROP(Histogram, QuantileIsWithinHalfABucketOfTheExactOne, ()) {
  std::vector<std::int64_t> values = *durations();
  const auto percent = *rc::gen::inRange<std::uint64_t>(1, 101);
  const Duration measured = of(values).quantile(percent, 100);
  std::sort(values.begin(), values.end());
  const std::int64_t exact = values[(values.size() * percent + 99) / 100 - 1];
  RC_ASSERT(std::abs(measured.count() - exact) <= exact / 256 + 1);
}

RC_GTEST_PROP(Histogram, CountMeanAndExtremesAreExact, ()) {
  const std::vector<std::int64_t> values = *durations();
  const Histogram histogram = of(values);
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum += value;
  RC_ASSERT(histogram.count() == values.size());
  RC_ASSERT(histogram.mean() == Duration(sum / static_cast<std::int64_t>(values.size())));
  RC_ASSERT(histogram.min() == Duration(*std::min_element(values.begin(), values.end())));
  RC_ASSERT(histogram.max() == Duration(*std::max_element(values.begin(), values.end())));
}

RC_GTEST_PROP(Histogram, MergingIsTheSameAsCountingTogether, ()) {
  const std::vector<std::int64_t> first = *durations();
  const std::vector<std::int64_t> second = *durations();
  Histogram merged = of(first);
  merged.merge(of(second));
  merged.merge(Histogram());
  std::vector<std::int64_t> both = first;
  both.insert(both.end(), second.begin(), second.end());
  const Histogram together = of(both);
  RC_ASSERT(merged.count() == together.count());
  RC_ASSERT(merged.mean() == together.mean());
  for (std::uint64_t percent = 1; percent <= 100; ++percent) {
    RC_ASSERT(merged.quantile(percent, 100) == together.quantile(percent, 100));
  }
}

}  // namespace
}  // namespace evenkeel::sim
