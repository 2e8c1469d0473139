// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/balance/rank.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// The candidate that will answer soonest, of a few drawn at random: the least
//
//     peak average of its response times * (in flight + 1) / weight
//
// The average (response_stats.h) says how fast the backend is, the requests in flight how long
// their line is, and they say so before a single response came: with the average alone, all would
// go to the fastest until its first slow answer.
//
// A backend that never answered while a request to it is pending is avoided: one probe at a time
// finds out about it. Without history or requests it counts as the policy's default.
//
// Draws and ties are least_request's (choices.h). With choice_count no smaller than the pool all
// are compared, which unequal backends of equal weights need: of two drawn, both may be slow.
class PeakEwma {
 public:
  // Draws at least one and at most Choices::kMax. Candidates must come with stats.
  PeakEwma(std::uint32_t choices, const EwmaPolicy& policy);

  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;
  // What pick() compares.
  [[nodiscard]] Rank rank(const Candidates& candidates, BackendIndex backend) const;

  friend bool operator==(const PeakEwma&, const PeakEwma&) = default;

 private:
  std::uint32_t choices_;
  EwmaPolicy policy_;
};

}  // namespace evenkeel::core
