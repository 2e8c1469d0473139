// SPDX-License-Identifier: Apache-2.0
//
// Backends that are taken out for what happened to requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Config ejecting_config(std::uint32_t backends) {
  Config config = plain_config(backends);
  OutlierDetectionPolicy& policy = config.pools[0].outlier_detection;
  policy.enabled = true;
  policy.consecutive_failures = 3;
  policy.base_ejection_time = 10s;
  policy.ejection_jitter_percent = 0;
  policy.success_rate.method = SuccessRateMethod::off;
  policy.failure_percentage.threshold = 0;
  return config;
}

// One turn of a pool of three in which only backend 0 fails.
void turn_with_failing_0(TestBalancer& world) {
  (void)world.serve(500);
  (void)world.serve(200);
  (void)world.serve(200);
}

TEST(BalancerEjection, TakesOutWhoFailsInARowAndBringsItBack) {
  TestBalancer world(ejecting_config(3));
  turn_with_failing_0(world);
  turn_with_failing_0(world);
  EXPECT_THAT(world.transitions(), IsEmpty());
  EXPECT_THAT(world.picks(), ElementsAre("a0 on 0/0", "a0 on 0/1", "a0 on 0/2"));
  world.pass(1s);
  while (world.next_pick() != "a0 on 0/2") {
  }
  (void)world.serve(500);
  const Instant until = world.now() + 10s;
  const auto transitions = world.balancer().take_transitions();
  ASSERT_EQ(transitions.size(), 1U);
  EXPECT_EQ(to_text(transitions[0]), "ejection 0/0 in>out consecutive_failures 3");
  EXPECT_EQ(transitions[0].at, world.now());
  EXPECT_EQ(transitions[0].until, until);
  EXPECT_THAT(world.picks(), ElementsAre("a0 on 0/1", "a0 on 0/2"));
  EXPECT_EQ(world.balancer().next_deadline(), until);
  world.fire_next();
  EXPECT_THAT(world.transitions(), ElementsAre("ejection 0/0 out>in ejection_over 0"));
  EXPECT_THAT(world.picks(), ElementsAre("a0 on 0/0", "a0 on 0/1", "a0 on 0/2"));
}

TEST(BalancerEjection, EveryFailureOfTheBackendIsEvidence) {
  const AttemptFailure failures[] = {
      AttemptFailure::connect_refused,   AttemptFailure::connect_timeout,
      AttemptFailure::reset_before_head, AttemptFailure::bad_response,
      AttemptFailure::attempt_timeout,   AttemptFailure::reset_in_body,
      AttemptFailure::stale_connection,  AttemptFailure::local};
  static_assert(std::size(failures) == kAttemptFailureCount);
  Config config = ejecting_config(3);
  config.pools[0].outlier_detection.consecutive_failures = 1;
  for (const AttemptFailure failure : failures) {
    TestBalancer world(config);
    const RequestId r = world.request();
    if (failure == AttemptFailure::reset_in_body) world.head(r, 0);
    world.fail(r, 0, failure);
    const bool innocent =
        failure == AttemptFailure::stale_connection || failure == AttemptFailure::local;
    EXPECT_EQ(world.transitions().empty(), innocent) << to_text(failure);
    EXPECT_EQ(world.eligible(0), innocent) << to_text(failure);
  }
}

TEST(BalancerEjection, OnlyServerErrorsThatAreNotSheddingAreEvidence) {
  Config config = ejecting_config(3);
  config.pools[0].outlier_detection.consecutive_failures = 1;
  const auto ejects = [&config](std::uint16_t status, bool retry_after) {
    TestBalancer world(config);
    const RequestId r = world.request(Method::post);
    world.head(r, 0, status, retry_after);
    world.end(r, 0);
    (void)world.finish(r);
    return !world.eligible(0);
  };
  for (const std::uint16_t status : {500, 501, 502, 503, 504, 599}) {
    EXPECT_TRUE(ejects(status, false)) << status;
  }
  for (const std::uint16_t status : {101, 200, 304, 400, 404, 429}) {
    EXPECT_FALSE(ejects(status, false)) << status;
  }
  EXPECT_FALSE(ejects(503, true));
  EXPECT_FALSE(ejects(429, true));
  EXPECT_TRUE(ejects(500, true));
}

// A failure is known at the head; a success only when the response came whole.
TEST(BalancerEjection, AnAttemptGivesOnePieceOfEvidence) {
  Config config = ejecting_config(3);
  config.pools[0].outlier_detection.consecutive_failures = 2;
  TestBalancer world(config);
  const RequestId r = world.request(Method::post);
  world.head(r, 0, 500);
  world.fail(r, 0, AttemptFailure::reset_in_body);
  EXPECT_THAT(world.transitions(), IsEmpty());
  (void)world.finish(r);
  EXPECT_TRUE(world.eligible(0));
}

TEST(BalancerEjection, WhatIsCancelledIsNoEvidence) {
  Config config = ejecting_config(3);
  config.pools[0].outlier_detection.consecutive_failures = 1;
  TestBalancer world(config);
  const RequestId gone = world.request();
  world.client_gone(gone);
  (void)world.finish(gone);
  const RequestId cut = world.request();
  world.head(cut, 0);
  (void)world.finish(cut);
  EXPECT_THAT(world.transitions(), IsEmpty());
}

TEST(BalancerEjection, NeverTakesTheLastBackendOut) {
  for (const std::uint32_t backends : {1U, 2U, 3U, 8U}) {
    Config config = ejecting_config(backends);
    config.pools[0].outlier_detection.max_ejection_percent = 100;
    TestBalancer world(config);
    for (int i = 0; i < 200; ++i) {
      (void)world.serve(500);
      EXPECT_GE(world.eligible_count(), 1U);
    }
    EXPECT_EQ(world.eligible_count(), 1U);
  }
}

// "The last" is the last that takes requests, whatever keeps the others from it.
TEST(BalancerEjection, NeverTakesTheOnlyOneLeftOut) {
  Config drained = ejecting_config(2);
  drained.pools[0].backends[1].weight = 0;
  TestBalancer beside_a_drained_one(drained);
  for (int i = 0; i < 20; ++i) (void)beside_a_drained_one.serve(500);
  EXPECT_TRUE(beside_a_drained_one.eligible(0));

  Config broken = ejecting_config(2);
  broken.pools[0].circuit_breaker.enabled = true;
  broken.pools[0].circuit_breaker.consecutive_failures = 1;
  broken.pools[0].circuit_breaker.minimum_requests = 1000;
  broken.pools[0].outlier_detection.consecutive_failures = 1;
  TestBalancer world(broken);
  const RequestId on_0 = world.request();
  const RequestId on_1 = world.request();
  world.head(on_0, 0, 500);
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/0 closed>open consecutive_failures 1",
                                               "ejection 0/0 in>out consecutive_failures 1"));
  world.head(on_1, 0, 500);
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/1 closed>open consecutive_failures 1"));
}

TEST(BalancerEjection, TransitionsAreHandedOutOnce) {
  Config config = ejecting_config(3);
  config.pools[0].outlier_detection.consecutive_failures = 1;
  TestBalancer world(config);
  (void)world.serve(500);
  EXPECT_EQ(world.transitions().size(), 1U);
  EXPECT_THAT(world.transitions(), IsEmpty());
  world.fire_next();
  EXPECT_EQ(world.transitions().size(), 1U);
}

}  // namespace
}  // namespace evenkeel::core
