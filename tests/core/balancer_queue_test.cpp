// SPDX-License-Identifier: Apache-2.0
//
// Requests that wait for a backend with room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One request at a time for each backend.
Config tight_config(std::uint32_t backends, std::uint32_t max_pending = 10) {
  Config config = plain_config(backends);
  config.pools[0].limits.max_requests = 1;
  config.pools[0].limits.max_pending = max_pending;
  config.pools[0].limits.queue_timeout = 100ms;
  config.pools[0].retry.max_attempts = 1;
  return config;
}

void answer(TestBalancer& world, RequestId request, std::uint32_t attempt = 0) {
  world.sent(request, attempt);
  world.head(request, attempt);
  world.end(request, attempt);
}

TEST(BalancerQueue, WhoFindsNoRoomWaitsAndGoesWhenSomebodyLeaves) {
  TestBalancer world(tight_config(1));
  const RequestId first = world.request();
  const RequestId second = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0"));
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 1U);
  world.pass(20ms);
  answer(world, first);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0", "start r1 a0 on 0/0"));
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 0U);
  answer(world, second);
  (void)world.finish(first);
  const RequestRecord record = world.finish(second);
  EXPECT_EQ(record.queued, Duration(20ms));
  EXPECT_TRUE(has(record.flags, Flag::queued));
  world.expect_idle();
}

TEST(BalancerQueue, TheLongestWaitingGoesFirst) {
  TestBalancer world(tight_config(1));
  const RequestId busy = world.request();
  (void)world.request();
  (void)world.request();
  (void)world.actions();
  answer(world, busy);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0", "start r1 a0 on 0/0"));
}

TEST(BalancerQueue, WhoComesNowGoesBehindThoseWhoWait) {
  Config config = tight_config(2);
  config.pools[0].limits.pool.max_requests = 1;
  TestBalancer world(config);
  const RequestId busy = world.request();
  (void)world.request();
  (void)world.actions();
  answer(world, busy);  // the one that waits takes the only place
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0", "start r1 a0 on 0/1"));
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 1U);
}

TEST(BalancerQueue, BeyondMaxPendingIsRefusedAtOnceAndToldToComeBack) {
  TestBalancer world(tight_config(1, 1));
  (void)world.request();
  (void)world.request();
  (void)world.actions();
  const RequestId third = world.request();
  const auto action = world.balancer().poll_action();
  ASSERT_TRUE(action.has_value());
  EXPECT_EQ(to_text(*action), "reject r2 503 queue_full");
  EXPECT_EQ(std::get<RejectRequest>(*action).retry_after, Duration(1s));
  EXPECT_EQ(world.finish(third).status, 503);
}

TEST(BalancerQueue, MaxPendingCountsForEachBackend) {
  TestBalancer world(tight_config(2, 1));
  for (int i = 0; i < 4; ++i) (void)world.request();
  (void)world.actions();
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 2U);
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("reject r4 503 queue_full"));
}

TEST(BalancerQueue, ThePoolsOwnMaxPendingIsTheLowerBound) {
  Config config = tight_config(2, 10);
  config.pools[0].limits.pool.max_pending = 1;
  TestBalancer world(config);
  for (int i = 0; i < 3; ++i) (void)world.request();
  (void)world.actions();
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("reject r3 503 queue_full"));
}

TEST(BalancerQueue, WaitingEndsAtItsTimeout) {
  TestBalancer world(tight_config(1));
  (void)world.request();
  const RequestId second = world.request();
  (void)world.actions();
  world.pass(100ms);
  EXPECT_THAT(world.actions(), ElementsAre("reject r1 503 queue_timeout"));
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 0U);
  EXPECT_EQ(world.finish(second).queued, Duration(100ms));
}

TEST(BalancerQueue, AClientThatLeavesFreesItsPlace) {
  TestBalancer world(tight_config(1));
  const RequestId busy = world.request();
  const RequestId waiting = world.request();
  const RequestId next = world.request();
  (void)world.actions();
  world.client_gone(waiting);
  answer(world, busy);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0", "start r2 a0 on 0/0"));
  (void)world.finish(waiting);
  answer(world, next);
}

TEST(BalancerQueue, TheRouteTimeoutCountsWhileWaiting) {
  Config config = tight_config(1);
  config.pools[0].limits.queue_timeout = 10s;
  config.routes[0].timeout = 500ms;
  config.pools[0].retry.attempt_timeout = 5s;
  TestBalancer world(config);
  (void)world.request();
  (void)world.request();
  (void)world.actions();
  world.pass(500ms);
  EXPECT_THAT(world.actions(), ::testing::Contains("reject r1 504 request_timeout"));
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 0U);
}

TEST(BalancerQueue, ABackendsOwnLimitComesBeforeThePools) {
  Config config = tight_config(2);
  config.pools[0].limits.max_requests = 1;
  config.pools[0].backends[1].max_requests = 3;
  TestBalancer world(config);
  for (int i = 0; i < 5; ++i) (void)world.request();
  EXPECT_EQ(world.in_flight(0), 1U);
  EXPECT_EQ(world.in_flight(1), 3U);
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 1U);
}

TEST(BalancerQueue, NobodyWaitsForBackendsThatAreAllDown) {
  Config config = tight_config(1);
  TestBalancer world(config);
  const RequestId busy = world.request();
  (void)world.request();
  (void)world.actions();
  world.balancer().set_admin(world.now(), BackendRef{}, AdminState::maintenance);
  EXPECT_THAT(world.actions(), ElementsAre("reject r1 503 no_healthy_backend"));
  answer(world, busy);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
}

TEST(BalancerQueue, ABackendThatComesBackServesThoseWhoWait) {
  TestBalancer world(tight_config(2));
  world.balancer().set_admin(world.now(), BackendRef{{}, BackendIndex{1}}, AdminState::drain);
  (void)world.request();
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0"));
  world.balancer().set_admin(world.now(), BackendRef{{}, BackendIndex{1}}, AdminState::ready);
  EXPECT_THAT(world.actions(), ElementsAre("start r1 a0 on 0/1"));
}

TEST(BalancerQueue, AMoreImportantRequestTakesThePlaceOfTheLeastImportantWhenItIsFull) {
  Config config = tight_config(1, 1);
  config.routes.resize(2);
  config.routes[0].priority = 0;
  config.routes[1].priority = 5;
  TestBalancer world(config);
  (void)world.request_on(RouteIndex{0});
  (void)world.request_on(RouteIndex{1});
  (void)world.actions();
  (void)world.request_on(RouteIndex{0});
  EXPECT_THAT(world.actions(), ElementsAre("reject r1 503 queue_full"));
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 1U);
}

TEST(BalancerQueue, ARetryWaitsForRoomAsWell) {
  Config config = tight_config(2);
  config.pools[0].retry.max_attempts = 2;
  TestBalancer world(config);
  const RequestId first = world.request();
  const RequestId second = world.request();
  const RequestId third = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0", "start r1 a0 on 0/1"));
  world.fail(first, 0, AttemptFailure::connect_refused);
  // The one that waited takes the place that came free; the retry waits for the other backend.
  EXPECT_THAT(world.actions(), ElementsAre("start r2 a0 on 0/0"));
  answer(world, second);
  EXPECT_THAT(world.actions(), ElementsAre("send r1 a0", "start r0 a1 on 0/1"));
  answer(world, first, 1);
  answer(world, third);
}

TEST(BalancerQueue, AnUploadThatWaitedIsNotForgottenWhenItsRetryWaits) {
  Config config = tight_config(1);
  config.pools[0].retry.max_attempts = 2;
  config.pools[0].limits.queue_timeout = 10s;
  TestBalancer world(config);
  const RequestId upload = world.request(Method::put);
  const RequestId other = world.request();
  world.sent(upload, 0);
  world.upload_waiting(upload);
  world.fail(upload, 0, AttemptFailure::reset_before_head);
  (void)world.actions();
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 1U);
  world.upload_progress(upload);
  answer(world, other);
  EXPECT_THAT(world.actions(), ElementsAre("send r1 a0", "start r0 a1 on 0/0"));
  world.sent(upload, 1);
  EXPECT_NE(world.balancer().next_deadline(), kNever) << "it would hang for ever";
}

TEST(BalancerQueue, AProbeThatNobodyWaitsForToItsEndIsEvidence) {
  Config config = plain_config(1);
  config.routes[0].timeout = 1s;
  config.pools[0].retry.attempt_timeout = 5s;
  config.pools[0].circuit_breaker = CircuitBreakerPolicy{};
  config.pools[0].circuit_breaker.consecutive_failures = 1;
  config.pools[0].circuit_breaker.open_duration = 5s;
  config.pools[0].retry.max_attempts = 1;
  TestBalancer world(config);
  (void)world.serve(500);
  world.pass(6s);
  ASSERT_EQ(world.balancer().home(PoolIndex{0}).breaker(BackendIndex{0}), BreakerState::half_open);
  const RequestId probe = world.request();
  world.sent(probe, 0);
  world.pass(1100ms);
  EXPECT_EQ(world.balancer().home(PoolIndex{0}).breaker(BackendIndex{0}), BreakerState::open);
  EXPECT_EQ(world.finish(probe).backend, BackendIndex{0});
}

TEST(BalancerQueue, WithoutLimitsNobodyEverWaits) {
  Config config = plain_config(1);
  config.pools[0].limits = LimitsPolicy{};
  config.pools[0].limits.max_requests = 0;
  config.pools[0].limits.max_connections = 0;
  TestBalancer world(config);
  for (int i = 0; i < 3000; ++i) (void)world.request();
  EXPECT_EQ(world.in_flight(0), 3000U);
}

TEST(BalancerQueue, CodelShedsWhoWaitedTooLongWhileTheQueueNeverEmpties) {
  Config config = tight_config(1, 1000);
  config.pools[0].limits.queue_discipline = QueueDiscipline::codel;
  config.pools[0].limits.codel_target = 5ms;
  config.pools[0].limits.codel_interval = 50ms;
  config.pools[0].limits.queue_timeout = 10s;
  TestBalancer world(config);
  RequestId running = world.request();
  (void)world.actions();
  // Two arrive for each that is served: the queue can only grow.
  std::uint32_t shed = 0;
  for (int i = 0; i < 100; ++i) {
    (void)world.request();
    (void)world.request();
    world.pass(10ms);
    answer(world, running);
    while (const auto action = world.balancer().poll_action()) {
      if (const auto* start = std::get_if<StartAttempt>(&*action)) running = start->attempt.request;
      if (const auto* reject = std::get_if<RejectRequest>(&*action)) {
        EXPECT_EQ(reject->cause, RejectCause::queue_timeout);
        ++shed;
      }
    }
  }
  EXPECT_GT(shed, 50U);
}

TEST(BalancerQueue, TheAdaptiveLimitMakesRequestsWait) {
  Config config = plain_config(4);
  config.pools[0].adaptive_concurrency = {true, 2, 2, Decimal{200}};
  TestBalancer world(config);
  for (int i = 0; i < 3; ++i) (void)world.request();
  EXPECT_THAT(world.actions(), ::testing::SizeIs(2));
  EXPECT_EQ(world.balancer().queue_depth(PoolIndex{0}), 1U);
}

}  // namespace
}  // namespace evenkeel::core
