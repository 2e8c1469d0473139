// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/jitter.h"

#include <gtest/gtest.h>

#include <set>

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

const Stream kStream(Seed{1}, "jitter");

TEST(Jitter, TakesEveryValueBelowItsShareOfTheLength) {
  std::set<std::int64_t> seen;
  std::set<std::int64_t> expected;
  for (std::int64_t i = 0; i < 15; ++i) expected.insert(i);
  for (std::uint64_t i = 0; i < 1'000; ++i) seen.insert(jitter(kStream, 150ns, 10, i).count());
  EXPECT_EQ(seen, expected);
}

TEST(Jitter, OfZeroPercentOrOfNoLengthIsNone) {
  EXPECT_EQ(jitter(kStream, 10s, 0, 3), 0ns);
  EXPECT_EQ(jitter(kStream, 0s, 50, 3), 0ns);
}

TEST(Jitter, DoesNotOverflow) {
  const Duration wait = jitter(kStream, Duration::max(), 100, 0);
  EXPECT_GE(wait, 0ns);
}

}  // namespace
}  // namespace evenkeel::core
