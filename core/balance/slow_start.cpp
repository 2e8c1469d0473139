// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/slow_start.h"

#include <algorithm>

namespace evenkeel::core {

Fraction SlowStart::part(Duration age) const {
  if (over(age)) return Fraction::one();
  const Fraction floor =
      Fraction::ratio(std::uint64_t{policy_.min_weight_percent}, std::uint64_t{100});
  const Fraction passed = Fraction::ratio(age, policy_.window);
  return std::max(floor, power(passed, 1000, policy_.aggression.thousandths));
}

std::uint32_t SlowStart::part_of(std::uint32_t whole, Fraction part) {
  const std::uint64_t halves = part.part_of(2 * std::uint64_t{whole});
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, (halves + 1) / 2));
}

}  // namespace evenkeel::core
