// SPDX-License-Identifier: Apache-2.0
//
// Sessions: who goes back to his backend, what the store is asked, what the client is given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;

constexpr SessionKey kAlice{1, 2};
constexpr SessionKey kFresh{7, 7};

Config session_config(std::uint32_t backends, SessionStoreKind store = SessionStoreKind::memory) {
  Config config = plain_config(backends);
  config.pools[0].session.mode = SessionMode::cookie;
  config.pools[0].session.store = store;
  return config;
}

RequestFacts shows(std::optional<SessionKey> key, SessionKey entropy = kFresh) {
  RequestFacts facts;
  facts.session = key;
  facts.entropy = entropy;
  return facts;
}

// Serves one request to the end and tells what was done.
std::vector<std::string> serve(TestBalancer& world, const RequestFacts& facts) {
  const RequestId id = world.balancer().on_request(world.now(), facts);
  world.sent(id, 0);
  world.head(id, 0);
  world.end(id, 0);
  std::vector<std::string> lines = world.actions();
  (void)world.finish(id);
  return lines;
}

TEST(BalancerSession, ANewClientGetsASessionWithItsFirstResponse) {
  TestBalancer world(session_config(3));
  EXPECT_THAT(serve(world, shows(std::nullopt)),
              ElementsAre("start r0 a0 on 0/0", "issue session to r0 on 0", "send r0 a0"));
}

TEST(BalancerSession, TheClientGoesBackToItsBackend) {
  TestBalancer world(session_config(3));
  (void)serve(world, shows(std::nullopt));
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(serve(world, shows(kFresh)), ElementsAre("start r0 a0 on 0/0", "send r0 a0"));
    (void)serve(world, shows(std::nullopt, SessionKey{9, static_cast<std::uint64_t>(i)}));
  }
}

TEST(BalancerSession, ANameThatNobodyKnowsIsNotAdopted) {
  TestBalancer world(session_config(3));
  EXPECT_THAT(serve(world, shows(kAlice)),
              ElementsAre("start r0 a0 on 0/0", "issue session to r0 on 0", "send r0 a0"));
  EXPECT_THAT(serve(world, shows(kAlice)), ::testing::Contains("issue session to r0 on 1"));
}

TEST(BalancerSession, DrainingKeepsSessionsAndTakesNoNewOnes) {
  TestBalancer world(session_config(2));
  (void)serve(world, shows(std::nullopt));
  world.balancer().set_admin(world.now(), BackendRef{}, AdminState::drain);
  EXPECT_THAT(serve(world, shows(kFresh)), ElementsAre("start r0 a0 on 0/0", "send r0 a0"));
  for (std::uint64_t i = 0; i < 4; ++i) {
    EXPECT_THAT(serve(world, shows(std::nullopt, SessionKey{5, i})),
                ::testing::Contains("start r0 a0 on 0/1"));
  }
}

TEST(BalancerSession, StickyLookupIgnoresTheBreaker_EnterpriseDefect13) {
  TestBalancer world(session_config(2));
  (void)serve(world, shows(std::nullopt));
  world.balancer().force_breaker(world.now(), BackendRef{}, BreakerState::open);
  EXPECT_THAT(serve(world, shows(kFresh)), ElementsAre("start r0 a0 on 0/1", "send r0 a0"));
  // It lives there now.
  world.balancer().force_breaker(world.now(), BackendRef{}, std::nullopt);
  EXPECT_THAT(serve(world, shows(kFresh)), ElementsAre("start r0 a0 on 0/1", "send r0 a0"));
}

TEST(BalancerSession, StrictSessionsAreRefusedRatherThanMoved) {
  Config config = session_config(2);
  config.pools[0].session.strict = true;
  TestBalancer world(config);
  (void)serve(world, shows(std::nullopt));
  world.balancer().set_admin(world.now(), BackendRef{}, AdminState::maintenance);
  (void)world.balancer().on_request(world.now(), shows(kFresh));
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 503 session_lost"));
}

TEST(BalancerSession, AStrictSessionIsNotRetriedElsewhere) {
  Config config = session_config(2);
  config.pools[0].session.strict = true;
  TestBalancer world(config);
  (void)serve(world, shows(std::nullopt));
  const RequestId id = world.balancer().on_request(world.now(), shows(kFresh));
  (void)world.actions();
  world.fail(id, 0, AttemptFailure::connect_refused);
  EXPECT_THAT(world.actions(), ElementsAre("reject r0 502 connect_failure"));
}

TEST(BalancerSession, ARetryMovesTheSessionToWhomeverAnswers) {
  TestBalancer world(session_config(2));
  (void)serve(world, shows(std::nullopt));
  const RequestId id = world.balancer().on_request(world.now(), shows(kFresh));
  world.fail(id, 0, AttemptFailure::connect_refused);
  world.sent(id, 1);
  world.head(id, 1);
  world.end(id, 1);
  EXPECT_THAT(world.actions(),
              ElementsAre("start r0 a0 on 0/0", "start r0 a1 on 0/1", "send r0 a1"));
  (void)world.finish(id);
  EXPECT_THAT(serve(world, shows(kFresh)), ElementsAre("start r0 a0 on 0/1", "send r0 a0"));
}

TEST(BalancerSession, ASessionIsNeverHedged) {
  Config config = session_config(2);
  config.pools[0].retry.hedge.enabled = true;
  config.pools[0].retry.hedge.delay = 5ms;
  config.pools[0].retry.hedge.budget_percent = 100;
  TestBalancer world(config);
  (void)serve(world, shows(std::nullopt));
  (void)world.balancer().on_request(world.now(), shows(kFresh));
  (void)world.actions();
  world.pass(100ms);
  EXPECT_THAT(world.actions(), ElementsAre());
}

TEST(BalancerSession, ARemoteStoreIsAskedAndItsAnswerFollowed) {
  TestBalancer world(session_config(3, SessionStoreKind::redis));
  const RequestId id = world.balancer().on_request(world.now(), shows(kAlice));
  EXPECT_THAT(world.actions(), ElementsAre("look up session of r0 in 0"));
  world.pass(3ms);
  world.balancer().on_session_found(world.now(), id, BackendIndex{2});
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/2"));
  world.balancer().on_session_found(world.now(), id, BackendIndex{1});
  EXPECT_THAT(world.actions(), ElementsAre()) << "it was answered already";
}

TEST(BalancerSession, AStoreThatDoesNotAnswerIsNotWaitedForLongerThanItsTimeout) {
  Config config = session_config(3, SessionStoreKind::redis);
  config.redis.timeout = 50ms;
  TestBalancer world(config);
  RequestFacts facts = shows(kAlice);
  facts.signed_backend = BackendIndex{1};
  const RequestId id = world.balancer().on_request(world.now(), facts);
  (void)world.actions();
  world.pass(49ms);
  EXPECT_THAT(world.actions(), ElementsAre());
  world.pass(1ms);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/1")) << "as its signature says";
  world.balancer().on_session_found(world.now(), id, BackendIndex{2});
  EXPECT_THAT(world.actions(), ElementsAre());
}

TEST(BalancerSession, WhenTheStoreFailsANewSessionIsIssuedSigned) {
  TestBalancer world(session_config(3, SessionStoreKind::redis));
  EXPECT_THAT(serve(world, shows(std::nullopt)),
              ElementsAre("start r0 a0 on 0/0", "issue signed session to r0 on 0",
                          "store session on 0/0", "send r0 a0"));
}

TEST(BalancerSession, NoMoreThanMaxWaitingLookupsWait) {
  Config config = session_config(2, SessionStoreKind::redis);
  config.redis.max_waiting = 2;
  TestBalancer world(config);
  for (std::uint64_t i = 0; i < 3; ++i) {
    (void)world.balancer().on_request(world.now(), shows(SessionKey{3, i}));
  }
  EXPECT_THAT(world.actions(),
              ElementsAre("look up session of r0 in 0", "look up session of r1 in 0",
                          ::testing::StartsWith("start r2 a0 on 0/")));
}

TEST(BalancerSession, ALookupThatFailedFreesItsPlace) {
  Config config = session_config(2, SessionStoreKind::redis);
  config.redis.max_waiting = 1;
  TestBalancer world(config);
  const RequestId id = world.balancer().on_request(world.now(), shows(kAlice));
  world.balancer().on_session_store_failed(world.now(), id);
  (void)world.actions();
  (void)world.balancer().on_request(world.now(), shows(SessionKey{8, 8}));
  EXPECT_THAT(world.actions(), ElementsAre("look up session of r1 in 0"));
}

TEST(BalancerSession, AClientThatLeavesDuringTheLookupFreesItsPlace) {
  Config config = session_config(2, SessionStoreKind::redis);
  config.redis.max_waiting = 1;
  TestBalancer world(config);
  const RequestId id = world.balancer().on_request(world.now(), shows(kAlice));
  world.client_gone(id);
  (void)world.finish(id);
  (void)world.balancer().on_request(world.now(), shows(kAlice));
  EXPECT_THAT(world.actions(),
              ElementsAre("look up session of r0 in 0", "look up session of r0 in 0"));
}

TEST(BalancerSession, AStrictSessionThatWaitsDoesNotGoElsewhere) {
  Config config = session_config(2);
  config.pools[0].session.strict = true;
  config.pools[0].limits.pool.max_requests = 1;
  TestBalancer world(config);
  (void)serve(world, shows(std::nullopt));
  const RequestId busy = world.balancer().on_request(world.now(), shows(std::nullopt, kAlice));
  (void)world.balancer().on_request(world.now(), shows(kFresh));
  (void)world.actions();
  world.balancer().set_admin(world.now(), BackendRef{}, AdminState::maintenance);
  (void)world.finish(busy);
  EXPECT_THAT(world.actions(), ::testing::Contains("reject r1 503 session_lost"));
}

TEST(BalancerSession, ASessionStaysThoughItsBackendWasFullForAMoment) {
  Config config = session_config(2);
  config.pools[0].limits.max_requests = 1;
  TestBalancer world(config);
  (void)serve(world, shows(std::nullopt));
  const RequestId first = world.balancer().on_request(world.now(), shows(kFresh));
  const RequestId second = world.balancer().on_request(world.now(), shows(kFresh));
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0", "start r1 a0 on 0/1"));
  for (const RequestId id : {second, first}) {
    world.sent(id, 0);
    world.head(id, 0);
    world.end(id, 0);
    (void)world.finish(id);
  }
  (void)world.actions();
  EXPECT_THAT(serve(world, shows(kFresh)), ElementsAre("start r0 a0 on 0/0", "send r0 a0"));
}

TEST(BalancerSession, AStaleConnectionIsReplacedOnTheSameBackend) {
  TestBalancer world(session_config(3));
  (void)serve(world, shows(std::nullopt));
  const RequestId id = world.balancer().on_request(world.now(), shows(kFresh));
  world.fail(id, 0, AttemptFailure::stale_connection);
  EXPECT_THAT(world.actions(), ElementsAre("start r0 a0 on 0/0", "start r0 a1 on 0/0 fresh"));
}

TEST(BalancerSession, ACookieIsRenewedWhileItsSessionIsUsed) {
  Config config = session_config(2);
  config.pools[0].session.ttl = 60s;
  TestBalancer world(config);
  (void)serve(world, shows(std::nullopt));
  world.pass(29s);
  EXPECT_THAT(serve(world, shows(kFresh)), ElementsAre("start r0 a0 on 0/0", "send r0 a0"));
  world.pass(2s);
  EXPECT_THAT(serve(world, shows(kFresh)),
              ElementsAre("start r0 a0 on 0/0", "issue session to r0 on 0", "send r0 a0"));
  EXPECT_THAT(serve(world, shows(kFresh)), ElementsAre("start r0 a0 on 0/0", "send r0 a0"));
}

TEST(BalancerSession, APoolWithoutSessionsIssuesNone_EnterpriseDefect2) {
  // There every request had a session, so the policies below it were never reached.
  TestBalancer world(plain_config(2));
  EXPECT_THAT(serve(world, shows(kAlice)), ElementsAre("start r0 a0 on 0/0", "send r0 a0"));
  EXPECT_THAT(serve(world, shows(kAlice)), ElementsAre("start r0 a0 on 0/1", "send r0 a0"));
}

}  // namespace
}  // namespace evenkeel::core
