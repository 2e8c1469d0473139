// SPDX-License-Identifier: Apache-2.0
//
// The queue against the plainest implementation there is: a set ordered by (time, phase, sequence).
#include "evenkeel/sim/event_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <tuple>
#include <vector>

#include "evenkeel/core/random.h"

namespace evenkeel::sim {
namespace {

using core::Duration;
using core::Instant;

class SetQueue {
 public:
  void push(Instant at, Phase phase, std::uint64_t tag) { set_.insert({at, phase, next_++, tag}); }
  std::uint64_t pop() {
    const std::uint64_t tag = std::get<3>(*set_.begin());
    set_.erase(set_.begin());
    return tag;
  }
  [[nodiscard]] bool empty() const { return set_.empty(); }
  [[nodiscard]] Instant next() const { return std::get<0>(*set_.begin()); }

 private:
  std::set<std::tuple<Instant, Phase, std::uint64_t, std::uint64_t>> set_;
  std::uint64_t next_ = 0;
};

Note tagged(std::uint64_t tag) { return Note{0, 0, 0, tag}; }

RC_GTEST_PROP(EventQueueTest, GivesTheOrderOfASetOnRandomTraces, ()) {
  EventQueue queue;
  SetQueue reference;
  const auto steps = *rc::gen::inRange(1, 400);
  // A short range of delays makes ties, a long one crosses many buckets.
  const auto range = *rc::gen::element<std::uint64_t>(1, 3, 100, 1'000'000, 100'000'000'000);
  std::uint64_t tag = 0;
  for (int i = 0; i < steps; ++i) {
    if (*rc::gen::inRange(0, 3) > 0) {
      const auto delay =
          Duration(static_cast<std::int64_t>(*rc::gen::inRange<std::uint64_t>(0, range)));
      const auto phase = static_cast<Phase>(*rc::gen::inRange(0u, kPhaseCount));
      queue.push(queue.now() + delay, phase, tagged(tag));
      reference.push(queue.now() + delay, phase, tag++);
    } else if (!reference.empty()) {
      RC_ASSERT(queue.next() == reference.next());
      const Instant expected = reference.next();
      const auto event = queue.pop();
      RC_ASSERT(event.has_value());
      RC_ASSERT(event->note.b == reference.pop());
      RC_ASSERT(event->at == expected);
      RC_ASSERT(queue.now() == expected);
    }
  }
  while (!reference.empty()) RC_ASSERT(queue.pop()->note.b == reference.pop());
  RC_ASSERT(!queue.pop().has_value());
  RC_ASSERT(queue.empty());
}

TEST(EventQueueTest, HoldsAMillionEventsInTheOrderOfASet) {
  EventQueue queue;
  SetQueue reference;
  const core::Stream random(core::Seed{1}, "test");
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    const std::uint64_t bits = random.at(i);
    // Sixteen instants in all for a quarter of them, up to a second ahead for the rest.
    const auto delay = Duration(static_cast<std::int64_t>(
        (bits & 3U) == 0 ? (bits >> 4U) % 16 : (bits >> 4U) % 1'000'000'000));
    const auto phase = static_cast<Phase>((bits >> 40U) % kPhaseCount);
    queue.push(queue.now() + delay, phase, tagged(i));
    reference.push(queue.now() + delay, phase, i);
    if ((bits >> 50U) % 2 == 0) {
      ASSERT_EQ(queue.pop()->note.b, reference.pop());
    }
  }
  while (!reference.empty()) ASSERT_EQ(queue.pop()->note.b, reference.pop());
}

TEST(EventQueueTest, EventsOfOneInstantGoByPhaseThenByArrival) {
  EventQueue queue;
  const Instant at{Duration(5)};
  queue.push(at, Phase::arrival, tagged(3));
  queue.push(at, Phase::network, tagged(1));
  queue.push(at, Phase::network, tagged(2));
  queue.push(at, Phase::fault, tagged(0));
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(queue.pop()->note.b, i);
}

TEST(EventQueueTest, APushForThePresentComesBeforeTheFutureEvenInAPassedPhase) {
  EventQueue queue;
  queue.push(Instant(Duration(5)), Phase::sample, tagged(0));
  queue.push(Instant(Duration(6)), Phase::fault, tagged(2));
  EXPECT_EQ(queue.pop()->note.b, 0U);
  queue.push(queue.now(), Phase::fault, tagged(1));
  EXPECT_EQ(queue.pop()->note.b, 1U);
  EXPECT_EQ(queue.pop()->note.b, 2U);
}

TEST(EventQueueTest, LookingAheadMovesNothing) {
  EventQueue queue;
  queue.push(Instant(Duration(1000)), Phase::timer, tagged(1));
  EXPECT_EQ(queue.next(), Instant(Duration(1000)));
  EXPECT_EQ(queue.now(), Instant{});
  queue.push(Instant(Duration(10)), Phase::timer, tagged(0));
  EXPECT_EQ(queue.next(), Instant(Duration(10)));
  EXPECT_EQ(queue.pop()->note.b, 0U);
  EXPECT_EQ(queue.pop()->note.b, 1U);
  EXPECT_EQ(queue.next(), core::kNever);
}

TEST(EventQueueTest, TheLastInstantIsAsGoodAsAnyOther) {
  EventQueue queue;
  queue.push(core::kNever, Phase::timer, tagged(1));
  queue.push(Instant(Duration(1)), Phase::timer, tagged(0));
  EXPECT_EQ(queue.pop()->note.b, 0U);
  EXPECT_EQ(queue.pop()->note.b, 1U);
}

}  // namespace
}  // namespace evenkeel::sim
