// SPDX-License-Identifier: Apache-2.0
//
// Whole requests at several workers: what is limited for one worker is limited for all of them
// together, whatever the messages between them take, and a worker alone has nobody to tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/balancer_cluster.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr BackendRef kFirst{};

BalancerCluster::Options workers(std::uint32_t count, Duration delay = 1ms) {
  BalancerCluster::Options options;
  options.workers = count;
  options.max_delay = delay;
  return options;
}

// A client whose bucket is with worker `home` of `count`.
RequestFacts client_of(std::uint32_t home, std::uint32_t count) {
  RequestFacts facts;
  while (home_of_key(facts.limit_key, count) != WorkerIndex{home}) {
    facts.limit_key = mix(facts.limit_key + 1);
  }
  return facts;
}

Config limited_config(std::uint32_t burst) {
  Config config = plain_config(1);
  config.routes[0].rate_limit = {Decimal{1000}, burst, ClientKey::client_ip, "", false};
  return config;
}

// ---- verdicts -----------------------------------------------------------------------------------

TEST(BalancerWorkers, AnOperatorsWordAtTheHomeIsEverybodys) {
  BalancerCluster cluster(plain_config(2), workers(4));
  cluster.set_admin(kFirst, AdminState::maintenance);
  cluster.wait(10ms);
  for (std::uint32_t w = 0; w < 4; ++w) {
    for (int i = 0; i < 4; ++i) {
      const std::size_t request = cluster.request(w);
      EXPECT_EQ(cluster[request].attempts[0].backend.backend, BackendIndex{1}) << w;
    }
  }
}

TEST(BalancerWorkers, AnOperatorsWordElsewhereIsIgnored) {
  BalancerCluster cluster(plain_config(2), workers(2));
  cluster.balancer(1).set_admin(cluster.now(), kFirst, AdminState::maintenance);
  cluster.balancer(1).force_breaker(cluster.now(), kFirst, BreakerState::open);
  cluster.balancer(1).on_check_ended(cluster.now(), CheckId{kFirst, 0}, CheckOutcome::refused);
  EXPECT_EQ(cluster.balancer(1).link(PoolIndex{0}).standing(BackendIndex{0}), Standing::eligible);
}

TEST(BalancerWorkers, FailuresSeenAtAnyWorkerOpenTheBreakerForAll) {
  Config config = plain_config(2);
  config.pools[0].circuit_breaker.enabled = true;
  config.pools[0].circuit_breaker.consecutive_failures = 3;
  config.pools[0].retry.max_attempts = 1;
  BalancerCluster cluster(config, workers(2));
  for (int i = 0; i < 8; ++i) {
    const std::size_t request = cluster.request(1);
    if (cluster[request].attempts[0].backend == kFirst) cluster.fail(request);
    cluster.finish(request);
  }
  cluster.wait(10ms);
  EXPECT_EQ(cluster.home(PoolIndex{0}).breaker(BackendIndex{0}), BreakerState::open);
  for (std::uint32_t w = 0; w < 2; ++w) {
    EXPECT_EQ(cluster.balancer(w).pool(PoolIndex{0}).standing(BackendIndex{0}),
              Standing::breaker_open)
        << w;
  }
}

// ---- load and limits ----------------------------------------------------------------------------

TEST(BalancerWorkers, LoadIsCountedTogetherAndGoesBackToNothing) {
  Config config = plain_config(2);
  config.pools[0].balance.algorithm = Algorithm::least_conn;
  BalancerCluster cluster(config, workers(2));
  // The home keeps one backend busy; the other worker has to hear of it.
  cluster.set_admin(BackendRef{PoolIndex{0}, BackendIndex{1}}, AdminState::drain);
  for (int i = 0; i < 8; ++i) (void)cluster.request(0);
  cluster.set_admin(BackendRef{PoolIndex{0}, BackendIndex{1}}, AdminState::ready);
  cluster.wait(50ms);
  for (int i = 0; i < 8; ++i) (void)cluster.request(1);
  EXPECT_EQ(cluster.in_flight(kFirst, 1), 0U);
  EXPECT_EQ(cluster.balancer(1).pool(PoolIndex{0}).load(BackendIndex{0}).in_flight, 0U)
      << "others' requests are not its own";
  cluster.drain();
  EXPECT_EQ(cluster.balancer(1).link(PoolIndex{0}).share()->others(BackendIndex{0}), 0U);
}

TEST(BalancerWorkers, WhoeverNeedsRoomGetsWhatAnotherDoesNotUse) {
  Config config = plain_config(1);
  config.pools[0].limits.max_requests = 4;
  BalancerCluster cluster(config, workers(2));
  for (int i = 0; i < 4; ++i) (void)cluster.request(1);
  EXPECT_LE(cluster.in_flight(kFirst), 2U) << "half of the limit is another's";
  cluster.wait(50ms);
  EXPECT_EQ(cluster.in_flight(kFirst), 4U);
  (void)cluster.request(0);
  EXPECT_EQ(cluster.in_flight(kFirst), 4U) << "all of it is in use";
}

TEST(BalancerWorkers, ThePoolsLimitIsOneForAll) {
  Config config = plain_config(3);
  config.pools[0].limits.pool.max_requests = 4;
  BalancerCluster cluster(config, workers(4));
  for (std::uint32_t w = 0; w < 4; ++w) {
    for (int i = 0; i < 3; ++i) (void)cluster.request(w);
  }
  for (int i = 0; i < 10; ++i) {
    cluster.wait(5ms);
    std::uint32_t all = 0;
    for (std::uint32_t b = 0; b < 3; ++b) {
      all += cluster.in_flight(BackendRef{PoolIndex{0}, BackendIndex{b}});
    }
    EXPECT_EQ(all, 4U);
  }
}

TEST(BalancerWorkers, ALimitOfConnectionsIsOneForAllToo) {
  Config config = plain_config(1);
  config.pools[0].limits.max_connections = 2;
  BalancerCluster cluster(config, workers(4));
  for (std::uint32_t w = 0; w < 4; ++w) (void)cluster.request(w);
  cluster.wait(50ms);
  EXPECT_EQ(cluster.in_flight(kFirst), 2U);
}

TEST(BalancerWorkers, WhoeverWaitsLongStillGetsRoomThatComesFree) {
  Config config = plain_config(1);
  config.pools[0].limits.max_requests = 1;
  config.pools[0].limits.queue_timeout = 10s;
  config.pools[0].retry.attempt_timeout = 14s;
  config.pools[0].connection_pool.connect_timeout = 14s;
  BalancerCluster cluster(config, workers(2));
  const std::size_t first = cluster.request(0);
  const std::size_t waits = cluster.request(1);
  cluster.wait(5s);
  EXPECT_THAT(cluster[waits].attempts, IsEmpty());
  cluster.answer(first);
  cluster.wait(50ms);
  EXPECT_EQ(cluster[waits].attempts.size(), 1U);
}

// ---- rate limits --------------------------------------------------------------------------------

TEST(BalancerWorkers, ARequestWaitsForTheWordOnItsRateLimitAndThenGoesOn) {
  BalancerCluster cluster(limited_config(1), workers(2));
  const RequestFacts client = client_of(0, 2);
  const std::size_t passes = cluster.request(1, client);
  EXPECT_THAT(cluster[passes].attempts, IsEmpty());
  cluster.wait(5ms);
  EXPECT_EQ(cluster[passes].attempts.size(), 1U);
  const std::size_t too_many = cluster.request(1, client);
  cluster.wait(5ms);
  ASSERT_TRUE(cluster[too_many].rejected.has_value());
  EXPECT_EQ(cluster[too_many].rejected->cause, RejectCause::rate_limited);
  EXPECT_GT(cluster[too_many].rejected->retry_after, Duration(900ms));
  // At the home nobody waits for a word.
  const std::size_t at_home = cluster.request(0, client);
  EXPECT_TRUE(cluster[at_home].rejected.has_value());
  cluster.drain();
  EXPECT_EQ(cluster.balancer(1).requests_in_flight(), 0U);
}

TEST(BalancerWorkers, AWordThatDoesNotComeCountsAsTheStoresSilence) {
  for (const bool fail_open : {true, false}) {
    Config config = limited_config(1);
    config.redis.fail_open = fail_open;
    BalancerCluster cluster(config, workers(2, 10s));
    const std::size_t request = cluster.request(1, client_of(0, 2));
    cluster.wait(LimitLink::kPatience - 1ns);
    EXPECT_FALSE(cluster[request].began || cluster[request].rejected);
    cluster.wait(1ns);
    EXPECT_EQ(cluster[request].began.has_value(), fail_open);
    EXPECT_EQ(cluster[request].rejected.has_value(), !fail_open);
    if (!fail_open) {
      EXPECT_EQ(cluster[request].rejected->status, 503);
    }
    cluster.wait(30s);  // the word that came late changes nothing
    EXPECT_LE(cluster[request].attempts.size(), 1U);
  }
}

TEST(BalancerWorkers, TheTimeOfARequestCountsFromItsArrivalWhomeverItWaitedFor) {
  BalancerCluster cluster(limited_config(1), workers(2, 20ms));
  RequestFacts client = client_of(0, 2);
  client.time_left = 200ms;
  const std::size_t request = cluster.request(1, client);
  cluster.wait(200ms - kDeadlineMargin - 1ns);
  ASSERT_EQ(cluster[request].attempts.size(), 1U);
  EXPECT_GT(*cluster[request].began, cluster[request].arrived);
  EXPECT_FALSE(cluster[request].rejected.has_value());
  cluster.wait(1ns);
  EXPECT_TRUE(cluster[request].rejected.has_value());
}

TEST(BalancerWorkers, AClientThatLeavesWhileItsRateLimitIsAskedLeavesNothing) {
  BalancerCluster cluster(limited_config(1), workers(2));
  const Balancer before = cluster.balancer(1);
  const std::size_t request = cluster.request(1, client_of(0, 2));
  cluster.client_gone(request);
  cluster.wait(1s);
  EXPECT_THAT(cluster[request].attempts, IsEmpty());
  EXPECT_EQ(cluster.balancer(1).requests_in_flight(), 0U);
}

TEST(BalancerWorkers, ALimitOfTheWholeRouteIsOneBucketWhateverTheKey) {
  Config config = limited_config(3);
  config.routes[0].rate_limit.key = ClientKey::route;
  BalancerCluster cluster(config, workers(4));
  std::uint32_t began = 0;
  for (std::uint32_t i = 0; i < 16; ++i) {
    const std::size_t request = cluster.request(i % 4, client_of(i / 4, 4));
    cluster.wait(5ms);
    began += cluster[request].began ? 1 : 0;
  }
  EXPECT_EQ(began, 3U);
}

// ---- reload -------------------------------------------------------------------------------------

TEST(BalancerWorkers, AConfigurationMayReachOneWorkerBeforeTheOthers) {
  Config config = plain_config(1);
  Config next = plain_config(2);
  next.pools.push_back(next.pools[0]);
  next.pools[1].name = "second";
  next.routes.push_back(next.routes[0]);
  next.routes[1].name = "second";
  next.routes[1].split = {SplitPolicy{PoolIndex{1}, 100, {}, ""}};
  next.pools[1].limits.max_requests = 4;
  BalancerCluster cluster(config, workers(2));
  const InUse in_use = cluster.places_in_use();
  // Its home has it, and an operator's word on it, before the other worker knows of the pool.
  cluster.apply(1, next, in_use);
  cluster.set_admin(BackendRef{PoolIndex{1}, BackendIndex{0}}, AdminState::maintenance);
  cluster.wait(20ms);
  cluster.apply(0, next, in_use);
  cluster.wait(20ms);
  RequestFacts second;
  second.route = RouteIndex{1};
  for (int i = 0; i < 4; ++i) {
    const std::size_t request = cluster.request(0, second);
    cluster.wait(20ms);
    ASSERT_EQ(cluster[request].attempts.size(), 1U);
    EXPECT_EQ(cluster[request].attempts[0].backend, (BackendRef{PoolIndex{1}, BackendIndex{1}}));
  }
  cluster.drain();
}

TEST(BalancerWorkers, AllPutEverybodyInTheSamePlace) {
  Config config = plain_config(3);
  BalancerCluster cluster(config, workers(2));
  std::vector<std::size_t> requests;
  for (int i = 0; i < 3; ++i) requests.push_back(cluster.request(1));
  for (int round = 0; round < 6; ++round) {
    for (BackendPolicy& backend : config.pools[0].backends) backend.id += "x";
    const InUse in_use = cluster.places_in_use();
    // One more begins when the first has been asked already.
    requests.push_back(cluster.request(0));
    for (std::uint32_t w = 0; w < 2; ++w) cluster.apply(w, config, in_use);
    EXPECT_EQ(cluster.balancer(0).config(), cluster.balancer(1).config());
    for (std::uint32_t w = 0; w < 2; ++w) {
      for (std::uint32_t b = 0; b < cluster.balancer(w).pool(PoolIndex{0}).size(); ++b) {
        EXPECT_EQ(cluster.balancer(w).pool(PoolIndex{0}).load(BackendIndex{b}).in_flight,
                  cluster.in_flight(BackendRef{PoolIndex{0}, BackendIndex{b}}, w));
      }
    }
    cluster.wait(20ms);
    cluster.answer(requests.back());
  }
  EXPECT_LE(cluster.balancer(0).pool(PoolIndex{0}).size(), 9U) << "places are used again";
  cluster.drain();
}

TEST(BalancerWorkers, ARequestWhoseRateLimitIsAskedOutlivesAReloadWithFewerRoutes) {
  Config config = limited_config(1);
  config.routes.insert(config.routes.begin(), config.routes[0]);
  config.routes[0].name = "other";
  BalancerCluster cluster(config, workers(2));
  RequestFacts client = client_of(0, 2);
  client.route = RouteIndex{1};
  const std::size_t request = cluster.request(1, client);
  Config next = plain_config(1);
  const InUse in_use = cluster.places_in_use();
  for (std::uint32_t w = 0; w < 2; ++w) cluster.apply(w, next, in_use);
  cluster.wait(20ms);
  EXPECT_TRUE(cluster[request].began.has_value());
  cluster.answer(request);
  cluster.drain();
}

// ---- one worker, and the journal ----------------------------------------------------------------

TEST(BalancerWorkers, WorkersDrawNumbersOfTheirOwn) {
  Config config = plain_config(10);
  config.pools[0].balance.algorithm = Algorithm::random;
  BalancerCluster cluster(config, workers(2));
  std::uint32_t same = 0;
  for (int i = 0; i < 100; ++i) {
    const std::size_t a = cluster.request(0);
    const std::size_t b = cluster.request(1);
    same += cluster[a].attempts[0].backend == cluster[b].attempts[0].backend ? 1 : 0;
  }
  EXPECT_LT(same, 30U);
}

TEST(BalancerWorkers, MessagesAreInTheJournal) {
  BalancerCluster::Options options = workers(2);
  options.journal = JournalMode::keep;
  BalancerCluster cluster(limited_config(1), options);
  (void)cluster.request(1, client_of(0, 2));
  cluster.wait(5ms);
  const auto messages = [&](std::uint32_t w, EntryKind kind) {
    std::vector<std::uint64_t> fingerprints;
    for (const Entry& entry : cluster.balancer(w).journal().recent()) {
      if (entry.kind == kind) fingerprints.push_back(entry.subject);
    }
    return fingerprints;
  };
  EXPECT_THAT(messages(1, EntryKind::message_out), ::testing::SizeIs(1));
  EXPECT_EQ(messages(1, EntryKind::message_out), messages(0, EntryKind::message_in));
  EXPECT_EQ(messages(0, EntryKind::message_out), messages(1, EntryKind::message_in));
}

TEST(BalancerWorkersDeathTest, NobodyAsksAWorkerForAHomeThatItIsNot) {
  BalancerCluster cluster(plain_config(1), workers(2));
  EXPECT_DEATH((void)cluster.balancer(1).home(PoolIndex{0}), "home != nullptr");
}

}  // namespace
}  // namespace evenkeel::core
