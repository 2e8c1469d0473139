// SPDX-License-Identifier: Apache-2.0
//
// Active checks as actions, and what their results mean for requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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
  EXPECT_THAT(world.picks(), ElementsAre("a0 on 0/1"));
  passes = true;
  run_checks_until(at(80s));
  EXPECT_THAT(world.transitions(), ElementsAre("health 0/0 unhealthy>healthy checks_passed 2"));
  EXPECT_THAT(world.picks(), ElementsAre("a0 on 0/0", "a0 on 0/1"));
}

}  // namespace
}  // namespace evenkeel::core
