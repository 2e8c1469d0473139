// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/memory_pressure.h"

#include <gtest/gtest.h>

#include <limits>

namespace evenkeel::proxy {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;

TEST(MemoryPressure, IsThousandthsOfWhatMayBeUsed) {
  EXPECT_EQ(memory_pressure(0, kGiB, 90), 0U);
  EXPECT_EQ(memory_pressure(kGiB / 2, kGiB, 100), 500U);
  EXPECT_EQ(memory_pressure(kGiB / 2, kGiB, 50), 1000U);
  EXPECT_EQ(memory_pressure(kGiB, kGiB, 50), 2000U);
}

TEST(MemoryPressure, HugeAndMissingNumbersAreDefined) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(memory_pressure(kMost, kMost, 100), 1000U);
  EXPECT_EQ(memory_pressure(kMost, 1, 1), std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(memory_pressure(5, 0, 90), 0U);
  EXPECT_EQ(memory_pressure(5, 5, 0), 0U);
}

TEST(MemoryPressure, ReadsWhatTheKernelWrites) {
  EXPECT_EQ(resident_pages("5000 1234 99 1 0 2 0\n"), 1234U);
  EXPECT_EQ(resident_pages(""), std::nullopt);
  EXPECT_EQ(resident_pages("5000"), std::nullopt);
  EXPECT_EQ(memory_limit("1073741824\n"), kGiB);
  EXPECT_EQ(memory_limit("max\n"), std::nullopt);
  EXPECT_EQ(memory_limit(""), std::nullopt);
  EXPECT_EQ(memory_limit("0\n"), std::nullopt);
}

TEST(MemoryPressure, OfThisProcessIsAFraction) {
  const std::uint32_t all = MemoryGauge(100).read();
  EXPECT_LT(all, 1000U) << "else it would not run";
  EXPECT_GE(MemoryGauge(1).read(), all);
}

}  // namespace
}  // namespace evenkeel::proxy
