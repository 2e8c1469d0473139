// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/time.h"

namespace evenkeel::core {

// Which deadlines have passed, at almost no cost for the many that never do.
//
// Nearly every timeout is cancelled, so arming and cancelling must cost nothing. All timeouts of
// the same length expire in the order in which they were armed: one linked list per length stays
// sorted by appending, which takes about 2 ns where a timer queue takes 140. Lists expire on
// multiples of a quantum: the coarse one for a second or more, a millisecond below that.
//
// Deadlines with lengths of their own (a jittered backoff) go into a heap instead, on the fine
// quantum.
//
//     class 5s:  node 7 ⇄ node 3 ⇄ node 12      (soonest first)
//     class 1s:  node 2
//     heap:      node 5, node 9
class Deadlines {
 public:
  using Node = std::uint32_t;  // chosen by the owner: dense, one deadline per node at a time
  using Class = std::uint32_t;

  static constexpr Duration kFineQuantum = std::chrono::milliseconds(1);
  static constexpr Duration kCoarseFrom = std::chrono::seconds(1);

  // `coarse_quantum` must be above 0.
  explicit Deadlines(Duration coarse_quantum);

  // The class of timeouts this long, on the quantum that suits the length. The same length and
  // quantum give the same class.
  [[nodiscard]] Class add_class(Duration timeout);
  // On this quantum, for what must be precise though it is long: a hedge.
  [[nodiscard]] Class add_class(Duration timeout, Duration quantum);
  // A new configuration adds its classes anew: those of the old one whose last deadline has gone
  // make room, so that reloads without end need no more memory than the largest.
  void retire_classes();
  // Makes room for nodes below `count`.
  void reserve_nodes(std::uint32_t count);

  // Replaces what the node was armed for.
  void arm(Node node, Class timeout, Instant now);
  // For lengths that have no class.
  void arm_at(Node node, Instant deadline);
  void disarm(Node node);
  [[nodiscard]] bool armed(Node node) const { return nodes_[node].place != kNowhere; }

  // When pop_due() will next have something, or kNever.
  [[nodiscard]] Instant next() const;
  // Disarms and returns one node that is due at `now`, soonest first. Of equal deadlines those of
  // arm_at() come first, by node; then classes, as they were added, each in the order of arming.
  [[nodiscard]] std::optional<Node> pop_due(Instant now);

  friend bool operator==(const Deadlines&, const Deadlines&) = default;

 private:
  static constexpr std::uint32_t kNowhere = 0xffffffff;
  static constexpr std::uint32_t kInHeap = 0xfffffffe;

  struct Entry {
    Instant deadline{};
    std::uint32_t place = kNowhere;  // a class, kInHeap or kNowhere
    Node previous = kNowhere;        // in a list; position in the heap otherwise
    Node next = kNowhere;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct List {
    Duration timeout{};
    Duration quantum{};
    Instant rounded{};  // the latest deadline given out, a multiple of the quantum
    Node first = kNowhere;
    Node last = kNowhere;
    bool wanted = true;  // by the present configuration
    friend bool operator==(const List&, const List&) = default;
  };

  void sift_up(std::uint32_t position);
  void sift_down(std::uint32_t position);
  [[nodiscard]] bool sooner(Node a, Node b) const;
  void set_heap(std::uint32_t position, Node node);

  Duration coarse_quantum_;
  std::vector<Entry> nodes_;
  std::vector<List> lists_;
  std::vector<Node> heap_;
};

}  // namespace evenkeel::core
