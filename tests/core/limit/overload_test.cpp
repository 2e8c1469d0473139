// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/overload.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace evenkeel::core {
namespace {

Overload at_pressure(std::uint32_t thousandths, std::uint32_t least_important = 3) {
  Overload overload(OverloadPolicy{}, least_important);
  overload.on_pressure(thousandths);
  return overload;
}

OverloadPolicy only(OverloadAction action) {
  OverloadPolicy policy;
  policy.actions = {action};
  return policy;
}

TEST(Overload, WithoutPressureNothingIsGivenUp) {
  const Overload overload(OverloadPolicy{}, 3);
  EXPECT_FALSE(overload.disables_keepalive());
  EXPECT_FALSE(overload.sheds(3));
  EXPECT_FALSE(overload.stops_accepting());
}

TEST(Overload, IdleClientsGoFirst) {
  EXPECT_FALSE(at_pressure(849).disables_keepalive());
  EXPECT_TRUE(at_pressure(850).disables_keepalive());
  EXPECT_FALSE(at_pressure(899).sheds(3));
}

TEST(Overload, TheHighestNumberIsShedFirst) {
  EXPECT_TRUE(at_pressure(900).sheds(3));
  EXPECT_FALSE(at_pressure(900).sheds(2));
  EXPECT_FALSE(at_pressure(933).sheds(2));
  EXPECT_TRUE(at_pressure(934).sheds(2));
  EXPECT_FALSE(at_pressure(966).sheds(1));
  EXPECT_TRUE(at_pressure(967).sheds(1));
}

TEST(Overload, TheMostImportantAreNeverShed) {
  EXPECT_FALSE(at_pressure(1000).sheds(0));
  EXPECT_FALSE(at_pressure(1000, 0).sheds(0));
  EXPECT_FALSE(at_pressure(std::numeric_limits<std::uint32_t>::max()).sheds(0));
}

TEST(Overload, AcceptingStopsLast) {
  EXPECT_FALSE(at_pressure(999).stops_accepting());
  EXPECT_TRUE(at_pressure(1000).stops_accepting());
  EXPECT_TRUE(at_pressure(1000).sheds(1));
  EXPECT_TRUE(at_pressure(1000).disables_keepalive());
}

TEST(Overload, DoesOnlyWhatItWasTold) {
  Overload overload(only(OverloadAction::shed_low_priority), 1);
  overload.on_pressure(1000);
  EXPECT_TRUE(overload.sheds(1));
  EXPECT_FALSE(overload.disables_keepalive());
  EXPECT_FALSE(overload.stops_accepting());
  overload.apply(only(OverloadAction::disable_keepalive), 1);
  EXPECT_FALSE(overload.sheds(1));
  EXPECT_TRUE(overload.disables_keepalive()) << "the pressure is what it was";
  overload.apply(only(OverloadAction::stop_accepting), 1);
  EXPECT_TRUE(overload.stops_accepting());
}

TEST(Overload, EndsFiftyBelowWhereItBegan) {
  Overload overload = at_pressure(1000);
  overload.on_pressure(951);
  EXPECT_TRUE(overload.stops_accepting());
  overload.on_pressure(950);
  EXPECT_FALSE(overload.stops_accepting());
  EXPECT_TRUE(overload.sheds(1));
  overload.on_pressure(801);
  EXPECT_TRUE(overload.disables_keepalive());
  overload.on_pressure(800);
  EXPECT_FALSE(overload.disables_keepalive());
}

// Connections that close and come back with every measurement cost more than they free.
TEST(Overload, APressureAroundAThresholdDoesNotFlap) {
  Overload overload = at_pressure(1000);
  for (int i = 0; i < 100; ++i) {
    overload.on_pressure(i % 2 == 0 ? 955 : 1005);
    ASSERT_TRUE(overload.stops_accepting());
  }
}

TEST(Overload, HoweverManyPrioritiesThereAreTheStepsFitTheRange) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  EXPECT_TRUE(at_pressure(900, kMost).sheds(kMost));
  EXPECT_FALSE(at_pressure(900, kMost).sheds(kMost - 1));
  EXPECT_TRUE(at_pressure(950, kMost).sheds(kMost / 2 + 1));
  EXPECT_FALSE(at_pressure(950, kMost).sheds(kMost / 2 - 1));
  EXPECT_TRUE(at_pressure(1000, kMost).sheds(1));
}

RC_GTEST_PROP(OverloadOrder, WhateverCameBeforeMorePressureGivesUpNoLess, ()) {
  const auto least_important = *rc::gen::inRange(0U, 10U);
  Overload overload(OverloadPolicy{}, least_important);
  for (const auto pressure :
       *rc::gen::container<std::vector<std::uint32_t>>(20, rc::gen::inRange(780U, 1050U))) {
    overload.on_pressure(pressure);
    // At least what this pressure asks for, at most what 49 more would.
    const Overload now = at_pressure(pressure, least_important);
    const Overload above = at_pressure(pressure + 49, least_important);
    RC_ASSERT(overload.disables_keepalive() >= now.disables_keepalive());
    RC_ASSERT(overload.disables_keepalive() <= above.disables_keepalive());
    RC_ASSERT(overload.stops_accepting() >= now.stops_accepting());
    RC_ASSERT(overload.stops_accepting() <= above.stops_accepting());
    for (std::uint32_t priority = 0; priority <= least_important; ++priority) {
      RC_ASSERT(overload.sheds(priority) >= now.sheds(priority));
      RC_ASSERT(overload.sheds(priority) <= above.sheds(priority));
      RC_ASSERT(overload.sheds(priority) <= (priority != 0));
      // Whoever is more important than somebody spared is spared.
      if (priority > 0) RC_ASSERT(overload.sheds(priority - 1) <= overload.sheds(priority));
    }
    // The same measurement again changes nothing.
    Overload again = overload;
    again.on_pressure(pressure);
    RC_ASSERT(again == overload);
  }
}

}  // namespace
}  // namespace evenkeel::core
