// SPDX-License-Identifier: Apache-2.0
//
// Which requests get another attempt, where it goes, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BalancerRetry, ARetriableStatusGoesToAnotherBackend) {
  TestBalancer world(plain_config(3));
  const RequestId r = world.request();
  world.sent(r, 0);
  (void)world.actions();
  world.head(r, 0, 502);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 retried", "start r0 a1 on 0/1"));
  EXPECT_EQ(world.in_flight(0), 0U);
  EXPECT_EQ(world.in_flight(1), 1U);
  world.sent(r, 1);
  world.head(r, 1, 200);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a1"));
  world.end(r, 1);
  const RequestRecord record = world.finish(r);
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.attempts, 2);
  EXPECT_EQ(record.flags, Flag::retried);
  EXPECT_EQ(record.backend, BackendIndex{1});
  world.expect_idle();
}

TEST(BalancerRetry, AnUnlistedStatusIsForwarded) {
  for (const std::uint16_t status : {200, 404, 429, 500, 501, 503}) {
    TestBalancer world(plain_config(3));
    const RequestId r = world.request();
    world.sent(r, 0);
    (void)world.actions();
    world.head(r, 0, status);
    EXPECT_THAT(world.actions(), ElementsAre("send r0 a0")) << status;
    EXPECT_EQ(world.finish(r).status, status);
  }
}

TEST(BalancerRetry, TheLastAnswerIsForwardedWhenAttemptsAreExhausted) {
  Config config = plain_config(5);
  retry_of(config).max_attempts = 3;
  TestBalancer world(config);
  const RequestId r = world.request();
  for (std::uint32_t attempt = 0; attempt < 2; ++attempt) {
    world.sent(r, attempt);
    world.head(r, attempt, 504);
  }
  (void)world.actions();
  world.sent(r, 2);
  world.head(r, 2, 502);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a2"));
  const RequestRecord record = world.finish(r);
  EXPECT_EQ(record.status, 502);
  EXPECT_EQ(record.attempts, 3);
}

TEST(BalancerRetry, TheLastFailureDecidesTheAnswer) {
  const std::pair<AttemptFailure, std::string> table[] = {
      {AttemptFailure::connect_refused, "reject r0 502 connect_failure"},
      {AttemptFailure::connect_timeout, "reject r0 502 connect_failure"},
      {AttemptFailure::stale_connection, "reject r0 502 upstream_reset"},
      {AttemptFailure::reset_before_head, "reject r0 502 upstream_reset"},
      {AttemptFailure::bad_response, "reject r0 502 bad_response"},
      {AttemptFailure::attempt_timeout, "reject r0 504 upstream_timeout"},
      {AttemptFailure::reset_in_body, "reject r0 502 upstream_reset"},
      {AttemptFailure::local, "reject r0 503 local_failure"},
  };
  static_assert(std::size(table) == kAttemptFailureCount);
  Config config = plain_config(2);
  retry_of(config).max_attempts = 1;
  for (const auto& [failure, answer] : table) {
    TestBalancer world(config);
    const RequestId r = world.request();
    world.sent(r, 0);
    (void)world.actions();
    world.fail(r, 0, failure);
    EXPECT_THAT(world.actions(), ElementsAre(answer));
    EXPECT_EQ(world.balancer().next_deadline(), kNever);
    const RequestRecord record = world.finish(r);
    EXPECT_EQ(record.failure, failure);
    EXPECT_EQ(record.backend, BackendIndex{0});
    EXPECT_EQ(record.flags, Flag::rejected);
    world.expect_idle();
  }
}

// Who may be sent again: [a GET, or a POST] × [no byte left, or some did].
struct Resend {
  AttemptFailure failure;
  bool get_unsent, get_sent, post_unsent, post_sent;
};

TEST(BalancerRetry, OnlyWhatIsSafeIsSentAgain) {
  const Resend table[] = {
      {AttemptFailure::connect_refused, true, true, true, false},
      {AttemptFailure::connect_timeout, true, true, true, false},
      {AttemptFailure::stale_connection, true, true, true, false},
      {AttemptFailure::reset_before_head, true, true, true, false},
      {AttemptFailure::attempt_timeout, true, true, true, false},
      {AttemptFailure::local, true, true, true, false},
      {AttemptFailure::bad_response, false, false, false, false},
      {AttemptFailure::reset_in_body, false, false, false, false},
  };
  static_assert(std::size(table) == kAttemptFailureCount);
  const auto is_retried = [](Method method, bool sent, bool replayable, AttemptFailure failure) {
    TestBalancer world(plain_config(3));
    const RequestId r = world.request(method, replayable);
    if (sent) world.sent(r, 0);
    world.fail(r, 0, failure);
    return world.balancer().attempts(r) == 2;
  };
  for (const Resend& row : table) {
    const auto failure = row.failure;
    const auto name = to_text(failure);
    EXPECT_EQ(is_retried(Method::get, false, true, failure), row.get_unsent) << name;
    EXPECT_EQ(is_retried(Method::get, true, true, failure), row.get_sent) << name;
    EXPECT_EQ(is_retried(Method::post, false, true, failure), row.post_unsent) << name;
    EXPECT_EQ(is_retried(Method::post, true, true, failure), row.post_sent) << name;
    // A GET whose body is gone is as final as a POST.
    EXPECT_EQ(is_retried(Method::get, false, false, failure), row.post_unsent) << name;
    EXPECT_EQ(is_retried(Method::get, true, false, failure), row.post_sent) << name;
  }
}

TEST(BalancerRetry, ConditionsThatAreSwitchedOffAreNotRetried) {
  const auto is_retried = [](const RetryConditions& on, AttemptFailure failure) {
    Config config = plain_config(3);
    retry_of(config).on = on;
    TestBalancer world(config);
    const RequestId r = world.request();
    world.fail(r, 0, failure);
    return world.balancer().attempts(r) == 2;
  };
  RetryConditions on;
  on.connect_failure = false;
  EXPECT_FALSE(is_retried(on, AttemptFailure::connect_refused));
  EXPECT_FALSE(is_retried(on, AttemptFailure::connect_timeout));
  EXPECT_TRUE(is_retried(on, AttemptFailure::reset_before_head));
  on = RetryConditions{};
  on.reset_before_head = false;
  EXPECT_FALSE(is_retried(on, AttemptFailure::reset_before_head));
  EXPECT_TRUE(is_retried(on, AttemptFailure::connect_refused));
  on = RetryConditions{};
  on.attempt_timeout = false;
  EXPECT_FALSE(is_retried(on, AttemptFailure::attempt_timeout));
}

TEST(BalancerRetry, APostIsNeverSentAgainWhateverItsAnswer) {
  TestBalancer world(plain_config(3));
  const RequestId r = world.request(Method::post);
  world.sent(r, 0);
  (void)world.actions();
  world.head(r, 0, 502);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
}

// The answer itself proves that bytes arrived, also when nobody said so.
TEST(BalancerRetry, AnAnswerCountsAsSent) {
  TestBalancer world(plain_config(3));
  const RequestId r = world.request(Method::post);
  (void)world.actions();
  world.head(r, 0, 502);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
}

TEST(BalancerRetry, AnEarlierAttemptThatSentCounts) {
  TestBalancer world(plain_config(3));
  const RequestId r = world.request(Method::get);
  world.sent(r, 0);
  world.fail(r, 0, AttemptFailure::reset_before_head);
  world.replay_lost(r);
  (void)world.actions();
  world.fail(r, 1, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 502 connect_failure"));
}

TEST(BalancerRetry, ALostReplayEndsRetries) {
  TestBalancer world(plain_config(3));
  const RequestId r = world.request(Method::put);
  world.sent(r, 0);
  world.replay_lost(r);
  (void)world.actions();
  world.fail(r, 0, AttemptFailure::reset_before_head);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 502 upstream_reset"));
}

TEST(BalancerRetry, AReplayLostDuringTheBackoffEndsRetries) {
  Config config = plain_config(3);
  retry_of(config).backoff = {100ms, 100ms};
  TestBalancer world(config);
  const RequestId r = world.request();
  world.sent(r, 0);
  world.fail(r, 0, AttemptFailure::attempt_timeout);
  (void)world.actions();
  world.replay_lost(r);
  world.pass(101ms);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 504 upstream_timeout"));
  EXPECT_EQ(world.finish(r).attempts, 1);
}

TEST(BalancerRetry, SheddingIsForwardedAndNotRetried) {
  Config config = plain_config(3);
  retry_of(config).on.statuses = {429, 502, 503};
  for (const std::uint16_t status : {429, 503}) {
    TestBalancer world(config);
    const RequestId shed = world.request();
    world.sent(shed, 0);
    (void)world.actions();
    world.head(shed, 0, status, true);
    EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
    (void)world.finish(shed);
    (void)world.actions();
    // Without Retry-After the same status is a failure like others.
    const RequestId failed = world.request();
    world.sent(failed, 0);
    (void)world.actions();
    world.head(failed, 0, status, false);
    EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 retried", "start r0 a1 on 0/2"));
  }
  // A 502 does not become shedding by naming a time.
  TestBalancer world(config);
  const RequestId r = world.request();
  (void)world.actions();
  world.head(r, 0, 502, true);
  EXPECT_THAT(world.actions(), ElementsAre("cancel r0 a0 retried", "start r0 a1 on 0/1"));
}

TEST(BalancerRetry, AStaleConnectionIsRetriedOnAFreshOneWithoutEvidence) {
  Config config = plain_config(1);
  config.pools[0].circuit_breaker.enabled = true;
  config.pools[0].circuit_breaker.consecutive_failures = 1;
  TestBalancer world(config);
  const RequestId r = world.request();
  (void)world.actions();
  world.fail(r, 0, AttemptFailure::stale_connection);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a1 on 0/0 fresh"));
  EXPECT_THAT(world.transitions(), IsEmpty());
  // The fresh one failed on its own: the next may be a reused one again, if there is a next.
  world.fail(r, 1, AttemptFailure::local);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a2 on 0/0"));
  EXPECT_THAT(world.transitions(), IsEmpty());
}

TEST(BalancerRetry, AReplayAfterAStaleConnectionIsFreeAndImmediate) {
  Config config = plain_config(2);
  retry_of(config).budget.percent = 0;
  retry_of(config).budget.min_per_second = 0;
  retry_of(config).backoff = {50ms, 50ms};
  TestBalancer world(config);
  const RequestId r = world.request();
  (void)world.actions();
  world.sent(r, 0);
  world.fail(r, 0, AttemptFailure::stale_connection);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a1 on 0/1 fresh"));
  // A failure of any other kind is charged, and there is nothing to charge it to.
  world.sent(r, 1);
  world.fail(r, 1, AttemptFailure::reset_before_head);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 502 upstream_reset"));
}

TEST(BalancerRetry, AReusedConnectionThatDiesLateIsTheBackendsFailure) {
  Config config = plain_config(1);
  config.pools[0].circuit_breaker.enabled = true;
  config.pools[0].circuit_breaker.consecutive_failures = 1;
  TestBalancer world(config);
  const RequestId r = world.request();
  (void)world.actions();
  world.sent(r, 0);
  world.pass(kReuseRace + 1ns);
  world.fail(r, 0, AttemptFailure::stale_connection);
  EXPECT_THAT(world.transitions(), ElementsAre("breaker 0/0 closed>open consecutive_failures 1"));
  EXPECT_EQ(world.finish(r).failure, AttemptFailure::reset_before_head);
}

TEST(BalancerRetry, TriedBackendsComeLast) {
  Config config = plain_config(3);
  retry_of(config).max_attempts = 5;
  TestBalancer world(config);
  const RequestId r = world.request();
  for (std::uint32_t attempt = 0; attempt < 4; ++attempt) {
    world.fail(r, attempt, AttemptFailure::connect_refused);
  }
  // In turn while some are untried; then turns begin anew.
  EXPECT_THAT(world.actions(),
              ElementsAre("start r0 a0 on 0/0", "start r0 a1 on 0/1", "start r0 a2 on 0/2",
                          "start r0 a3 on 0/0", "start r0 a4 on 0/1"));
}

TEST(BalancerRetry, WhoeverIsNotEligibleCountsAsTried) {
  Config config = plain_config(3);
  config.pools[0].backends[1].weight = 0;
  TestBalancer world(config);
  const RequestId r = world.request();
  for (std::uint32_t attempt = 0; attempt < 2; ++attempt) {
    world.fail(r, attempt, AttemptFailure::connect_refused);
  }
  EXPECT_THAT(world.actions(),
              ElementsAre("start r0 a0 on 0/0", "start r0 a1 on 0/2", "start r0 a2 on 0/0"));
}

// The failure that takes the last backend out is also the one that would have been retried.
TEST(BalancerRetry, WithoutAnEligibleBackendTheFailureIsAnsweredAndNothingCharged) {
  Config config = plain_config(1);
  config.pools[0].circuit_breaker.enabled = true;
  config.pools[0].circuit_breaker.consecutive_failures = 1;
  TestBalancer world(config);
  const RequestId r = world.request();
  (void)world.actions();
  world.fail(r, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 502 connect_failure"));
  EXPECT_EQ(world.finish(r).flags, Flag::rejected);
}

TEST(BalancerRetry, NobodyEligibleAtTheEndOfTheBackoffIsSaidSo) {
  Config config = plain_config(1);
  config.pools[0].circuit_breaker.enabled = true;
  config.pools[0].circuit_breaker.consecutive_failures = 2;
  retry_of(config).backoff = {100ms, 100ms};
  TestBalancer world(config);
  const RequestId waiting = world.request();
  world.head(waiting, 0, 502);
  const RequestId other = world.request();
  world.head(other, 0, 500);  // the second failure in a row: the breaker opens
  (void)world.actions();
  world.pass(101ms);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 503 no_healthy_backend"));
  const RequestRecord record = world.finish(waiting);
  EXPECT_EQ(record.backend, BackendIndex{0});  // whose answer was thrown away
  EXPECT_EQ(record.flags, Flag::retried | Flag::rejected);
}

TEST(BalancerRetry, ClientGoneDuringTheBackoffStartsNothing) {
  Config config = plain_config(2);
  retry_of(config).backoff = {100ms, 100ms};
  TestBalancer world(config);
  const RequestId r = world.request();
  world.fail(r, 0, AttemptFailure::connect_refused);
  (void)world.actions();
  world.client_gone(r);
  world.pass(1s);
  EXPECT_THAT(world.actions(), IsEmpty());
  EXPECT_EQ(world.finish(r).attempts, 1);
  world.expect_idle();
}

TEST(BalancerRetry, LateFactsOfARetriedAttemptAreIgnored) {
  TestBalancer world(plain_config(3));
  const RequestId r = world.request();
  world.sent(r, 0);
  world.head(r, 0, 502);
  (void)world.actions();
  world.sent(r, 0);
  world.head(r, 0, 200);
  world.end(r, 0);
  world.fail(r, 0, AttemptFailure::reset_in_body);
  EXPECT_THAT(world.actions(), IsEmpty());
  EXPECT_EQ(world.in_flight(0), 0U);
  EXPECT_EQ(world.in_flight(1), 1U);
}

}  // namespace
}  // namespace evenkeel::core
