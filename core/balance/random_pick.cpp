// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/random_pick.h"

#include "evenkeel/core/balance/choices.h"

namespace evenkeel::core {

BackendIndex RandomPick::pick(const Candidates& candidates, Draws& draws) const {
  return Choices(candidates, draws).next();
}

}  // namespace evenkeel::core
