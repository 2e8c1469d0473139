// SPDX-License-Identifier: Apache-2.0
//
// Several workers and one home, told as stories. What must hold in every history is in
// cluster_property_test.cpp.
#include "core/worker/cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr BackendIndex kFirst{0};

Layout layout(std::uint32_t workers, Duration max_delay = 0s) {
  return Layout{workers, PoolIndex{0}, max_delay, 1};
}

std::uint64_t spend_all(Cluster& cluster, std::uint32_t w) {
  std::uint64_t retries = 0;
  while (retries < 100'000 && cluster.retry(w)) ++retries;
  return retries;
}

// ---- evidence and verdicts ----------------------------------------------------------------------

// Each worker alone has not seen enough.
TEST(Cluster, FailuresOnAllWorkersOpenOneBreaker) {
  PoolPolicy policy = cluster_policy(2);
  policy.circuit_breaker.consecutive_failures = 4;
  Cluster cluster(layout(4), policy);
  for (std::uint32_t w = 0; w < 4; ++w) {
    const auto attempt = cluster.start(w, kFirst);
    ASSERT_TRUE(attempt);
    cluster.end(*attempt, failed());
    cluster.wait(0s);
  }
  for (std::uint32_t w = 0; w < 4; ++w) {
    EXPECT_EQ(cluster.link(w).standing(kFirst), Standing::breaker_open) << w;
  }
}

TEST(Cluster, ASuccessBetweenFailuresEndsTheStreakAtTheHome) {
  PoolPolicy policy = cluster_policy(2);
  policy.circuit_breaker.consecutive_failures = 2;
  Cluster cluster(layout(2), policy);
  for (int i = 0; i < 10; ++i) {
    cluster.end(*cluster.start(1, kFirst), failed());
    cluster.end(*cluster.start(1, kFirst), succeeded());
  }
  cluster.drain();
  EXPECT_EQ(cluster.home_itself().breaker(kFirst), BreakerState::closed);
}

TEST(Cluster, OutlierDetectionSeesTheRequestsOfEveryWorker) {
  PoolPolicy policy = cluster_policy(4);
  policy.outlier_detection.enabled = true;
  policy.circuit_breaker.enabled = false;
  Cluster cluster(layout(4, 1ms), policy);
  for (std::uint32_t i = 0; i < policy.outlier_detection.consecutive_failures; ++i) {
    cluster.end(*cluster.start(i % 4, kFirst), failed());
  }
  cluster.drain();
  for (std::uint32_t w = 0; w < 4; ++w) {
    EXPECT_EQ(cluster.link(w).standing(kFirst), Standing::ejected) << w;
  }
}

TEST(Cluster, AnswersToRequestsFromBeforeAPauseCountForNothing) {
  PoolPolicy policy = cluster_policy(1);
  policy.circuit_breaker.consecutive_failures = 1;
  policy.circuit_breaker.open_duration = 1s;
  policy.circuit_breaker.half_open_successes = 1;
  Cluster cluster(layout(2), policy);
  const auto early = cluster.start(1, kFirst);
  cluster.end(*cluster.start(1, kFirst), failed());
  cluster.wait(1500ms);
  ASSERT_EQ(cluster.home_itself().breaker(kFirst), BreakerState::half_open);
  cluster.end(*early, failed());
  cluster.drain();
  EXPECT_EQ(cluster.home_itself().breaker(kFirst), BreakerState::half_open);
}

// ---- permits ------------------------------------------------------------------------------------

// Otherwise a breaker whose home gets no traffic stays open for good.
TEST(Cluster, AnyWorkerMayProbeAHalfOpenBackend) {
  PoolPolicy policy = cluster_policy(1);
  policy.circuit_breaker.consecutive_failures = 1;
  policy.circuit_breaker.open_duration = 1s;
  policy.circuit_breaker.half_open_successes = 2;
  Cluster cluster(layout(4), policy);
  cluster.end(*cluster.start(3, kFirst), failed());
  cluster.wait(1500ms);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(cluster.start(3, kFirst)) << "no permit yet";
    cluster.request(3);
    cluster.wait(1ms);
    const auto probe = cluster.start(3, kFirst);
    ASSERT_TRUE(probe);
    EXPECT_TRUE(cluster.attempts()[*probe].ticket.probe);
    EXPECT_FALSE(cluster.start(0, kFirst)) << "one probe anywhere";
    cluster.end(*probe, succeeded());
    cluster.wait(1ms);
  }
  for (std::uint32_t w = 0; w < 4; ++w) {
    EXPECT_EQ(cluster.link(w).standing(kFirst), Standing::eligible) << w;
  }
}

TEST(Cluster, APermitThatAWorkerDoesNotUseGoesToAnother) {
  PoolPolicy policy = cluster_policy(1);
  policy.circuit_breaker.consecutive_failures = 1;
  policy.circuit_breaker.open_duration = 1s;
  Cluster cluster(layout(4), policy);
  cluster.end(*cluster.start(3, kFirst), failed());
  cluster.wait(1500ms);
  cluster.request(2);
  cluster.wait(1ms);
  EXPECT_EQ(cluster.link(2).standing(kFirst), Standing::eligible);
  EXPECT_EQ(cluster.home_itself().standing(kFirst), Standing::breaker_open);
  cluster.wait(RemoteHome::kPermitUse);
  EXPECT_EQ(cluster.link(2).standing(kFirst), Standing::breaker_open);
  EXPECT_TRUE(cluster.start(0, kFirst));
}

// On its way it ran out, and the breaker may have given another.
TEST(Cluster, APermitThatWasLongUnderWayIsNotUsed) {
  PoolPolicy policy = cluster_policy(1);
  policy.circuit_breaker.consecutive_failures = 1;
  policy.circuit_breaker.open_duration = 200ms;
  policy.circuit_breaker.half_open_successes = 1;
  std::uint32_t probes = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Cluster cluster(Layout{2, PoolIndex{0}, 400ms, seed}, policy);
    cluster.end(*cluster.start(1, kFirst), failed());
    cluster.wait(1s);
    for (int i = 0; i < 50 && !cluster.start(1, kFirst); ++i) {
      cluster.request(1);
      cluster.wait(20ms);
      if (seed % 2 == 0) (void)cluster.start(0, kFirst);
      EXPECT_LE(cluster.probes_in_flight(kFirst), 1U);
    }
    EXPECT_EQ(cluster.late_probes(), 0U);
    for (const auto& attempt : cluster.attempts()) {
      if (attempt.ticket.probe && attempt.worker == WorkerIndex{1}) ++probes;
    }
  }
  EXPECT_GT(probes, 2U) << "some came in time";
}

TEST(Cluster, NoPermitIsGivenForABackendThatMayNotServe) {
  PoolPolicy policy = cluster_policy(1);
  policy.circuit_breaker.consecutive_failures = 1;
  policy.circuit_breaker.open_duration = 1s;
  Cluster cluster(layout(2), policy);
  cluster.end(*cluster.start(1, kFirst), failed());
  cluster.wait(1500ms);
  cluster.request(1);
  cluster.home_itself().set_admin(cluster.now(), kFirst, AdminState::drain);
  cluster.wait(1ms);
  EXPECT_EQ(cluster.link(1).standing(kFirst), Standing::draining);
  for (const Message& message : cluster.posted()) {
    const auto* grant = std::get_if<PermitGrant>(&message.body);
    EXPECT_FALSE(grant != nullptr && grant->ticket.probe);
  }
}

// ---- budgets ------------------------------------------------------------------------------------

TEST(Cluster, AWorkerMayRetryItsVeryFirstRequest) {
  for (std::uint32_t w = 0; w < 4; ++w) {
    Cluster cluster(layout(4), cluster_policy(1));
    cluster.wait(0s);
    cluster.request(w);
    EXPECT_TRUE(cluster.retry(w)) << w;
  }
}

TEST(Cluster, AllWorkersTogetherSpendOneBudget) {
  PoolPolicy policy = cluster_policy(1);
  policy.retry.budget.percent = 10;
  policy.retry.budget.min_per_second = 0;
  Cluster cluster(layout(4), policy);
  for (int i = 0; i < 250; ++i) {
    for (std::uint32_t w = 0; w < 4; ++w) cluster.request(w);
  }
  cluster.wait(20ms);
  std::uint64_t retries = 0;
  for (int i = 0; i < 200; ++i) {
    for (std::uint32_t w = 0; w < 4; ++w) retries += spend_all(cluster, w);
    cluster.wait(10ms);
  }
  EXPECT_EQ(retries, 100U) << "10 % of 1000, not a retry less";
}

TEST(Cluster, AWorkerThatNeedsMoreThanItsPartOfTheBudgetGetsIt) {
  PoolPolicy policy = cluster_policy(1);  // 3/s over 10 s
  Cluster cluster(layout(4), policy);
  cluster.request(2);
  std::uint64_t retries = 0;
  for (int i = 0; i < 50; ++i) {
    cluster.wait(10ms);
    retries += spend_all(cluster, 2);
  }
  EXPECT_GE(retries, 30U - 2 * 3) << "all but what the two other workers hold";
}

TEST(Cluster, AnIdleWorkerCostsTheBudgetItsFirstLeaseOnly) {
  PoolPolicy policy = cluster_policy(1);
  Cluster cluster(layout(4), policy);
  cluster.wait(30s);
  EXPECT_EQ(spend_all(cluster, 0), 30U);
}

// ---- limits -------------------------------------------------------------------------------------

TEST(Cluster, SharesMoveToTheWorkerThatNeedsThem) {
  PoolPolicy policy = cluster_policy(1);
  policy.limits.max_requests = 40;
  Cluster cluster(layout(4, 1ms), policy);
  std::uint32_t started = 0;
  for (int i = 0; i < 300; ++i) {
    if (cluster.start(3, kFirst)) ++started;
    cluster.wait(5ms);
  }
  EXPECT_EQ(started, 40U) << "the others need nothing";
  for (std::size_t i = 0; i < cluster.attempts().size(); ++i) cluster.end(i, succeeded());
  cluster.drain();
  std::uint32_t elsewhere = 0;
  for (int i = 0; i < 300; ++i) {
    if (cluster.start(1, kFirst)) ++elsewhere;
    cluster.wait(5ms);
  }
  EXPECT_EQ(elsewhere, 40U) << "and they move back";
}

TEST(Cluster, OneRequestAtATimeIsSharedByFourWorkers) {
  PoolPolicy policy = cluster_policy(1);
  policy.limits.pool.max_requests = 1;
  Cluster cluster(layout(4, 1ms), policy);
  for (std::uint32_t w = 0; w < 4; ++w) {
    std::optional<std::size_t> attempt;
    for (int i = 0; i < 50 && !attempt; ++i) {
      attempt = cluster.start(w, kFirst);
      cluster.wait(5ms);
    }
    ASSERT_TRUE(attempt) << w;
    cluster.end(*attempt, succeeded());
    cluster.drain();
  }
}

TEST(Cluster, NobodyAsksForeverForWhatIsNotToBeHad) {
  PoolPolicy policy = cluster_policy(1);
  policy.limits.max_requests = 2;
  Cluster cluster(layout(2), policy);
  (void)cluster.start(0, kFirst);
  (void)cluster.start(1, kFirst);
  EXPECT_FALSE(cluster.start(1, kFirst));
  cluster.wait(1h);
  EXPECT_EQ(cluster.link(0).next_deadline(), kNever);
  EXPECT_EQ(cluster.link(1).next_deadline(), kNever);
  EXPECT_LT(cluster.posted().size(), 1000U);
}

TEST(Cluster, EveryWorkerKnowsTheLoadOfTheOthers) {
  Cluster cluster(layout(4, 1ms), cluster_policy(30));
  for (std::uint32_t w = 0; w < 4; ++w) {
    for (std::uint32_t i = 0; i <= w; ++i) (void)cluster.start(w, BackendIndex{29});
  }
  cluster.drain();
  for (std::uint32_t w = 0; w < 4; ++w) {
    EXPECT_EQ(cluster.link(w).share()->others(BackendIndex{29}), 10 - (w + 1));
    EXPECT_EQ(cluster.link(w).share()->others(BackendIndex{0}), 0U);
  }
  for (std::uint32_t b = 0; b < 29; ++b) (void)cluster.start(1, BackendIndex{b});
  cluster.drain();
  for (std::uint32_t b = 0; b < 29; ++b) {
    EXPECT_EQ(cluster.link(3).share()->others(BackendIndex{b}), 1U) << "all, in several messages";
  }
}

// ---- reload -------------------------------------------------------------------------------------

std::uint32_t held(Cluster& cluster, Slot slot) {
  std::uint32_t sum = 0;
  for (std::uint32_t w = 0; w < cluster.workers(); ++w) sum += cluster.link(w).share()->limit(slot);
  return sum;
}

TEST(Cluster, ALimitThatGrowsOrShrinksDoesSoForAllWorkersTogether) {
  for (const std::uint32_t limit : {8U, 20U, 100U}) {
    PoolPolicy policy = cluster_policy(2);
    policy.limits.max_requests = 20;
    Cluster cluster(layout(4, 3ms), policy);
    policy.limits.max_requests = limit;
    for (std::uint32_t w = 0; w < 4; ++w) {
      cluster.apply(w, policy);
      cluster.wait(1ms);
    }
    cluster.drain();
    EXPECT_LE(held(cluster, slot_of(kFirst)), limit);
    std::uint32_t started = 0;
    for (int i = 0; i < 500; ++i) {
      if (cluster.start(static_cast<std::uint32_t>(i) % 4, kFirst)) ++started;
      cluster.wait(3ms);
    }
    EXPECT_EQ(started, limit);
  }
}

TEST(Cluster, ALimitThatComesWithAReloadIsSharedOut) {
  PoolPolicy policy = cluster_policy(1);
  Cluster cluster(layout(4, 3ms), policy);
  policy = cluster_policy(2);
  policy.limits.max_requests = 20;
  for (std::uint32_t w : {3U, 0U, 1U, 2U}) {
    cluster.apply(w, policy);
    cluster.wait(50ms);
  }
  cluster.drain();
  EXPECT_EQ(held(cluster, slot_of(BackendIndex{0})), 20U);
  EXPECT_EQ(held(cluster, slot_of(BackendIndex{1})), 20U);
  EXPECT_TRUE(cluster.start(2, BackendIndex{1}));
}

TEST(Cluster, ANewBackendIsKnownToAllWhoeverReloadsFirst) {
  for (const bool home_first : {true, false}) {
    PoolPolicy policy = cluster_policy(1);
    policy.circuit_breaker.consecutive_failures = 1;
    Cluster cluster(layout(2, 1ms), policy);
    policy = cluster_policy(2);
    policy.circuit_breaker.consecutive_failures = 1;
    cluster.apply(home_first ? 0 : 1, policy);
    if (home_first) cluster.end(*cluster.start(0, BackendIndex{1}), failed());
    cluster.wait(100ms);
    cluster.apply(home_first ? 1 : 0, policy);
    cluster.drain();
    const Standing expected = home_first ? Standing::breaker_open : Standing::eligible;
    EXPECT_EQ(cluster.link(1).standing(BackendIndex{1}), expected);
  }
}

}  // namespace
}  // namespace evenkeel::core
