// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/join_idle_queue.h"

#include "evenkeel/core/balance/random_pick.h"

namespace evenkeel::core {

JoinIdleQueue::JoinIdleQueue(std::uint32_t backends, Stream phase) : nodes_{Node{0, 0}} {
  resize(backends);
  if (backends == 0) return;
  for (std::uint64_t turns = phase.below(backends, 0); turns > 0; --turns) {
    on_idle(BackendIndex{nodes_[end()].next});
  }
}

void JoinIdleQueue::resize(std::uint32_t backends) {
  const std::uint32_t before = end();
  if (backends <= before) return;
  // The end's number moves; its neighbours must follow.
  const Node ring_end = nodes_[before];
  const bool empty = ring_end.next == before;
  for (std::uint32_t backend = before; backend < backends; ++backend) {
    nodes_[backend] = Node{backend, backend};
    nodes_.push_back(Node{});
  }
  nodes_[end()] = empty ? Node{end(), end()} : ring_end;
  if (!empty) {
    nodes_[ring_end.previous].next = end();
    nodes_[ring_end.next].previous = end();
  }
  for (std::uint32_t backend = before; backend < backends; ++backend) append(backend);
}

void JoinIdleQueue::on_idle(BackendIndex backend) {
  if (is_queued(index(backend))) remove(index(backend));
  append(index(backend));
}

BackendIndex JoinIdleQueue::pick(const Candidates& candidates, Draws& draws) {
  const std::uint32_t tail = nodes_[end()].previous;
  std::uint32_t passed = 0;
  for (std::uint32_t head = nodes_[end()].next; head != end(); head = nodes_[end()].next) {
    const BackendIndex backend{head};
    remove(head);
    if (candidates.load(backend).in_flight == 0) {
      // The picked one as well: if no request comes of the pick, it is still idle.
      append(head);
      if (candidates.contains(backend)) return backend;
      if (++passed == kMostPassed) break;
    }
    if (head == tail) break;
  }
  return RandomPick{}.pick(candidates, draws);
}

void JoinIdleQueue::append(std::uint32_t backend) {
  const std::uint32_t tail = nodes_[end()].previous;
  nodes_[backend] = Node{tail, end()};
  nodes_[tail].next = backend;
  nodes_[end()].previous = backend;
}

void JoinIdleQueue::remove(std::uint32_t backend) {
  const Node node = nodes_[backend];
  nodes_[node.previous].next = node.next;
  nodes_[node.next].previous = node.previous;
  nodes_[backend] = Node{backend, backend};
}

}  // namespace evenkeel::core
