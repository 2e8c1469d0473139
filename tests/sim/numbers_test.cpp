// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/numbers.h"

#include <gtest/gtest.h>

namespace evenkeel::sim {
namespace {

using core::Duration;

TEST(Numbers, DurationsAreWrittenInTheLargestUnitThatFits) {
  EXPECT_EQ(duration_text(Duration(0)), "0s");
  EXPECT_EQ(duration_text(Duration(812)), "812ns");
  EXPECT_EQ(duration_text(Duration(1'500)), "1.5us");
  EXPECT_EQ(duration_text(Duration(20'713'400)), "20.713ms");
  EXPECT_EQ(duration_text(Duration(130'000'000)), "130ms");
  EXPECT_EQ(duration_text(Duration(3'600'000'000'000)), "3600s");
  EXPECT_EQ(duration_text(Duration(-1'500'000)), "-1.5ms");
}

TEST(Numbers, DurationThatRoundsUpToTheNextUnitTakesIt) {
  EXPECT_EQ(duration_text(Duration(999'999'600)), "1s");
  EXPECT_EQ(duration_text(Duration(999'999)), "999.999us");
}

TEST(Numbers, FixedHasNoExponentAndNoNegativeZero) {
  EXPECT_EQ(fixed(1e21, 0), "1000000000000000000000");
  EXPECT_EQ(fixed(0.0000001, 6), "0.000000");
  EXPECT_EQ(fixed(-0.0000001, 6), "0.000000");
  EXPECT_EQ(fixed(-1.5, 1), "-1.5");
}

TEST(Numbers, NearestRoundsHalvesUp) {
  EXPECT_EQ(nearest(0.1 * 1e6), 100'000U);
  EXPECT_EQ(nearest(0.29 * 1e6), 290'000U);  // 289999.99999999994 in binary
  EXPECT_EQ(nearest(0.5), 1U);
  EXPECT_EQ(nearest(0.49), 0U);
}

TEST(Numbers, FiguresCarryTheirUnit) {
  EXPECT_EQ(figure(20'700'000, Unit::duration), "20.7ms");
  EXPECT_EQ(figure(0.999, Unit::ratio), "0.999");
  EXPECT_EQ(figure(12, Unit::count), "12");
  EXPECT_EQ(figure(1.0 / 3, Unit::ratio), "0.333333");
}

}  // namespace
}  // namespace evenkeel::sim
