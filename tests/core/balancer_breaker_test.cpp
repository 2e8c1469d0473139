// SPDX-License-Identifier: Apache-2.0
//
// Breakers seen from outside: which requests get through, and what their attempts prove.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Config breaking_config(std::uint32_t backends) {
  Config config = plain_config(backends);
  CircuitBreakerPolicy& policy = config.pools[0].circuit_breaker;
  policy.enabled = true;
  policy.consecutive_failures = 2;
  policy.open_duration = 1s;
  policy.half_open_max_requests = 1;
  policy.half_open_successes = 2;
  return config;
}

// A world of one backend whose breaker has just become half-open.
TestBalancer half_open_world() {
  TestBalancer world(breaking_config(1));
  (void)world.serve(500);
  (void)world.serve(500);
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/0 closed>open consecutive_failures 2"));
  world.fire_next();
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/0 open>half_open open_duration_over 1"));
  (void)world.actions();
  return world;
}

TEST(BalancerBreaker, AnOpenBreakerLetsNothingThroughForItsTime) {
  TestBalancer world(breaking_config(1));
  (void)world.serve(500);
  world.pass(100ms);
  (void)world.serve(500);
  const Instant opened = world.now();
  const auto transitions = world.balancer().take_transitions();
  ASSERT_EQ(transitions.size(), 1U);
  const Instant until = transitions[0].until;
  EXPECT_GE(until, opened + 1s);
  EXPECT_LE(until, opened + 1s + 100ms);  // jitter of at most 10 %
  (void)world.actions();
  EXPECT_EQ(world.serve().rejection, RejectCause::no_healthy_backend);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 503 no_healthy_backend"));
  EXPECT_EQ(world.balancer().next_deadline(), round_up(until, 1ms));
}

TEST(BalancerBreaker, HalfOpenLetsOneProbeThroughAndClosesAfterEnoughSuccesses) {
  TestBalancer world = half_open_world();
  const RequestId probe = world.request();
  const RequestId turned_away = world.request();
  EXPECT_THAT(world.actions(),
              ElementsAre("start r0 a0 on 0/0", "reject r1 503 no_healthy_backend"));
  (void)world.finish(turned_away);
  world.head(probe, 0);
  EXPECT_FALSE(world.eligible(0));  // its response may still break off
  world.end(probe, 0);
  EXPECT_THAT(world.transitions(), IsEmpty());
  (void)world.finish(probe);
  (void)world.serve(200);
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/0 half_open>closed probes_succeeded 2"));
  EXPECT_THAT(world.picks(), ElementsAre("a0 on 0/0"));
}

TEST(BalancerBreaker, AFailedProbeOpensAgainForTwiceTheTime) {
  TestBalancer world = half_open_world();
  (void)world.serve(500);
  const auto transitions = world.balancer().take_transitions();
  ASSERT_EQ(transitions.size(), 1U);
  EXPECT_EQ(to_text(transitions[0]), "breaker 0/0 half_open>open probe_failed 1");
  EXPECT_GE(transitions[0].until, world.now() + 2s);
}

TEST(BalancerBreaker, AProbeThatProvesNothingGivesItsPermitBack) {
  TestBalancer world = half_open_world();
  const RequestId gone = world.request();
  EXPECT_FALSE(world.eligible(0));
  world.client_gone(gone);
  EXPECT_TRUE(world.eligible(0));
  (void)world.finish(gone);
  const RequestId shed = world.request();
  EXPECT_FALSE(world.eligible(0));
  world.head(shed, 0, 503, true);
  EXPECT_TRUE(world.eligible(0));
  (void)world.finish(shed);
  const RequestId ours = world.request(Method::post);
  world.fail(ours, 0, AttemptFailure::local);
  EXPECT_THAT(world.transitions(), IsEmpty());
}

TEST(BalancerBreaker, AProbeThatIsNeverHeardOfAgainLosesItsPermit) {
  Config config = breaking_config(1);
  config.routes[0].timeout = 1h;
  config.pools[0].connection_pool.connect_timeout = 1h;
  retry_of(config).attempt_timeout = 1h;
  TestBalancer world(config);
  (void)world.serve(500);
  (void)world.serve(500);
  world.fire_next();
  const RequestId lost = world.request();
  EXPECT_FALSE(world.eligible(0));
  world.pass(config.pools[0].circuit_breaker.open_duration);
  EXPECT_TRUE(world.eligible(0));
  // Its failure, when it comes at last, is nobody's probe.
  (void)world.transitions();
  world.fail(lost, 0, AttemptFailure::reset_before_head);
  EXPECT_THAT(world.transitions(), IsEmpty());
}

TEST(BalancerBreaker, ResultsOfAnEarlierStateCountForNothing) {
  TestBalancer world(breaking_config(1));
  std::vector<RequestId> admitted_while_closed;
  for (int i = 0; i < 4; ++i) {
    admitted_while_closed.push_back(world.request(Method::post));
    world.sent(admitted_while_closed.back(), 0);
  }
  world.head(admitted_while_closed[0], 0, 500);
  world.head(admitted_while_closed[1], 0, 500);
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/0 closed>open consecutive_failures 2"));
  const Instant half_open = world.balancer().next_deadline();
  world.pass(500ms);
  world.head(admitted_while_closed[2], 0, 500);  // does not prolong the pause
  EXPECT_EQ(world.balancer().next_deadline(), half_open);
  world.fire_next();
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/0 open>half_open open_duration_over 1"));
  world.head(admitted_while_closed[3], 0, 500);  // is no probe
  EXPECT_THAT(world.transitions(), IsEmpty());
}

TEST(BalancerBreaker, ARetryGoesToAnotherBackendWhenTheBreakerOpens) {
  Config config = breaking_config(2);
  config.pools[0].circuit_breaker.consecutive_failures = 1;
  TestBalancer world(config);
  const RequestId r = world.request();
  world.fail(r, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0", "start r0 a1 on 0/1"));
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/0 closed>open consecutive_failures 1"));
}

}  // namespace
}  // namespace evenkeel::core
