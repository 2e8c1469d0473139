// SPDX-License-Identifier: Apache-2.0
//
// The linked lists against a vector that is searched from end to end.
#include "evenkeel/core/limit/pending_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

using Pushed = PendingQueue::Pushed;
using Slot = PendingQueue::Slot;

LimitsPolicy with(QueueDiscipline discipline) {
  LimitsPolicy policy;
  policy.queue_discipline = discipline;
  return policy;
}

// Waits nobody cares to inspect.
void fill(PendingQueue& queue, Instant now, Slot first, Slot last, std::uint32_t priority = 0) {
  for (Slot slot = first; slot <= last; ++slot) {
    ASSERT_TRUE(queue.push(now, slot, priority).queued) << slot;
  }
}

// Who is served next, and who is shed on the way.
struct Served {
  std::optional<Slot> slot;
  std::vector<Slot> shed;
};
Served serve(PendingQueue& queue, Instant now) {
  Served served;
  while (const auto next = queue.pop(now)) {
    if (!next->shed) {
      served.slot = next->slot;
      break;
    }
    served.shed.push_back(next->slot);
  }
  return served;
}

TEST(PendingQueue, ServesTheOldestFirst) {
  PendingQueue queue(with(QueueDiscipline::fifo), 10);
  fill(queue, at(0s), 3, 5);
  EXPECT_EQ(queue.pop(at(1s))->slot, 3U);
  EXPECT_EQ(queue.pop(at(1h))->slot, 4U) << "however long it lasts";
  const auto last = queue.pop(at(2h));
  EXPECT_EQ(last->slot, 5U);
  EXPECT_EQ(last->waited, 2h);
  EXPECT_FALSE(last->shed);
  EXPECT_FALSE(queue.pop(at(2h)).has_value());
}

TEST(PendingQueue, IsBounded) {
  PendingQueue queue(with(QueueDiscipline::fifo), 2);
  fill(queue, at(0s), 0, 1);
  EXPECT_EQ(queue.push(at(0s), 2), (Pushed{false, std::nullopt}));
  EXPECT_FALSE(queue.contains(2));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_TRUE(queue.erase(0));
  EXPECT_TRUE(queue.push(at(0s), 2).queued) << "whoever left made room";
}

TEST(PendingQueue, ABoundOfZeroIsNone) {
  PendingQueue queue(with(QueueDiscipline::fifo), 0);
  fill(queue, at(0s), 0, 4999);
  EXPECT_EQ(queue.size(), 5000U);
}

TEST(PendingQueue, WhoeverLeavesIsNotServed) {
  PendingQueue queue(with(QueueDiscipline::fifo), 10);
  fill(queue, at(0s), 0, 4);
  EXPECT_TRUE(queue.erase(0));
  EXPECT_TRUE(queue.erase(2));
  EXPECT_TRUE(queue.erase(4));
  EXPECT_FALSE(queue.erase(4)) << "twice";
  EXPECT_FALSE(queue.erase(77)) << "never was there";
  EXPECT_EQ(queue.pop(at(1s))->slot, 1U);
  EXPECT_EQ(queue.pop(at(1s))->slot, 3U);
  EXPECT_TRUE(queue.empty());
}

TEST(PendingQueue, ASlotMayWaitAgain) {
  PendingQueue queue(with(QueueDiscipline::fifo), 10);
  fill(queue, at(0s), 0, 1);
  EXPECT_EQ(queue.pop(at(0s))->slot, 0U);
  fill(queue, at(0s), 0, 0);
  EXPECT_EQ(queue.pop(at(0s))->slot, 1U);
  EXPECT_EQ(queue.pop(at(0s))->slot, 0U);
}

// ---- priorities --------------------------------------------------------------------------------

TEST(PendingQueue, WhenFullAMoreImportantRequestTakesTheNewestPlaceOfTheLeastImportant) {
  PendingQueue queue(with(QueueDiscipline::fifo), 4);
  fill(queue, at(0s), 0, 0, 1);
  fill(queue, at(0s), 1, 2, 5);
  fill(queue, at(0s), 3, 3, 1);
  EXPECT_EQ(queue.push(at(0s), 4, 0), (Pushed{true, Slot{2}}));
  EXPECT_EQ(queue.push(at(0s), 5, 0), (Pushed{true, Slot{1}}));
  EXPECT_EQ(queue.push(at(0s), 6, 0), (Pushed{true, Slot{3}}));
  EXPECT_EQ(queue.size(), 4U);
}

TEST(PendingQueue, AmongEqualsNobodyIsDisplaced) {
  PendingQueue queue(with(QueueDiscipline::fifo), 1);
  fill(queue, at(0s), 0, 0, 3);
  EXPECT_EQ(queue.push(at(0s), 1, 3), (Pushed{false, std::nullopt}));
  EXPECT_EQ(queue.push(at(0s), 1, 4), (Pushed{false, std::nullopt}));
  EXPECT_EQ(queue.push(at(0s), 1, 2), (Pushed{true, Slot{0}}));
}

TEST(PendingQueue, PrioritiesBeyondTheLastAreTheLast) {
  PendingQueue queue(with(QueueDiscipline::fifo), 1);
  fill(queue, at(0s), 0, 0, 4'000'000'000);
  EXPECT_FALSE(queue.push(at(0s), 1, kPriorities - 1).queued);
  EXPECT_TRUE(queue.push(at(0s), 1, kPriorities - 2).queued);
}

TEST(PendingQueue, ImportanceDoesNotChangeTheOrderOfService) {
  PendingQueue queue(with(QueueDiscipline::fifo), 4);
  fill(queue, at(0s), 0, 0, 2);
  fill(queue, at(0s), 1, 1, 0);
  fill(queue, at(0s), 2, 2, 1);
  EXPECT_EQ(queue.pop(at(0s))->slot, 0U);
  EXPECT_EQ(queue.pop(at(0s))->slot, 1U);
  EXPECT_EQ(queue.pop(at(0s))->slot, 2U);
}

// ---- adaptive LIFO -----------------------------------------------------------------------------

TEST(PendingQueue, AdaptiveLifoServesTheNewestOnceTheBacklogLasts) {
  PendingQueue queue(with(QueueDiscipline::adaptive_lifo), 10);
  fill(queue, at(0s), 0, 5);
  EXPECT_EQ(queue.pop(at(100ms))->slot, 0U) << "a burst is served in order";
  EXPECT_EQ(queue.pop(at(101ms))->slot, 5U);
  EXPECT_EQ(queue.pop(at(101ms))->slot, 4U);
}

TEST(PendingQueue, AdaptiveLifoForgetsABacklogThatWentAway) {
  PendingQueue queue(with(QueueDiscipline::adaptive_lifo), 10);
  fill(queue, at(0s), 0, 1);
  EXPECT_EQ(queue.pop(at(1s))->slot, 1U);
  EXPECT_TRUE(queue.erase(0));
  fill(queue, at(1s), 2, 3);
  EXPECT_EQ(queue.pop(at(1s + 100ms))->slot, 2U);
}

// ---- CoDel -------------------------------------------------------------------------------------

// A backlog whose every request waits 20 ms, four times the target, served one a millisecond.
class StandingQueue {
 public:
  StandingQueue() : queue_(with(QueueDiscipline::codel), 1000) {
    for (int i = 0; i < 20; ++i) arrive();
  }
  // Another arrives, and one comes out.
  Served step() {
    arrive();
    return serve(queue_, now_);
  }
  [[nodiscard]] Instant now() const { return now_; }
  PendingQueue& queue() { return queue_; }

 private:
  void arrive() {
    now_ += 1ms;
    EXPECT_TRUE(queue_.push(now_, slot_++).queued);
  }

  PendingQueue queue_;
  Instant now_ = at(0s);
  Slot slot_ = 0;
};

TEST(PendingQueue, CodelShedsOnlyAfterAWholeIntervalAboveTheTarget) {
  StandingQueue standing;
  while (standing.now() < at(101ms)) {
    ASSERT_TRUE(standing.step().shed.empty()) << standing.now().time_since_epoch().count();
    ASSERT_FALSE(standing.queue().overloaded());
  }
  EXPECT_TRUE(standing.step().shed.empty()) << "the first of an interval is served";
  EXPECT_TRUE(standing.queue().overloaded());
  const Served served = standing.step();
  EXPECT_EQ(served.shed.size(), 10U) << "those older than twice the target";
  EXPECT_TRUE(served.slot.has_value());
}

TEST(PendingQueue, CodelForgivesABurstThatDrains) {
  PendingQueue queue(with(QueueDiscipline::codel), 1000);
  fill(queue, at(0s), 0, 199);
  for (int i = 0; i < 190; ++i) EXPECT_FALSE(queue.pop(at(i * 500us))->shed);
  EXPECT_FALSE(queue.pop(at(101ms))->shed) << "some waited less than the target";
  EXPECT_FALSE(queue.pop(at(102ms))->shed);
  EXPECT_FALSE(queue.overloaded());
}

TEST(PendingQueue, CodelTakesAStallForNoEvidence) {
  PendingQueue queue(with(QueueDiscipline::codel), 1000);
  fill(queue, at(0s), 0, 9);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(queue.pop(at(1s))->shed) << "nobody came out before";
}

TEST(PendingQueue, CodelIsNormalAgainAfterAnIntervalWithOneShortWait) {
  StandingQueue standing;
  while (!standing.queue().overloaded()) static_cast<void>(standing.step());
  static_cast<void>(standing.step());  // now only the young are left
  const Instant began = standing.now();
  while (standing.queue().overloaded()) {
    static_cast<void>(serve(standing.queue(), standing.now()));
    static_cast<void>(standing.step());
    ASSERT_LT(standing.now(), began + 250ms);
  }
}

TEST(PendingQueue, AnEmptyQueueIsNotOverloaded) {
  StandingQueue standing;
  while (!standing.queue().overloaded()) static_cast<void>(standing.step());
  while (serve(standing.queue(), standing.now()).slot) continue;
  EXPECT_FALSE(standing.queue().overloaded());
  EXPECT_TRUE(standing.queue().push(standing.now(), 5000).queued);
  EXPECT_FALSE(standing.queue().pop(standing.now() + 50ms)->shed);
}

TEST(PendingQueue, AYearsJumpIsOneInterval) {
  PendingQueue queue(with(QueueDiscipline::codel), 10);
  fill(queue, at(0s), 0, 5);
  EXPECT_FALSE(queue.pop(at(1ms))->shed);
  EXPECT_FALSE(queue.pop(at(24h * 365))->shed) << "the one before waited little";
  EXPECT_FALSE(queue.pop(at(24h * 365))->shed);
  EXPECT_FALSE(queue.pop(at(24h * 365 + 101ms))->shed);
  EXPECT_TRUE(queue.overloaded());
  EXPECT_TRUE(queue.pop(at(24h * 365 + 102ms))->shed);
}

// ---- a new configuration -----------------------------------------------------------------------

TEST(PendingQueue, ANewPolicyKeepsWhoeverWaits) {
  PendingQueue queue(with(QueueDiscipline::fifo), 10);
  fill(queue, at(0s), 0, 5);
  queue.apply(with(QueueDiscipline::adaptive_lifo), 3);
  EXPECT_EQ(queue.size(), 6U);
  EXPECT_FALSE(queue.push(at(1s), 9).queued) << "more than may wait now";
  EXPECT_EQ(queue.pop(at(1s))->slot, 5U) << "the backlog has lasted";
}

TEST(PendingQueue, OnlyCodelIsEverOverloaded) {
  StandingQueue standing;
  while (!standing.queue().overloaded()) static_cast<void>(standing.step());
  standing.queue().apply(with(QueueDiscipline::fifo), 1000);
  EXPECT_FALSE(standing.queue().overloaded());
  EXPECT_FALSE(standing.queue().pop(standing.now() + 1h)->shed);
}

// ---- against a vector --------------------------------------------------------------------------

class NaiveQueue {
 public:
  NaiveQueue(const LimitsPolicy& policy, std::uint32_t most) : policy_(policy), most_(most) {}

  Pushed push(Instant now, Slot slot, std::uint32_t priority) {
    Pushed pushed;
    if (waiting_.size() == most_) {
      auto victim = waiting_.end();
      for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
        if (it->priority <= priority) continue;
        if (victim == waiting_.end() || it->priority >= victim->priority) victim = it;
      }
      if (victim == waiting_.end()) return pushed;
      pushed.displaced = victim->slot;
      waiting_.erase(victim);
    } else if (waiting_.empty()) {
      busy_since_ = now;
      interval_end_ = now + policy_.codel_interval;
      waits_.clear();
    }
    waiting_.push_back({slot, now, priority});
    pushed.queued = true;
    return pushed;
  }

  std::optional<PendingQueue::Popped> pop(Instant now) {
    if (waiting_.empty()) return std::nullopt;
    const bool lifo = policy_.queue_discipline == QueueDiscipline::adaptive_lifo &&
                      now > busy_since_ + policy_.codel_interval;
    const auto it = lifo ? waiting_.end() - 1 : waiting_.begin();
    PendingQueue::Popped popped{it->slot, false, now - it->since};
    waiting_.erase(it);
    if (policy_.queue_discipline == QueueDiscipline::codel) popped.shed = codel(now, popped.waited);
    if (waiting_.empty()) overloaded_ = false;
    return popped;
  }

  bool erase(Slot slot) {
    const auto it = find(slot);
    if (it == waiting_.end()) return false;
    waiting_.erase(it);
    if (waiting_.empty()) overloaded_ = false;
    return true;
  }

  [[nodiscard]] bool contains(Slot slot) { return find(slot) != waiting_.end(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] bool overloaded() const { return overloaded_; }

 private:
  struct Waiting {
    Slot slot;
    Instant since;
    std::uint32_t priority;
  };

  std::vector<Waiting>::iterator find(Slot slot) {
    return std::find_if(waiting_.begin(), waiting_.end(),
                        [slot](const Waiting& w) { return w.slot == slot; });
  }

  bool codel(Instant now, Duration waited) {
    if (now > interval_end_) {
      overloaded_ =
          !waits_.empty() && std::all_of(waits_.begin(), waits_.end(),
                                         [this](Duration w) { return w > policy_.codel_target; });
      interval_end_ = now + policy_.codel_interval;
      waits_ = {waited};
      return false;
    }
    waits_.push_back(waited);
    return overloaded_ && waited > 2 * policy_.codel_target;
  }

  LimitsPolicy policy_;
  std::size_t most_;
  std::vector<Waiting> waiting_;  // in order of arrival
  Instant busy_since_{};
  Instant interval_end_{};
  std::vector<Duration> waits_;  // of those that came out in the interval
  bool overloaded_ = false;
};

RC_GTEST_PROP(PendingQueueModel, BehavesAsAVectorSearchedFromEndToEnd, ()) {
  constexpr Slot kSlots = 12;
  const auto discipline = *rc::gen::element(QueueDiscipline::fifo, QueueDiscipline::adaptive_lifo,
                                            QueueDiscipline::codel);
  const auto most = *rc::gen::inRange(1U, 9U);
  LimitsPolicy policy = with(discipline);
  policy.codel_target = 6ms;  // of steps of 3 ms, so that waits meet it exactly
  PendingQueue queue(policy, most);
  NaiveQueue model(policy, most);
  Instant now = at(1s);
  const auto steps = *rc::gen::container<std::vector<std::uint32_t>>(
      50, rc::gen::inRange<std::uint32_t>(0, 10 * kSlots * 4));
  for (const std::uint32_t step : steps) {
    const Slot slot = step / 10 % kSlots;
    const std::uint32_t kind = step % 10;
    if (kind < 5) {
      if (model.contains(slot)) continue;
      const std::uint32_t priority = step / (10 * kSlots);
      RC_ASSERT(queue.push(now, slot, priority) == model.push(now, slot, priority));
    } else if (kind < 7) {
      RC_ASSERT(queue.pop(now) == model.pop(now));
    } else if (kind == 7) {
      RC_ASSERT(queue.erase(slot) == model.erase(slot));
    } else {
      now += kind == 8 ? 3ms : 40ms;
    }
    RC_ASSERT(queue.size() == model.size());
    RC_ASSERT(queue.size() <= most);
    RC_ASSERT(queue.overloaded() == model.overloaded());
    for (Slot s = 0; s < kSlots; ++s) RC_ASSERT(queue.contains(s) == model.contains(s));
  }
  while (model.size() != 0) RC_ASSERT(queue.pop(now) == model.pop(now));
  RC_ASSERT(queue.empty());
}

}  // namespace
}  // namespace evenkeel::core
