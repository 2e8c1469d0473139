// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/success_summary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

Feedback success(Duration latency, std::uint64_t body_bytes = 0) {
  Feedback feedback;
  feedback.outcome = Outcome::success;
  feedback.latency = latency;
  feedback.body_bytes = body_bytes;
  return feedback;
}

std::vector<std::pair<Feedback, std::uint32_t>> groups(const SuccessSummary& summary) {
  std::vector<std::pair<Feedback, std::uint32_t>> all;
  summary.for_each([&](const Feedback& f, std::uint32_t count) { all.emplace_back(f, count); });
  return all;
}

TEST(SuccessSummary, KeepsASingleSuccessAsItIs) {
  SuccessSummary summary;
  summary.add(success(5ms, 77), 0s);
  const auto all = groups(summary);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0], std::make_pair(success(5ms, 77), 1U));
}

TEST(SuccessSummary, AveragesSuccessesOfSimilarLatency) {
  SuccessSummary summary;
  summary.add(success(10ms, 100), 0s);
  summary.add(success(10200us, 300), 0s);
  const auto all = groups(summary);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0], std::make_pair(success(10100us, 200), 2U));
}

TEST(SuccessSummary, TellsFastFromSlow) {
  SuccessSummary summary;
  for (int i = 0; i < 9; ++i) summary.add(success(1ms), 0s);
  summary.add(success(500ms), 0s);
  const auto all = groups(summary);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], std::make_pair(success(1ms), 9U));
  EXPECT_EQ(all[1], std::make_pair(success(500ms), 1U));
}

// Averaged across the threshold, two calls would be both slow or neither.
TEST(SuccessSummary, NeverAveragesAcrossTheSlowCallThreshold) {
  SuccessSummary summary;
  summary.add(success(100ms - 1ns), 100ms);
  summary.add(success(100ms), 100ms);
  const auto all = groups(summary);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_LT(all[0].first.latency, Duration(100ms));
  EXPECT_GE(all[1].first.latency, Duration(100ms));
}

TEST(SuccessSummary, CountsEverySuccessWhenAllGroupsAreTaken) {
  SuccessSummary summary;
  for (std::uint32_t i = 0; i < 20; ++i) summary.add(success(Duration(1) * (1 << i)), 0s);
  EXPECT_EQ(groups(summary).size(), SuccessSummary::kGroups);
  EXPECT_EQ(summary.count(), 20U);
}

TEST(SuccessSummary, LeavesWhatWasNotMeasuredUnmeasured) {
  SuccessSummary summary;
  summary.add(success(Duration(-1)), 0s);
  EXPECT_LT(groups(summary).at(0).first.latency, Duration(0));
}

RC_GTEST_PROP(SuccessSummary, IsOffByAQuarterAtMostWhileThereIsAGroup, ()) {
  const auto base = *rc::gen::inRange<std::int64_t>(1'000, 1'000'000'000);
  const auto count = *rc::gen::inRange(1, 30);
  SuccessSummary summary;
  std::vector<std::int64_t> latencies;
  for (int i = 0; i < count; ++i) {
    // Two crowds, far apart; each spans two groups at most.
    const auto latency = *rc::gen::inRange<std::int64_t>(base, base + base / 8 + 1);
    latencies.push_back(i % 2 == 0 ? latency : latency * 16);
    summary.add(success(Duration(latencies.back())), 0s);
  }
  std::uint32_t counted = 0;
  for (const auto& [mean, members] : groups(summary)) {
    counted += members;
    const std::int64_t of = mean.latency.count();
    bool near = false;
    for (const std::int64_t latency : latencies) {
      near = near || (4 * of <= 5 * latency && 4 * latency <= 5 * of);
    }
    RC_ASSERT(near);
  }
  RC_ASSERT(counted == static_cast<std::uint32_t>(count));
}

}  // namespace
}  // namespace evenkeel::core
