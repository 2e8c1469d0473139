// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/pending_queue.h"

#include <algorithm>

#include "evenkeel/core/check.h"

namespace evenkeel::core {

PendingQueue::PendingQueue(const LimitsPolicy& policy, std::uint32_t max_pending) {
  apply(policy, max_pending);
}

void PendingQueue::apply(const LimitsPolicy& policy, std::uint32_t max_pending) {
  discipline_ = policy.queue_discipline;
  target_ = policy.codel_target;
  interval_ = policy.codel_interval;
  max_pending_ = max_pending;
  if (discipline_ != QueueDiscipline::codel) overloaded_ = false;
}

void PendingQueue::reserve_slots(std::uint32_t count) {
  if (count > nodes_.size()) nodes_.resize(count);
}

PendingQueue::Pushed PendingQueue::push(Instant now, Slot slot, std::uint32_t priority) {
  EVENKEEL_CHECK(!contains(slot));
  priority = priority_class(priority);
  Pushed pushed;
  if (max_pending_ != 0 && size_ >= max_pending_) {
    pushed.displaced = less_important_than(priority);
    if (!pushed.displaced) return pushed;
    unlink(*pushed.displaced);
  } else if (size_ == 0) {
    busy_since_ = now;
    interval_end_ = later(now, interval_);
    shortest_wait_ = kUnwaited;
  }
  if (slot >= nodes_.size()) nodes_.resize(std::size_t{slot} + 1);
  nodes_[slot].since = now;
  nodes_[slot].number = pushes_++;
  link(slot, priority);
  pushed.queued = true;
  return pushed;
}

std::optional<PendingQueue::Popped> PendingQueue::pop(Instant now) {
  if (size_ == 0) return std::nullopt;
  const bool lasted = now - busy_since_ > interval_;
  const bool from_the_end = discipline_ == QueueDiscipline::adaptive_lifo && lasted;
  Popped popped;
  popped.slot = from_the_end ? newest() : oldest();
  popped.waited = now - nodes_[popped.slot].since;
  popped.shed = discipline_ == QueueDiscipline::codel && sheds(now, popped.waited);
  erase(popped.slot);
  return popped;
}

bool PendingQueue::erase(Slot slot) {
  if (!contains(slot)) return false;
  unlink(slot);
  if (size_ == 0) overloaded_ = false;
  return true;
}

bool PendingQueue::sheds(Instant now, Duration waited) {
  if (now > interval_end_) {
    interval_end_ = later(now, interval_);
    overloaded_ = shortest_wait_ != kUnwaited && shortest_wait_ > target_;
    shortest_wait_ = waited;
    return false;
  }
  shortest_wait_ = std::min(shortest_wait_, waited);
  return overloaded_ && waited - target_ > target_;
}

PendingQueue::Slot PendingQueue::oldest() const {
  Slot found = kNobody;
  for (const List& list : lists_) {
    if (list.oldest == kNobody) continue;
    if (found == kNobody || nodes_[list.oldest].number < nodes_[found].number) found = list.oldest;
  }
  return found;
}

PendingQueue::Slot PendingQueue::newest() const {
  Slot found = kNobody;
  for (const List& list : lists_) {
    if (list.newest == kNobody) continue;
    if (found == kNobody || nodes_[list.newest].number > nodes_[found].number) found = list.newest;
  }
  return found;
}

std::optional<PendingQueue::Slot> PendingQueue::less_important_than(std::uint32_t priority) const {
  for (std::uint32_t least = kPriorities - 1; least > priority; --least) {
    if (lists_[least].newest != kNobody) return lists_[least].newest;
  }
  return std::nullopt;
}

void PendingQueue::link(Slot slot, std::uint32_t priority) {
  List& list = lists_[priority];
  Node& node = nodes_[slot];
  node.priority = priority;
  node.older = list.newest;
  node.newer = kNobody;
  (list.newest == kNobody ? list.oldest : nodes_[list.newest].newer) = slot;
  list.newest = slot;
  ++size_;
}

void PendingQueue::unlink(Slot slot) {
  Node& node = nodes_[slot];
  List& list = lists_[node.priority];
  (node.older == kNobody ? list.oldest : nodes_[node.older].newer) = node.newer;
  (node.newer == kNobody ? list.newest : nodes_[node.newer].older) = node.older;
  node = Node{};
  --size_;
}

}  // namespace evenkeel::core
