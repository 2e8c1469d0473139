// SPDX-License-Identifier: Apache-2.0
//
// Defects that others shipped, each as the test that would have found it here. Those of a single
// part have theirs beside the part's other tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;

// A thousand requests that fail at once all retried, as retries in their backoff were not counted.
TEST(Defect, RetriesAreChargedWhenDecidedAndNotAfterTheirBackoff_Envoy30205) {
  Config config = plain_config(4);
  config.pools[0].limits = LimitsPolicy{0, 0, 0, 1s, QueueDiscipline::fifo, 5ms, 100ms, {}};
  config.pools[0].retry.budget = {true, 20, 0, 10s};
  config.pools[0].retry.backoff = {100ms, 100ms};
  TestBalancer world(config);
  std::vector<RequestId> requests;
  for (int i = 0; i < 1000; ++i) requests.push_back(world.request());
  for (const RequestId id : requests) world.fail(id, 0, AttemptFailure::connect_refused);
  (void)world.actions();
  world.pass(1s);
  const auto retries = world.actions();
  EXPECT_EQ(std::count_if(retries.begin(), retries.end(),
                          [](const std::string& line) { return line.rfind("start", 0) == 0; }),
            200);
}

TEST(Defect, RequestsThatAreStillConnectingCountAsLoad_Envoy44989) {
  Config config = plain_config(2);
  config.pools[0].balance.algorithm = Algorithm::least_request;
  TestBalancer world(config);
  for (int i = 0; i < 10; ++i) (void)world.request();  // none is sent
  EXPECT_EQ(world.in_flight(0), 5U);
  EXPECT_EQ(world.in_flight(1), 5U);
}

TEST(Defect, TheTwoChoicesAreNeverTheSameBackend_Envoy11004) {
  Config config = plain_config(2);
  config.pools[0].balance.algorithm = Algorithm::least_request;
  TestBalancer world(config);
  const RequestId busy = world.request();
  const std::string idle = world.in_flight(0) == 1 ? "a0 on 0/1" : "a0 on 0/0";
  EXPECT_EQ(world.picks(), std::set<std::string>{idle});
  (void)world.finish(busy);
}

TEST(Defect, TrafficToABackendThatIsOutIsAPanicThatOneCanSee_Envoy28304) {
  Config config = plain_config(2);
  config.pools[0].balance.panic_threshold = 100;
  config.pools[0].health_check.type = CheckType::tcp;
  config.pools[0].health_check.initial_state = InitialState::unhealthy;
  TestBalancer world(config);
  EXPECT_TRUE(world.balancer().pool(PoolIndex{0}).panic());
  EXPECT_THAT(world.transitions(),
              ::testing::Contains(::testing::StartsWith("panic 0/0 off>on few_healthy")));
  const RequestId request = world.request();
  EXPECT_TRUE(has(world.finish(request).flags, Flag::panic));
}

TEST(Defect, NobodyStarvesDuringItsSlowStart_Envoy19526) {
  Config config = plain_config(3);
  config.pools[0].balance.algorithm = Algorithm::weighted_round_robin;
  config.pools[0].balance.slow_start = {10s, Decimal{1000}, 1};
  TestBalancer world(config);
  const BackendRef joins{{}, BackendIndex{0}};
  world.balancer().set_admin(world.now(), joins, AdminState::maintenance);
  world.balancer().set_admin(world.now(), joins, AdminState::ready);
  std::set<std::string> picked;
  for (int i = 0; i < 400; ++i) picked.insert(world.next_pick());
  EXPECT_EQ(picked.size(), 3U) << "at one percent it still has its turn";
}

TEST(Defect, WhenEverybodyFailsSomebodyIsStillAsked_Linkerd11493) {
  Config config = plain_config(3);
  config.pools[0].outlier_detection = OutlierDetectionPolicy{};
  config.pools[0].outlier_detection.consecutive_failures = 1;
  config.pools[0].outlier_detection.max_ejection_percent = 100;
  config.pools[0].retry.max_attempts = 1;
  TestBalancer world(config);
  for (int i = 0; i < 50; ++i) (void)world.serve(500);
  EXPECT_GE(world.eligible_count(), 1U);
}

TEST(Defect, BalancersDoNotWalkInStep_Nginx837) {
  Config config = plain_config(7);
  config.pools[0].balance.algorithm = Algorithm::weighted_round_robin;
  std::set<std::uint32_t> first;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Balancer::Options options;
    options.seed = Seed{seed};
    Balancer balancer(std::make_shared<const Config>(config), options, at(0s));
    (void)balancer.on_request(at(0s), RequestFacts{});
    first.insert(index(std::get<StartAttempt>(*balancer.poll_action()).backend.backend));
  }
  EXPECT_GE(first.size(), 5U) << "each begins at a place of its own";
}

TEST(Defect, NothingIsRetriedOnceAResponseHeadWasForwarded_GoBalance1) {
  TestBalancer world(plain_config(2));
  const RequestId request = world.request();
  world.sent(request, 0);
  world.head(request, 0, 200);
  world.fail(request, 0, AttemptFailure::reset_in_body);
  EXPECT_THAT(world.actions(),
              ElementsAre("start r0 a0 on 0/0", "send r0 a0", "abort r0 reset_in_body"));
}

TEST(Defect, ARetryGoesToAnotherBackendAndAnOpenBreakerCostsNoAttempt_GoBalance6) {
  Config config = plain_config(3);
  config.pools[0].circuit_breaker = CircuitBreakerPolicy{};
  config.pools[0].retry.max_attempts = 2;
  TestBalancer world(config);
  world.balancer().force_breaker(world.now(), BackendRef{{}, BackendIndex{1}}, BreakerState::open);
  const RequestId request = world.request();
  world.fail(request, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0", "start r0 a1 on 0/2"));
}

TEST(Defect, TheBudgetIsOfRequestsAndNotOfFailures_GoBalance7) {
  Config config = plain_config(2);
  config.pools[0].retry.budget = {true, 10, 0, 10s};
  TestBalancer world(config);
  for (int i = 0; i < 99; ++i) (void)world.serve(200);
  std::uint32_t retried = 0;
  std::vector<RequestId> requests;
  for (int i = 0; i < 11; ++i) {
    const RequestId id = world.request();
    (void)world.actions();
    world.fail(id, 0, AttemptFailure::connect_refused);
    for (const std::string& line : world.actions()) retried += line.rfind("start", 0) == 0 ? 1 : 0;
    requests.push_back(id);
  }
  EXPECT_EQ(retried, 11U) << "ten percent of 110 requests, though only eleven failed";
  for (const RequestId id : requests) (void)world.finish(id);
}

TEST(Defect, TurnsByWeightAreSpreadAndNotInBlocks_Enterprise) {
  Config config = plain_config(3);
  config.pools[0].balance.algorithm = Algorithm::weighted_round_robin;
  config.pools[0].backends[0].weight = 3;
  config.pools[0].backends[1].weight = 2;
  TestBalancer world(config);
  std::vector<std::string> turns;
  for (int i = 0; i < 12; ++i) turns.push_back(world.next_pick());
  for (std::size_t i = 2; i < turns.size(); ++i) {
    EXPECT_FALSE(turns[i] == turns[i - 1] && turns[i] == turns[i - 2]) << "three in a row at " << i;
  }
}

}  // namespace
}  // namespace evenkeel::core
