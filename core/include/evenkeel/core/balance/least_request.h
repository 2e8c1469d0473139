// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/balance/choices.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// The least loaded of a few candidates drawn at random: the power of two choices.
//
// Draws are of distinct backends, in proportion to weight (choices.h), and so is the comparison,
// (in flight + 1)^bias / weight; of equals the one drawn first wins. When there are no more
// candidates than choices all are compared, and one of equals is drawn.
//
// Why not always compare all? Balancers that share backends see each other's requests late, and all
// would send to the same least loaded one at once.
//
// The bias says how much requests in flight count against weight. At 0 they do not: backends are
// then drawn by weight and nothing is compared, as comparing weights besides would starve the
// lightest.
class LeastRequest {
 public:
  static constexpr std::uint32_t kMaxChoices = Choices::kMax;

  // At most kMaxChoices are drawn, at least one.
  explicit LeastRequest(std::uint32_t choices, Decimal active_request_bias = Decimal{1000});

  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;

  friend bool operator==(LeastRequest, LeastRequest) = default;

 private:
  [[nodiscard]] BackendIndex pick_with_bias(const Candidates& candidates, Draws& draws) const;

  std::uint32_t choices_;
  Decimal bias_;
};

}  // namespace evenkeel::core
