// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/limit/priority.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// The requests of one pool that wait for a backend.
//
// A queue absorbs a burst, and turns into pure delay when the load stays too high: whoever is
// served then has waited longest and has probably left. So it is bounded, and its discipline says
// what happens to a backlog that does not go away:
//   fifo           oldest first, always; the caller's queue_timeout ends the waiting.
//   adaptive_lifo  oldest first while the queue keeps emptying; once it has not been empty for
//                  codel_interval, newest first, so that some are served in time instead of all
//                  too late (Facebook, "Fail at Scale").
//   codel          oldest first. If everyone served in the last codel_interval had waited longer
//                  than codel_target, the queue is overloaded, and for the next interval whoever
//                  waited longer than twice the target is shed when its turn comes (folly's Codel;
//                  unlike the queue discipline of that name it does not space its drops). The first
//                  to come out in an interval is always served: it alone measures nothing. An empty
//                  queue is never overloaded.
//
// A full queue sheds the newest of its least important requests for a more important one; it never
// sheds among equals, or the newest would always win. Importance does not change the order of
// service.
//
// Everything is O(1) (or O(kPriorities)) and allocates only when a slot number is higher than any
// before it.
//
//     lists_[0]:  slot 7 ⇄ slot 3             (oldest first; one list per priority)
//     lists_[2]:  slot 5
class PendingQueue {
 public:
  using Slot = std::uint32_t;  // of the owner's request: dense, in the queue at most once

  struct Pushed {
    bool queued = false;            // false: full, and nobody in it is less important
    std::optional<Slot> displaced;  // was shed for the new one
    friend bool operator==(const Pushed&, const Pushed&) = default;
  };
  struct Popped {
    Slot slot = 0;
    bool shed = false;  // waited too long: answer it and ask again
    Duration waited{};
    friend bool operator==(const Popped&, const Popped&) = default;
  };

  // `max_pending` 0: no bound but the owner's slots. The caller says it because it knows whether
  // the limit of a backend or of the pool counts.
  PendingQueue(const LimitsPolicy& policy, std::uint32_t max_pending);
  // A new configuration. Whoever waits goes on waiting, even if they are too many now.
  void apply(const LimitsPolicy& policy, std::uint32_t max_pending);
  // Room for slots below `count`, so that push() never allocates.
  void reserve_slots(std::uint32_t count);

  // `slot` must not be waiting.
  [[nodiscard]] Pushed push(Instant now, Slot slot, std::uint32_t priority = 0);
  // Who is next, to be served or to be shed; nullopt when nobody waits. To serve one:
  //     while (auto next = queue.pop(now)) { if (!next->shed) { serve; break; } reject; }
  [[nodiscard]] std::optional<Popped> pop(Instant now);
  // Its client left or its deadline passed. False when it does not wait.
  bool erase(Slot slot);

  [[nodiscard]] bool contains(Slot slot) const {
    return slot < nodes_.size() && nodes_[slot].priority != kNotQueued;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  // codel: as of the last pop(); adaptive_lifo and fifo: never.
  [[nodiscard]] bool overloaded() const { return overloaded_; }

  friend bool operator==(const PendingQueue&, const PendingQueue&) = default;

 private:
  static constexpr Slot kNobody = 0xffffffff;
  static constexpr std::uint32_t kNotQueued = kPriorities;
  static constexpr Duration kUnwaited = Duration::max();  // nobody came out: no evidence

  struct Node {
    Instant since{};
    std::uint64_t number = 0;  // of the push: orders the lists among each other
    Slot older = kNobody;
    Slot newer = kNobody;
    std::uint32_t priority = kNotQueued;
    friend bool operator==(const Node&, const Node&) = default;
  };
  struct List {
    Slot oldest = kNobody;
    Slot newest = kNobody;
    friend bool operator==(const List&, const List&) = default;
  };

  [[nodiscard]] Slot oldest() const;
  [[nodiscard]] Slot newest() const;
  [[nodiscard]] std::optional<Slot> less_important_than(std::uint32_t priority) const;
  [[nodiscard]] bool sheds(Instant now, Duration waited);
  void link(Slot slot, std::uint32_t priority);
  void unlink(Slot slot);

  QueueDiscipline discipline_;
  Duration target_;
  Duration interval_;
  std::uint32_t max_pending_;
  std::vector<Node> nodes_;  // by slot
  std::array<List, kPriorities> lists_{};
  std::uint32_t size_ = 0;
  std::uint64_t pushes_ = 0;

  // Of the time since the queue was last empty; without meaning while it is.
  Instant busy_since_{};
  Instant interval_end_{};              // of codel's interval
  Duration shortest_wait_ = kUnwaited;  // of those that came out in it
  bool overloaded_ = false;
};

}  // namespace evenkeel::core
