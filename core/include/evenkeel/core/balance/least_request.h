// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// The least loaded of a few candidates drawn at random: the power of two choices.
//
// The draws are of distinct backends. With replacement, two backends would be compared with
// themselves half of the time, which is random balancing for that half. They are in proportion to
// weight, and so is the comparison, (in_flight + 1) / weight; of equals the one drawn first wins.
// When there are no more candidates than choices all are compared, and one of equals is drawn.
//
// Why not always compare all? Balancers that share backends see each other's requests late, and all
// would send to the same least loaded one at once.
//
// With equal weights the cost does not depend on the pool's size; else a draw walks the candidates.
class LeastRequest {
 public:
  static constexpr std::uint32_t kMaxChoices = 16;

  // At most kMaxChoices are drawn, at least one.
  explicit LeastRequest(std::uint32_t choices);

  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;

  friend bool operator==(LeastRequest, LeastRequest) = default;

 private:
  [[nodiscard]] BackendIndex pick_of_equal_weights(const Candidates& candidates,
                                                   Draws& draws) const;
  [[nodiscard]] BackendIndex pick_by_weight(const Candidates& candidates, Draws& draws) const;

  std::uint32_t choices_;
};

}  // namespace evenkeel::core
