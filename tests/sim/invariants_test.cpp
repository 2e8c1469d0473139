// SPDX-License-Identifier: Apache-2.0
//
// Every invariant can fail: each is fed a history that is right, and the same with one thing wrong.
#include "evenkeel/sim/invariants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evenkeel/sim/books.h"

namespace evenkeel::sim {
namespace {

using core::Duration;
using core::Entry;
using core::EntryKind;
using core::Instant;
using core::Method;
using std::chrono::seconds;
using ::testing::HasSubstr;

// ---- each by itself ----------------------------------------------------------------------------

TEST(ConservationTest, HoldsWhileEveryArrivalEndsOnce) {
  Conservation c;
  for (int i = 0; i < 4; ++i) c.on_arrival();
  EXPECT_TRUE(c.on_ended(true, Ending::success));
  EXPECT_TRUE(c.on_ended(true, Ending::failed));
  EXPECT_TRUE(c.on_ended(true, Ending::rejected));
  EXPECT_TRUE(c.on_count(1));
  EXPECT_EQ(c.detail(), "4 = 1 + 1 + 1 + 1");
}

TEST(ConservationTest, BreaksWhenARequestEndsTwice) {
  Conservation c;
  c.on_arrival();
  c.on_arrival();
  EXPECT_TRUE(c.on_ended(true, Ending::success));
  EXPECT_FALSE(c.on_ended(false, Ending::success));
  EXPECT_FALSE(c.on_count(0));
}

TEST(ConservationTest, BreaksWhenARequestIsLost) {
  Conservation c;
  c.on_arrival();
  c.on_arrival();
  EXPECT_TRUE(c.on_ended(true, Ending::success));
  EXPECT_FALSE(c.on_count(0));
}

TEST(SingleDeliveryTest, BreaksWhenAPostIsBegunTwice) {
  SingleDelivery d;
  EXPECT_TRUE(d.on_begun(Method::post, 0, false));
  EXPECT_TRUE(d.on_begun(Method::get, 3, false)) << "idempotent requests may be repeated";
  EXPECT_TRUE(d.on_begun(Method::put, 1, false));
  EXPECT_FALSE(d.on_begun(Method::post, 1, false));
  EXPECT_EQ(d.doubles(), 1U);
}

TEST(SingleDeliveryTest, CountsAndAcceptsWhatTheOperatorAllowed) {
  SingleDelivery d;
  EXPECT_TRUE(d.on_begun(Method::post, 1, true));
  EXPECT_EQ(d.doubles(), 1U);
}

core::RetryPolicy policy(std::uint32_t percent, std::uint32_t per_second, Duration interval) {
  core::RetryPolicy p;
  p.budget.percent = percent;
  p.budget.min_per_second = per_second;
  p.budget.interval = interval;
  p.hedge.budget_percent = 5;
  return p;
}

TEST(RetryBoundTest, AllowsExactlyTheBoundAndNotOneMore) {
  RetryBound bound(policy(10, 3, seconds(10)), Instant{});
  for (int i = 0; i < 1000; ++i) bound.on_first_attempt();
  const Instant now(seconds(5));
  // 10 % of 1000 + 3/s · (5 s + 10 s).
  for (int i = 0; i < 100 + 45; ++i) EXPECT_TRUE(bound.on_retry(now));
  EXPECT_FALSE(bound.on_retry(now));
  EXPECT_THAT(bound.detail(), HasSubstr("146 > 10 % of 1000"));
}

TEST(RetryBoundTest, HedgesHaveABoundOfTheirOwn) {
  RetryBound bound(policy(10, 0, seconds(10)), Instant{});
  for (int i = 0; i < 100; ++i) bound.on_first_attempt();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bound.on_hedge(Instant{}));
  EXPECT_FALSE(bound.on_hedge(Instant{}));
}

TEST(RetryBoundTest, WithoutABudgetThereIsNoBound) {
  core::RetryPolicy p = policy(0, 0, seconds(10));
  p.budget.enabled = false;
  RetryBound bound(p, Instant{});
  EXPECT_TRUE(bound.on_retry(Instant{}));
}

TEST(ObedienceTest, BreaksWhenAnAttemptGoesToABackendThatIsOut) {
  const auto health = [](core::HealthState s) { return static_cast<std::uint8_t>(s); };
  const auto breaker = [](core::BreakerState s) { return static_cast<std::uint8_t>(s); };
  Obedience o(3);
  EXPECT_TRUE(o.on_start(0, false));
  o.on_transition(0, core::TransitionKind::health, health(core::HealthState::unhealthy));
  EXPECT_FALSE(o.on_start(0, false));
  EXPECT_TRUE(o.on_start(1, false));
  o.on_transition(0, core::TransitionKind::health, health(core::HealthState::healthy));
  EXPECT_TRUE(o.on_start(0, false));
  o.on_transition(1, core::TransitionKind::ejection, 1);
  EXPECT_FALSE(o.on_start(1, false));
  o.on_transition(1, core::TransitionKind::ejection, 0);
  EXPECT_TRUE(o.on_start(1, false));
  o.on_transition(2, core::TransitionKind::breaker, breaker(core::BreakerState::open));
  EXPECT_FALSE(o.on_start(2, false));
  EXPECT_THAT(o.detail(), HasSubstr("backend 2, which was behind an open breaker"));
  o.on_transition(2, core::TransitionKind::breaker, breaker(core::BreakerState::half_open));
  EXPECT_TRUE(o.on_start(2, false)) << "a probe";
}

TEST(ObedienceTest, InPanicEverybodyMayBeAsked) {
  Obedience o(1);
  o.on_transition(0, core::TransitionKind::ejection, 1);
  EXPECT_TRUE(o.on_start(0, true));
  EXPECT_FALSE(o.on_start(0, false));
}

TEST(ObedienceTest, BreaksWhenAnAttemptGoesToABackendThatLeaves) {
  Obedience o(1);
  const auto told = [&o](core::AdminState state) {
    o.on_transition(0, core::TransitionKind::admin, static_cast<std::uint8_t>(state));
  };
  told(core::AdminState::drain);
  EXPECT_FALSE(o.on_start(0, false));
  told(core::AdminState::ready);
  EXPECT_TRUE(o.on_start(0, false));
  told(core::AdminState::maintenance);
  EXPECT_FALSE(o.on_start(0, false));
}

TEST(NoLeakTest, BreaksForAnythingLeft) {
  EXPECT_TRUE(NoLeak().on_drained({}));
  const auto breaks = [](auto set) {
    Leftovers left;
    set(left);
    NoLeak leak;
    return !leak.on_drained(left);
  };
  EXPECT_TRUE(breaks([](Leftovers& l) { l.requests = 1; }));
  EXPECT_TRUE(breaks([](Leftovers& l) { l.attempts = 1; }));
  EXPECT_TRUE(breaks([](Leftovers& l) { l.in_flight = 1; }));
  EXPECT_TRUE(breaks([](Leftovers& l) { l.client_connections = 1; }));
  EXPECT_TRUE(breaks([](Leftovers& l) { l.backend_connections = 1; }));
  EXPECT_TRUE(breaks([](Leftovers& l) { l.connections = 1; }));
  EXPECT_TRUE(breaks([](Leftovers& l) { l.bytes = 1; }));
  EXPECT_TRUE(breaks([](Leftovers& l) { l.timers = true; }));
}

TEST(CausalityTest, BreaksWhenTimeGoesBackOrAnEventIsLate) {
  Causality c;
  EXPECT_TRUE(c.on_event(Instant(Duration(5)), Instant(Duration(5))));
  EXPECT_TRUE(c.on_event(Instant(Duration(5)), Instant(Duration(5))));
  EXPECT_FALSE(c.on_event(Instant(Duration(4)), Instant(Duration(4))));
  Causality late;
  EXPECT_FALSE(late.on_event(Instant(Duration(5)), Instant(Duration(6))));
}

TEST(AttemptBoundTest, BreaksAtOneAttemptTooMany) {
  AttemptBound a;
  EXPECT_TRUE(a.on_start(0, 3));
  EXPECT_TRUE(a.on_start(2, 3));
  EXPECT_FALSE(a.on_start(3, 3));
}

// ---- the books, fed with journals --------------------------------------------------------------

class Ignorant final : public Judge {
 public:
  void on_request(const RequestSample& s) override { requests.push_back(s); }
  void on_attempt(const AttemptSample& s) override { attempts.push_back(s); }
  void on_backend(const BackendSample&) override {}
  void on_transition(const core::Transition&, std::uint32_t, std::uint32_t) override {}
  void on_check(Instant, std::uint32_t, core::CheckOutcome) override { ++checks; }
  std::vector<RequestSample> requests;
  std::vector<AttemptSample> attempts;
  int checks = 0;
};

Scenario two_backends() {
  Scenario s;
  core::PoolPolicy pool;
  pool.retry.max_attempts = 2;
  pool.retry.budget.percent = 10;
  pool.retry.budget.min_per_second = 0;
  for (std::uint32_t i = 0; i < 2; ++i) {
    pool.backends.emplace_back();
    BackendModel backend;
    backend.ref.backend = core::BackendIndex{1 - i};  // the world's order is not the pool's
    s.world.backends.push_back(backend);
  }
  s.proxy.pools.push_back(pool);
  s.proxy.routes.emplace_back();
  s.traffic.emplace_back();
  return s;
}

constexpr std::uint64_t subject(std::uint64_t number, unsigned attempt = 0) {
  return number * 16 + attempt;
}

class BooksTest : public ::testing::Test {
 protected:
  void record(EntryKind kind, std::uint64_t subject, std::uint32_t detail = 0) {
    journal.record(now, kind, subject, detail);
    books.read(journal, request);
  }
  void arrive(Method method) {
    request = books.on_arrival(now, 0, method).number;
    record(EntryKind::request, subject(request), static_cast<std::uint32_t>(method));
  }
  RunResult result() {
    RunResult r;
    books.report(journal, r);
    return r;
  }
  void expect_broken(Invariant invariant) {
    EXPECT_TRUE(books.broken());
    const RunResult r = result();
    ASSERT_TRUE(r.violation);
    EXPECT_EQ(r.violation->invariant, invariant) << r.violation->what;
    EXPECT_FALSE(r.violation->what.empty());
    for (std::size_t i = 0; i < kInvariantCount; ++i) {
      EXPECT_EQ(r.invariants[i].held, i != static_cast<std::size_t>(invariant));
    }
  }

  Instant now{};
  std::uint64_t request = Books::kNoRequest;
  Scenario scenario = two_backends();
  Ignorant judge;
  core::Journal journal{core::JournalMode::keep};
  Books books{scenario, judge, Instant{}};
};

TEST_F(BooksTest, APlainRequestBreaksNothing) {
  arrive(Method::get);
  record(EntryKind::start_attempt, subject(0), 0);
  books.on_begun(now, 0);
  record(EntryKind::response_head, subject(0), 200);
  record(EntryKind::send_response, subject(0), 200);
  record(EntryKind::response_end, subject(0));
  record(EntryKind::finished, subject(0), 200);
  books.on_ended(now, 0, Ending::success, 200, nullptr);
  books.on_end_of_traffic();
  EXPECT_FALSE(books.broken());
  EXPECT_EQ(books.attempts_running(), 0U);
  ASSERT_EQ(judge.attempts.size(), 1U);
  EXPECT_EQ(judge.attempts[0].backend, 1U) << "the world's index";
  const RunResult r = result();
  EXPECT_EQ(r.first_attempts, 1U);
  EXPECT_EQ(r.retries, 0U);
}

TEST_F(BooksTest, WhatStartsBesideARunningAttemptIsAHedge) {
  for (int i = 0; i < 20; ++i) arrive(Method::get);
  for (std::uint64_t r = 0; r < 20; ++r) record(EntryKind::start_attempt, subject(r), 0);
  record(EntryKind::start_attempt, subject(0, 1), 1);
  record(EntryKind::attempt_failed, subject(1, 0));
  record(EntryKind::start_attempt, subject(1, 1), 1);
  EXPECT_FALSE(books.broken());
  const RunResult r = result();
  EXPECT_EQ(r.hedges, 1U);
  EXPECT_EQ(r.retries, 1U);
  EXPECT_TRUE(judge.attempts[20].hedge);
  EXPECT_FALSE(judge.attempts[21].hedge);
}

TEST_F(BooksTest, ARequestThatEndsTwiceBreaksI1) {
  arrive(Method::get);
  books.on_ended(now, 0, Ending::success, 200, nullptr);
  books.on_ended(now, 0, Ending::success, 200, nullptr);
  expect_broken(Invariant::conservation);
}

TEST_F(BooksTest, AByteOfAnothersBreaksI1) {
  arrive(Method::get);
  books.on_misdelivery(0, "a byte of the body is not its own");
  expect_broken(Invariant::conservation);
}

TEST_F(BooksTest, APostBegunTwiceBreaksI2) {
  arrive(Method::post);
  books.on_begun(now, 0);
  books.on_begun(now, 0);
  expect_broken(Invariant::single_delivery);
}

TEST_F(BooksTest, ARetryBeyondTheBudgetBreaksI3) {
  for (int i = 0; i < 9; ++i) arrive(Method::get);
  for (std::uint64_t r = 0; r < 9; ++r) record(EntryKind::start_attempt, subject(r), 0);
  record(EntryKind::attempt_failed, subject(0));
  record(EntryKind::start_attempt, subject(0, 1), 1);  // 1 > 10 % of 9
  expect_broken(Invariant::retry_bound);
  const RunResult r = result();
  ASSERT_FALSE(r.violation->history.empty());
  for (const std::string& line : r.violation->history) EXPECT_THAT(line, HasSubstr(" 0/"));
}

TEST_F(BooksTest, AnAttemptOnAnEjectedBackendBreaksI4) {
  arrive(Method::get);
  record(EntryKind::transition, 0,
         (static_cast<std::uint32_t>(core::TransitionKind::ejection) << 17U) | 1U);
  record(EntryKind::start_attempt, subject(0), 1);
  EXPECT_FALSE(books.broken());
  arrive(Method::get);
  record(EntryKind::start_attempt, subject(1), 0);
  expect_broken(Invariant::obedience);
}

TEST_F(BooksTest, InPanicAnEjectedBackendMayBeAsked) {
  const auto changed = [this](core::TransitionKind kind, std::uint32_t to) {
    record(EntryKind::transition, 0, (static_cast<std::uint32_t>(kind) << 17U) | to);
  };
  changed(core::TransitionKind::ejection, 1);
  changed(core::TransitionKind::panic, 1);
  arrive(Method::get);
  record(EntryKind::start_attempt, subject(0), 0);
  EXPECT_FALSE(books.broken());
  changed(core::TransitionKind::panic, 0);
  arrive(Method::get);
  record(EntryKind::start_attempt, subject(1), 0);
  expect_broken(Invariant::obedience);
}

TEST_F(BooksTest, SomethingLeftBreaksI5) {
  Leftovers left;
  left.requests = 1;
  books.on_drained(left);
  expect_broken(Invariant::no_leak);
}

TEST_F(BooksTest, AnEventAtAnotherTimeBreaksI6) {
  books.on_event(Instant(Duration(2)), Instant(Duration(2)));
  books.on_event(Instant(Duration(1)), Instant(Duration(2)));
  expect_broken(Invariant::causality);
}

TEST_F(BooksTest, AThirdAttemptOfTwoBreaksI7) {
  for (int i = 0; i < 100; ++i) {
    arrive(Method::get);
    record(EntryKind::start_attempt, subject(request), 0);
  }
  for (unsigned attempt = 1; attempt < 3; ++attempt) {
    EXPECT_FALSE(books.broken());
    record(EntryKind::attempt_failed, subject(0, attempt - 1));
    record(EntryKind::start_attempt, subject(0, attempt), 1);
  }
  expect_broken(Invariant::attempt_bound);
}

TEST_F(BooksTest, ABackendThatMustWaitForItsFirstCheckIsOut) {
  Scenario waiting = two_backends();
  waiting.proxy.pools[0].health_check.initial_state = core::InitialState::unhealthy;
  Books strict(waiting, judge, Instant{});
  request = strict.on_arrival(now, 0, Method::get).number;
  journal.record(now, EntryKind::request, subject(0));
  journal.record(now, EntryKind::start_attempt, subject(0), 0);
  strict.read(journal, request);
  EXPECT_TRUE(strict.broken());
}

TEST_F(BooksTest, AMutedJudgeHearsNothingAndTheBooksGoOn) {
  arrive(Method::post);
  books.mute();
  record(EntryKind::start_attempt, subject(0), 0);
  record(EntryKind::check_ended, 0);
  books.on_ended(now, 0, Ending::success, 200, nullptr);
  EXPECT_TRUE(judge.requests.empty());
  EXPECT_TRUE(judge.attempts.empty());
  EXPECT_EQ(judge.checks, 0);
  EXPECT_EQ(books.live(), 0U);
}

}  // namespace
}  // namespace evenkeel::sim
