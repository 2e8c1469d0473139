// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/join_idle_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "core/balance/test_pool.h"
#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

// A stream whose first turn over `backends` is this one.
Stream phase_of(std::uint32_t turn, std::uint32_t backends) {
  for (std::uint64_t seed = 0;; ++seed) {
    const Stream stream(Seed{seed}, "phase");
    if (stream.below(backends, 0) == turn) return stream;
  }
}

// The pool and its queue, told of ends as a balancer tells it.
class Desk {
 public:
  explicit Desk(std::uint32_t backends, std::uint32_t turn = 0)
      : pool(std::vector<Load>(backends)), queue(backends, phase_of(turn, backends)) {}

  // The picks of the next requests, which stay in flight.
  std::string place(std::size_t requests) {
    std::string names;
    for (std::size_t i = 0; i < requests; ++i) {
      const std::uint32_t backend = index(pool.pick(queue));
      ++pool.load(backend).in_flight;
      names += static_cast<char>('a' + backend);
    }
    return names;
  }
  // A request ends on each of these.
  void end(const std::string& names) {
    for (const char name : names) {
      Load& load = pool.load(static_cast<std::size_t>(name - 'a'));
      if (--load.in_flight == 0) queue.on_idle(BackendIndex(name - 'a'));
    }
  }

  TestPool pool;
  JoinIdleQueue queue;
};

TEST(JoinIdleQueue, TakesWhoHasBeenIdleLongest) {
  Desk desk(4);
  EXPECT_EQ(desk.place(4), "abcd");
  desk.end("cad");
  EXPECT_EQ(desk.place(1), "c");
  desk.end("b");
  EXPECT_EQ(desk.place(3), "adb");
}

TEST(JoinIdleQueue, BeginsAnywhere) {
  std::set<std::string> beginnings;
  for (std::uint32_t turn = 0; turn < 3; ++turn) beginnings.insert(Desk(3, turn).place(3));
  EXPECT_EQ(beginnings, (std::set<std::string>{"abc", "bca", "cab"}));
}

TEST(JoinIdleQueue, DrawsByWeightWhenNobodyIsIdle) {
  TestPool pool({{1, 9}, {2, 1}, {5, 4}});
  JoinIdleQueue queue(3, Stream(Seed{1}, "phase"));
  EXPECT_LT(chi_square_excess(pool.count_picks(queue, 40'000), {1, 2, 5}), 4);
}

// As with sessions, whose requests no picker sees.
TEST(JoinIdleQueue, PassesOverWhoGotARequestWithoutAPick) {
  Desk desk(3);
  ++desk.pool.load(0).in_flight;
  EXPECT_EQ(desk.place(2), "bc");
  desk.end("a");
  EXPECT_EQ(desk.place(1), "a");
}

TEST(JoinIdleQueue, APickThatComesToNothingLeavesItsBackendIdle) {
  Desk desk(2);
  EXPECT_EQ(desk.pool.picks(desk.queue, 5), "ababa");
}

TEST(JoinIdleQueue, TakesCandidatesOnlyAndKeepsTheOthersForLater) {
  Desk desk(4);
  desk.pool.eligible("bd");
  EXPECT_EQ(desk.place(2), "bd");
  desk.pool.all_eligible();
  const std::string rest = desk.place(2);
  EXPECT_TRUE(rest == "ac" || rest == "ca") << rest;
}

TEST(JoinIdleQueue, NewPlacesAreIdleAndComeLast) {
  Desk desk(2);
  EXPECT_EQ(desk.place(1), "a");
  desk.queue.resize(4);
  desk.pool = TestPool({{1, 1}, {1, 0}, {1, 0}, {1, 0}});
  EXPECT_EQ(desk.place(3), "bcd");
  desk.end("a");
  EXPECT_EQ(desk.place(1), "a");
}

TEST(JoinIdleQueue, GrowsFromNothingAndWhenNobodyIsIdle) {
  JoinIdleQueue queue(0, Stream(Seed{1}, "phase"));
  queue.resize(0);
  queue.resize(1);
  EXPECT_EQ(TestPool(std::vector<Load>(1)).picks(queue, 2), "aa");
  TestPool busy({{1, 1}});
  EXPECT_EQ(busy.picks(queue, 1), "a");
  queue.resize(2);
  EXPECT_EQ(TestPool({{1, 1}, {1, 0}}).picks(queue, 2), "bb");
}

TEST(JoinIdleQueue, ResizingToNoMoreChangesNothing) {
  JoinIdleQueue queue(5, Stream(Seed{1}, "phase"));
  const JoinIdleQueue before = queue;
  queue.resize(5);
  queue.resize(2);
  EXPECT_EQ(queue, before);
}

// Behind more idle backends than a pick passes, an idle candidate is not seen at once; a few picks
// later it is. Until then picks are drawn, here from the other candidate, which has all weight.
TEST(JoinIdleQueue, PassesABoundedNumberAndSeesTheRestNextTime) {
  constexpr std::uint32_t kOut = 3 * JoinIdleQueue::kMostPassed;
  std::vector<Load> loads(kOut + 2);
  loads[kOut] = Load{~std::uint32_t{0}, 1};
  const std::vector<BackendIndex> eligible{BackendIndex{kOut}, BackendIndex{kOut + 1}};
  Candidates candidates;
  candidates.backends = eligible;
  candidates.loads = loads;
  candidates.equal_weights = false;
  JoinIdleQueue queue(kOut + 2, phase_of(0, kOut + 2));
  std::vector<std::uint32_t> picked;
  for (std::uint64_t decision = 0; decision < 5; ++decision) {
    Draws draws(Stream(Seed{2}, "picks"), decision);
    picked.push_back(index(queue.pick(candidates, draws)) - kOut);
  }
  EXPECT_EQ(picked, (std::vector<std::uint32_t>{0, 0, 0, 1, 0}));
}

// Against the plain model: a list of the idle, searched from the front.
RC_GTEST_PROP(JoinIdleQueue, IsAListOfTheIdle, ()) {
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 8);
  const auto turn = *rc::gen::inRange<std::uint32_t>(0, count);
  Desk desk(count, turn);
  std::list<char> idle;
  for (std::uint32_t i = 0; i < count; ++i)
    idle.push_back(static_cast<char>('a' + (turn + i) % count));
  for (int step = 0; step < 30; ++step) {
    const auto backend = *rc::gen::inRange<std::uint32_t>(0, count);
    const char name = static_cast<char>('a' + backend);
    if (*rc::gen::arbitrary<bool>()) {
      const std::string picked = desk.place(1);
      if (!idle.empty()) {
        RC_ASSERT(picked[0] == idle.front());
        idle.pop_front();
      }
    } else if (desk.pool.load(backend).in_flight > 0) {
      desk.end(std::string(1, name));
      if (desk.pool.load(backend).in_flight == 0) idle.push_back(name);
    }
  }
}

// Whoever is out, and whatever came before: an idle candidate of a small pool is found.
RC_GTEST_PROP(JoinIdleQueue, PrefersTheIdleAmongAnyCandidates, ()) {
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 8);
  Desk desk(count);
  for (int step = 0; step < 20; ++step) {
    const auto members = *rc::gen::inRange<std::uint32_t>(1, 1U << count);
    std::string names;
    bool any_idle = false;
    for (std::uint32_t i = 0; i < count; ++i) {
      if ((members >> i & 1U) == 0) continue;
      names += static_cast<char>('a' + i);
      any_idle |= desk.pool.load(i).in_flight == 0;
    }
    desk.pool.eligible(names);
    const std::string picked = desk.place(1);
    RC_ASSERT(names.find(picked) != std::string::npos);
    if (any_idle)
      RC_ASSERT(desk.pool.load(static_cast<std::size_t>(picked[0] - 'a')).in_flight == 1);
    const auto ending = *rc::gen::inRange<std::uint32_t>(0, count);
    if (desk.pool.load(ending).in_flight > 0)
      desk.end(std::string(1, static_cast<char>('a' + ending)));
  }
}

}  // namespace
}  // namespace evenkeel::core
