// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/deadlines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Duration kCoarse = 50ms;

Deadlines make(std::uint32_t nodes = 16) {
  Deadlines deadlines(kCoarse);
  deadlines.reserve_nodes(nodes);
  return deadlines;
}

std::vector<Deadlines::Node> pop_all(Deadlines& deadlines, Instant now) {
  std::vector<Deadlines::Node> nodes;
  while (const auto node = deadlines.pop_due(now)) nodes.push_back(*node);
  return nodes;
}

TEST(Deadlines, NothingIsDueWhenNothingIsArmed) {
  Deadlines deadlines = make();
  EXPECT_EQ(deadlines.next(), kNever);
  EXPECT_EQ(deadlines.pop_due(at(1000h)), std::nullopt);
  EXPECT_FALSE(deadlines.armed(3));
  deadlines.disarm(3);
  EXPECT_EQ(deadlines.next(), kNever);
}

TEST(Deadlines, ADeadlineIsDueAtItsInstantAndOnce) {
  Deadlines deadlines = make();
  const auto timeout = deadlines.add_class(20ms);
  deadlines.arm(3, timeout, at(5ms));
  EXPECT_TRUE(deadlines.armed(3));
  EXPECT_EQ(deadlines.next(), at(25ms));
  EXPECT_THAT(pop_all(deadlines, at(25ms) - 1ns), IsEmpty());
  EXPECT_THAT(pop_all(deadlines, at(25ms)), ElementsAre(3));
  EXPECT_FALSE(deadlines.armed(3));
  EXPECT_EQ(deadlines.next(), kNever);
}

TEST(Deadlines, ASecondAndMoreIsCoarseLessIsFine) {
  const auto armed_for = [](Duration timeout, Instant now) {
    Deadlines deadlines = make();
    deadlines.arm(0, deadlines.add_class(timeout), now);
    return deadlines.next();
  };
  const Instant now = at(3ms + 1ns);
  EXPECT_EQ(armed_for(1s, now), at(1050ms));
  EXPECT_EQ(armed_for(1s - 1ns, now), at(1003ms));
  EXPECT_EQ(armed_for(1s - 1us, now), at(1003ms));
  EXPECT_EQ(armed_for(1ms, now), at(5ms));
  EXPECT_EQ(armed_for(1s, at(0s)), at(1s));
}

TEST(Deadlines, AClassMayBePreciseThoughItIsLong) {
  Deadlines deadlines = make();
  const auto coarse = deadlines.add_class(2s);
  const auto fine = deadlines.add_class(2s, Deadlines::kFineQuantum);
  EXPECT_NE(coarse, fine);
  deadlines.arm(0, coarse, at(7ms));
  EXPECT_EQ(deadlines.next(), at(2050ms));
  deadlines.arm(1, fine, at(7ms));
  EXPECT_EQ(deadlines.next(), at(2007ms));
}

TEST(Deadlines, TheSameTimeoutIsTheSameClass) {
  Deadlines deadlines = make();
  const auto first = deadlines.add_class(5s);
  EXPECT_NE(deadlines.add_class(4s), first);
  EXPECT_EQ(deadlines.add_class(5s), first);
  EXPECT_EQ(deadlines.add_class(5s, kCoarse), first);
}

TEST(Deadlines, ArmingAtAnInstantIsFine) {
  Deadlines deadlines = make();
  deadlines.arm_at(0, at(10s + 1ns));
  EXPECT_EQ(deadlines.next(), at(10s + 1ms));
  deadlines.arm_at(0, at(10s));
  EXPECT_EQ(deadlines.next(), at(10s));
}

TEST(Deadlines, TheSoonestComesFirstWhereverItWaits) {
  Deadlines deadlines = make();
  const auto short_timeout = deadlines.add_class(30ms);
  const auto long_timeout = deadlines.add_class(2s);
  deadlines.arm(0, long_timeout, at(0s));
  deadlines.arm_at(1, at(1s));
  deadlines.arm(2, short_timeout, at(0s));
  deadlines.arm_at(3, at(10ms));
  deadlines.arm(4, short_timeout, at(1s));
  EXPECT_THAT(pop_all(deadlines, at(1h)), ElementsAre(3, 2, 1, 4, 0));
}

TEST(Deadlines, EqualTimeoutsComeInTheOrderOfArming) {
  Deadlines deadlines = make();
  const auto timeout = deadlines.add_class(5s);
  for (const Deadlines::Node node : {4U, 1U, 3U, 0U, 2U}) {
    deadlines.arm(node, timeout, at(1ms));
  }
  EXPECT_THAT(pop_all(deadlines, at(1h)), ElementsAre(4, 1, 3, 0, 2));
}

TEST(Deadlines, EqualDeadlinesHaveAnOrderOfTheirOwn) {
  Deadlines deadlines = make();
  const auto longer = deadlines.add_class(20ms);
  const auto shorter = deadlines.add_class(10ms);
  deadlines.arm(0, longer, at(0s));
  deadlines.arm(1, shorter, at(10ms));
  deadlines.arm(2, longer, at(0s));
  deadlines.arm_at(4, at(20ms));
  deadlines.arm_at(3, at(20ms));
  EXPECT_THAT(pop_all(deadlines, at(20ms)), ElementsAre(3, 4, 0, 2, 1));
}

TEST(Deadlines, ArmingAgainReplaces) {
  Deadlines deadlines = make();
  const auto timeout = deadlines.add_class(100ms);
  deadlines.arm(0, timeout, at(0s));
  deadlines.arm(1, timeout, at(0s));
  deadlines.arm(0, timeout, at(50ms));
  EXPECT_THAT(pop_all(deadlines, at(100ms)), ElementsAre(1));
  deadlines.arm_at(0, at(120ms));  // from the list to the heap
  EXPECT_EQ(deadlines.next(), at(120ms));
  deadlines.arm(0, timeout, at(110ms));  // and back
  EXPECT_EQ(deadlines.next(), at(210ms));
  EXPECT_THAT(pop_all(deadlines, at(1h)), ElementsAre(0));
}

TEST(Deadlines, DisarmingLeavesTheOthersInTheirOrder) {
  Deadlines deadlines = make();
  const auto timeout = deadlines.add_class(100ms);
  for (Deadlines::Node node = 0; node < 5; ++node) deadlines.arm(node, timeout, at(0s));
  for (Deadlines::Node node = 5; node < 10; ++node) deadlines.arm_at(node, at(1ms) + node * 1ms);
  for (const Deadlines::Node node : {0U, 2U, 4U, 5U, 8U}) deadlines.disarm(node);
  EXPECT_THAT(pop_all(deadlines, at(1h)), ElementsAre(6, 7, 9, 1, 3));
}

TEST(Deadlines, ATimeoutBeyondTheEndOfTimeNeverFires) {
  Deadlines deadlines = make();
  deadlines.arm(0, deadlines.add_class(Duration::max()), at(1h));
  deadlines.arm_at(1, kNever);
  EXPECT_EQ(deadlines.next(), kNever);
  EXPECT_THAT(pop_all(deadlines, kNever - 1ns), IsEmpty());
}

TEST(DeadlinesDeathTest, AQuantumOfNothingIsAMistake) {
  EXPECT_DEATH(Deadlines(0ms), "broken invariant");
}

}  // namespace
}  // namespace evenkeel::core
