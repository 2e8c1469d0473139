// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/least_connections.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <vector>

#include "core/balance/test_pool.h"
#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();

TEST(LeastConnections, TakesTheFewestInFlight) {
  TestPool pool = TestPool::of_in_flight({3, 1, 2});
  LeastConnections strategy;
  EXPECT_EQ(pool.picks(strategy, 4), "bbbb");
  pool.eligible("ac");
  EXPECT_EQ(pool.picks(strategy, 2), "cc");
}

TEST(LeastConnections, CountsTheRequestItPlacesAgainstTheWeight) {
  LeastConnections strategy;
  // 1/1 against 1/2: idle backends are not all the same.
  EXPECT_EQ(TestPool({{1, 0}, {2, 0}}).picks(strategy, 3), "bbb");
  // 2/1 against 4/3.
  EXPECT_EQ(TestPool({{1, 1}, {3, 3}}).picks(strategy, 3), "bbb");
  // 1/1 against 4/3.
  EXPECT_EQ(TestPool({{1, 0}, {3, 3}}).picks(strategy, 3), "aaa");
}

// The first of equals would get every request of a quiet pool.
TEST(LeastConnections, DrawsAmongAllEquals) {
  TestPool pool({{1, 1}, {1, 5}, {2, 3}, {1, 1}, {3, 9}, {1, 1}});
  LeastConnections strategy;
  const auto counts = pool.count_picks(strategy, 40'000);
  EXPECT_EQ(counts[1], 0U);
  EXPECT_EQ(counts[4], 0U);
  EXPECT_LT(chi_square_excess({counts[0], counts[2], counts[3], counts[5]}), 4);
}

TEST(LeastConnections, ComparesTheLargestNumbersWithoutOverflow) {
  LeastConnections strategy;
  EXPECT_EQ(TestPool({{kMost, kMost}, {kMost, kMost - 1}}).picks(strategy, 1), "b");
  EXPECT_EQ(TestPool({{1, kMost}, {kMost, kMost}}).picks(strategy, 1), "b");
}

RC_GTEST_PROP(LeastConnections, NobodyIsLessLoadedThanThePick, ()) {
  std::vector<Load> loads;
  const auto count = *rc::gen::inRange<std::size_t>(1, 10);
  for (std::size_t i = 0; i < count; ++i) {
    loads.push_back(
        Load{*rc::gen::inRange<std::uint32_t>(1, 5), *rc::gen::inRange<std::uint32_t>(0, 6)});
  }
  TestPool pool(loads);
  LeastConnections strategy;
  const Load picked = loads[index(pool.pick(strategy))];
  for (const Load& other : loads) {
    const auto left = static_cast<double>(picked.in_flight + 1) / picked.weight;
    const auto right = static_cast<double>(other.in_flight + 1) / other.weight;
    RC_ASSERT(left <= right);
  }
}

}  // namespace
}  // namespace evenkeel::core
