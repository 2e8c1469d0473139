// SPDX-License-Identifier: Apache-2.0
//
// A second attempt beside a slow first one: who gets it, and what becomes of both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Duration kDelay = 50ms;

Config hedging_config(std::uint32_t backends) {
  Config config = plain_config(backends);
  retry_of(config).hedge.enabled = true;
  retry_of(config).hedge.delay = kDelay;
  return config;
}

// A request whose first attempt was sent, with its hedge beside it.
RequestId hedged_request(TestBalancer& world) {
  const RequestId r = world.request();
  world.sent(r, 0);
  world.pass(kDelay);
  world.sent(r, 1);
  (void)world.actions();
  return r;
}

TEST(BalancerHedge, StartsAfterItsDelayOnAnotherBackend) {
  TestBalancer world(hedging_config(3));
  const RequestId r = world.request();
  world.sent(r, 0);
  (void)world.actions();
  world.pass(kDelay - 1ns);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.pass(1ns);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a1 on 0/1"));
  EXPECT_EQ(world.in_flight(0), 1U);
  EXPECT_EQ(world.in_flight(1), 1U);
  world.pass(10 * kDelay);
  EXPECT_THAT(world.actions(), IsEmpty());  // one hedge, no more
  EXPECT_EQ(world.finish(r).flags, Flag::hedged);
}

TEST(BalancerHedge, TheFirstAnswerWinsWhoeverGivesIt) {
  for (const std::uint32_t winner : {0U, 1U}) {
    TestBalancer world(hedging_config(3));
    const RequestId r = hedged_request(world);
    world.head(r, winner, 200);
    EXPECT_THAT(world.actions(),
                ElementsAre("cancel r0 a" + std::to_string(1 - winner) + " hedge_lost",
                            "send r0 a" + std::to_string(winner)));
    EXPECT_EQ(world.in_flight(winner), 1U);
    EXPECT_EQ(world.in_flight(1 - winner), 0U);
    world.head(r, 1 - winner, 200);
    EXPECT_THAT(world.actions(), IsEmpty());
    world.end(r, winner);
    const RequestRecord record = world.finish(r);
    EXPECT_EQ(record.backend, BackendIndex{winner});
    EXPECT_EQ(record.attempts, 2);
    EXPECT_EQ(record.flags, Flag::hedged);
    world.expect_idle();
  }
}

TEST(BalancerHedge, AFailureWaitsForTheOtherAttempt) {
  for (const std::uint32_t loser : {0U, 1U}) {
    TestBalancer world(hedging_config(3));
    const RequestId r = hedged_request(world);
    world.fail(r, loser, AttemptFailure::reset_before_head);
    EXPECT_THAT(world.actions(), IsEmpty());
    world.head(r, 1 - loser, 200);
    EXPECT_THAT(world.actions(), ElementsAre("send r0 a" + std::to_string(1 - loser)));
  }
}

TEST(BalancerHedge, AFailingAnswerWaitsForTheOtherAttempt) {
  TestBalancer world(hedging_config(3));
  const RequestId r = hedged_request(world);
  world.head(r, 0, 502);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 retried"));
  world.head(r, 1, 200);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a1"));
}

TEST(BalancerHedge, WhenBothFailTheRequestIsRetried) {
  TestBalancer world(hedging_config(3));
  const RequestId r = hedged_request(world);
  world.fail(r, 0, AttemptFailure::reset_before_head);
  world.fail(r, 1, AttemptFailure::reset_before_head);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a2 on 0/2"));
  EXPECT_EQ(world.finish(r).flags, Flag::hedged | Flag::retried);
}

TEST(BalancerHedge, CountsAmongTheAttempts) {
  Config config = hedging_config(3);
  retry_of(config).max_attempts = 2;
  TestBalancer world(config);
  const RequestId r = hedged_request(world);
  world.fail(r, 0, AttemptFailure::reset_before_head);
  world.fail(r, 1, AttemptFailure::reset_before_head);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 502 upstream_reset"));
  (void)world.finish(r);

  retry_of(config).max_attempts = 1;
  TestBalancer single(config);
  (void)single.request();
  (void)single.actions();
  single.pass(kDelay);
  EXPECT_THAT(single.actions(), IsEmpty());
}

TEST(BalancerHedge, OnlyForRequestsThatMayBeSentTwice) {
  const auto hedges = [](Method method, bool replayable, bool lost_later) {
    TestBalancer world(hedging_config(3));
    const RequestId r = world.request(method, replayable);
    world.sent(r, 0);
    if (lost_later) world.replay_lost(r);
    (void)world.actions();
    world.pass(kDelay);
    return !world.actions().empty();
  };
  EXPECT_TRUE(hedges(Method::get, true, false));
  EXPECT_TRUE(hedges(Method::put, true, false));
  EXPECT_FALSE(hedges(Method::post, true, false));
  EXPECT_FALSE(hedges(Method::patch, true, false));
  EXPECT_FALSE(hedges(Method::other, true, false));
  EXPECT_FALSE(hedges(Method::get, false, false));
  EXPECT_FALSE(hedges(Method::get, true, true));
}

TEST(BalancerHedge, NotOnceThereIsAnAnswer) {
  TestBalancer world(hedging_config(3));
  const RequestId r = world.request();
  world.head(r, 0);
  (void)world.actions();
  world.pass(1s);
  EXPECT_THAT(world.actions(), IsEmpty());
  (void)world.finish(r);
}

TEST(BalancerHedge, NotWhenNothingRuns) {
  Config config = hedging_config(3);
  retry_of(config).backoff = {10s, 10s};
  TestBalancer world(config);
  const RequestId r = world.request();
  world.fail(r, 0, AttemptFailure::connect_refused);
  (void)world.actions();
  world.pass(kDelay);
  EXPECT_EQ(world.balancer().attempts(r), 1U);
}

TEST(BalancerHedge, GoesToNobodyWhoWasTried) {
  TestBalancer one(hedging_config(1));
  (void)one.request();
  (void)one.actions();
  one.pass(kDelay);
  EXPECT_THAT(one.actions(), IsEmpty());
}

// Both backends were tried, so there is nobody to hedge with: that must not use the budget up.
TEST(BalancerHedge, ChargesNothingWhenThereIsNobodyToAsk) {
  Config config = hedging_config(2);
  retry_of(config).hedge.budget_percent = 0;
  retry_of(config).budget.min_per_second = 1;
  retry_of(config).budget.interval = 1s;  // one hedge
  TestBalancer world(config);
  const RequestId retried = world.request();
  world.sent(retried, 0);
  world.fail(retried, 0, AttemptFailure::reset_before_head);
  world.pass(1ms);
  const RequestId other = world.request();
  (void)world.actions();
  world.pass(kDelay - 1ms);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.pass(1ms);
  EXPECT_THAT(world.actions(), ElementsAre("start r1 a1 on 0/1"));
  (void)world.finish(retried);
  (void)world.finish(other);
}

// One backend is left, but not the one that is being asked.
TEST(BalancerHedge, GoesToTheOnlyBackendLeftWhenItIsAnother) {
  Config config = hedging_config(2);
  config.pools[0].circuit_breaker.enabled = true;
  config.pools[0].circuit_breaker.consecutive_failures = 1;
  TestBalancer world(config);
  const RequestId slow = world.request();
  const RequestId on_1 = world.request();
  const RequestId failing = world.request();  // on backend 0 again, whose breaker it opens
  world.head(failing, 0, 500);
  world.head(on_1, 0, 200);
  (void)world.actions();
  EXPECT_FALSE(world.eligible(0));
  world.pass(kDelay);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a1 on 0/1"));
  (void)world.finish(slow);
}

TEST(BalancerHedge, HasABudgetOfItsOwn) {
  Config config = hedging_config(3);
  retry_of(config).hedge.budget_percent = 0;
  retry_of(config).budget.percent = 0;
  retry_of(config).budget.min_per_second = 1;
  retry_of(config).budget.interval = 1s;  // one retry and one hedge
  TestBalancer world(config);
  const RequestId first = world.request();
  const RequestId second = world.request();
  (void)world.actions();
  world.pass(kDelay);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a1 on 0/2"));  // not for r1 as well
  world.fail(second, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("start r1 a1 on 0/0"));  // retries have theirs
  world.fail(first, 0, AttemptFailure::connect_refused);
  world.fail(first, 1, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 502 connect_failure"));
  EXPECT_EQ(world.finish(first).flags, Flag::hedged | Flag::budget_exhausted | Flag::rejected);
}

TEST(BalancerHedge, IsPreciseHoweverLongItsDelay) {
  Config config = hedging_config(2);
  retry_of(config).hedge.delay = 1500ms;
  config.pools[0].connection_pool.connect_timeout = 10s;
  TestBalancer world(config, {}, at(7ms));
  (void)world.request();
  EXPECT_EQ(world.balancer().next_deadline(), at(1507ms));
}

TEST(BalancerHedge, ATimeoutOfOneLeavesTheOtherAlone) {
  Config config = hedging_config(3);
  retry_of(config).attempt_timeout = 200ms;
  TestBalancer world(config);
  (void)hedged_request(world);
  world.pass(200ms - kDelay);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 timed_out"));
  world.pass(kDelay);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a1 timed_out", "start r0 a2 on 0/2"));
}

TEST(BalancerHedge, ClientGoneCancelsBoth) {
  TestBalancer world(hedging_config(3));
  const RequestId r = hedged_request(world);
  world.client_gone(r);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 client_gone", "cancel r0 a1 client_gone"));
  (void)world.finish(r);
  world.expect_idle();
}

TEST(BalancerHedge, TheRequestsDeadlineCancelsBoth) {
  Config config = hedging_config(3);
  config.routes[0].timeout = 500ms;
  TestBalancer world(config);
  (void)hedged_request(world);
  world.pass(500ms - kDelay);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 timed_out", "cancel r0 a1 timed_out",
                                           "reject r0 504 request_timeout"));
}

}  // namespace
}  // namespace evenkeel::core
