// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/spread.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace evenkeel::core {
namespace {

using Percents = std::vector<std::uint64_t>;

SuccessRatePolicy policy_of(SuccessRateMethod method, std::uint32_t factor_thousandths) {
  SuccessRatePolicy policy;
  policy.method = method;
  policy.factor = Decimal{factor_thousandths};
  return policy;
}

std::optional<std::uint32_t> threshold(const SuccessRatePolicy& policy, Percents percents) {
  for (std::uint64_t& percent : percents) percent *= kMillion / 100;
  return success_rate_threshold(policy, percents);
}

// How many of these success rates are below the threshold.
int found(const SuccessRatePolicy& policy, const Percents& percents) {
  const auto least = threshold(policy, percents);
  if (!least) return 0;
  return static_cast<int>(std::count_if(percents.begin(), percents.end(), [&](std::uint64_t rate) {
    return rate * (kMillion / 100) < *least;
  }));
}

const SuccessRatePolicy kMad = policy_of(SuccessRateMethod::mad, 3000);
const SuccessRatePolicy kStddev = policy_of(SuccessRateMethod::stddev, 1900);  // as Envoy's

TEST(Spread, TheMedianIsTheMiddleOrTheMeanOfTheTwoInTheMiddle) {
  const auto median_of = [](Percents values) { return median(values); };
  EXPECT_EQ(median_of({}), 0U);
  EXPECT_EQ(median_of({7}), 7U);
  EXPECT_EQ(median_of({9, 1}), 5U);
  EXPECT_EQ(median_of({9, 1, 2}), 2U);
  EXPECT_EQ(median_of({9, 1, 2, 4}), 3U);
  EXPECT_EQ(median_of({~0ULL, ~0ULL}), ~0ULL);
}

// Envoy's own example: mean 90, deviation of the population 20.
TEST(Spread, TheStandardDeviationIsThatOfThePopulation) {
  EXPECT_EQ(threshold(kStddev, {50, 100, 100, 100, 100}), 520'000U);
  EXPECT_EQ(found(kStddev, {50, 100, 100, 100, 100}), 1);
}

// With k equally bad ones of n, z is sqrt((n - k) / k): at 1.9 one needs five, two need ten and
// three need fourteen.
TEST(Spread, TheStandardDeviationMasksWhatItIsToFind) {
  const auto bad_of = [](std::size_t bad, std::size_t all) {
    Percents rates(all, 100);
    std::fill_n(rates.begin(), bad, 0);
    return rates;
  };
  EXPECT_EQ(found(kStddev, bad_of(1, 4)), 0);
  EXPECT_EQ(found(kStddev, bad_of(1, 5)), 1);
  EXPECT_EQ(found(kStddev, bad_of(2, 9)), 0);
  EXPECT_EQ(found(kStddev, bad_of(2, 10)), 2);
  EXPECT_EQ(found(kStddev, bad_of(3, 13)), 0);
  EXPECT_EQ(found(kStddev, bad_of(3, 14)), 3);
  // Two dead of eight: a threshold below zero finds nobody; the median finds both.
  EXPECT_EQ(threshold(kStddev, bad_of(2, 8)), std::nullopt);
  EXPECT_EQ(found(kMad, bad_of(2, 8)), 2);
}

TEST(Spread, TheMedianFindsTheBadOnesUntilTheyAreHalf) {
  EXPECT_EQ(threshold(kMad, {0, 100, 100}), 950'000U);
  EXPECT_EQ(found(kMad, {0, 100, 100}), 1);
  EXPECT_EQ(found(kMad, {0, 0, 100, 100, 100}), 2);
  EXPECT_EQ(found(kMad, {0, 0, 100, 100}), 0) << "nobody can say which half is sick";
  EXPECT_EQ(found(kMad, {0, 0, 0, 100, 100}), 0);
}

TEST(Spread, TheFactorCountsDeviations) {
  // Median 90, deviations 0, 2, 2, 4, 40: median of them 2, as a standard deviation 2.9652.
  const Percents rates = {90, 92, 88, 94, 50};
  EXPECT_EQ(threshold(policy_of(SuccessRateMethod::mad, 2000), rates), 900'000U - 2 * 29'652U);
  EXPECT_EQ(threshold(policy_of(SuccessRateMethod::mad, 3500), rates), 900'000U - 103'782U);
  SuccessRatePolicy wide = policy_of(SuccessRateMethod::mad, 2000);
  wide.min_deviation_percent = 20;
  EXPECT_EQ(threshold(wide, rates), 700'000U);
}

TEST(Spread, WhoIsHardlyDifferentIsNoOutlier) {
  EXPECT_EQ(found(kMad, {95, 100, 100, 100, 100}), 0) << "five points are what is allowed";
  EXPECT_EQ(found(kMad, {94, 100, 100, 100, 100}), 1);
  EXPECT_EQ(found(kStddev, {96, 100, 100, 100, 100, 100, 100, 100}), 0);
}

TEST(Spread, NothingIsFoundWithoutAMethodOrWithoutRates) {
  EXPECT_EQ(threshold(policy_of(SuccessRateMethod::off, 3000), {0, 100, 100}), std::nullopt);
  EXPECT_EQ(threshold(kMad, {}), std::nullopt);
  EXPECT_EQ(threshold(kStddev, {}), std::nullopt);
}

TEST(Spread, HugeNumbersAreStillNumbers) {
  SuccessRatePolicy huge = policy_of(SuccessRateMethod::mad, ~0U);
  EXPECT_EQ(threshold(huge, {0, 50, 100}), std::nullopt);
  huge.min_deviation_percent = ~0U;
  EXPECT_EQ(threshold(huge, {0, 100, 100}), std::nullopt);
}

TEST(Spread, PartsPerMillionNeverExceedTheWhole) {
  EXPECT_EQ(part_per_million(0, 3), 0U);
  EXPECT_EQ(part_per_million(1, 3), 333'333U);
  EXPECT_EQ(part_per_million(3, 3), kMillion);
  EXPECT_EQ(part_per_million(0, 0), kMillion);
  EXPECT_EQ(part_per_million(~0ULL - 1, ~0ULL), kMillion - 1);
}

// Against the formulas, computed with real numbers.
RC_GTEST_PROP(Spread, TheThresholdIsThatOfTheFormulas, ()) {
  const auto percents = *rc::gen::resize(
      30, rc::gen::nonEmpty(rc::gen::container<Percents>(rc::gen::inRange<std::uint64_t>(0, 101))));
  const auto factor = *rc::gen::inRange<std::uint32_t>(0, 4000);
  const auto method = *rc::gen::element(SuccessRateMethod::mad, SuccessRateMethod::stddev);
  const auto middle_of = [](std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
  };
  std::vector<double> rates(percents.begin(), percents.end());
  double middle = 0;
  double deviation = 0;
  if (method == SuccessRateMethod::mad) {
    middle = middle_of(rates);
    for (double& rate : rates) rate = std::abs(rate - middle);
    deviation = 1.4826 * middle_of(rates);
  } else {
    for (const double rate : rates) middle += rate / static_cast<double>(rates.size());
    for (const double rate : rates) deviation += (rate - middle) * (rate - middle);
    deviation = std::sqrt(deviation / static_cast<double>(rates.size()));
  }
  const double expected = middle - std::max(5.0, deviation * factor / 1000);
  const auto got = threshold(policy_of(method, factor), percents);
  if (!got) {
    RC_ASSERT(expected < 0.001);
  } else {
    RC_ASSERT(std::abs(*got / 10'000.0 - expected) < 0.001);
  }
}

}  // namespace
}  // namespace evenkeel::core
