// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/method.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"
#include "evenkeel/sim/scenario.h"

namespace evenkeel::sim {

// When the requests of one traffic arrive, and with which methods. The k-th request's draws have
// the index k: whatever a policy does, every run of a seed sees the same clients.
//
// Between two arrivals the rate integrates to 1 (constant) or to a unit exponential draw (Poisson):
// exact for every shape of the rate, and one draw a request. Integers only.
class Arrivals {
 public:
  // `traffic` is the model's position in the scenario and must outlive this.
  Arrivals(const TrafficModel& model, std::uint32_t traffic, core::Seed seed);

  // The scheduled time of the next request; kNever when the rate has ended at 0.
  [[nodiscard]] core::Instant next();
  // The method of the request that next() gave last.
  [[nodiscard]] core::Method method() const;

 private:
  // What one request amounts to: a thousandth of a request a second for a nanosecond, 10^12 times.
  static constexpr std::uint64_t kRequest = 1'000'000'000'000;

  const TrafficModel& model_;
  core::Stream gaps_;
  core::Stream methods_;
  std::uint64_t count_ = 0;  // requests so far
  std::size_t segment_ = 0;  // points before `at_`
  core::Instant at_{};
};

}  // namespace evenkeel::sim
