// SPDX-License-Identifier: Apache-2.0
//
// The three deadlines of a request: connect, attempt, and the whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Below a second, where deadlines are a millisecond late at most.
Config quick_config(std::uint32_t backends) {
  Config config = plain_config(backends);
  config.pools[0].connection_pool.connect_timeout = 400ms;
  retry_of(config).attempt_timeout = 500ms;
  config.routes[0].timeout = 900ms;
  return config;
}

TEST(BalancerTimeout, AConnectThatTakesTooLongIsRetriedElsewhere) {
  TestBalancer world(quick_config(2));
  const RequestId r = world.request(Method::post);
  (void)world.actions();
  world.pass(400ms - 1ns);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.pass(1ns);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 timed_out", "start r0 a1 on 0/1"));
  const RequestRecord record = world.finish(r);
  EXPECT_EQ(record.failure, AttemptFailure::connect_timeout);
}

TEST(BalancerTimeout, TheLastConnectTimeoutIsABadGateway) {
  Config config = quick_config(2);
  retry_of(config).max_attempts = 1;
  TestBalancer world(config);
  (void)world.request();
  (void)world.actions();
  world.pass(400ms);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a0 timed_out", "reject r0 502 connect_failure"));
}

TEST(BalancerTimeout, TheLastAttemptTimeoutIsAGatewayTimeout) {
  Config config = quick_config(2);
  retry_of(config).max_attempts = 1;
  TestBalancer world(config);
  const RequestId r = world.request();
  world.sent(r, 0);
  (void)world.actions();
  world.pass(500ms);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a0 timed_out", "reject r0 504 upstream_timeout"));
  EXPECT_EQ(world.finish(r).failure, AttemptFailure::attempt_timeout);
  world.expect_idle();
}

TEST(BalancerTimeout, TimeSpentConnectingBelongsToTheAttempt) {
  TestBalancer world(quick_config(2));
  const RequestId r = world.request();
  (void)world.actions();
  world.pass(300ms);
  world.sent(r, 0);
  world.pass(200ms - 1ns);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.pass(1ns);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 timed_out", "start r0 a1 on 0/1"));
  EXPECT_EQ(world.finish(r).failure, AttemptFailure::attempt_timeout);
}

TEST(BalancerTimeout, AConnectMayNotTakeLongerThanTheAttempt) {
  Config config = quick_config(2);
  config.pools[0].connection_pool.connect_timeout = 30s;
  TestBalancer world(config);
  (void)world.request();
  (void)world.actions();
  world.pass(500ms);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 timed_out", "start r0 a1 on 0/1"));
}

TEST(BalancerTimeout, SayingSentAgainBuysNoTime) {
  TestBalancer world(quick_config(2));
  const RequestId r = world.request();
  world.sent(r, 0);
  (void)world.actions();
  world.pass(300ms);
  world.sent(r, 0);
  world.pass(200ms);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 timed_out", "start r0 a1 on 0/1"));
}

TEST(BalancerTimeout, UploadProgressStartsTheAttemptsTimeAnew) {
  Config config = quick_config(2);
  config.routes[0].timeout = 60s;
  TestBalancer world(config);
  const RequestId r = world.request(Method::post);
  world.sent(r, 0);
  (void)world.actions();
  for (int i = 0; i < 10; ++i) {
    world.pass(400ms);
    world.upload_progress(r);
  }
  world.pass(500ms - 1ns);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.pass(1ns);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a0 timed_out", "reject r0 504 upstream_timeout"));
}

TEST(BalancerTimeout, NobodyIsLateWhileTheClientsBytesAreAwaited) {
  TestBalancer world(quick_config(2));
  const RequestId r = world.request(Method::post);
  world.sent(r, 0);
  (void)world.actions();
  world.upload_waiting(r);
  world.pass(100s);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.upload_progress(r);
  world.pass(500ms - 1ns);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.pass(1ns);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a0 timed_out", "reject r0 504 upstream_timeout"));
}

TEST(BalancerTimeout, RequestsTimeStartsAnewWhenAnAwaitedUploadMoves) {
  Config config = quick_config(2);
  config.routes[0].timeout = 400ms;
  TestBalancer world(config);
  const RequestId r = world.request(Method::post);
  world.sent(r, 0);
  world.pass(300ms);
  world.upload_waiting(r);
  world.pass(300ms);
  world.upload_progress(r);
  (void)world.actions();
  world.pass(400ms - 1ns);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.pass(1ns);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a0 timed_out", "reject r0 504 request_timeout"));
}

TEST(BalancerTimeout, AttemptThatIsSentWhileTheClientIsAwaitedIsNotLate) {
  TestBalancer world(quick_config(2));
  const RequestId r = world.request(Method::post);
  world.upload_waiting(r);
  world.pass(100ms);
  world.sent(r, 0);
  (void)world.actions();
  world.pass(100s);
  EXPECT_THAT(world.actions(), IsEmpty());
}

TEST(BalancerTimeout, UploadProgressDoesNotProlongAConnect) {
  TestBalancer world(quick_config(2));
  const RequestId r = world.request();
  (void)world.actions();
  world.pass(300ms);
  world.upload_progress(r);
  world.pass(100ms);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 timed_out", "start r0 a1 on 0/1"));
}

TEST(BalancerTimeout, EveryAttemptHasATimeOfItsOwn) {
  Config config = quick_config(3);
  config.routes[0].timeout = 60s;
  TestBalancer world(config);
  const RequestId r = world.request();
  for (std::uint32_t attempt = 0; attempt < 3; ++attempt) {
    world.sent(r, attempt);
    (void)world.actions();
    const Instant started = world.now();
    while (world.actions().empty()) world.fire_next();
    EXPECT_EQ(world.now() - started, 500ms);
  }
}

TEST(BalancerTimeout, TheRequestsDeadlineCancelsWhatRuns) {
  TestBalancer world(quick_config(3));
  const RequestId r = world.request();
  world.sent(r, 0);
  world.pass(500ms);
  world.sent(r, 1);
  (void)world.actions();
  world.pass(400ms);
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a1 timed_out", "reject r0 504 request_timeout"));
  EXPECT_EQ(world.balancer().next_deadline(), kNever);
  const RequestRecord record = world.finish(r);
  EXPECT_EQ(record.answered, at(900ms));
  EXPECT_EQ(record.rejection, RejectCause::request_timeout);
  world.expect_idle();
}

// The request's own deadline says nothing of the backend that happened to be asked last.
TEST(BalancerTimeout, TheRequestsDeadlineIsNoEvidence) {
  Config config = quick_config(2);
  config.routes[0].timeout = 300ms;
  config.pools[0].circuit_breaker.enabled = true;
  config.pools[0].circuit_breaker.consecutive_failures = 1;
  TestBalancer world(config);
  const RequestId r = world.request();
  world.sent(r, 0);
  world.pass(300ms);
  EXPECT_THAT(world.transitions(), IsEmpty());
  (void)world.finish(r);
}

TEST(BalancerTimeout, ASecondAndMoreIsRoundedUpToTheCoarseQuantum) {
  Config config = plain_config(2);
  config.pools[0].connection_pool.connect_timeout = 2s;
  for (const Duration quantum : {50ms, 200ms}) {
    for (const Duration start : {0ms, 1ms, 49ms, 51ms}) {
      TestBalancer world(config, {.coarse_quantum = quantum}, at(start));
      (void)world.request();
      EXPECT_EQ(world.balancer().next_deadline(), round_up(at(start) + 2s, quantum));
    }
  }
}

TEST(BalancerTimeout, ADriverThatComesLateGetsOneAnswer) {
  TestBalancer world(quick_config(3));
  const RequestId r = world.request();
  world.sent(r, 0);
  (void)world.actions();
  world.jump(1h);
  // The attempt's deadline was due first; what follows it was due as well.
  EXPECT_THAT(world.actions(),
              ElementsAre("cancel r0 a0 timed_out", "start r0 a1 on 0/1", "cancel r0 a1 timed_out",
                          "reject r0 504 request_timeout"));
  (void)world.finish(r);
  world.expect_idle();
}

}  // namespace
}  // namespace evenkeel::core
