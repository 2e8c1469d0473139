// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/outlier_detector.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr BackendIndex kA{0};
constexpr BackendIndex kB{1};
constexpr BackendIndex kC{2};

// Five in a row, 10 s base, 300 s most, half of the pool, no jitter.
OutlierDetectionPolicy plain() {
  OutlierDetectionPolicy policy;
  policy.ejection_jitter_percent = 0;
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
    ejection = outliers.on_outcome(now, backend, false);
  }
  return ejection;
}

std::vector<BackendIndex> returns(OutlierDetector& outliers, Instant now) {
  std::vector<BackendIndex> returned;
  outliers.on_deadline(now, returned);
  return returned;
}

TEST(OutlierDetector, FailuresInARowEject) {
  auto outliers = detector(plain(), 3);
  EXPECT_EQ(fail(outliers, at(1s), kA, 4), std::nullopt);
  EXPECT_FALSE(outliers.ejected(kA));
  const auto ejection = outliers.on_outcome(at(1s), kA, false);
  ASSERT_TRUE(ejection.has_value());
  EXPECT_EQ(*ejection, (OutlierDetector::Ejection{at(11s), 5}));
  EXPECT_TRUE(outliers.ejected(kA));
  EXPECT_FALSE(outliers.ejected(kB));
  EXPECT_EQ(outliers.ejected_count(), 1U);
  EXPECT_EQ(outliers.next_deadline(), at(11s));
}

TEST(OutlierDetector, ASuccessStartsTheCountAnew) {
  auto outliers = detector(plain(), 3);
  for (int i = 0; i < 10; ++i) {
    fail(outliers, at(1s), kA, 4);
    outliers.on_outcome(at(1s), kA, true);
  }
  EXPECT_FALSE(outliers.ejected(kA));
}

TEST(OutlierDetector, BackendsAreCountedApart) {
  auto outliers = detector(plain(), 3);
  for (int i = 0; i < 4; ++i) {
    outliers.on_outcome(at(1s), kA, false);
    outliers.on_outcome(at(1s), kB, false);
    outliers.on_outcome(at(1s), kC, true);
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
    EXPECT_EQ(outliers.on_outcome(at(5s), kA, false), std::nullopt);
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
  const auto ejection = outliers.on_outcome(at(10s), kB, false);
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
  outliers.on_deadline(at(12s), returned);
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

// Whatever happens: the cap holds, the last one stays, nobody stays out longer than the policy
// says, and the next deadline is the earliest return.
RC_GTEST_PROP(OutlierDetector, KeepsItsPromisesOverAnyHistory, ()) {
  OutlierDetectionPolicy policy;
  policy.consecutive_failures = *rc::gen::inRange<std::uint32_t>(1, 4);
  policy.max_ejection_percent = *rc::gen::inRange<std::uint32_t>(0, 101);
  policy.max_ejection_time = 40s;
  policy.ejection_jitter_percent = *rc::gen::inRange<std::uint32_t>(0, 21);
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 8);
  auto outliers = detector(policy, count);
  Instant now = at(0s);
  std::vector<Instant> out_until(count, kNever);
  for (int i = 0; i < 200; ++i) {
    now += Duration(*rc::gen::inRange<std::int64_t>(0, 3'000'000'000));
    for (const BackendIndex backend : returns(outliers, now)) {
      RC_ASSERT(out_until[index(backend)] <= now);
      out_until[index(backend)] = kNever;
    }
    const BackendIndex backend{*rc::gen::inRange<std::uint32_t>(0, count)};
    const bool success = *rc::gen::weightedElement<bool>({{1, true}, {3, false}});
    if (const auto ejection = outliers.on_outcome(now, backend, success)) {
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
