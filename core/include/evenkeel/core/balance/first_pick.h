// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// The first candidate in the order of the configuration: one backend does all the work, and the
// next one takes over where it cannot.
class FirstPick {
 public:
  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& /*draws*/) const {
    return candidates.backends.front();
  }

  friend bool operator==(FirstPick, FirstPick) = default;
};

}  // namespace evenkeel::core
