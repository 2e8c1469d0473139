// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/deadlines.h"

#include "evenkeel/core/check.h"

namespace evenkeel::core {

Deadlines::Deadlines(Duration coarse_quantum) : coarse_quantum_(coarse_quantum) {
  EVENKEEL_CHECK(coarse_quantum > Duration::zero());
}

Deadlines::Class Deadlines::add_class(Duration timeout) {
  return add_class(timeout, timeout >= kCoarseFrom ? coarse_quantum_ : kFineQuantum);
}

Deadlines::Class Deadlines::add_class(Duration timeout, Duration quantum) {
  Class place = static_cast<Class>(lists_.size());
  for (Class i = 0; i < lists_.size(); ++i) {
    if (lists_[i].timeout == timeout && lists_[i].quantum == quantum) {
      lists_[i].wanted = true;
      return i;
    }
    if (!lists_[i].wanted && lists_[i].first == kNowhere && place == lists_.size()) place = i;
  }
  if (place == lists_.size()) lists_.emplace_back();
  lists_[place] = List{};
  lists_[place].timeout = timeout;
  lists_[place].quantum = quantum;
  return place;
}

void Deadlines::retire_classes() {
  for (List& list : lists_) list.wanted = false;
}

void Deadlines::reserve_nodes(std::uint32_t count) {
  if (count > nodes_.size()) nodes_.resize(count);
}

void Deadlines::arm(Node node, Class timeout, Instant now) {
  disarm(node);
  List& list = lists_[timeout];
  Entry& entry = nodes_[node];
  const Instant exact = later(now, list.timeout);
  // Most deadlines fall into the same quantum as the one before: that spares the division.
  if (exact > list.rounded || list.rounded - exact >= list.quantum) {
    list.rounded = round_up(exact, list.quantum);
  }
  entry.deadline = list.rounded;
  entry.place = timeout;
  entry.previous = list.last;
  entry.next = kNowhere;
  if (list.last == kNowhere) {
    list.first = node;
  } else {
    nodes_[list.last].next = node;
  }
  list.last = node;
}

void Deadlines::arm_at(Node node, Instant deadline) {
  disarm(node);
  nodes_[node].deadline = round_up(deadline, kFineQuantum);
  nodes_[node].place = kInHeap;
  heap_.push_back(node);
  nodes_[node].previous = static_cast<std::uint32_t>(heap_.size() - 1);
  sift_up(nodes_[node].previous);
}

void Deadlines::disarm(Node node) {
  Entry& entry = nodes_[node];
  if (entry.place == kNowhere) return;
  if (entry.place == kInHeap) {
    const std::uint32_t position = entry.previous;
    const Node last = heap_.back();
    heap_.pop_back();
    if (last != node) {
      set_heap(position, last);
      sift_up(position);
      sift_down(nodes_[last].previous);
    }
  } else {
    List& list = lists_[entry.place];
    (entry.previous == kNowhere ? list.first : nodes_[entry.previous].next) = entry.next;
    (entry.next == kNowhere ? list.last : nodes_[entry.next].previous) = entry.previous;
  }
  entry.place = kNowhere;
}

Instant Deadlines::next() const {
  Instant soonest = heap_.empty() ? kNever : nodes_[heap_.front()].deadline;
  for (const List& list : lists_) {
    if (list.first == kNowhere) continue;
    soonest = earlier_of(soonest, nodes_[list.first].deadline);
  }
  return soonest;
}

std::optional<Deadlines::Node> Deadlines::pop_due(Instant now) {
  Instant soonest = kNever;
  Node due = kNowhere;
  if (!heap_.empty() && nodes_[heap_.front()].deadline <= now) {
    due = heap_.front();
    soonest = nodes_[due].deadline;
  }
  for (const List& list : lists_) {
    if (list.first == kNowhere) continue;
    const Instant at = nodes_[list.first].deadline;
    if (at <= now && at < soonest) {
      due = list.first;
      soonest = at;
    }
  }
  if (due == kNowhere) return std::nullopt;
  disarm(due);
  return due;
}

bool Deadlines::sooner(Node a, Node b) const {
  if (nodes_[a].deadline != nodes_[b].deadline) return nodes_[a].deadline < nodes_[b].deadline;
  return a < b;
}

void Deadlines::set_heap(std::uint32_t position, Node node) {
  heap_[position] = node;
  nodes_[node].previous = position;
}

void Deadlines::sift_up(std::uint32_t position) {
  const Node node = heap_[position];
  while (position > 0) {
    const std::uint32_t parent = (position - 1) / 2;
    if (!sooner(node, heap_[parent])) break;
    set_heap(position, heap_[parent]);
    position = parent;
  }
  set_heap(position, node);
}

void Deadlines::sift_down(std::uint32_t position) {
  const Node node = heap_[position];
  for (;;) {
    std::uint32_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && sooner(heap_[child + 1], heap_[child])) ++child;
    if (!sooner(heap_[child], node)) break;
    set_heap(position, heap_[child]);
    position = child;
  }
  set_heap(position, node);
}

}  // namespace evenkeel::core
