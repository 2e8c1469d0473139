// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/worklist.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>

namespace evenkeel::core {
namespace {

TEST(Worklist, ListsEachItemOnceInOrderOfComing) {
  Worklist list(4);
  for (const std::uint32_t item : {3U, 1U, 3U, 0U, 1U}) list.add(item);
  EXPECT_EQ(list.size(), 3U);
  EXPECT_EQ(list.pop(), 3U);
  EXPECT_EQ(list.pop(), 1U);
  EXPECT_EQ(list.pop(), 0U);
  EXPECT_EQ(list.pop(), std::nullopt);
}

TEST(Worklist, TakenItemsMayComeAgain) {
  Worklist list(2);
  list.add(1);
  EXPECT_EQ(list.pop(), 1U);
  EXPECT_FALSE(list.contains(1));
  list.add(1);
  EXPECT_EQ(list.pop(), 1U);
}

TEST(Worklist, HoldsEveryItemAtMost) {
  Worklist list(3);
  for (std::uint32_t round = 0; round < 100; ++round) {
    for (std::uint32_t item = 0; item < 3; ++item) list.add(item);
  }
  EXPECT_EQ(list.size(), 3U);
}

TEST(Worklist, EqualListsMayHaveTurnedDifferently) {
  Worklist turned(3);
  turned.add(0);
  (void)turned.pop();
  turned.add(2);
  Worklist fresh(3);
  fresh.add(2);
  EXPECT_EQ(turned, fresh);
  fresh.add(1);
  EXPECT_NE(turned, fresh);
}

RC_GTEST_PROP(Worklist, IsAQueueWithoutRepetition, (const std::vector<std::uint8_t>& steps)) {
  std::uint32_t size = 5;
  Worklist list(size);
  std::deque<std::uint32_t> model;
  for (const std::uint8_t step : steps) {
    if (step < 128) {
      const std::uint32_t item = step % size;
      if (std::find(model.begin(), model.end(), item) == model.end()) model.push_back(item);
      list.add(item);
    } else if (step < 250) {
      const auto item = list.pop();
      RC_ASSERT(item.has_value() == !model.empty());
      if (item) {
        RC_ASSERT(*item == model.front());
        model.pop_front();
      }
    } else {
      list.resize(++size);
    }
    RC_ASSERT(list.size() == model.size());
  }
}

}  // namespace
}  // namespace evenkeel::core
