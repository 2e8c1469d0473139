// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/time_window.h"

#include "evenkeel/core/check.h"

namespace evenkeel::core {

TimeWindow::TimeWindow(Duration length, Instant now) : width_(length / kFullBuckets) {
  EVENKEEL_CHECK(width_ > Duration::zero());
  // A length that is no multiple of ten would lose up to 9 ns, and the window must not be shorter.
  if (width_ * kFullBuckets < length) width_ += Duration(1);
  bucket_end_ = later(now, width_);
}

void TimeWindow::clear(Instant now) {
  empty();
  bucket_end_ = later(now, width_);
}

void TimeWindow::empty() {
  buckets_.fill(Counts{});
  first_ = 0;
  second_ = 0;
}

void TimeWindow::turn(Instant now) {
  const auto buckets_behind = (now - bucket_end_) / width_ + 1;
  bucket_end_ += width_ * buckets_behind;
  if (buckets_behind >= kBuckets) {
    empty();
    return;
  }
  for (auto i = buckets_behind; i > 0; --i) {
    current_ = current_ + 1 == kBuckets ? 0 : current_ + 1;
    first_ -= buckets_[current_].first;
    second_ -= buckets_[current_].second;
    buckets_[current_] = Counts{};
  }
}

}  // namespace evenkeel::core
