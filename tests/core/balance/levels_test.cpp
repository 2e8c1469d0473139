// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/levels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>
#include <vector>

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;

constexpr Decimal kFactor{1400};
constexpr std::uint32_t kPercent = kWholeLoad / 100;

std::vector<LevelShare> shares(const std::vector<LevelHealth>& levels, Decimal factor = kFactor,
                               std::uint32_t threshold = 50) {
  std::vector<LevelShare> result(levels.size());
  share_load(levels, factor, threshold, result);
  return result;
}

TEST(Levels, ALevelCarriesItsHealthyShareTimesTheOverprovisioning) {
  EXPECT_EQ(capacity({5, 10}, kFactor), 70 * kPercent);
  EXPECT_EQ(capacity({5, 7}, kFactor), kWholeLoad);
  EXPECT_EQ(capacity({10, 10}, kFactor), kWholeLoad);
  EXPECT_EQ(capacity({0, 10}, kFactor), 0U);
  EXPECT_EQ(capacity({0, 0}, kFactor), 0U);
}

TEST(Levels, OneHealthyBackendOfManyStillCarriesSomething) {
  EXPECT_EQ(capacity({1, 4'000'000'000}, kFactor), 1U);
}

TEST(Levels, HalfOfTheFirstSpillsThirtyPercentToTheSecond) {
  EXPECT_THAT(shares({{5, 10}, {10, 10}}),
              ElementsAre(LevelShare{70 * kPercent, false}, LevelShare{30 * kPercent, false}));
}

TEST(Levels, TwoWeakLevelsShareAndBothPanic) {
  EXPECT_THAT(shares({{1, 4}, {1, 4}}),
              ElementsAre(LevelShare{50 * kPercent, true}, LevelShare{50 * kPercent, true}));
}

TEST(Levels, NothingSpillsWhileFiveOfSevenAreHealthy) {
  EXPECT_THAT(shares({{5, 7}, {7, 7}}),
              ElementsAre(LevelShare{kWholeLoad, false}, LevelShare{0, false}));
  EXPECT_GT(shares({{4, 7}, {7, 7}})[1].load, 0U);
}

TEST(Levels, ALevelThatIsAbsentSendsEverythingToTheNext) {
  EXPECT_THAT(shares({{0, 10}, {1, 1}}),
              ElementsAre(LevelShare{0, false}, LevelShare{kWholeLoad, false}));
}

TEST(Levels, NoPanicWhileTheLevelsTogetherCarryEverything) {
  // 20 % of the first and 72 % of the second: 28 + 100 > 100.
  EXPECT_THAT(shares({{2, 10}, {72, 100}}),
              ElementsAre(LevelShare{28 * kPercent, false}, LevelShare{72 * kPercent, false}));
}

TEST(Levels, TheOnlyLevelPanicsAsSoonAsItIsBelowTheThreshold) {
  EXPECT_THAT(shares({{5, 10}}), ElementsAre(LevelShare{kWholeLoad, false}));
  EXPECT_THAT(shares({{4, 10}}), ElementsAre(LevelShare{kWholeLoad, true}));
  // Also where overprovisioning would still cover for those that are missing.
  EXPECT_THAT(shares({{8, 10}}, kFactor, 90), ElementsAre(LevelShare{kWholeLoad, true}));
}

TEST(Levels, AThresholdOfZeroNeverPanics) {
  EXPECT_THAT(shares({{1, 100}}, kFactor, 0), ElementsAre(LevelShare{kWholeLoad, false}));
  EXPECT_THAT(shares({{0, 100}}, kFactor, 0), ElementsAre(LevelShare{0, false}));
}

TEST(Levels, WhenNobodyIsHealthyLoadFollowsTheNumberOfBackends) {
  EXPECT_THAT(shares({{0, 30}, {0, 10}}),
              ElementsAre(LevelShare{75 * kPercent, true}, LevelShare{25 * kPercent, true}));
}

TEST(Levels, WithoutBackendsThereIsNoLoad) {
  EXPECT_THAT(shares({{0, 0}}), ElementsAre(LevelShare{0, false}));
  EXPECT_TRUE(shares({}).empty());
}

RC_GTEST_PROP(Levels, LoadsAddUpAndPanicIsOnlyBelowTheThreshold, ()) {
  const auto levels =
      *rc::gen::resize(4, rc::gen::container<std::vector<LevelHealth>>(rc::gen::map(
                              rc::gen::pair(rc::gen::inRange<std::uint32_t>(0, 50),
                                            rc::gen::inRange<std::uint32_t>(0, 50)),
                              [](const auto& pair) {
                                return LevelHealth{pair.first, pair.first + pair.second};
                              })));
  const Decimal factor{*rc::gen::inRange<std::uint32_t>(1, 5000)};
  const auto threshold = *rc::gen::inRange<std::uint32_t>(0, 101);
  const auto result = shares(levels, factor, threshold);
  std::uint64_t load = 0;
  std::uint64_t healthy = 0;
  std::uint64_t total = 0;
  bool panic = false;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    load += result[i].load;
    healthy += levels[i].healthy;
    total += levels[i].total;
    panic = panic || result[i].panic;
    RC_ASSERT(!result[i].panic || levels[i].healthy * 100 < threshold * levels[i].total);
    RC_ASSERT(!result[i].panic || result[i].load != 0);
    // Nobody goes to a level where nobody is healthy, unless nobody is anywhere.
    RC_ASSERT(result[i].load == 0 || levels[i].healthy != 0 || healthy == 0);
  }
  const bool somebody = healthy != 0 || (threshold != 0 && total != 0);
  RC_ASSERT(load == (somebody ? kWholeLoad : 0));
}

}  // namespace
}  // namespace evenkeel::core
