// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/ring.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace evenkeel::core {
namespace {

TEST(Ring, HandsOutNothingWhenEmpty) {
  Ring<int> ring;
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.pop(), std::nullopt);
}

RC_GTEST_PROP(RingProperty, IsAQueue, (const std::vector<bool>& pushes)) {
  Ring<std::string> ring;
  std::deque<std::string> model;
  std::size_t pushed = 0;
  for (const bool push : pushes) {
    if (push) {
      ring.push(std::to_string(pushed));
      model.push_back(std::to_string(pushed++));
    } else if (model.empty()) {
      RC_ASSERT(ring.pop() == std::nullopt);
    } else {
      RC_ASSERT(ring.pop() == model.front());
      model.pop_front();
    }
    RC_ASSERT(ring.size() == model.size());
    RC_ASSERT(ring.empty() == model.empty());
  }
}

TEST(Ring, KeepsItsOrderWhenItGrowsWhileWrappedAround) {
  Ring<int> ring;
  for (int i = 0; i < 10; ++i) ring.push(i);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ring.pop(), i);
  for (int i = 0; i < 100; ++i) ring.push(i);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ring.pop(), i);
}

TEST(Ring, ACopyGoesOnByItself) {
  Ring<int> ring;
  ring.push(1);
  Ring<int> copy = ring;
  EXPECT_EQ(ring.pop(), 1);
  ring.push(2);
  EXPECT_EQ(copy.pop(), 1);
  EXPECT_EQ(copy.pop(), std::nullopt);
}

}  // namespace
}  // namespace evenkeel::core
