// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/spread.h"

#include <algorithm>

#include "evenkeel/core/fixed_point.h"

namespace evenkeel::core {
namespace {

struct Spread {
  std::uint64_t middle = 0;
  std::uint64_t deviation = 0;
};

Spread around_median(std::span<std::uint64_t> rates) {
  Spread spread;
  spread.middle = median(rates);
  for (std::uint64_t& rate : rates) {
    rate = rate < spread.middle ? spread.middle - rate : rate - spread.middle;
  }
  spread.deviation = multiply_divide(median(rates), 14'826, 10'000);
  return spread;
}

// Of the population: these are all the backends there are, not a sample of them.
Spread around_mean(std::span<const std::uint64_t> rates) {
  const std::uint64_t count = rates.size();
  std::uint64_t sum = 0;
  Wide squares = 0;
  for (const std::uint64_t rate : rates) {
    sum += rate;
    squares += Wide{rate} * rate;
  }
  return Spread{sum / count, square_root(count * squares - Wide{sum} * sum) / count};
}

}  // namespace

std::uint64_t median(std::span<std::uint64_t> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const std::uint64_t below = *std::max_element(values.begin(), middle);
  return below + (*middle - below) / 2;
}

std::optional<std::uint32_t> success_rate_threshold(const SuccessRatePolicy& policy,
                                                    std::span<std::uint64_t> rates) {
  if (policy.method == SuccessRateMethod::off || rates.empty()) return std::nullopt;
  const Spread spread =
      policy.method == SuccessRateMethod::mad ? around_median(rates) : around_mean(rates);
  const std::uint64_t least = std::uint64_t{policy.min_deviation_percent} * (kMillion / 100);
  const std::uint64_t distance =
      std::max(least, multiply_divide(spread.deviation, policy.factor.thousandths, 1000));
  // A rate of 0 is below every threshold above 0, and nothing is below 0.
  if (distance >= spread.middle) return std::nullopt;
  return static_cast<std::uint32_t>(spread.middle - distance);
}

}  // namespace evenkeel::core
