// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/event_queue.h"

#include <algorithm>

namespace evenkeel::sim {

core::Instant EventQueue::next() const {
  if (present_ != 0) return now();
  if (filled_ == 0) return core::kNever;
  const std::vector<Event>& bucket = buckets_[static_cast<unsigned>(std::countr_zero(filled_))];
  const auto earliest = std::min_element(
      bucket.begin(), bucket.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  return earliest->at;
}

bool EventQueue::advance() {
  if (filled_ == 0) return false;
  const auto lowest = static_cast<unsigned>(std::countr_zero(filled_));
  filled_ &= filled_ - 1;
  std::vector<Event>& bucket = buckets_[lowest];
  if (bucket.size() == 1) {  // common when little is pending
    now_ = key(bucket.front());
    place(bucket.front());
    bucket.clear();
    return true;
  }
  std::uint64_t earliest = key(bucket.front());
  for (const Event& event : bucket) earliest = std::min(earliest, key(event));
  now_ = earliest;
  // Every event lands in a lower bucket, so that each moves at most 64 times in its life.
  dealt_.swap(bucket);
  for (const Event& event : dealt_) place(event);
  dealt_.clear();
  return true;
}

}  // namespace evenkeel::sim
