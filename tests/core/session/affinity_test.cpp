// SPDX-License-Identifier: Apache-2.0
//
// The rules of sessions: one by one here, every combination of circumstances in
// affinity_table_test.cpp.
#include "evenkeel/core/session/affinity.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdint>
#include <optional>

#include "core/at.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;
using Kind = Whereabouts::Kind;

constexpr std::size_t kBackends = 4;
constexpr BackendIndex kHome{1};
constexpr BackendIndex kOther{2};
constexpr SessionKey kKey{11, 12};
constexpr SessionKey kEntropy{21, 22};

SessionPolicy memory() {
  SessionPolicy policy;
  policy.mode = SessionMode::cookie;
  return policy;
}
SessionPolicy redis(SessionFallback fallback = SessionFallback::signed_cookie) {
  SessionPolicy policy = memory();
  policy.store = SessionStoreKind::redis;
  policy.fallback = fallback;
  return policy;
}
Affinity of(const SessionPolicy& policy) { return {policy, RedisPolicy{}, kBackends}; }

ShownSession shown(SessionKey key, std::optional<BackendIndex> said = std::nullopt) {
  return {key, said, false};
}

// A session of kKey on kHome begins.
Binding begin(Affinity& affinity, Instant now) {
  const Whereabouts where = affinity.find(now, {});
  return affinity.commit(now, {}, where, kKey, kHome);
}

TEST(Affinity, ASessionBeginsWhereTheFirstRequestWasAnswered) {
  Affinity affinity = of(memory());
  const Binding binding = begin(affinity, at(0s));
  EXPECT_EQ(binding, (Binding{kKey, kHome, true, false, false}));
  const Whereabouts where = affinity.find(at(1s), shown(kKey));
  EXPECT_EQ(where, (Whereabouts{Kind::found, kHome, false, at(1s)}));
  EXPECT_EQ(affinity.place(where, true), Placement::stay);
  EXPECT_EQ(affinity.commit(at(1s), shown(kKey), where, kEntropy, kHome),
            (Binding{kKey, kHome, false, false, false}));
}

// Every request brings entropy for a session that may begin. If that counted as a session, the
// strategy would never be asked.
TEST(Affinity, APolicyIsReachedByRequestsWithoutASession) {
  for (const SessionPolicy& policy : {memory(), redis()}) {
    Affinity affinity = of(policy);
    const Whereabouts where = affinity.find(at(0s), {});
    EXPECT_EQ(where.kind, Kind::none);
    EXPECT_EQ(affinity.place(where, true), Placement::choose);
    EXPECT_EQ(affinity.place(where, false), Placement::choose);
  }
}

// A name that only the client knows is one that somebody may have given to it.
TEST(Affinity, ANameThatNobodyKnowsIsReplaced) {
  for (const SessionPolicy& policy : {memory(), redis()}) {
    Affinity affinity = of(policy);
    Whereabouts where = affinity.find(at(0s), shown(kKey));
    if (where.kind == Kind::unknown) where = affinity.on_answer(at(0s), shown(kKey), std::nullopt);
    EXPECT_EQ(where.kind, Kind::none);
    const Binding binding = affinity.commit(at(0s), shown(kKey), where, kEntropy, kOther);
    EXPECT_EQ(binding.key, kEntropy);
    EXPECT_TRUE(binding.issue);
    EXPECT_EQ(affinity.find(at(0s), shown(kEntropy)).kind, Kind::found);
  }
}

TEST(Affinity, ATtlThatIsOverEndsTheSession) {
  Affinity affinity = of(memory());
  begin(affinity, at(0s));
  EXPECT_EQ(affinity.find(at(1h - 1ns), shown(kKey)).kind, Kind::found);
  EXPECT_EQ(affinity.find(at(3h), shown(kKey)).kind, Kind::none);
}

// A look-up that goes past the breaker sends the clients of a dead backend to it for an hour.
TEST(Affinity, ABackendWhoseBreakerIsOpenKeepsNoSessions) {
  EXPECT_FALSE(keeps_sessions(Standing::breaker_open));
  Affinity affinity = of(memory());
  begin(affinity, at(0s));
  const Whereabouts where = affinity.find(at(1s), shown(kKey));
  EXPECT_EQ(affinity.place(where, keeps_sessions(Standing::breaker_open)), Placement::choose);
}

TEST(Affinity, DrainingKeepsSessionsAndNothingElseOutOfServiceDoes) {
  EXPECT_TRUE(keeps_sessions(Standing::eligible));
  EXPECT_TRUE(keeps_sessions(Standing::draining));
  for (const Standing standing : {Standing::down, Standing::unchecked, Standing::unhealthy,
                                  Standing::ejected, Standing::breaker_open}) {
    EXPECT_FALSE(keeps_sessions(standing)) << to_text(standing);
  }
}

TEST(Affinity, AMovedSessionKeepsItsNameAndStaysWhereItWent) {
  Affinity affinity = of(memory());
  begin(affinity, at(0s));
  Whereabouts where = affinity.find(at(1s), shown(kKey));
  EXPECT_EQ(affinity.commit(at(1s), shown(kKey), where, kEntropy, kOther),
            (Binding{kKey, kOther, false, false, false}));
  where = affinity.find(at(2s), shown(kKey));
  EXPECT_EQ(where.backend, kOther);
}

// Two requests of a session find its backend dead and are sent to different ones.
TEST(Affinity, TwoRequestsThatMoveASessionMoveItOnce) {
  Affinity affinity = of(memory());
  begin(affinity, at(0s));
  const Whereabouts first = affinity.find(at(1s), shown(kKey));
  const Whereabouts second = affinity.find(at(1s), shown(kKey));
  static_cast<void>(affinity.commit(at(1s), shown(kKey), first, kEntropy, kOther));
  EXPECT_EQ(affinity.commit(at(3s), shown(kKey), second, kEntropy, BackendIndex{3}), Binding{});
  EXPECT_EQ(affinity.find(at(4s), shown(kKey)).backend, kOther);
}

TEST(Affinity, AStrictSessionIsRejectedRatherThanMoved) {
  SessionPolicy policy = memory();
  policy.strict = true;
  Affinity affinity = of(policy);
  begin(affinity, at(0s));
  const Whereabouts where = affinity.find(at(1s), shown(kKey));
  EXPECT_EQ(affinity.place(where, true), Placement::stay);
  EXPECT_EQ(affinity.place(where, false), Placement::reject);
  EXPECT_FALSE(affinity.may_leave());
  EXPECT_EQ(affinity.place(affinity.find(at(1s), {}), false), Placement::choose)
      << "a client without a session has none to lose";
  EXPECT_TRUE(of(memory()).may_leave());
}

TEST(Affinity, WhoTakesABackendsPlaceGetsNoneOfItsSessions) {
  Affinity affinity = of(memory());
  begin(affinity, at(0s));
  affinity.forget(kHome);
  EXPECT_EQ(affinity.find(at(0s), shown(kKey)).kind, Kind::none);
}

TEST(Affinity, ANewPolicyKeepsTheSessions) {
  Affinity affinity = of(memory());
  begin(affinity, at(0s));
  SessionPolicy strict = memory();
  strict.strict = true;
  affinity.apply(strict, RedisPolicy{}, kBackends + 3);
  EXPECT_EQ(affinity.find(at(0s), shown(kKey)).backend, kHome);
  EXPECT_EQ(affinity.size(), 1U);
}

// ---- with a remote store
// --------------------------------------------------------------------------

TEST(RemoteAffinity, ASessionIsToldToTheStoreOnce) {
  Affinity affinity = of(redis());
  EXPECT_EQ(begin(affinity, at(0s)), (Binding{kKey, kHome, true, true, true}));
  const ShownSession cookie = shown(kKey, kHome);
  const Whereabouts where = affinity.find(at(1s), cookie);
  EXPECT_EQ(where.kind, Kind::found) << "from the cache";
  EXPECT_EQ(affinity.commit(at(1s), cookie, where, kEntropy, kHome),
            (Binding{kKey, kHome, false, false, false}));
}

TEST(RemoteAffinity, ACachedSessionIsAskedForAgainBeforeTheStoreForgetsIt) {
  Affinity affinity = of(redis());
  begin(affinity, at(0s));
  const Duration fresh = Affinity::freshness(redis().ttl);
  EXPECT_EQ(affinity.find(at(fresh - 1ns), shown(kKey, kHome)).kind, Kind::found);
  EXPECT_EQ(affinity.find(at(fresh), shown(kKey, kHome)).kind, Kind::unknown);
  static_cast<void>(affinity.on_answer(at(fresh), shown(kKey, kHome), kHome));
  EXPECT_EQ(affinity.find(at(2 * fresh - 1ns), shown(kKey, kHome)).kind, Kind::found);
}

TEST(RemoteAffinity, TheStoreHasTheLastWord) {
  Affinity affinity = of(redis());
  begin(affinity, at(0s));
  const ShownSession cookie = shown(kKey, kOther);  // another replica moved it
  ASSERT_EQ(affinity.find(at(1s), cookie).kind, Kind::unknown);
  const Whereabouts where = affinity.on_answer(at(1s), cookie, BackendIndex{3});
  EXPECT_EQ(where.backend, BackendIndex{3});
  const Binding binding = affinity.commit(at(1s), cookie, where, kEntropy, BackendIndex{3});
  EXPECT_EQ(binding, (Binding{kKey, BackendIndex{3}, true, true, false}))
      << "the cookie is told, too";
}

TEST(RemoteAffinity, ASignatureStandsInForAStoreThatDoesNotAnswer) {
  Affinity affinity = of(redis());
  const Whereabouts where = affinity.on_failure(at(0s), shown(kKey, kHome));
  EXPECT_EQ(where, (Whereabouts{Kind::found, kHome, false, at(0s)}));
}

TEST(RemoteAffinity, AnOldCacheEntryStandsInWithoutASignature) {
  Affinity affinity = of(redis(SessionFallback::off));
  begin(affinity, at(0s));
  EXPECT_EQ(affinity.on_failure(at(50min), shown(kKey)).kind, Kind::found);
  EXPECT_EQ(affinity.on_failure(at(2h), shown(kKey)).kind, Kind::failed) << "but not past its ttl";
}

TEST(RemoteAffinity, WhatTheStoreLostIsToldToItAgain) {
  for (const bool by_signature : {true, false}) {
    Affinity affinity =
        of(redis(by_signature ? SessionFallback::signed_cookie : SessionFallback::off));
    if (!by_signature) begin(affinity, at(0s));
    const ShownSession cookie = by_signature ? shown(kKey, kHome) : shown(kKey);
    const Whereabouts where = affinity.on_answer(at(30min), cookie, std::nullopt);
    EXPECT_EQ(where.backend, kHome);
    EXPECT_EQ(affinity.commit(at(30min), cookie, where, kEntropy, kHome),
              (Binding{kKey, kHome, false, false, true}));
    EXPECT_EQ(affinity.find(at(30min), cookie).kind, Kind::found) << "once is enough";
  }
}

// When the store is back, the session must still be where its state is.
TEST(RemoteAffinity, AFailedLookupBindsNothing) {
  Affinity affinity = of(redis(SessionFallback::off));
  const Whereabouts where = affinity.on_failure(at(0s), shown(kKey));
  EXPECT_EQ(where.kind, Kind::failed);
  EXPECT_EQ(affinity.place(where, false), Placement::choose);
  EXPECT_EQ(affinity.commit(at(0s), shown(kKey), where, kEntropy, kOther), Binding{});
  EXPECT_EQ(affinity.size(), 0U);
}

TEST(RemoteAffinity, FailClosedAndStrictRejectWhatTheStoreDoesNotTell) {
  RedisPolicy closed;
  closed.fail_open = false;
  SessionPolicy strict = redis();
  strict.strict = true;
  const Whereabouts failed{Kind::failed, {}, false, at(0s)};
  EXPECT_EQ(of(redis()).place(failed, false), Placement::choose);
  EXPECT_EQ(Affinity(redis(), closed, kBackends).place(failed, false), Placement::reject);
  EXPECT_EQ(of(strict).place(failed, false), Placement::reject);
}

TEST(RemoteAffinity, ASignatureIsRenewedWhenItAges) {
  Affinity affinity = of(redis());
  begin(affinity, at(0s));
  const ShownSession ageing{kKey, kHome, true};
  const Whereabouts where = affinity.find(at(1s), ageing);
  EXPECT_EQ(affinity.commit(at(1s), ageing, where, kEntropy, kHome),
            (Binding{kKey, kHome, true, true, false}));
}

TEST(RemoteAffinity, AStoredBackendThatIsNotConfiguredIsNoBackend) {
  Affinity affinity = of(redis());
  EXPECT_EQ(affinity.on_answer(at(0s), shown(kKey), BackendIndex{kBackends}).kind, Kind::none);
  EXPECT_EQ(affinity.on_failure(at(0s), shown(kKey, BackendIndex{99})).kind, Kind::failed);
}

// Two replicas, a store that fails and loses, small caches: with signed cookies no client moves
// while the backends serve.
RC_GTEST_PROP(RemoteAffinity, SessionsStayWhileTheirBackendMayServe, (std::uint64_t seed)) {
  constexpr std::size_t kClients = 6;
  const Stream draws(Seed{seed}, "sessions");
  SessionPolicy policy = redis();
  policy.cache = 3;
  std::array<Affinity, 2> replicas = {of(policy), of(policy)};
  std::array<std::optional<BackendIndex>, kClients> store;
  std::array<ShownSession, kClients> cookies;
  Instant now = at(0s);
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Stream step = draws.of(i);
    const std::size_t client = step.below(kClients, 0);
    Affinity& replica = replicas[step.below(2, 1)];
    const bool store_up = step.below(3, 2) != 0;
    if (step.below(5, 3) == 0) store[client].reset();
    now += step.within(20min, 4);
    ShownSession& cookie = cookies[client];
    Whereabouts where = replica.find(now, cookie);
    if (where.kind == Kind::unknown) {
      where = store_up ? replica.on_answer(now, cookie, store[client])
                       : replica.on_failure(now, cookie);
    }
    const std::optional<BackendIndex> lived = cookie.signed_backend;
    if (lived) RC_ASSERT(where.kind == Kind::found && where.backend == *lived);
    const BackendIndex served =
        replica.place(where, true) == Placement::stay
            ? where.backend
            : BackendIndex{static_cast<std::uint32_t>(step.below(kBackends, 5))};
    const SessionKey entropy{i + 1, client};
    const Binding binding = replica.commit(now, cookie, where, entropy, served);
    if (binding.store && store_up) store[client] = served;
    if (binding.issue) cookie = {binding.key, binding.backend, false};
  }
}

}  // namespace
}  // namespace evenkeel::core
