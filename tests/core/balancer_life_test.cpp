// SPDX-License-Identifier: Apache-2.0
//
// The life of a request that needs no second attempt, and what ends it early.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BalancerLife, ForwardsTheAnswerOfTheFirstAttempt) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0"));
  world.sent(r, 0);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.pass(3ms);
  world.head(r, 0, 201);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
  world.pass(4ms);
  world.end(r, 0);
  const RequestRecord record = world.finish(r);
  EXPECT_THAT(world.actions(), IsEmpty());

  EXPECT_EQ(record.number, 0U);
  EXPECT_EQ(record.arrived, at(0s));
  EXPECT_EQ(record.answered, at(3ms));
  EXPECT_EQ(record.status, 201);
  EXPECT_EQ(record.attempts, 1);
  EXPECT_EQ(record.flags, Flag::none);
  EXPECT_EQ(record.backend, BackendIndex{0});
  EXPECT_EQ(record.rejection, std::nullopt);
  EXPECT_EQ(record.failure, std::nullopt);
  world.expect_idle();
  EXPECT_EQ(world.balancer().next_deadline(), kNever);
}

TEST(BalancerLife, AnAttemptIsInFlightFromItsStartToTheEndOfItsResponse) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request();
  EXPECT_EQ(world.in_flight(0), 1U);
  world.sent(r, 0);
  world.head(r, 0);
  EXPECT_EQ(world.in_flight(0), 1U);
  world.end(r, 0);
  EXPECT_EQ(world.in_flight(0), 0U);
  EXPECT_EQ(world.balancer().requests_in_flight(), 1U);  // the client may still be reading
  (void)world.finish(r);
  world.expect_idle();
}

TEST(BalancerLife, AnAnswerBeforeTheRequestWasSentIsForwarded) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request(Method::post);
  (void)world.actions();
  world.head(r, 0, 413);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
}

TEST(BalancerLife, FailureAfterTheHeadAbortsTheResponse) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request();
  world.sent(r, 0);
  world.head(r, 0);
  (void)world.actions();
  world.fail(r, 0, AttemptFailure::reset_in_body);
  EXPECT_THAT(world.actions(), ElementsAre("abort r0 reset_in_body"));
  EXPECT_EQ(world.in_flight(0), 0U);
  const RequestRecord record = world.finish(r);
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.failure, AttemptFailure::reset_in_body);
  EXPECT_EQ(record.flags, Flag::response_aborted);
}

TEST(BalancerLife, NoDeadlineOfTheCoreRunsOnceTheHeadIsForwarded) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request();
  world.sent(r, 0);
  world.head(r, 0);
  EXPECT_EQ(world.balancer().next_deadline(), kNever);
}

TEST(BalancerLife, ClientGoneCancelsTheAttempt) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request();
  world.sent(r, 0);
  (void)world.actions();
  world.client_gone(r);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 client_gone"));
  EXPECT_EQ(world.in_flight(0), 0U);
  EXPECT_EQ(world.balancer().next_deadline(), kNever);
  world.client_gone(r);
  world.head(r, 0);
  EXPECT_THAT(world.actions(), IsEmpty());
  const RequestRecord record = world.finish(r);
  EXPECT_EQ(record.status, 0);
  EXPECT_EQ(record.answered, kNever);
  EXPECT_EQ(record.flags, Flag::client_gone);
}

TEST(BalancerLife, ClientGoneDuringTheResponseCancelsItsAttempt) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request();
  world.sent(r, 0);
  world.head(r, 0);
  (void)world.actions();
  world.client_gone(r);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 client_gone"));
  EXPECT_EQ(world.finish(r).status, 200);
}

TEST(BalancerLife, FinishCancelsWhatStillRuns) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request();
  world.sent(r, 0);
  world.head(r, 0);
  (void)world.actions();
  (void)world.finish(r);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 client_gone"));
  world.expect_idle();
}

TEST(BalancerLife, RejectsWhenNobodyTakesRequests) {
  Config config = plain_config(2);
  for (BackendPolicy& backend : config.pools[0].backends) backend.weight = 0;
  TestBalancer world(config);
  const RequestId r = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 503 no_healthy_backend"));
  EXPECT_EQ(world.balancer().next_deadline(), kNever);
  const RequestRecord record = world.finish(r);
  EXPECT_EQ(record.status, 503);
  EXPECT_EQ(record.attempts, 0);
  EXPECT_EQ(record.rejection, RejectCause::no_healthy_backend);
  EXPECT_EQ(record.backend, std::nullopt);
  EXPECT_EQ(record.flags, Flag::rejected);
}

TEST(BalancerLife, RejectsAsOverflowBeyondItsCapacity) {
  TestBalancer world(plain_config(2), {.capacity = 2});
  const RequestId first = world.request();
  (void)world.request();
  (void)world.actions();
  const RequestId third = world.request();
  EXPECT_THAT(world.actions(), ElementsAre("reject r2 503 overflow"));
  EXPECT_EQ(world.finish(third).rejection, RejectCause::overflow);
  (void)world.finish(first);
  (void)world.actions();
  (void)world.request();
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0"));
}

TEST(BalancerLife, AReusedSlotIsAnotherRequest) {
  TestBalancer world(plain_config(2));
  const RequestId old = world.request();
  (void)world.finish(old);
  const RequestId r = world.request();
  EXPECT_EQ(r.slot, old.slot);
  EXPECT_NE(r.generation, old.generation);
  (void)world.actions();

  world.sent(old, 0);
  world.head(old, 0);
  world.end(old, 0);
  world.fail(old, 0, AttemptFailure::reset_before_head);
  world.replay_lost(old);
  world.upload_progress(old);
  world.client_gone(old);
  EXPECT_THAT(world.actions(), IsEmpty());
  EXPECT_EQ(world.balancer().attempts(old), 0U);
  EXPECT_EQ(world.balancer().attempts(r), 1U);
  EXPECT_EQ(world.in_flight(0) + world.in_flight(1), 1U);
}

TEST(BalancerLife, IgnoresFactsThatComeTwiceOrOutOfOrder) {
  TestBalancer world(plain_config(2));
  const RequestId r = world.request();
  (void)world.actions();
  world.end(r, 0);   // before its head
  world.sent(r, 1);  // of an attempt that was never started
  world.fail(r, 1, AttemptFailure::connect_refused);
  world.sent(r, 0);
  world.sent(r, 0);
  EXPECT_THAT(world.actions(), IsEmpty());
  world.head(r, 0, 200);
  world.head(r, 0, 502);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
  world.end(r, 0);
  world.end(r, 0);
  world.fail(r, 0, AttemptFailure::reset_in_body);
  EXPECT_THAT(world.actions(), IsEmpty());
  EXPECT_EQ(world.in_flight(0), 0U);
  world.head(RequestId{17, 0}, 0);  // of a slot that never was
  EXPECT_EQ(world.finish(r).flags, Flag::none);
}

TEST(BalancerLife, ARouteLeadsToItsPool) {
  Config config = plain_config(2);
  config.pools.push_back(config.pools[0]);
  config.pools[1].backends.resize(1);
  config.routes.resize(2);
  config.routes[1].split.front().pool = PoolIndex{1};
  TestBalancer world(config);
  const RequestId r = world.request_on(RouteIndex{1});
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 1/0"));
  const RequestRecord record = world.finish(r);
  EXPECT_EQ(record.route, RouteIndex{1});
  EXPECT_EQ(record.pool, PoolIndex{1});
}

TEST(BalancerLife, ADeadlineCalledTooEarlyDoesNothing) {
  TestBalancer world(plain_config(2), {.journal = JournalMode::digest});
  (void)world.request();
  (void)world.actions();
  const std::uint64_t entries = world.balancer().journal().count();
  world.balancer().on_deadline(world.balancer().next_deadline() - 1ns);
  EXPECT_THAT(world.actions(), IsEmpty());
  EXPECT_EQ(world.balancer().journal().count(), entries);
}

TEST(BalancerLifeDeathTest, FinishingTwiceIsAMistakeOfTheDriver) {
  TestBalancer world(plain_config(1));
  const RequestId r = world.request();
  (void)world.finish(r);
  EXPECT_DEATH((void)world.finish(r), "broken invariant");
}

TEST(BalancerLifeDeathTest, TimeNeverGoesBackwards) {
  TestBalancer world(plain_config(1), {}, at(1s));
  EXPECT_DEATH((void)world.balancer().on_deadline(at(1s) - 1ns), "broken invariant");
}

}  // namespace
}  // namespace evenkeel::core
