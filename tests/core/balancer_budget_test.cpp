// SPDX-License-Identifier: Apache-2.0
//
// How many retries there are, and how long each waits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"
#include "evenkeel/core/retry/backoff.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

RetryBudgetPolicy budget(std::uint32_t percent, std::uint32_t min_per_second, Duration interval) {
  RetryBudgetPolicy policy;
  policy.percent = percent;
  policy.min_per_second = min_per_second;
  policy.interval = interval;
  return policy;
}

// How many of `requests` at one moment get a retry when every first attempt is refused.
std::uint32_t retries_among(TestBalancer& world, std::uint32_t requests) {
  std::vector<RequestId> ids;
  for (std::uint32_t i = 0; i < requests; ++i) ids.push_back(world.request());
  std::uint32_t retries = 0;
  for (const RequestId id : ids) {
    world.fail(id, 0, AttemptFailure::connect_refused);
    const RequestRecord record = world.finish(id);
    const bool retried = has(record.flags, Flag::retried);
    EXPECT_NE(retried, has(record.flags, Flag::budget_exhausted));
    retries += retried ? 1 : 0;
  }
  (void)world.actions();
  return retries;
}

TEST(BalancerBudget, AnExhaustedBudgetSendsNoRetryAndSaysSo) {
  Config config = plain_config(3);
  retry_of(config).budget = budget(0, 0, 10s);
  TestBalancer world(config);
  const RequestId answered = world.request();
  (void)world.actions();
  world.head(answered, 0, 502);
  EXPECT_THAT(world.actions(), ElementsAre("send r0 a0"));
  EXPECT_EQ(world.finish(answered).flags, Flag::budget_exhausted);
  const RequestId refused = world.request();
  (void)world.actions();
  world.fail(refused, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 502 connect_failure"));
  EXPECT_EQ(world.finish(refused).flags, Flag::budget_exhausted | Flag::rejected);
}

TEST(BalancerBudget, TheReserveIsTheRateTimesTheInterval) {
  Config config = plain_config(3);
  retry_of(config).budget = budget(0, 3, 10s);
  TestBalancer world(config);
  EXPECT_EQ(retries_among(world, 100), 3U * 10U);
  world.pass(11s);  // the window, and the bucket that was being filled
  EXPECT_EQ(retries_among(world, 100), 3U * 10U);
}

TEST(BalancerBudget, TheShareIsOfRequestsAndNotOfAttempts) {
  Config config = plain_config(3);
  retry_of(config).budget = budget(20, 0, 10s);
  TestBalancer world(config);
  EXPECT_EQ(retries_among(world, 100), 20U);
  // 100 more requests of the same window; their 20 retries and those before are no requests.
  EXPECT_EQ(retries_among(world, 100), 20U);
}

TEST(BalancerBudget, RequestsThatNeededNoRetryPayForOthers) {
  Config config = plain_config(3);
  retry_of(config).budget = budget(20, 0, 10s);
  TestBalancer world(config);
  for (int i = 0; i < 40; ++i) (void)world.serve();
  EXPECT_EQ(retries_among(world, 10), 10U);
}

TEST(BalancerBudget, ARetryIsChargedWhenDecidedAndNotWhenItStarts) {
  Config config = plain_config(3);
  retry_of(config).budget = budget(0, 1, 1s);
  retry_of(config).backoff = {500ms, 500ms};
  TestBalancer world(config);
  const RequestId first = world.request();
  const RequestId second = world.request();
  (void)world.actions();
  world.fail(first, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), IsEmpty());  // waits for its backoff
  world.fail(second, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("reject r1 502 connect_failure"));
}

TEST(BalancerBudget, ADisabledBudgetAllowsEveryRetry) {
  Config config = plain_config(3);
  retry_of(config).budget.enabled = false;
  TestBalancer world(config);
  EXPECT_EQ(retries_among(world, 1000), 1000U);
}

TEST(BalancerBudget, EachPoolHasItsOwn) {
  Config config = plain_config(3);
  retry_of(config).budget = budget(0, 1, 1s);
  config.pools.push_back(config.pools[0]);
  config.routes.resize(2);
  config.routes[1].split.front().pool = PoolIndex{1};
  TestBalancer world(config);
  EXPECT_EQ(retries_among(world, 2), 1U);
  const RequestId r = world.request_on(RouteIndex{1});
  world.fail(r, 0, AttemptFailure::connect_refused);
  EXPECT_EQ(world.balancer().attempts(r), 2U);
}

// ---- backoff ------------------------------------------------------------------------------------

Config waiting_config() {
  Config config = plain_config(4);
  retry_of(config).max_attempts = 4;
  retry_of(config).backoff = {20ms, 50ms};
  retry_of(config).budget.enabled = false;
  return config;
}

// How long after its last attempt was refused the request gets the next one.
Duration wait_for_retry(TestBalancer& world, RequestId request) {
  const Instant failed = world.now();
  const std::uint32_t attempts = world.balancer().attempts(request);
  world.fail(request, attempts - 1, AttemptFailure::connect_refused);
  while (world.balancer().attempts(request) == attempts) world.fire_next();
  return world.now() - failed;
}

TEST(BalancerBackoff, DelaysAreKeyedByRequestAndAttemptAndUpToAMillisecondLate) {
  const BackoffPolicy policy = waiting_config().pools[0].retry.backoff;
  TestBalancer world(waiting_config());
  const Stream draws(world.seed(), "backoff");
  for (std::uint64_t number = 0; number < 200; ++number) {
    const RequestId r = world.request();
    for (std::uint32_t retry = 1; retry <= 3; ++retry) {
      const Duration drawn = backoff(policy, retry, draws.at(number * kMaxAttempts + retry));
      const Duration limit = std::min<Duration>(20ms * (1 << (retry - 1)), 50ms);
      EXPECT_LE(drawn, limit);
      const Duration due = round_up(world.now() + drawn, 1ms) - world.now();
      EXPECT_EQ(wait_for_retry(world, r), due) << "request " << number << " retry " << retry;
    }
    (void)world.finish(r);
  }
}

TEST(BalancerBackoff, TheDelayOfARequestDoesNotDependOnOthers) {
  std::vector<Duration> alone;
  std::vector<Duration> among_failures;
  for (std::vector<Duration>* waits : {&alone, &among_failures}) {
    TestBalancer world(waiting_config());
    for (int i = 0; i < 20; ++i) {
      const RequestId other = world.request();
      if (waits == &among_failures) world.fail(other, 0, AttemptFailure::connect_refused);
      (void)world.finish(other);
      const RequestId r = world.request();
      waits->push_back(wait_for_retry(world, r));
      (void)world.finish(r);
    }
  }
  EXPECT_EQ(alone, among_failures);
}

TEST(BalancerBackoff, TheRequestsDeadlineAlsoEndsTheWait) {
  Config config = plain_config(2);
  config.routes[0].timeout = 30ms;
  retry_of(config).backoff = {10s, 10s};
  TestBalancer world(config);
  const RequestId r = world.request();
  world.fail(r, 0, AttemptFailure::connect_refused);
  (void)world.actions();
  world.pass(30ms);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 504 request_timeout"));
  EXPECT_EQ(world.balancer().next_deadline(), kNever);
  EXPECT_EQ(world.finish(r).failure, AttemptFailure::connect_refused);
}

}  // namespace
}  // namespace evenkeel::core
