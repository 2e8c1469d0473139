// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// How many requests a pool should have in flight, found from how long its answers take.
//
// A fixed limit is wrong as soon as the backends change: too high and a queue grows inside them,
// where nobody can shed it; too low and they idle. Gradient2 (Netflix, concurrency-limits) compares
// a short average with a long one: when answers take longer than they used to, requests are queuing
// behind one another, and the limit shrinks in proportion:
//     gradient = clamp(long / short, 1/2, 1)
//     limit    = (1 - smoothing) * limit + smoothing * (limit * gradient + 4)
// It compares averages, and does not look for the shortest latency ever, because finding that
// means pinning the limit low now and then: a visible dip, for a figure that luck decides.
//
// The averages are of windows of 100 ms and 10 samples, whichever is longer: the limit must depend
// neither on the noise of single answers (exponential service times alone would hold it at about
// 30) nor on how many there are, or a busy pool would take its overload for normal in a second.
// The long one is an exponential mean of 600 windows, a plain one for the first 10; the time an
// overload is taken for the new normal is therefore some ten seconds. When it is more than twice
// the short one, the overload is over, and it gives way by a tenth per window.
// A pool with fewer than half its limit in flight shows nothing about the limit, which then stays.
class ConcurrencyLimit {
 public:
  static constexpr Duration kWindow = std::chrono::milliseconds(100);
  static constexpr std::uint32_t kWindowSamples = 10;

  // Begins at min_limit. A limit of 0 counts as 1, a maximum below the minimum as the minimum.
  // Without `enabled` everything is admitted.
  ConcurrencyLimit(const AdaptiveConcurrencyPolicy& policy, Instant now);
  // A new configuration: keeps what was learnt, within the new bounds. Switched on, it begins anew.
  void apply(const AdaptiveConcurrencyPolicy& policy, Instant now);

  // Whether one more may be sent while this many are in flight.
  [[nodiscard]] bool admits(std::uint32_t in_flight) const {
    return !enabled_ || in_flight < limit();
  }
  // An answer came. `latency`: from the attempt's start to the response head; `in_flight`: how many
  // there were, this one included. A timeout is an answer as slow as it was waited for; whatever
  // fails without being slow (a refused connection) is no sample, nor is a negative latency.
  void on_sample(Instant now, Duration latency, std::uint32_t in_flight);

  // In [min_limit, max_limit].
  [[nodiscard]] std::uint32_t limit() const {
    return static_cast<std::uint32_t>(limit_ >> kFractionBits);
  }
  // The long average; zero before the first window has ended.
  [[nodiscard]] Duration long_latency() const {
    return Duration(static_cast<Duration::rep>(long_ >> kFractionBits));
  }

  friend bool operator==(const ConcurrencyLimit&, const ConcurrencyLimit&) = default;

 private:
  static constexpr unsigned kFractionBits = 16;

  ConcurrencyLimit() = default;
  void begin_window(Instant now);
  void end_window();
  void average(std::uint64_t latency);
  void adjust(std::uint64_t latency);

  bool enabled_ = false;
  std::uint32_t smoothing_ = 0;  // thousandths, at most 1000
  std::uint64_t min_ = 0;        // these three with kFractionBits fractional bits
  std::uint64_t max_ = 0;
  std::uint64_t limit_ = 0;

  std::uint64_t long_ = 0;     // ns, with kFractionBits fractional bits
  std::uint32_t windows_ = 0;  // in the long average, until it is warm

  Instant window_end_{};
  std::uint32_t samples_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint32_t most_in_flight_ = 0;
};

}  // namespace evenkeel::core
