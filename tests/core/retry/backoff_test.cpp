// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/backoff.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/chi_square.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

constexpr std::uint64_t kLowest = 0;
constexpr std::uint64_t kHighest = std::numeric_limits<std::uint64_t>::max();

TEST(Backoff, DoublesItsLimitUpToTheLongest) {
  const BackoffPolicy policy;  // 25 ms, at most 250 ms
  EXPECT_EQ(backoff(policy, 1, kHighest), 25ms);
  EXPECT_EQ(backoff(policy, 2, kHighest), 50ms);
  EXPECT_EQ(backoff(policy, 3, kHighest), 100ms);
  EXPECT_EQ(backoff(policy, 4, kHighest), 200ms);
  EXPECT_EQ(backoff(policy, 5, kHighest), 250ms);
  EXPECT_EQ(backoff(policy, 1'000'000, kHighest), 250ms);
}

// Half or no jitter lets requests that failed together come back together.
TEST(Backoff, IsUniformFromZeroToTheLimit) {
  const BackoffPolicy policy;
  const Stream stream(Seed{1}, "backoff");
  std::vector<std::uint64_t> tenths(10);
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    ++tenths[backoff(policy, 3, stream.at(i)) / 10'000'001ns];
  }
  EXPECT_LT(chi_square_excess(tenths), 4);
  EXPECT_EQ(backoff(policy, 3, kLowest), 0ms);
}

TEST(Backoff, OfZeroIsNone) {
  EXPECT_EQ(backoff(BackoffPolicy{0ms, 250ms}, 5, kHighest), 0ms);
  EXPECT_EQ(backoff(BackoffPolicy{25ms, 0ms}, 5, kHighest), 0ms);
}

TEST(Backoff, TheFirstLimitIsCappedToo) {
  EXPECT_EQ(backoff(BackoffPolicy{500ms, 250ms}, 1, kHighest), 250ms);
}

RC_GTEST_PROP(Backoff, NeverExceedsItsLimitNorOverflows, ()) {
  const Duration initial(*rc::gen::inRange<std::int64_t>(0, Duration::max().count()));
  const Duration most(*rc::gen::inRange<std::int64_t>(0, Duration::max().count()));
  const auto retry = *rc::gen::inRange<std::uint32_t>(1, 100);
  const auto bits = *rc::gen::arbitrary<std::uint64_t>();
  const Duration wait = backoff(BackoffPolicy{initial, most}, retry, bits);
  RC_ASSERT(wait >= Duration::zero());
  const long double limit =
      std::min(static_cast<long double>(initial.count()) * std::exp2(retry - 1.0L),
               static_cast<long double>(most.count()));
  RC_ASSERT(static_cast<long double>(wait.count()) <= limit);
}

}  // namespace
}  // namespace evenkeel::core
