// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/token_purse.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

TEST(TokenPurse, SpendsWhatItHolds) {
  TokenPurse purse;
  EXPECT_FALSE(purse.spend(at(0s)));
  purse.add(2, at(10s));
  EXPECT_TRUE(purse.spend(at(1s)));
  EXPECT_TRUE(purse.spend(at(1s)));
  EXPECT_FALSE(purse.spend(at(1s)));
}

TEST(TokenPurse, SpendsNothingFromTheEndOfALeaseOn) {
  TokenPurse purse;
  purse.add(2, at(10s));
  EXPECT_TRUE(purse.spend(at(10s) - 1ns));
  EXPECT_FALSE(purse.spend(at(10s)));
}

TEST(TokenPurse, SpendsTheOldestFirst) {
  TokenPurse purse;
  purse.add(1, at(10s));
  purse.add(1, at(20s));
  EXPECT_TRUE(purse.spend(at(5s)));
  EXPECT_TRUE(purse.spend(at(15s))) << "the younger one was kept";
}

// What the home has to know before it leases more.
TEST(TokenPurse, CountsWhatWasSpentAndWhatRanOut) {
  TokenPurse purse;
  purse.add(3, at(10s));
  EXPECT_TRUE(purse.spend(at(1s)));
  EXPECT_EQ(purse.take_used(), 1U);
  purse.expire(at(10s));
  EXPECT_EQ(purse.take_used(), 2U);
  EXPECT_EQ(purse.take_used(), 0U);
}

TEST(TokenPurse, MergesLeasesBeyondItsMostAndNeverProlongsOne) {
  TokenPurse purse;
  for (std::uint32_t i = 0; i <= TokenPurse::kLeases; ++i) purse.add(1, at(Duration(1s) * (i + 1)));
  EXPECT_EQ(purse.held(), TokenPurse::kLeases + 1);
  purse.expire(at(Duration(1s) * TokenPurse::kLeases));
  EXPECT_EQ(purse.held(), 0U) << "the merged one ends with the one before it";
}

RC_GTEST_PROP(TokenPurse, NeitherLosesNorMakesTokens, (const std::vector<std::uint8_t>& steps)) {
  TokenPurse purse;
  Instant now = at(0s);
  std::uint32_t leased = 0;
  std::uint32_t used = 0;
  for (const std::uint8_t step : steps) {
    now += Duration(step);
    if (step % 3 == 0) {
      purse.add(step, now + 200ns);
      leased += step;
    } else if (step % 3 == 1) {
      (void)purse.spend(now);
    } else {
      used += purse.take_used();
    }
    RC_ASSERT(purse.held() + used + purse.used() == leased);
  }
}

}  // namespace
}  // namespace evenkeel::core
