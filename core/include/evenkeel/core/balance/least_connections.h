// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// The candidate with the fewest requests in flight for its weight, of all of them: the scan is
// linear. Among equals one is drawn. The first of equals would do at high load, but at low load it
// would take every request.
class LeastConnections {
 public:
  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;

  friend bool operator==(LeastConnections, LeastConnections) = default;
};

}  // namespace evenkeel::core
