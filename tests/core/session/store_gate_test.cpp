// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/session/store_gate.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

RedisPolicy room_for(std::uint32_t max_waiting) {
  RedisPolicy policy;
  policy.max_waiting = max_waiting;
  return policy;
}

void fail(StoreGate& gate, Instant now, std::uint32_t times) {
  for (std::uint32_t i = 0; i < times; ++i) {
    ASSERT_TRUE(gate.try_begin(now));
    gate.on_failed(now);
  }
}

TEST(StoreGate, NoMoreThanMaxWaitingWait) {
  StoreGate gate(room_for(64));
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(gate.try_begin(at(0s)));
  EXPECT_FALSE(gate.try_begin(at(0s)));
  EXPECT_EQ(gate.waiting(), 64U);
  gate.on_answered();
  EXPECT_TRUE(gate.try_begin(at(0s)));
  gate.on_abandoned();
  gate.on_failed(at(0s));
  EXPECT_TRUE(gate.try_begin(at(0s)));
  EXPECT_TRUE(gate.try_begin(at(0s)));
  EXPECT_FALSE(gate.try_begin(at(0s)));
}

TEST(StoreGate, WithoutRoomNobodyWaits) {
  StoreGate gate(room_for(0));
  EXPECT_FALSE(gate.try_begin(at(0s)));
}

// Who was turned away for want of room says nothing of the store.
TEST(StoreGate, AFullGateIsNoFailure) {
  StoreGate gate(room_for(1));
  EXPECT_TRUE(gate.try_begin(at(0s)));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(gate.try_begin(at(0s)));
  gate.on_answered();
  EXPECT_FALSE(gate.failing());
  EXPECT_TRUE(gate.try_begin(at(0s)));
}

TEST(StoreGate, AfterFailuresInARowOnlyOneIsTriedAPause) {
  StoreGate gate(room_for(64));
  fail(gate, at(0s), StoreGate::kFailuresToPause);
  EXPECT_TRUE(gate.failing());
  EXPECT_FALSE(gate.try_begin(at(StoreGate::kPause - 1ns)));
  EXPECT_TRUE(gate.try_begin(at(StoreGate::kPause)));
  EXPECT_FALSE(gate.try_begin(at(StoreGate::kPause)));
  gate.on_failed(at(StoreGate::kPause + 50ms));
  EXPECT_FALSE(gate.try_begin(at(2 * StoreGate::kPause - 1ns)));
  EXPECT_TRUE(gate.try_begin(at(2 * StoreGate::kPause)));
}

TEST(StoreGate, OneAnswerOpensItAgain) {
  StoreGate gate(room_for(64));
  fail(gate, at(0s), StoreGate::kFailuresToPause);
  EXPECT_TRUE(gate.try_begin(at(StoreGate::kPause)));
  gate.on_answered();
  EXPECT_FALSE(gate.failing());
  fail(gate, at(StoreGate::kPause), StoreGate::kFailuresToPause - 1);
  EXPECT_TRUE(gate.try_begin(at(StoreGate::kPause)));
}

TEST(StoreGate, AnAnswerBetweenFailuresStartsTheCountAgain) {
  StoreGate gate(room_for(64));
  for (int i = 0; i < 20; ++i) {
    fail(gate, at(0s), StoreGate::kFailuresToPause - 1);
    ASSERT_TRUE(gate.try_begin(at(0s)));
    gate.on_answered();
  }
  EXPECT_FALSE(gate.failing());
}

// A breaker that restarts its pause with each of these never closes.
TEST(StoreGate, FailuresOfBeforeThePauseDoNotProlongIt) {
  StoreGate gate(room_for(64));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(gate.try_begin(at(0s)));
  for (int i = 0; i < 20; ++i) gate.on_failed(at(i * 20ms));
  const Instant third = at((StoreGate::kFailuresToPause - 1) * 20ms);
  EXPECT_FALSE(gate.try_begin(third + StoreGate::kPause - 1ns));
  EXPECT_TRUE(gate.try_begin(third + StoreGate::kPause));
}

TEST(StoreGate, AnAbandonedTryDoesNotShutItForGood) {
  StoreGate gate(room_for(64));
  fail(gate, at(0s), StoreGate::kFailuresToPause);
  for (int i = 1; i < 100; ++i) {
    ASSERT_TRUE(gate.try_begin(at(i * StoreGate::kPause))) << i;
    gate.on_abandoned();
  }
}

TEST(StoreGate, ASmallerBoundHoldsForTheNext) {
  StoreGate gate(room_for(8));
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(gate.try_begin(at(0s)));
  gate.apply(room_for(2));
  for (int i = 0; i < 6; ++i) gate.on_answered();
  EXPECT_FALSE(gate.try_begin(at(0s)));
  gate.on_answered();
  EXPECT_TRUE(gate.try_begin(at(0s)));
}

RC_GTEST_PROP(StoreGate, ADeadStoreIsTriedOnceAPauseAndTheGateNeverOverflows, ()) {
  const auto max_waiting = *rc::gen::inRange<std::uint32_t>(1, 5);
  StoreGate gate(room_for(max_waiting));
  std::uint32_t waiting = 0;
  std::uint32_t failures = 0;
  std::vector<Instant> tries;  // while it fails
  Instant now = at(0s);
  for (int i = 0; i < 60; ++i) {
    now += Duration(*rc::gen::inRange<std::int64_t>(0, StoreGate::kPause.count()));
    const int what = *rc::gen::inRange(0, 4);
    if (what == 0 && waiting > 0) {
      gate.on_failed(now);
      ++failures;
      --waiting;
    } else if (what == 1 && waiting > 0) {
      gate.on_abandoned();
      --waiting;
    } else if (gate.try_begin(now)) {
      ++waiting;
      if (failures >= StoreGate::kFailuresToPause) tries.push_back(now);
    }
    RC_ASSERT(gate.waiting() == waiting);
    RC_ASSERT(waiting <= max_waiting);
  }
  for (std::size_t i = 1; i < tries.size(); ++i) {
    RC_ASSERT(tries[i] - tries[i - 1] >= StoreGate::kPause);
  }
}

}  // namespace
}  // namespace evenkeel::core
