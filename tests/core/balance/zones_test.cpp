// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/zones.h"

#include <gtest/gtest.h>

namespace evenkeel::core {
namespace {

constexpr Decimal kFactor{1400};
constexpr std::uint32_t kPercent = kWholeLoad / 100;

TEST(Zones, EverythingStaysWhileTheZoneIsWell) {
  EXPECT_EQ(local_share({100, true}, kFactor, {4, 4}, {8, 8}), kWholeLoad);
  EXPECT_EQ(local_share({100, true}, kFactor, {5, 7}, {8, 8}), kWholeLoad);
}

TEST(Zones, ThePolicySaysHowMuchStays) {
  EXPECT_EQ(local_share({70, true}, kFactor, {4, 4}, {8, 8}), 70 * kPercent);
  EXPECT_EQ(local_share({0, true}, kFactor, {4, 4}, {8, 8}), 0U);
  EXPECT_EQ(local_share({400, true}, kFactor, {4, 4}, {8, 8}), kWholeLoad);
}

TEST(Zones, AZoneThatLosesBackendsSpillsInProportion) {
  EXPECT_EQ(local_share({100, true}, kFactor, {2, 4}, {8, 8}), 70 * kPercent);
  EXPECT_EQ(local_share({70, true}, kFactor, {2, 4}, {8, 8}), 49 * kPercent);
  EXPECT_EQ(local_share({100, true}, kFactor, {0, 4}, {8, 8}), 0U);
  EXPECT_EQ(local_share({100, true}, kFactor, {0, 0}, {8, 8}), 0U);
}

TEST(Zones, NothingSpillsToZonesWithoutAnybodyHealthy) {
  EXPECT_EQ(local_share({70, true}, kFactor, {1, 4}, {0, 8}), kWholeLoad);
  EXPECT_EQ(local_share({70, true}, kFactor, {1, 4}, {0, 0}), kWholeLoad);
}

TEST(Zones, WithoutSpillEverythingStays) {
  EXPECT_EQ(local_share({70, false}, kFactor, {0, 4}, {8, 8}), kWholeLoad);
}

}  // namespace
}  // namespace evenkeel::core
