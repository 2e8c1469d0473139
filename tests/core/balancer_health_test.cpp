// SPDX-License-Identifier: Apache-2.0
//
// What requests and checks say of backends, and what follows for the next request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// ---- ejection -----------------------------------------------------------------------------------

Config ejecting_config(std::uint32_t backends) {
  Config config = plain_config(backends);
  OutlierDetectionPolicy& policy = config.pools[0].outlier_detection;
  policy.enabled = true;
  policy.consecutive_failures = 3;
  policy.base_ejection_time = 10s;
  policy.ejection_jitter_percent = 0;
  return config;
}

// One turn of a pool of three in which only backend 0 fails.
void turn_with_failing_0(TestBalancer& world) {
  (void)world.serve(500);
  (void)world.serve(200);
  (void)world.serve(200);
}

// Where the next 20 requests go.
std::set<std::string> picks(TestBalancer& world) {
  std::set<std::string> backends;
  for (int i = 0; i < 20; ++i) backends.insert(world.next_pick());
  return backends;
}

TEST(BalancerEjection, TakesOutWhoFailsInARowAndBringsItBack) {
  TestBalancer world(ejecting_config(3));
  turn_with_failing_0(world);
  turn_with_failing_0(world);
  EXPECT_THAT(world.transitions(), IsEmpty());
  EXPECT_THAT(picks(world), ElementsAre("a0 on 0/0", "a0 on 0/1", "a0 on 0/2"));
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
  EXPECT_THAT(picks(world), ElementsAre("a0 on 0/1", "a0 on 0/2"));
  EXPECT_EQ(world.balancer().next_deadline(), until);
  world.fire_next();
  EXPECT_THAT(world.transitions(), ElementsAre("ejection 0/0 out>in ejection_over 0"));
  EXPECT_THAT(picks(world), ElementsAre("a0 on 0/0", "a0 on 0/1", "a0 on 0/2"));
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
      EXPECT_FALSE(world.balancer().pool(PoolIndex{0}).eligible().empty());
    }
    EXPECT_EQ(world.balancer().pool(PoolIndex{0}).eligible().size(), 1U);
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

// ---- breaker ------------------------------------------------------------------------------------

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
  EXPECT_THAT(picks(world), ElementsAre("a0 on 0/0"));
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

// ---- active checks ------------------------------------------------------------------------------

Config checking_config(std::uint32_t backends) {
  Config config = plain_config(backends);
  HealthCheckPolicy& policy = config.pools[0].health_check;
  policy.type = CheckType::http;
  policy.interval = 10s;
  policy.unhealthy_interval = 4s;
  policy.timeout = 2s;
  policy.jitter_percent = 0;
  return config;
}

// Moves on until the next check begins, and answers it.
void answer_next_check(TestBalancer& world, std::uint64_t number, CheckOutcome outcome) {
  std::vector<std::string> actions;
  while (actions.empty()) {
    world.fire_next();
    actions = world.actions();
  }
  EXPECT_THAT(actions, ElementsAre("check 0/0 #" + std::to_string(number)));
  world.check_ended(0, number, outcome);
}

TEST(BalancerChecks, FirstChecksSpreadOverTheIntervalAndRepeatAfterIt) {
  TestBalancer world(checking_config(20));
  std::set<Instant> first_starts;
  for (int i = 0; i < 20; ++i) {
    std::vector<std::string> actions;
    while (actions.empty()) {
      world.fire_next();
      actions = world.actions();
    }
    for (const std::string& action : actions) {
      EXPECT_EQ(action.find("#0"), action.size() - 2);
      const auto backend = std::stoul(action.substr(action.find('/') + 1));
      world.check_ended(static_cast<std::uint32_t>(backend), 0, CheckOutcome::passed);
    }
    first_starts.insert(world.now());
    EXPECT_LE(world.now(), at(10s));
  }
  EXPECT_GT(first_starts.size(), 15U);
  world.fire_next();
  EXPECT_EQ(world.now(), *first_starts.begin() + 10s);
}

TEST(BalancerChecks, ABackendThatFailsItsChecksGetsNoRequestsUntilTheyPass) {
  TestBalancer world(checking_config(1));
  answer_next_check(world, 0, CheckOutcome::refused);
  answer_next_check(world, 1, CheckOutcome::bad_status);
  EXPECT_THAT(world.transitions(), IsEmpty());
  EXPECT_EQ(world.serve().status, 200);
  (void)world.actions();
  answer_next_check(world, 2, CheckOutcome::reset);
  EXPECT_THAT(world.transitions(), ElementsAre("health 0/0 healthy>unhealthy checks_failed 3"));
  EXPECT_EQ(world.serve().rejection, RejectCause::no_healthy_backend);
  (void)world.actions();
  answer_next_check(world, 3, CheckOutcome::passed);
  answer_next_check(world, 4, CheckOutcome::local);  // no evidence either way
  EXPECT_EQ(world.serve().status, 503);
  (void)world.actions();
  answer_next_check(world, 5, CheckOutcome::passed);
  EXPECT_THAT(world.transitions(), ElementsAre("health 0/0 unhealthy>healthy checks_passed 2"));
  EXPECT_EQ(world.serve().status, 200);
}

TEST(BalancerChecks, ACheckWithoutAnAnswerIsGivenUpAndCountsAsFailed) {
  TestBalancer world(checking_config(1));
  for (int number = 0; number < 3; ++number) {
    const std::string check = "check 0/0 #" + std::to_string(number);
    while (world.balancer().next_deadline() <= world.now()) world.fire_next();
    world.fire_next();
    const Instant started = world.now();
    EXPECT_THAT(world.actions(), ElementsAre(check));
    world.fire_next();
    EXPECT_EQ(world.now(), started + 2s);
    EXPECT_THAT(world.actions(), ElementsAre("cancel " + check));
    world.check_ended(0, static_cast<std::uint64_t>(number), CheckOutcome::passed);  // too late
  }
  EXPECT_THAT(world.transitions(), ElementsAre("health 0/0 healthy>unhealthy checks_failed 3"));
}

TEST(BalancerChecks, UnhealthyAtTheStartWaitsForPassedChecks) {
  Config config = checking_config(1);
  config.pools[0].health_check.initial_state = InitialState::unhealthy;
  TestBalancer world(config);
  EXPECT_EQ(world.serve().status, 503);
  (void)world.actions();
  answer_next_check(world, 0, CheckOutcome::passed);
  answer_next_check(world, 1, CheckOutcome::passed);
  EXPECT_EQ(world.serve().status, 200);
}

TEST(BalancerChecks, UncheckedWaitsForOneResultOrOneInterval) {
  Config config = checking_config(1);
  config.pools[0].health_check.initial_state = InitialState::unchecked;
  TestBalancer checked(config);
  EXPECT_EQ(checked.serve().status, 503);
  (void)checked.actions();
  answer_next_check(checked, 0, CheckOutcome::passed);
  EXPECT_THAT(checked.transitions(), ElementsAre("health 0/0 unchecked>healthy checks_passed 1"));
  EXPECT_EQ(checked.serve().status, 200);

  config.pools[0].health_check.timeout = 10s;  // the check is still running
  TestBalancer never_checked(config);
  never_checked.pass(10s);
  EXPECT_THAT(never_checked.transitions(),
              ElementsAre("health 0/0 unchecked>healthy never_checked 0"));
  EXPECT_EQ(never_checked.serve().status, 200);
}

// ---- together -----------------------------------------------------------------------------------

TEST(BalancerVerdicts, ABackendIsPickedOnlyWhenNothingSpeaksAgainstIt) {
  Config config = checking_config(2);
  config.pools[0].outlier_detection.enabled = true;
  config.pools[0].outlier_detection.consecutive_failures = 1;
  config.pools[0].outlier_detection.base_ejection_time = 60s;
  config.pools[0].outlier_detection.ejection_jitter_percent = 0;
  TestBalancer world(config);
  const RequestId r = world.request(Method::post);
  world.head(r, 0, 500);  // ejected for a minute
  (void)world.finish(r);
  EXPECT_THAT(world.transitions(), ElementsAre("ejection 0/0 in>out consecutive_failures 1"));
  // Its checks fail meanwhile, so the end of the ejection does not bring it back.
  std::uint64_t number = 0;
  bool passes = false;
  const auto run_checks_until = [&](Instant until) {
    while (world.balancer().next_deadline() <= until) {
      world.fire_next();
      for (const std::string& action : world.actions()) {
        if (action.rfind("check 0/0", 0) == 0) {
          world.check_ended(0, number++, passes ? CheckOutcome::passed : CheckOutcome::refused);
        } else if (action.rfind("check 0/1", 0) == 0) {
          world.check_ended(1, std::stoull(action.substr(action.find('#') + 1)),
                            CheckOutcome::passed);
        }
      }
    }
  };
  run_checks_until(at(60s));
  EXPECT_THAT(world.transitions(), ElementsAre("health 0/0 healthy>unhealthy checks_failed 3",
                                               "ejection 0/0 out>in ejection_over 0"));
  EXPECT_FALSE(world.eligible(0));
  EXPECT_THAT(picks(world), ElementsAre("a0 on 0/1"));
  passes = true;
  run_checks_until(at(80s));
  EXPECT_THAT(world.transitions(), ElementsAre("health 0/0 unhealthy>healthy checks_passed 2"));
  EXPECT_THAT(picks(world), ElementsAre("a0 on 0/0", "a0 on 0/1"));
}

TEST(BalancerVerdicts, TransitionsAreHandedOutOnce) {
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
