// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/outlier_detector.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr BackendIndex kA{0};
constexpr BackendIndex kB{1};
constexpr BackendIndex kC{2};

constexpr Feedback kSuccess{Outcome::success};
constexpr Feedback kFailure{Outcome::failure, FailureKind::server_error};
constexpr Feedback kGateway{Outcome::failure, FailureKind::gateway};
constexpr Feedback kNoAnswer{Outcome::failure, FailureKind::local_origin};

// Five in a row, 10 s base, 300 s most, half of the pool, no jitter, and no statistics: those are
// in outlier_statistics_test.cpp.
OutlierDetectionPolicy plain() {
  OutlierDetectionPolicy policy;
  policy.ejection_jitter_percent = 0;
  policy.success_rate.method = SuccessRateMethod::off;
  policy.failure_percentage.threshold = 0;
  return policy;
}

OutlierDetector detector(const OutlierDetectionPolicy& policy, std::uint32_t backends) {
  return {policy, backends, Stream(Seed{1}, "ejections")};
}

// The last of `count` failures in a row.
std::optional<OutlierDetector::Ejection> fail(OutlierDetector& outliers, Instant now,
                                              BackendIndex backend, int count = 5) {
  std::optional<OutlierDetector::Ejection> ejection;
  for (int i = 0; i < count; ++i) {
    EXPECT_FALSE(ejection.has_value()) << "ejected before the last failure";
    ejection = outliers.on_outcome(now, backend, kFailure);
  }
  return ejection;
}

std::vector<BackendIndex> returns(OutlierDetector& outliers, Instant now) {
  std::vector<BackendIndex> returned;
  std::vector<Outlier> found;
  outliers.on_deadline(now, returned, found);
  EXPECT_TRUE(found.empty());
  return returned;
}

TEST(OutlierDetector, FailuresInARowEject) {
  auto outliers = detector(plain(), 3);
  EXPECT_EQ(fail(outliers, at(1s), kA, 4), std::nullopt);
  EXPECT_FALSE(outliers.ejected(kA));
  const auto ejection = outliers.on_outcome(at(1s), kA, kFailure);
  ASSERT_TRUE(ejection.has_value());
  EXPECT_EQ(*ejection,
            (OutlierDetector::Ejection{at(11s), TransitionReason::consecutive_failures, 5}));
  EXPECT_TRUE(outliers.ejected(kA));
  EXPECT_FALSE(outliers.ejected(kB));
  EXPECT_EQ(outliers.ejected_count(), 1U);
  EXPECT_EQ(outliers.next_deadline(), at(11s));
}

TEST(OutlierDetector, ASuccessStartsTheCountAnew) {
  auto outliers = detector(plain(), 3);
  for (int i = 0; i < 10; ++i) {
    fail(outliers, at(1s), kA, 4);
    outliers.on_outcome(at(1s), kA, kSuccess);
  }
  EXPECT_FALSE(outliers.ejected(kA));
}

TEST(OutlierDetector, BackendsAreCountedApart) {
  auto outliers = detector(plain(), 3);
  for (int i = 0; i < 4; ++i) {
    outliers.on_outcome(at(1s), kA, kFailure);
    outliers.on_outcome(at(1s), kB, kFailure);
    outliers.on_outcome(at(1s), kC, kSuccess);
  }
  EXPECT_EQ(outliers.ejected_count(), 0U);
}

TEST(OutlierDetector, AnEjectedBackendReturnsAfterItsTime) {
  auto outliers = detector(plain(), 3);
  fail(outliers, at(0s), kB);
  EXPECT_TRUE(returns(outliers, at(10s - 1ns)).empty());
  EXPECT_TRUE(outliers.ejected(kB));
  EXPECT_EQ(returns(outliers, at(10s)), std::vector<BackendIndex>{kB});
  EXPECT_FALSE(outliers.ejected(kB));
  EXPECT_EQ(outliers.ejected_count(), 0U);
  EXPECT_EQ(outliers.next_deadline(), kNever);
}

// A count that survives the ejection makes the first failure after it eject again; one that is
// never reset below the threshold ejects once and then never again.
TEST(OutlierDetector, AReturnedBackendBeginsWithACleanCountAndCanBeEjectedAgain) {
  auto outliers = detector(plain(), 3);
  Instant now = at(0s);
  for (int round = 0; round < 5; ++round) {
    const auto ejection = fail(outliers, now, kA);
    ASSERT_TRUE(ejection.has_value()) << "round " << round;
    EXPECT_EQ(ejection->evidence, 5U);
    now = ejection->until;
    returns(outliers, now);
  }
}

TEST(OutlierDetector, OutcomesDuringTheEjectionCountForNothing) {
  auto outliers = detector(plain(), 3);
  fail(outliers, at(0s), kA);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(outliers.on_outcome(at(5s), kA, kFailure), std::nullopt);
  }
  EXPECT_EQ(outliers.next_deadline(), at(10s)) << "nor do they prolong it";
  returns(outliers, at(10s));
  EXPECT_EQ(fail(outliers, at(10s), kA, 4), std::nullopt);
}

TEST(OutlierDetector, FailingAgainSoonTakesLongerUpToTheLongest) {
  OutlierDetectionPolicy policy = plain();
  policy.max_ejection_time = 25s;
  auto outliers = detector(policy, 3);
  std::vector<Duration> times;
  Instant now = at(0s);
  for (int i = 0; i < 4; ++i) {
    const auto ejection = fail(outliers, now, kA);
    times.push_back(ejection->until - now);
    now = ejection->until;
    returns(outliers, now);
  }
  EXPECT_EQ(times, (std::vector<Duration>{10s, 20s, 25s, 25s}));
}

TEST(OutlierDetector, EveryFullIntervalInThePoolForgivesOneEjection) {
  const auto third_ejection_after = [](Duration in_pool) {
    auto outliers = detector(plain(), 3);
    Instant now = at(0s);
    for (int i = 0; i < 2; ++i) {
      now = fail(outliers, now, kA)->until;
      returns(outliers, now);
    }
    now += in_pool;
    return fail(outliers, now, kA)->until - now;
  };
  EXPECT_EQ(third_ejection_after(0s), 30s);
  EXPECT_EQ(third_ejection_after(10s - 1ns), 30s);
  EXPECT_EQ(third_ejection_after(10s), 20s);
  EXPECT_EQ(third_ejection_after(20s), 10s);
  EXPECT_EQ(third_ejection_after(24h), 10s) << "no more than there was";
}

// What was ejected before the first return of the interval counts once only.
TEST(OutlierDetector, TimeSpentEjectedForgivesNothing) {
  OutlierDetectionPolicy policy = plain();
  policy.base_ejection_time = 60s;
  auto outliers = detector(policy, 3);
  const Instant back = fail(outliers, at(0s), kA)->until;
  returns(outliers, back);
  EXPECT_EQ(fail(outliers, back, kA)->until - back, 120s);
}

// Tested before the fact, a cap of 10 % of three would let one go, and a cap of 50 % two.
TEST(OutlierDetector, TheCapHoldsAfterTheFact) {
  OutlierDetectionPolicy policy = plain();
  policy.max_ejection_percent = 10;
  auto three = detector(policy, 3);
  EXPECT_EQ(fail(three, at(0s), kA), std::nullopt);
  auto ten = detector(policy, 10);
  EXPECT_TRUE(fail(ten, at(0s), kA).has_value());
  EXPECT_EQ(fail(ten, at(0s), kB), std::nullopt);

  auto half_of_three = detector(plain(), 3);
  EXPECT_TRUE(fail(half_of_three, at(0s), kA).has_value());
  EXPECT_EQ(fail(half_of_three, at(0s), kB), std::nullopt);
  auto half_of_two = detector(plain(), 2);
  EXPECT_TRUE(fail(half_of_two, at(0s), kA).has_value());
}

TEST(OutlierDetector, TheLastBackendStays) {
  OutlierDetectionPolicy policy = plain();
  policy.max_ejection_percent = 100;
  auto outliers = detector(policy, 3);
  EXPECT_TRUE(fail(outliers, at(0s), kA).has_value());
  EXPECT_TRUE(fail(outliers, at(0s), kB).has_value());
  EXPECT_EQ(fail(outliers, at(0s), kC), std::nullopt);
  auto alone = detector(policy, 1);
  EXPECT_EQ(fail(alone, at(0s), kA), std::nullopt);
}

TEST(OutlierDetector, WhoFailedWithoutRoomGoesWhenThereIsSome) {
  auto outliers = detector(plain(), 3);
  fail(outliers, at(0s), kA);
  fail(outliers, at(0s), kB);
  returns(outliers, at(10s));
  const auto ejection = outliers.on_outcome(at(10s), kB, kFailure);
  ASSERT_TRUE(ejection.has_value());
  EXPECT_EQ(ejection->evidence, 6U);
}

TEST(OutlierDetector, ReturnsAreInTheOrderOfTimeThenOfIndex) {
  auto outliers = detector(plain(), 8);
  fail(outliers, at(1s), BackendIndex{6});
  fail(outliers, at(2s), BackendIndex{5});
  fail(outliers, at(2s), BackendIndex{3});
  fail(outliers, at(3s), BackendIndex{0});
  EXPECT_EQ(outliers.next_deadline(), at(11s));
  std::vector<BackendIndex> returned = {kC};
  std::vector<Outlier> found;
  outliers.on_deadline(at(12s), returned, found);
  EXPECT_EQ(returned,
            (std::vector<BackendIndex>{kC, BackendIndex{6}, BackendIndex{3}, BackendIndex{5}}))
      << "after what was in the list";
  EXPECT_EQ(outliers.next_deadline(), at(13s));
}

TEST(OutlierDetector, JitterComesOnTopAndDiffersEachTime) {
  OutlierDetectionPolicy policy = plain();
  policy.ejection_jitter_percent = 10;
  auto outliers = detector(policy, 40);
  std::set<Duration> times;
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto time = fail(outliers, at(0s), BackendIndex{i})->until - at(0s);
    EXPECT_GE(time, 10s);
    EXPECT_LT(time, 11s);
    times.insert(time);
  }
  returns(outliers, at(11s));
  const auto again = fail(outliers, at(31s), BackendIndex{0})->until - at(31s);
  EXPECT_GE(again, 10s) << "its first ejection is forgiven";
  EXPECT_LT(again, 11s);
  times.insert(again);
  EXPECT_EQ(times.size(), 21U);
}

TEST(OutlierDetector, SwitchedOffItEjectsNobody) {
  OutlierDetectionPolicy policy = plain();
  policy.enabled = false;
  auto outliers = detector(policy, 3);
  EXPECT_EQ(fail(outliers, at(0s), kA, 100), std::nullopt);
  EXPECT_EQ(outliers.next_deadline(), kNever);
}

// ---- gateway failures ---------------------------------------------------------------------------

OutlierDetectionPolicy gateways() {
  OutlierDetectionPolicy policy = plain();
  policy.consecutive_failures = 0;
  policy.consecutive_gateway_failures = 3;
  return policy;
}

TEST(OutlierDetector, GatewayFailuresAndNoAnswersInARowEject) {
  auto outliers = detector(gateways(), 3);
  EXPECT_EQ(outliers.on_outcome(at(1s), kA, kGateway), std::nullopt);
  EXPECT_EQ(outliers.on_outcome(at(1s), kA, kNoAnswer), std::nullopt);
  EXPECT_EQ(outliers.on_outcome(at(1s), kA, kGateway),
            (OutlierDetector::Ejection{at(11s), TransitionReason::gateway_failures, 3}));
}

TEST(OutlierDetector, AnotherFailureOrASuccessStartsTheGatewayCountAnew) {
  auto outliers = detector(gateways(), 3);
  for (const Feedback& between : {kFailure, kSuccess, Feedback{Outcome::failure}}) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(outliers.on_outcome(at(1s), kA, kGateway), std::nullopt);
      EXPECT_EQ(outliers.on_outcome(at(1s), kA, kNoAnswer), std::nullopt);
      EXPECT_EQ(outliers.on_outcome(at(1s), kA, between), std::nullopt);
    }
  }
}

TEST(OutlierDetector, GatewayFailuresAreFailuresToo) {
  auto outliers = detector(plain(), 3);
  for (int i = 0; i < 4; ++i) outliers.on_outcome(at(1s), kA, i % 2 == 0 ? kGateway : kFailure);
  const auto ejection = outliers.on_outcome(at(1s), kA, kNoAnswer);
  ASSERT_TRUE(ejection.has_value());
  EXPECT_EQ(ejection->reason, TransitionReason::consecutive_failures);
}

TEST(OutlierDetector, ZeroSwitchesACountOff) {
  OutlierDetectionPolicy policy = gateways();
  policy.consecutive_gateway_failures = 0;
  auto outliers = detector(policy, 3);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(outliers.on_outcome(at(1s), kA, kGateway), std::nullopt);
  }
}

TEST(OutlierDetector, WhatIsNeutralIsNoEvidence) {
  auto outliers = detector(plain(), 3);
  fail(outliers, at(1s), kA, 4);
  outliers.on_outcome(at(1s), kA, Feedback{});
  EXPECT_TRUE(outliers.on_outcome(at(1s), kA, kFailure).has_value());
}

// ---- returns before their time ------------------------------------------------------------------

TEST(OutlierDetector, AReadmittedBackendIsIn) {
  auto outliers = detector(plain(), 8);
  fail(outliers, at(0s), kA);
  fail(outliers, at(1s), kB);
  EXPECT_FALSE(outliers.readmit(at(2s), kC)) << "it was never out";
  EXPECT_TRUE(outliers.readmit(at(2s), kA));
  EXPECT_FALSE(outliers.ejected(kA));
  EXPECT_EQ(outliers.ejected_count(), 1U);
  EXPECT_EQ(outliers.next_deadline(), at(11s));
  EXPECT_EQ(fail(outliers, at(2s), kA)->until, at(22s)) << "nothing is forgiven";
}

TEST(OutlierDetector, ALowerCapBringsTheSoonestBack) {
  OutlierDetectionPolicy policy = plain();
  auto outliers = detector(policy, 8);
  for (std::uint32_t i = 0; i < 4; ++i) fail(outliers, at(i * 1s), BackendIndex{3 - i});
  policy.max_ejection_percent = 25;
  std::vector<BackendIndex> returned;
  outliers.apply(policy, at(5s), returned);
  EXPECT_EQ(returned, (std::vector<BackendIndex>{BackendIndex{3}, BackendIndex{2}}));
  EXPECT_EQ(outliers.ejected_count(), 2U);
  EXPECT_EQ(outliers.next_deadline(), at(12s));
}

TEST(OutlierDetector, SwitchingItOffBringsEverybodyBack) {
  OutlierDetectionPolicy policy = plain();
  auto outliers = detector(policy, 8);
  fail(outliers, at(0s), kB);
  fail(outliers, at(0s), kA);
  policy.enabled = false;
  std::vector<BackendIndex> returned;
  outliers.apply(policy, at(5s), returned);
  EXPECT_EQ(returned, (std::vector<BackendIndex>{kA, kB}));
  EXPECT_EQ(outliers.next_deadline(), kNever);
}

TEST(OutlierDetector, AnEqualPolicyChangesNothing) {
  auto outliers = detector(plain(), 3);
  fail(outliers, at(0s), kA);
  fail(outliers, at(0s), kB, 3);
  const OutlierDetector before = outliers;
  std::vector<BackendIndex> returned;
  outliers.apply(plain(), at(5s), returned);
  EXPECT_EQ(outliers, before);
  EXPECT_TRUE(returned.empty());
}

TEST(OutlierDetector, AnEmptyPlaceDoesNotCountForTheCap) {
  auto outliers = detector(plain(), 4);
  fail(outliers, at(0s), kA);
  fail(outliers, at(0s), kB);
  // Two of the three that are left would be too many.
  outliers.replace(BackendIndex{3}, false);
  std::vector<BackendIndex> returned;
  outliers.apply(plain(), at(1s), returned);
  EXPECT_EQ(returned, std::vector<BackendIndex>{kA});
  EXPECT_EQ(fail(outliers, at(1s), kA), std::nullopt);
  outliers.replace(BackendIndex{3}, true);
  EXPECT_TRUE(outliers.on_outcome(at(1s), kA, kFailure).has_value());
}

TEST(OutlierDetector, WhoTakesAPlaceBeginsWithACleanSheet) {
  auto outliers = detector(plain(), 4);
  fail(outliers, at(0s), kA);
  fail(outliers, at(0s), kB, 4);
  outliers.replace(kA, true);
  outliers.replace(kB, true);
  EXPECT_EQ(outliers.next_deadline(), kNever);
  EXPECT_EQ(fail(outliers, at(0s), kB)->until, at(10s));
  EXPECT_EQ(fail(outliers, at(0s), kA)->until, at(10s)) << "no older ejection prolongs it";
}

TEST(OutlierDetector, NewPlacesAreEmpty) {
  auto outliers = detector(plain(), 2);
  outliers.resize(4);
  outliers.resize(3);
  fail(outliers, at(0s), kA);
  EXPECT_EQ(fail(outliers, at(0s), kB), std::nullopt);
  EXPECT_EQ(fail(outliers, at(0s), kC), std::nullopt) << "nobody is there";
  outliers.replace(kC, true);
  outliers.replace(BackendIndex{3}, true);
  EXPECT_TRUE(outliers.on_outcome(at(0s), kB, kFailure).has_value());
}

// ---- defects of others --------------------------------------------------------------------------

// envoy #1491: the count of failures was not reset by the ejection and ran past a threshold that
// was tested for equality.
TEST(OutlierDetectorDefect, AHostIsEjectedAgainAndAgainEnvoy1491) {
  OutlierDetectionPolicy policy = plain();
  policy.max_ejection_time = 10s;
  auto outliers = detector(policy, 3);
  Instant now = at(0s);
  for (int i = 0; i < 100; ++i) {
    const auto ejection = fail(outliers, now, kA);
    ASSERT_TRUE(ejection.has_value()) << i;
    // In panic, or sent before: more failures than the threshold.
    for (int j = 0; j < 7; ++j) outliers.on_outcome(now, kA, kFailure);
    now = ejection->until;
    returns(outliers, now);
  }
}

// envoy #3263 and #26877: the cap was tested before the ejection it would cause, so that one host
// more went than it allows, and of a small pool always one.
TEST(OutlierDetectorDefect, TheCapIsNeverExceededEnvoy3263AndEnvoy26877) {
  for (std::uint32_t count = 1; count <= 12; ++count) {
    for (const std::uint32_t percent : {0U, 1U, 10U, 33U, 50U, 99U, 100U}) {
      OutlierDetectionPolicy policy = plain();
      policy.max_ejection_percent = percent;
      auto outliers = detector(policy, count);
      for (std::uint32_t i = 0; i < count; ++i) fail(outliers, at(0s), BackendIndex{i});
      const std::uint32_t most = std::min(count * percent / 100, count - 1);
      EXPECT_EQ(outliers.ejected_count(), most) << count << " " << percent;
    }
  }
}

// Whatever happens: the cap holds, the last one stays, nobody stays out longer than the policy
// says, and the next deadline is the earliest return.
RC_GTEST_PROP(OutlierDetector, KeepsItsPromisesOverAnyHistory, ()) {
  OutlierDetectionPolicy policy = plain();
  policy.consecutive_failures = *rc::gen::inRange<std::uint32_t>(1, 4);
  policy.max_ejection_percent = *rc::gen::inRange<std::uint32_t>(0, 101);
  policy.max_ejection_time = 40s;
  policy.ejection_jitter_percent = *rc::gen::inRange<std::uint32_t>(0, 21);
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 8);
  auto outliers = detector(policy, count);
  Instant now = at(0s);
  std::vector<Instant> out_until(count, kNever);
  for (int i = 0; i < 60; ++i) {
    now += Duration(*rc::gen::inRange<std::int64_t>(0, 3'000'000'000));
    for (const BackendIndex backend : returns(outliers, now)) {
      RC_ASSERT(out_until[index(backend)] <= now);
      out_until[index(backend)] = kNever;
    }
    const BackendIndex backend{*rc::gen::inRange<std::uint32_t>(0, count)};
    const bool success = *rc::gen::weightedElement<bool>({{1, true}, {3, false}});
    if (const auto ejection = outliers.on_outcome(now, backend, success ? kSuccess : kFailure)) {
      RC_ASSERT(!success);
      RC_ASSERT(out_until[index(backend)] == kNever);
      RC_ASSERT(ejection->until >= now + policy.base_ejection_time);
      RC_ASSERT(ejection->until <= now + policy.max_ejection_time * 120 / 100);
      out_until[index(backend)] = ejection->until;
    }
    std::uint32_t out = 0;
    Instant earliest = kNever;
    for (std::uint32_t j = 0; j < count; ++j) {
      RC_ASSERT(outliers.ejected_until(BackendIndex{j}) == out_until[j]);
      out += out_until[j] != kNever ? 1 : 0;
      earliest = earlier_of(earliest, out_until[j]);
    }
    RC_ASSERT(out == outliers.ejected_count());
    RC_ASSERT(out < count);
    RC_ASSERT(out * 100 <= policy.max_ejection_percent * count);
    RC_ASSERT(outliers.next_deadline() == earliest);
  }
}

}  // namespace
}  // namespace evenkeel::core
