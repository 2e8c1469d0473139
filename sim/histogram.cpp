// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/histogram.h"

#include <algorithm>
#include <bit>

namespace evenkeel::sim {
namespace {

constexpr std::uint64_t kPerOctave = 1ULL << Histogram::kBitsPerOctave;

core::Duration nanoseconds(std::uint64_t value) {
  return core::Duration(static_cast<std::int64_t>(value));
}

}  // namespace

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < kPerOctave) return value;
  const unsigned octave = static_cast<unsigned>(std::bit_width(value)) - 1 - kBitsPerOctave;
  return (static_cast<std::size_t>(octave) + 1) * kPerOctave + ((value >> octave) - kPerOctave);
}

std::uint64_t Histogram::first_of(std::size_t bucket) {
  if (bucket < kPerOctave) return bucket;
  const std::size_t octave = bucket / kPerOctave - 1;
  return (kPerOctave + bucket % kPerOctave) << octave;
}

void Histogram::cover(std::size_t first, std::size_t last) {
  if (counts_.empty()) {
    base_ = first;
    counts_.resize(last - first + 1);
    return;
  }
  if (first < base_) {
    counts_.insert(counts_.begin(), base_ - first, 0);
    base_ = first;
  }
  if (last >= base_ + counts_.size()) counts_.resize(last - base_ + 1);
}

void Histogram::add(core::Duration value) {
  const std::uint64_t v = value.count() > 0 ? static_cast<std::uint64_t>(value.count()) : 0;
  const std::size_t bucket = bucket_of(v);
  // One comparison in the common case: below base_ the difference wraps to a huge number.
  if (bucket - base_ >= counts_.size()) cover(bucket, bucket);
  ++counts_[bucket - base_];
  min_ = count_ == 0 ? v : std::min(min_, v);
  max_ = std::max(max_, v);
  ++count_;
  sum_ += v;
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  cover(other.base_, other.base_ + other.counts_.size() - 1);
  for (std::size_t i = 0; i < other.counts_.size(); ++i) {
    counts_[other.base_ - base_ + i] += other.counts_[i];
  }
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
}

core::Duration Histogram::min() const { return nanoseconds(min_); }
core::Duration Histogram::max() const { return nanoseconds(max_); }

core::Duration Histogram::mean() const {
  return count_ == 0 ? core::Duration::zero()
                     : nanoseconds(static_cast<std::uint64_t>(sum_ / count_));
}

core::Duration Histogram::quantile(std::uint64_t numerator, std::uint64_t denominator) const {
  if (count_ == 0) return core::Duration::zero();
  const Sum scaled = static_cast<Sum>(count_) * numerator;
  const auto rank = static_cast<std::uint64_t>((scaled + denominator - 1) / denominator);
  if (rank >= count_) return nanoseconds(max_);
  if (rank <= 1) return nanoseconds(min_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen < rank) continue;
    const std::uint64_t first = first_of(base_ + i);
    const std::uint64_t width = first < kPerOctave ? 1 : std::bit_floor(first) >> kBitsPerOctave;
    return nanoseconds(std::clamp(first + width / 2, min_, max_));
  }
  return nanoseconds(max_);
}

}  // namespace evenkeel::sim
