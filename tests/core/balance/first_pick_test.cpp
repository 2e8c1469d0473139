// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/first_pick.h"

#include <gtest/gtest.h>

#include "core/balance/test_pool.h"

namespace evenkeel::core {
namespace {

TEST(FirstPick, TakesTheFirstOfTheConfigurationHoweverBusy) {
  TestPool pool({{1, 100}, {50, 0}, {1, 0}});
  FirstPick strategy;
  EXPECT_EQ(pool.picks(strategy, 3), "aaa");
}

TEST(FirstPick, TakesTheNextWhereTheFirstCannot) {
  TestPool pool = TestPool::of_weights({1, 1, 1});
  FirstPick strategy;
  pool.eligible("bc");
  EXPECT_EQ(pool.picks(strategy, 2), "bb");
  pool.eligible("c");
  EXPECT_EQ(pool.picks(strategy, 2), "cc");
  pool.all_eligible();
  EXPECT_EQ(pool.picks(strategy, 2), "aa");
}

}  // namespace
}  // namespace evenkeel::core
