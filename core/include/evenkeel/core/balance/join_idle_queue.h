// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// The candidate that has been idle longest; when none is idle, one at random by weight.
//
// Backends queue up as they become idle, and a request takes the head: about as good as knowing all
// loads, at the cost of a queue. (Of ten backends at 80 % load, one request at a time each, a
// request takes 1.48 mean service times; with the fewest connections of all, which looks at
// everybody, 1.36, and with the better of two 2.07.) The textbook's random pick when nobody is idle
// is kept, as the algorithm's known results are of it; the better of two there would give 1.40.
//
// The queue is told who became idle and finds out at its head who no longer is: requests may reach
// a backend without the picker, as those of sessions do. It is a linked list by BackendIndex, so
// that a backend stands in it at most once and nothing here asks for memory, except resize(). A
// pick costs as much as one that came before it left behind: constant on average.
class JoinIdleQueue {
 public:
  // Idle backends one pick passes over because they are no candidates, before it draws. They go to
  // the end, so that the next pick sees others. Without the bound, thousands of ejected ones
  // would be passed by every request.
  static constexpr std::uint32_t kMostPassed = 64;

  // All are idle; `phase` is drawn from once, for who comes first.
  JoinIdleQueue(std::uint32_t backends, Stream phase);

  // New places are idle; there are never fewer than before.
  void resize(std::uint32_t backends);
  // The last request of this backend ended. Until it is called, the backend is not known as idle.
  void on_idle(BackendIndex backend);
  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws);

  friend bool operator==(const JoinIdleQueue&, const JoinIdleQueue&) = default;

 private:
  struct Node {
    std::uint32_t previous;
    std::uint32_t next;
    friend bool operator==(Node, Node) = default;
  };

  void append(std::uint32_t backend);
  void remove(std::uint32_t backend);
  [[nodiscard]] bool is_queued(std::uint32_t backend) const {
    return nodes_[backend].next != backend;
  }
  [[nodiscard]] std::uint32_t end() const { return static_cast<std::uint32_t>(nodes_.size() - 1); }

  // A ring in the order of becoming idle. The last node is the end, between tail and head; who is
  // not queued is its own neighbour.
  std::vector<Node> nodes_;
};

}  // namespace evenkeel::core
