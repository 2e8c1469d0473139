// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/concurrency_limit.h"

#include <algorithm>

namespace evenkeel::core {
namespace {

__extension__ using Wide = unsigned __int128;

// Beyond these a sample or a window counts no further: 2^40 ns is 18 minutes, and the sum of a
// window stays below 2^57.
constexpr std::uint64_t kLongest = std::uint64_t{1} << 40U;
constexpr std::uint32_t kMostSamples = 1U << 17U;

constexpr std::uint32_t kQueue = 4;  // what a limit without slowdown grows by, times the smoothing
constexpr std::uint32_t kLongWindows = 600;
constexpr std::uint32_t kWarmUp = 10;

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const AdaptiveConcurrencyPolicy& policy, Instant now) {
  apply(policy, now);
}

void ConcurrencyLimit::apply(const AdaptiveConcurrencyPolicy& policy, Instant now) {
  if (!enabled_) {  // what was learnt before it was switched off is too old
    *this = ConcurrencyLimit();
    begin_window(now);
  }
  const std::uint64_t least = std::max(1U, policy.min_limit);
  min_ = least << kFractionBits;
  max_ = std::max<std::uint64_t>(least, policy.max_limit) << kFractionBits;
  limit_ = std::clamp(limit_, min_, max_);
  smoothing_ = std::min(1000U, policy.smoothing.thousandths);
  enabled_ = policy.enabled;
}

void ConcurrencyLimit::on_sample(Instant now, Duration latency, std::uint32_t in_flight) {
  if (!enabled_ || latency < Duration::zero()) return;
  // Zero has no ratio.
  const auto ns = static_cast<std::uint64_t>(std::max<Duration::rep>(1, latency.count()));
  sum_ns_ += std::min(ns, kLongest);
  ++samples_;
  most_in_flight_ = std::max(most_in_flight_, in_flight);
  const bool over = now >= window_end_ && samples_ >= kWindowSamples;
  if (!over && samples_ < kMostSamples) return;
  end_window();
  begin_window(now);
}

void ConcurrencyLimit::begin_window(Instant now) {
  window_end_ = later(now, kWindow);
  samples_ = 0;
  sum_ns_ = 0;
  most_in_flight_ = 0;
}

void ConcurrencyLimit::end_window() {
  const std::uint64_t latency = (sum_ns_ / samples_) << kFractionBits;
  average(latency);
  if (std::uint64_t{most_in_flight_} * 2 >= limit()) adjust(latency);
  if (long_ / 2 > latency) long_ -= long_ / 10;
}

void ConcurrencyLimit::average(std::uint64_t latency) {
  if (windows_ < kWarmUp) {
    ++windows_;
    long_ = (long_ * (windows_ - 1) + latency) / windows_;
  } else if (latency > long_) {
    long_ += (latency - long_) * 2 / (kLongWindows + 1);
  } else {
    long_ -= (long_ - latency) * 2 / (kLongWindows + 1);
  }
}

void ConcurrencyLimit::adjust(std::uint64_t latency) {
  // limit * clamp(long / short, 1/2, 1), exactly.
  std::uint64_t sustained = limit_;
  if (long_ <= latency / 2) {
    sustained = limit_ / 2;
  } else if (long_ < latency) {
    sustained = static_cast<std::uint64_t>(Wide{limit_} * long_ / latency);
  }
  const std::uint64_t wanted = sustained + (std::uint64_t{kQueue} << kFractionBits);
  const std::uint64_t next = (limit_ * (1000 - smoothing_) + wanted * smoothing_ + 500) / 1000;
  limit_ = std::clamp(next, min_, max_);
}

}  // namespace evenkeel::core
