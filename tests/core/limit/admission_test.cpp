// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/admission.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

PoolPolicy pool_of(std::uint32_t backends) {
  PoolPolicy policy;
  policy.backends.resize(backends);
  return policy;
}

TEST(PendingBound, IsOneShareForEachBackendUnlessThePoolSaysLess) {
  LimitsPolicy policy;
  policy.max_pending = 100;
  EXPECT_EQ(pending_bound(policy, 3), 300U);
  policy.pool.max_pending = 250;
  EXPECT_EQ(pending_bound(policy, 3), 250U);
  EXPECT_EQ(pending_bound(policy, 2), 200U);
}

TEST(PendingBound, ZeroMeansNone) {
  LimitsPolicy policy;
  policy.max_pending = 0;
  EXPECT_EQ(pending_bound(policy, 3), 0U);
  policy.pool.max_pending = 250;
  EXPECT_EQ(pending_bound(policy, 3), 250U);
}

// Nothing times no backends must not read as "no bound".
TEST(PendingBound, APoolWithoutBackendsIsStillBounded) {
  EXPECT_EQ(pending_bound(LimitsPolicy{}, 0), 1024U);
}

TEST(PendingBound, StopsAtTheLargestNumber) {
  LimitsPolicy policy;
  policy.max_pending = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ(pending_bound(policy, 10'000), std::numeric_limits<std::uint32_t>::max());
}

TEST(PoolAdmission, EveryRequestNeedsAConnection) {
  PoolPolicy policy = pool_of(2);
  policy.limits.pool.max_connections = 3;
  EXPECT_TRUE(PoolAdmission(policy, at(0s)).has_room(2));
  EXPECT_FALSE(PoolAdmission(policy, at(0s)).has_room(3));
  policy.limits.pool.max_requests = 2;
  EXPECT_FALSE(PoolAdmission(policy, at(0s)).has_room(2));
  policy.limits.pool.max_requests = 5;
  EXPECT_FALSE(PoolAdmission(policy, at(0s)).has_room(3));
}

TEST(PoolAdmission, WithoutLimitsOfThePoolEveryoneIsAdmitted) {
  const PoolAdmission admission(pool_of(2), at(0s));
  EXPECT_EQ(admission.ask(1'000'000, 0), Admission::admit);
}

TEST(PoolAdmission, BeyondMaxRequestsTheyWaitAndBeyondMaxPendingTheyAreRefused) {
  PoolPolicy policy = pool_of(2);
  policy.limits.pool.max_requests = 10;
  policy.limits.pool.max_pending = 3;
  const PoolAdmission admission(policy, at(0s));
  EXPECT_EQ(admission.ask(9, 0), Admission::admit);
  EXPECT_EQ(admission.ask(10, 0), Admission::wait);
  EXPECT_EQ(admission.ask(10, 2), Admission::wait);
  EXPECT_EQ(admission.ask(10, 3), Admission::refuse);
}

TEST(PoolAdmission, NobodyOvertakesTheQueue) {
  PoolPolicy policy = pool_of(1);
  policy.limits.pool.max_requests = 10;
  const PoolAdmission admission(policy, at(0s));
  EXPECT_EQ(admission.ask(5, 1), Admission::wait);
  EXPECT_TRUE(admission.has_room(5)) << "so the one who waits goes";
}

TEST(PoolAdmission, TheAdaptiveLimitCountsToo) {
  PoolPolicy policy = pool_of(1);
  policy.limits.pool.max_requests = 100;
  policy.adaptive_concurrency.enabled = true;
  policy.adaptive_concurrency.min_limit = 5;
  PoolAdmission admission(policy, at(0s));
  EXPECT_EQ(admission.ask(4, 0), Admission::admit);
  EXPECT_EQ(admission.ask(5, 0), Admission::wait);
  for (int i = 0; i < 200; ++i) admission.on_sample(at(i * 10ms), 1ms, 100);
  EXPECT_GT(admission.adaptive().limit(), 5U) << "it learns";
  EXPECT_EQ(admission.ask(5, 0), Admission::admit);
}

TEST(PoolAdmission, ANewPolicyKeepsWhatWasLearnt) {
  PoolPolicy policy = pool_of(1);
  policy.adaptive_concurrency.enabled = true;
  PoolAdmission admission(policy, at(0s));
  for (int i = 0; i < 200; ++i) admission.on_sample(at(i * 10ms), 1ms, 100);
  const PoolAdmission before = admission;
  admission.apply(policy, at(3s));
  EXPECT_EQ(admission, before);
  policy.limits.pool.max_requests = 7;
  policy.limits.pool.max_pending = 9;
  admission.apply(policy, at(3s));
  EXPECT_EQ(admission.ask(7, 0), Admission::wait);
  EXPECT_EQ(admission.max_pending(), 9U);
  EXPECT_EQ(admission.adaptive(), before.adaptive());
  policy.adaptive_concurrency.min_limit = 90;
  admission.apply(policy, at(3s));
  EXPECT_EQ(admission.adaptive().limit(), 90U);
}

}  // namespace
}  // namespace evenkeel::core
