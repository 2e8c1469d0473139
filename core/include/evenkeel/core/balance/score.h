// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/balance/rank.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// The candidate with the least score, of a few drawn at random:
//
//     response time / weight * 1 / success rate * (in flight + 1) * (2 if its breaker is half open)
//
// of the plain averages (response_stats.h). Where peak_ewma goes by the worst of late, this goes by
// the usual, and a backend that fails half of its requests counts double on top of the penalty in
// its response time.
//
// Draws and ties are least_request's (choices.h).
class Score {
 public:
  // Draws at least one and at most Choices::kMax. Candidates must come with stats.
  Score(std::uint32_t choices, const EwmaPolicy& policy);

  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;
  // The score.
  [[nodiscard]] Rank rank(const Candidates& candidates, BackendIndex backend) const;

  friend bool operator==(const Score&, const Score&) = default;

 private:
  std::uint32_t choices_;
  EwmaPolicy policy_;
};

}  // namespace evenkeel::core
