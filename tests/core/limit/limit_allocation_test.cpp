// SPDX-License-Identifier: Apache-2.0
//
// Limits ask for their memory when they are made, and for none when requests come: it is under a
// flood that they matter.
#include <gtest/gtest.h>

#include "core/at.h"
#include "evenkeel/core/limit/admission.h"
#include "evenkeel/core/limit/pending_queue.h"
#include "evenkeel/core/limit/rate_limiter.h"
#include "runtime/allocation_count.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

TEST(LimitAllocation, ARateLimiterAsksForNoMemoryFromTheFirstKeyToBeyondTheLast) {
  RateLimitPolicy policy;
  policy.requests_per_second = Decimal{1000};
  RateLimiter limiter(policy, 1000);
  const test::AllocationCount allocations;
  int passed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto key = static_cast<RateLimiter::Key>(i / 3);
    passed += limiter.try_take(at(i * 200us), key) == 0s ? 1 : 0;
  }
  EXPECT_EQ(allocations.so_far(), 0U);
  EXPECT_EQ(limiter.size(), 1000U);
  EXPECT_GT(passed, 3000) << "places were taken over";
  EXPECT_GT(limiter.overflowed(), 1000U) << "and there were too few of them";
}

TEST(LimitAllocation, AQueueWithRoomForItsSlotsAsksForNoMore) {
  constexpr PendingQueue::Slot kSlots = 64;
  LimitsPolicy policy;
  policy.queue_discipline = QueueDiscipline::codel;
  PendingQueue queue(policy, 32);
  queue.reserve_slots(kSlots);
  const test::AllocationCount allocations;
  int served = 0;
  int displaced = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const auto slot = i % kSlots;
    if (!queue.contains(slot)) displaced += queue.push(at(i * 1ms), slot, i % 5).displaced ? 1 : 0;
    if (i % 4 == 0) served += queue.pop(at(i * 1ms)) ? 1 : 0;
    if (i % 7 == 0) queue.erase((i * 5) % kSlots);
  }
  EXPECT_EQ(allocations.so_far(), 0U);
  EXPECT_GT(served, 1000);
  EXPECT_GT(displaced, 100);
}

TEST(LimitAllocation, AdmissionAsksForNone) {
  PoolPolicy policy;
  policy.adaptive_concurrency.enabled = true;
  PoolAdmission admission(policy, at(0s));
  const test::AllocationCount allocations;
  for (int i = 0; i < 10'000; ++i) admission.on_sample(at(i * 1ms), 1ms, 100);
  EXPECT_EQ(admission.ask(0, 0), Admission::admit);
  EXPECT_EQ(allocations.so_far(), 0U);
}

}  // namespace
}  // namespace evenkeel::core
