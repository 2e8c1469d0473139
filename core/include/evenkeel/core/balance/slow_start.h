// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/fixed_point.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// How much of its weight a backend gets that joined, or turned healthy, a short while ago.
//
// A cold backend - caches empty, code not compiled yet, connections not open - that gets its whole
// share at once answers late or falls over again. Its part of the weight grows with its age:
//
//     max(min_weight_percent, (age / window)^(1 / aggression))
//
// and so does the number of requests it may have in flight. The part follows from the age at every
// pick. Balancers that keep deadlines computed from a small weight starve a backend long after its
// weight has grown.
class SlowStart {
 public:
  // Weights are scaled by this while slow start is on, so that a weight of 1 has parts.
  static constexpr std::uint32_t kScale = 1000;
  static constexpr std::uint32_t kMaxWeight = ~std::uint32_t{0} / kScale;

  explicit SlowStart(const SlowStartPolicy& policy) : policy_(policy) {}

  [[nodiscard]] bool enabled() const { return policy_.window > Duration::zero(); }
  // Whether a backend of this age has its whole weight.
  [[nodiscard]] bool over(Duration age) const { return age >= policy_.window; }
  // The part of its weight at this age; never 0 if min_weight_percent is not.
  [[nodiscard]] Fraction part(Duration age) const;
  // That part of `whole` to the nearest, at least 1.
  [[nodiscard]] static std::uint32_t part_of(std::uint32_t whole, Fraction part);

  friend bool operator==(const SlowStart&, const SlowStart&) = default;

 private:
  SlowStartPolicy policy_;
};

}  // namespace evenkeel::core
