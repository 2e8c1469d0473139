// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/round_robin.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/balance/test_pool.h"

namespace evenkeel::core {
namespace {

// A stream whose first turn over `backends` is this one.
Stream phase_of(std::uint32_t turn, std::uint32_t backends) {
  for (std::uint64_t seed = 0;; ++seed) {
    const Stream stream(Seed{seed}, "phase");
    if (stream.below(backends, 0) == turn) return stream;
  }
}

TEST(RoundRobin, TakesBackendsInTurn) {
  TestPool pool = TestPool::of_weights({1, 1, 1});
  RoundRobin strategy(3, phase_of(0, 3));
  EXPECT_EQ(pool.picks(strategy, 7), "abcabca");
}

TEST(RoundRobin, BeginsAnywhere) {
  std::set<std::string> beginnings;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    TestPool pool = TestPool::of_weights({1, 1, 1});
    RoundRobin strategy(3, Stream(Seed{seed}, "phase"));
    beginnings.insert(pool.picks(strategy, 3));
  }
  EXPECT_EQ(beginnings, (std::set<std::string>{"abc", "bca", "cab"}));
}

TEST(RoundRobin, SkipsTheIneligible) {
  TestPool pool = TestPool::of_weights({1, 1, 1, 1});
  RoundRobin strategy(4, phase_of(0, 4));
  pool.eligible("bd");
  EXPECT_EQ(pool.picks(strategy, 4), "bdbd");
}

// Counting picks modulo the number of candidates would start over, or give c two turns, here.
TEST(RoundRobin, LeavingAndReturningChangesNobodyElsesTurn) {
  TestPool pool = TestPool::of_weights({1, 1, 1, 1});
  RoundRobin strategy(4, phase_of(0, 4));
  EXPECT_EQ(pool.picks(strategy, 2), "ab");
  pool.eligible("acd");
  EXPECT_EQ(pool.picks(strategy, 4), "cdac");
  pool.all_eligible();
  EXPECT_EQ(pool.picks(strategy, 5), "dabcd");
}

TEST(RoundRobin, WrapsWhenTheLastBackendLeft) {
  TestPool pool = TestPool::of_weights({1, 1, 1});
  RoundRobin strategy(3, phase_of(2, 3));
  pool.eligible("ab");
  EXPECT_EQ(pool.picks(strategy, 3), "aba");
}

}  // namespace
}  // namespace evenkeel::core
