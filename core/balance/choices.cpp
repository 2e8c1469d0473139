// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/choices.h"

#include <algorithm>

#include "evenkeel/core/check.h"

namespace evenkeel::core {

bool Choices::is_drawn(std::uint32_t position) const {
  return std::binary_search(drawn_.begin(), drawn_.begin() + count_, position);
}

// Whichever try is accepted, it is in proportion to weight among those not drawn; so is the walk.
std::uint32_t Choices::by_weight() {
  if (size() <= kWalked) return by_walk();
  for (std::uint32_t tries = 0; tries < kRejections; ++tries) {
    const auto position = static_cast<std::uint32_t>(draws_.below(size()));
    EVENKEEL_CHECK(weight(position) <= candidates_.max_weight);
    const bool accepted = draws_.below(candidates_.max_weight) < weight(position);
    if (accepted && !is_drawn(position)) return position;
  }
  return by_walk();
}

std::uint32_t Choices::by_walk() {
  std::uint64_t undrawn_weight = 0;
  for (std::uint32_t i = 0; i < size(); ++i) undrawn_weight += weight(i);
  for (std::uint32_t i = 0; i < count_; ++i) undrawn_weight -= weight(drawn_[i]);
  EVENKEEL_CHECK(undrawn_weight != 0);
  std::uint64_t rest = draws_.below(undrawn_weight);
  std::uint32_t position = 0;
  std::uint32_t passed = 0;  // of drawn_
  for (;; ++position) {
    if (passed < count_ && drawn_[passed] == position) {
      ++passed;
    } else if (rest < weight(position)) {
      return position;
    } else {
      rest -= weight(position);
    }
  }
}

}  // namespace evenkeel::core
