// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// A candidate drawn in proportion to its weight (choices.h).
class RandomPick {
 public:
  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;

  friend bool operator==(RandomPick, RandomPick) = default;
};

}  // namespace evenkeel::core
