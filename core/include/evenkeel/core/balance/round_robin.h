// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// Backends in turn. The next pick is the first candidate after the last one picked, so that a
// backend that comes or goes changes nobody else's turn.
class RoundRobin {
 public:
  // The first turn is drawn: balancers that start together must not all begin with the same
  // backend.
  RoundRobin(std::uint32_t backends, Stream phase);

  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws);

  friend bool operator==(const RoundRobin&, const RoundRobin&) = default;

 private:
  std::uint32_t next_ = 0;  // the turn is the first candidate's from here on, else the first one's
};

}  // namespace evenkeel::core
