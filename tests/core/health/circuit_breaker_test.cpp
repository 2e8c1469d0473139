// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/circuit_breaker.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/at.h"

// A model-based test of any order of events is in circuit_breaker_model_test.cpp.
namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;
using Ticket = CircuitBreaker::Ticket;

// Opens at 5 failures in a row for 30 s; one probe at a time, two successes close.
CircuitBreakerPolicy streak() {
  CircuitBreakerPolicy policy;
  policy.consecutive_failures = 5;
  policy.failure_rate_threshold = 0;
  return policy;
}

// "closed>open failure_rate 50", or "" for no change.
std::string text_of(const std::optional<CircuitBreaker::Change>& change) {
  if (!change) return "";
  return std::string(to_text(change->from)) + ">" + std::string(to_text(change->to)) + " " +
         std::string(to_text(change->reason)) + " " + std::to_string(change->evidence);
}

class Breaker : public CircuitBreaker {
 public:
  explicit Breaker(const CircuitBreakerPolicy& policy)
      : CircuitBreaker(policy, Stream(Seed{1}, "breakers"), at(0s)) {}

  // A request from admission to its end at one instant.
  std::string request(Instant now, const Feedback& feedback) {
    return text_of(on_result(now, admit(now), feedback));
  }
  std::string request(Instant now, Outcome outcome) { return request(now, Feedback{outcome}); }
  std::string requests(Instant now, Outcome outcome, int count) {
    std::string change;
    for (int i = 0; i < count; ++i) change = request(now, outcome);
    return change;
  }
  // Waits for the end of the pause.
  Instant wait_until_half_open() {
    const Instant now = open_until();
    EXPECT_TRUE(on_deadline(now).has_value());
    EXPECT_EQ(state(), BreakerState::half_open);
    return now;
  }
};

TEST(CircuitBreaker, OpensAtFailuresInARow) {
  Breaker breaker(streak());
  EXPECT_EQ(breaker.requests(at(1s), Outcome::failure, 4), "");
  EXPECT_EQ(breaker.request(at(1s), Outcome::success), "");
  EXPECT_EQ(breaker.requests(at(1s), Outcome::failure, 4), "");
  EXPECT_TRUE(breaker.admits());
  EXPECT_EQ(breaker.request(at(1s), Outcome::failure), "closed>open consecutive_failures 5");
  EXPECT_FALSE(breaker.admits());
}

TEST(CircuitBreaker, OpensAtACountOfFailuresInTheWindow) {
  CircuitBreakerPolicy policy;
  policy.failure_rate_threshold = 0;
  policy.failure_count = 3;
  Breaker breaker(policy);
  breaker.request(at(0s), Outcome::failure);
  breaker.requests(at(5s), Outcome::success, 100);
  breaker.request(at(8s), Outcome::failure);
  EXPECT_EQ(breaker.request(at(12s), Outcome::failure), "") << "the first is forgotten";
  EXPECT_EQ(breaker.request(at(13s), Outcome::failure), "closed>open failure_count 3");
}

TEST(CircuitBreaker, OpensAtARateOnlyWithEnoughRequests) {
  Breaker breaker(CircuitBreakerPolicy{});  // 50 % of at least 20
  breaker.requests(at(1s), Outcome::failure, 10);
  EXPECT_EQ(breaker.requests(at(1s), Outcome::success, 9), "");
  EXPECT_EQ(breaker.request(at(1s), Outcome::failure), "closed>open failure_rate 55");

  Breaker lower(CircuitBreakerPolicy{});
  lower.requests(at(1s), Outcome::success, 20);
  EXPECT_EQ(lower.requests(at(1s), Outcome::failure, 19), "");
  EXPECT_EQ(lower.request(at(1s), Outcome::failure), "closed>open failure_rate 50");
}

TEST(CircuitBreaker, ASuccessNeverOpens) {
  Breaker breaker(CircuitBreakerPolicy{});
  breaker.requests(at(1s), Outcome::failure, 19);
  EXPECT_EQ(breaker.requests(at(1s), Outcome::success, 19), "");
}

TEST(CircuitBreaker, NeutralOutcomesCountForNothing) {
  Breaker breaker(CircuitBreakerPolicy{});
  breaker.requests(at(1s), Outcome::failure, 19);
  EXPECT_EQ(breaker.requests(at(1s), Outcome::neutral, 100), "");
  EXPECT_EQ(breaker.request(at(1s), Outcome::failure), "closed>open failure_rate 100");
}

TEST(CircuitBreaker, ANeutralOutcomeBreaksNoStreak) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 4);
  breaker.request(at(1s), Outcome::neutral);
  EXPECT_EQ(breaker.request(at(1s), Outcome::failure), "closed>open consecutive_failures 5");
}

TEST(CircuitBreaker, ThePauseEndsAtItsDeadlineAndNotBefore) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant until = breaker.open_until();
  EXPECT_GE(until, at(31s));
  EXPECT_LT(until, at(34s)) << "jitter is at most 10 %";
  EXPECT_EQ(breaker.next_deadline(), until);
  EXPECT_EQ(text_of(breaker.on_deadline(until - 1ns)), "");
  EXPECT_EQ(breaker.state(), BreakerState::open);
  EXPECT_EQ(text_of(breaker.on_deadline(until)), "open>half_open open_duration_over 1");
  EXPECT_EQ(breaker.open_until(), kNever);
}

// Failures of requests that were in flight when it opened used to push the end of the pause away,
// for ever under load.
TEST(CircuitBreaker, LateFailuresDoNotProlongThePause) {
  Breaker breaker(streak());
  std::vector<Ticket> in_flight;
  for (int i = 0; i < 50; ++i) in_flight.push_back(breaker.admit(at(1s)));
  for (int i = 0; i < 5; ++i) breaker.on_result(at(1s), in_flight[i], {Outcome::failure});
  const Instant until = breaker.open_until();
  for (int i = 5; i < 50; ++i) {
    EXPECT_EQ(text_of(breaker.on_result(at(20s), in_flight[i], {Outcome::failure})), "");
  }
  EXPECT_EQ(breaker.open_until(), until);
}

TEST(CircuitBreaker, LateResultsNeitherFailNorPassAProbe) {
  Breaker breaker(streak());
  std::vector<Ticket> in_flight;
  for (int i = 0; i < 8; ++i) in_flight.push_back(breaker.admit(at(1s)));
  for (int i = 0; i < 5; ++i) breaker.on_result(at(1s), in_flight[i], {Outcome::failure});
  const Instant now = breaker.wait_until_half_open();
  EXPECT_EQ(text_of(breaker.on_result(now, in_flight[5], {Outcome::failure})), "");
  EXPECT_EQ(text_of(breaker.on_result(now, in_flight[6], {Outcome::success})), "");
  EXPECT_EQ(text_of(breaker.on_result(now, in_flight[7], {Outcome::success})), "");
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
}

TEST(CircuitBreaker, ResultsOfAnEarlierClosedTimeDoNotCountInThisOne) {
  Breaker breaker(streak());
  std::vector<Ticket> in_flight;
  for (int i = 0; i < 10; ++i) in_flight.push_back(breaker.admit(at(1s)));
  for (int i = 0; i < 5; ++i) breaker.on_result(at(1s), in_flight[i], {Outcome::failure});
  const Instant now = breaker.wait_until_half_open();
  breaker.request(now, Outcome::success);
  ASSERT_EQ(breaker.request(now, Outcome::success), "half_open>closed probes_succeeded 2");
  for (int i = 5; i < 10; ++i) {
    EXPECT_EQ(text_of(breaker.on_result(now, in_flight[i], {Outcome::failure})), "");
  }
  EXPECT_TRUE(breaker.admits());
}

// A half-open breaker that lets everybody through stampedes the backend that is just getting up.
TEST(CircuitBreaker, HalfOpenAdmitsNoMoreProbesThanPermits) {
  CircuitBreakerPolicy policy = streak();
  policy.half_open_max_requests = 2;
  Breaker breaker(policy);
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  EXPECT_TRUE(breaker.admit(now).probe);
  EXPECT_TRUE(breaker.admits());
  EXPECT_TRUE(breaker.admit(now).probe);
  EXPECT_FALSE(breaker.admits());
  EXPECT_EQ(breaker.probes_in_flight(), 2U);
}

TEST(CircuitBreaker, SuccessesOfProbesClose) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  EXPECT_EQ(breaker.request(now, Outcome::success), "");
  EXPECT_TRUE(breaker.admits()) << "the permit came back";
  EXPECT_EQ(breaker.request(now, Outcome::success), "half_open>closed probes_succeeded 2");
  EXPECT_EQ(breaker.next_deadline(), kNever);
}

TEST(CircuitBreaker, OneFailedProbeReopens) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  breaker.request(now, Outcome::success);
  EXPECT_EQ(breaker.request(now, Outcome::failure), "half_open>open probe_failed 1");
  EXPECT_FALSE(breaker.admits());
}

TEST(CircuitBreaker, SuccessesOfAnEarlierHalfOpenTimeAreForgotten) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  Instant now = breaker.wait_until_half_open();
  breaker.request(now, Outcome::success);
  breaker.request(now, Outcome::failure);
  now = breaker.wait_until_half_open();
  EXPECT_EQ(breaker.request(now, Outcome::success), "");
  EXPECT_EQ(breaker.request(now, Outcome::success), "half_open>closed probes_succeeded 2");
}

TEST(CircuitBreaker, ACancelledProbeGivesItsPermitBack) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(breaker.admits());
    EXPECT_EQ(breaker.request(now, Outcome::neutral), "");
  }
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
}

// A probe that is never heard of again would keep its permit, and the breaker half-open, for good.
TEST(CircuitBreaker, ALostProbeLosesItsPermit) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  const Ticket lost = breaker.admit(now);
  EXPECT_FALSE(breaker.admits());
  EXPECT_EQ(breaker.next_deadline(), now + 30s) << "open_duration";
  EXPECT_EQ(text_of(breaker.on_deadline(now + 30s - 1ns)), "");
  EXPECT_FALSE(breaker.admits());
  EXPECT_EQ(text_of(breaker.on_deadline(now + 30s)), "");
  EXPECT_TRUE(breaker.admits());
  EXPECT_EQ(breaker.next_deadline(), kNever);

  const Ticket next = breaker.admit(now + 31s);
  EXPECT_EQ(text_of(breaker.on_result(now + 32s, lost, {Outcome::failure})), "") << "too late";
  EXPECT_FALSE(breaker.admits()) << "and not the other one's permit";
  EXPECT_EQ(text_of(breaker.on_result(now + 32s, next, {Outcome::failure})),
            "half_open>open probe_failed 1");
}

TEST(CircuitBreaker, LeasesEndInTheOrderOfAdmission) {
  CircuitBreakerPolicy policy = streak();
  policy.half_open_max_requests = 3;
  Breaker breaker(policy);
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  const Ticket first = breaker.admit(now);
  breaker.admit(now + 1s);
  breaker.admit(now + 2s);
  EXPECT_EQ(breaker.next_deadline(), now + 30s);
  breaker.on_result(now + 3s, first, {Outcome::neutral});
  EXPECT_EQ(breaker.next_deadline(), now + 31s);
  breaker.on_deadline(now + 31s);
  EXPECT_EQ(breaker.probes_in_flight(), 1U);
  EXPECT_EQ(breaker.next_deadline(), now + 32s);
}

TEST(CircuitBreaker, AResultCountsOnce) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  const Ticket probe = breaker.admit(now);
  breaker.on_result(now, probe, {Outcome::success});
  EXPECT_EQ(text_of(breaker.on_result(now, probe, {Outcome::success})), "");
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
}

TEST(CircuitBreaker, EveryReopeningDoublesThePauseUpToTheLongest) {
  CircuitBreakerPolicy policy = streak();
  policy.max_open_duration = 100s;
  Breaker breaker(policy);
  breaker.requests(at(1s), Outcome::failure, 5);
  Instant now = at(1s);
  for (const Duration pause : {30s, 60s, 100s, 100s, 100s}) {
    const auto got = breaker.open_until() - now;
    EXPECT_GE(got, pause);
    EXPECT_LT(got, pause + pause / 10);
    now = breaker.wait_until_half_open();
    breaker.request(now, Outcome::failure);
  }
}

TEST(CircuitBreaker, AFullWindowClosedForgetsEarlierOpenings) {
  const auto pause_after = [](Duration closed) {
    Breaker breaker(streak());
    breaker.requests(at(1s), Outcome::failure, 5);
    Instant now = breaker.wait_until_half_open();
    breaker.requests(now, Outcome::success, 2);
    EXPECT_EQ(breaker.state(), BreakerState::closed);
    now += closed;
    EXPECT_EQ(breaker.requests(now, Outcome::failure, 5), "closed>open consecutive_failures 5");
    return (breaker.open_until() - now) / 30s;  // jitter adds less than one
  };
  EXPECT_EQ(pause_after(0s), 2);
  EXPECT_EQ(pause_after(10s - 1ns), 2);
  EXPECT_EQ(pause_after(10s), 1);
}

TEST(CircuitBreaker, AClosedBreakerBeginsWithACleanCount) {
  CircuitBreakerPolicy policy;
  policy.failure_count = 5;
  policy.open_duration = 1s;  // shorter than the window: the old failures are still young
  Breaker breaker(policy);
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  breaker.requests(now, Outcome::success, 2);
  EXPECT_EQ(breaker.requests(now, Outcome::failure, 4), "");
  EXPECT_EQ(breaker.request(now, Outcome::failure), "closed>open failure_count 5");
}

TEST(CircuitBreaker, JitterDiffersBetweenBackendsAndBetweenOpenings) {
  std::set<Duration> pauses;
  for (std::uint64_t backend = 0; backend < 10; ++backend) {
    CircuitBreaker breaker(streak(), Stream(Seed{1}, "breakers").of(backend), at(0s));
    for (int i = 0; i < 5; ++i)
      breaker.on_result(at(0s), breaker.admit(at(0s)), {Outcome::failure});
    const Instant until = breaker.open_until();
    pauses.insert(until - at(0s));
    breaker.on_deadline(until);
    breaker.on_result(until, breaker.admit(until), {Outcome::failure});
    pauses.insert((breaker.open_until() - until) / 2);
  }
  EXPECT_EQ(pauses.size(), 20U);
}

// ---- slow calls ---------------------------------------------------------------------------------

Feedback slow(Outcome outcome = Outcome::success, Duration latency = 2s) {
  Feedback feedback{outcome};
  feedback.latency = latency;
  return feedback;
}

// Calls of 2 s and more are slow; half of at least ten of them open it.
CircuitBreakerPolicy impatient() {
  CircuitBreakerPolicy policy;
  policy.failure_rate_threshold = 0;
  policy.slow_call_duration = 2s;
  policy.slow_call_rate_threshold = 50;
  policy.minimum_requests = 10;
  return policy;
}

TEST(CircuitBreaker, SlowSuccessesOpenAtTheirRate) {
  Breaker breaker(impatient());
  for (int i = 0; i < 5; ++i) breaker.request(at(1s), slow(Outcome::success, 2s - 1ns));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(breaker.request(at(1s), slow()), "");
  EXPECT_EQ(breaker.request(at(1s), slow()), "closed>open slow_call_rate 50");
}

TEST(CircuitBreaker, SlowCallsAreForgottenWithTheWindow) {
  Breaker breaker(impatient());
  for (int i = 0; i < 9; ++i) breaker.request(at(1s), slow());
  for (int i = 0; i < 9; ++i) breaker.request(at(20s), Outcome::success);
  EXPECT_EQ(breaker.request(at(20s), slow()), "");
  for (int i = 0; i < 7; ++i) EXPECT_EQ(breaker.request(at(20s), slow()), "") << i;
  EXPECT_EQ(breaker.request(at(20s), slow()), "closed>open slow_call_rate 50");
}

TEST(CircuitBreaker, ASlowFailureCountsAsBoth) {
  CircuitBreakerPolicy policy = impatient();
  policy.failure_count = 11;
  Breaker by_slowness(policy);
  for (int i = 0; i < 9; ++i) by_slowness.request(at(1s), slow(Outcome::failure));
  EXPECT_EQ(by_slowness.request(at(1s), slow(Outcome::failure)), "closed>open slow_call_rate 100");
  policy.failure_count = 10;
  Breaker by_failures(policy);
  for (int i = 0; i < 9; ++i) by_failures.request(at(1s), slow(Outcome::failure));
  EXPECT_EQ(by_failures.request(at(1s), slow(Outcome::failure)), "closed>open failure_count 10");
}

TEST(CircuitBreaker, ASlowSuccessEndsAStreakAndAFastFailureIsNotSlow) {
  CircuitBreakerPolicy policy = impatient();
  policy.consecutive_failures = 3;
  policy.slow_call_rate_threshold = 100;
  Breaker breaker(policy);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(breaker.requests(at(1s), Outcome::failure, 2), "");
    EXPECT_EQ(breaker.request(at(1s), slow()), "");
  }
  EXPECT_EQ(breaker.requests(at(1s), Outcome::failure, 3), "closed>open consecutive_failures 3");
}

TEST(CircuitBreaker, ASlowProbeFails) {
  Breaker breaker(impatient());
  for (int i = 0; i < 10; ++i) breaker.request(at(1s), slow());
  const Instant now = breaker.wait_until_half_open();
  EXPECT_EQ(breaker.request(now, slow(Outcome::success, 1s)), "");
  EXPECT_EQ(breaker.request(now, slow()), "half_open>open probe_failed 1");
}

TEST(CircuitBreaker, WhatIsNeutralOrNotMeasuredIsNotSlow) {
  Breaker breaker(impatient());
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(breaker.request(at(1s), slow(Outcome::neutral)), "");
    EXPECT_EQ(breaker.request(at(1s), Outcome::success), "");
  }
}

TEST(CircuitBreaker, NothingIsSlowWithoutADurationOrARate) {
  for (const bool duration : {false, true}) {
    CircuitBreakerPolicy policy = impatient();
    (duration ? policy.slow_call_rate_threshold : policy.failure_count) = 0;
    if (!duration) policy.slow_call_duration = 0s;
    Breaker breaker(policy);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(breaker.request(at(1s), slow()), "");
  }
}

// ---- Retry-After --------------------------------------------------------------------------------

TEST(CircuitBreaker, WhoAsksToBeLeftAloneIs) {
  const auto pause = [](Duration retry_after) {
    CircuitBreakerPolicy policy = streak();
    policy.open_duration = 2s;
    policy.consecutive_failures = 1;
    Breaker breaker(policy);
    Feedback feedback{Outcome::failure};
    feedback.retry_after = retry_after;
    breaker.request(at(0s), feedback);
    return breaker.open_until() - at(0s);
  };
  EXPECT_LT(pause(1s), 2200ms) << "no shorter than without";
  EXPECT_GE(pause(1s), 2s);
  EXPECT_GE(pause(20s), 20s);
  EXPECT_LT(pause(20s), 22s);
  EXPECT_GE(pause(24h), 30s);
  EXPECT_LT(pause(24h), 33s) << "nobody takes himself out for a day";
  EXPECT_GE(pause(-5s), 2s);
}

TEST(CircuitBreaker, OnlyTheFailureThatOpensSaysForHowLong) {
  CircuitBreakerPolicy policy = streak();
  policy.open_duration = 1s;
  policy.consecutive_failures = 2;
  Breaker breaker(policy);
  Feedback asking{Outcome::failure};
  asking.retry_after = 20s;
  breaker.request(at(0s), asking);
  breaker.request(at(0s), Outcome::failure);
  EXPECT_LT(breaker.open_until(), at(2s));
  const Instant now = breaker.wait_until_half_open();
  breaker.request(now, asking);
  EXPECT_GE(breaker.open_until(), now + 20s) << "a probe's failure opens, too";
}

// ---- an operator --------------------------------------------------------------------------------

TEST(CircuitBreaker, ForcedOpenItStaysOpenUntilReset) {
  Breaker breaker(streak());
  const Ticket before = breaker.admit(at(1s));
  EXPECT_EQ(text_of(breaker.force(at(1s), BreakerState::open)), "closed>open forced 0");
  EXPECT_FALSE(breaker.admits());
  EXPECT_EQ(breaker.next_deadline(), kNever);
  EXPECT_EQ(breaker.open_until(), kNever);
  EXPECT_EQ(text_of(breaker.on_deadline(at(24h * 365))), "");
  EXPECT_EQ(text_of(breaker.on_result(at(2s), before, {Outcome::success})), "");
  EXPECT_EQ(text_of(breaker.force(at(3s), BreakerState::open)), "") << "nothing new";
  EXPECT_EQ(text_of(breaker.force(at(4s), std::nullopt)), "open>closed forced 0");
  EXPECT_TRUE(breaker.admits());
  EXPECT_EQ(breaker.requests(at(5s), Outcome::failure, 5), "closed>open consecutive_failures 5");
}

TEST(CircuitBreaker, ForcedClosedItCountsNothing) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  EXPECT_EQ(text_of(breaker.force(at(2s), BreakerState::closed)), "open>closed forced 0");
  EXPECT_EQ(breaker.requests(at(3s), Outcome::failure, 100), "");
  EXPECT_TRUE(breaker.admits());
  EXPECT_EQ(text_of(breaker.force(at(4s), std::nullopt)), "closed>closed forced 0") << "let go";
  EXPECT_EQ(breaker.requests(at(5s), Outcome::failure, 5), "closed>open consecutive_failures 5");
  EXPECT_LT(breaker.open_until(), at(5s + 33s)) << "earlier openings are forgotten";
}

TEST(CircuitBreaker, AnOperatorMayEndAPause) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  EXPECT_EQ(text_of(breaker.force(at(2s), BreakerState::half_open)), "open>half_open forced 0");
  const Ticket probe = breaker.admit(at(2s));
  EXPECT_TRUE(probe.probe);
  EXPECT_EQ(text_of(breaker.force(at(2s), BreakerState::half_open)), "");
  EXPECT_FALSE(breaker.admits()) << "the permit is still out";
  breaker.on_result(at(2s), probe, {Outcome::success});
  EXPECT_EQ(breaker.request(at(2s), Outcome::success), "half_open>closed probes_succeeded 2");
}

TEST(CircuitBreaker, AResetForgetsCountsAndWhatIsInFlight) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 4);
  const Ticket before = breaker.admit(at(1s));
  EXPECT_EQ(text_of(breaker.force(at(1s), std::nullopt)), "") << "closed it was";
  EXPECT_EQ(text_of(breaker.on_result(at(1s), before, {Outcome::failure})), "");
  EXPECT_EQ(breaker.requests(at(1s), Outcome::failure, 4), "");
}

TEST(CircuitBreaker, ForcingWorksOnOneThatIsSwitchedOff) {
  CircuitBreakerPolicy policy = streak();
  policy.enabled = false;
  Breaker breaker(policy);
  EXPECT_EQ(text_of(breaker.force(at(1s), BreakerState::open)), "closed>open forced 0");
  EXPECT_FALSE(breaker.admits());
  EXPECT_EQ(text_of(breaker.force(at(1s), BreakerState::half_open)), "open>closed forced 0")
      << "without probes there is nothing half about it";
}

TEST(CircuitBreaker, ATicketWithoutEffectHasNone) {
  Breaker breaker(streak());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(text_of(breaker.on_result(at(1s), CircuitBreaker::kNoTicket, {Outcome::failure})),
              "");
  }
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant until = breaker.open_until();
  breaker.on_result(at(2s), CircuitBreaker::kNoTicket, {Outcome::failure});
  EXPECT_EQ(breaker.open_until(), until);
}

// ---- another configuration ----------------------------------------------------------------------

TEST(CircuitBreaker, AnEqualPolicyChangesNothing) {
  Breaker breaker(impatient());
  breaker.requests(at(1s), Outcome::failure, 7);
  const CircuitBreaker before = breaker;
  EXPECT_EQ(breaker.apply(impatient(), at(2s)), std::nullopt);
  EXPECT_EQ(static_cast<const CircuitBreaker&>(breaker), before);
}

TEST(CircuitBreaker, ANewThresholdMeetsTheOldCounts) {
  CircuitBreakerPolicy policy = streak();
  Breaker breaker(policy);
  breaker.requests(at(1s), Outcome::failure, 3);
  policy.consecutive_failures = 4;
  breaker.apply(policy, at(2s));
  EXPECT_EQ(breaker.request(at(2s), Outcome::failure), "closed>open consecutive_failures 4");
  const Instant until = breaker.open_until();
  policy.open_duration = 1s;
  EXPECT_EQ(text_of(breaker.apply(policy, at(3s))), "");
  EXPECT_EQ(breaker.open_until(), until) << "the pause that runs keeps its end";
}

TEST(CircuitBreaker, PermitsSurviveANewPolicy) {
  CircuitBreakerPolicy policy = streak();
  Breaker breaker(policy);
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  const Ticket probe = breaker.admit(now);
  policy.half_open_max_requests = 2;
  breaker.apply(policy, now);
  EXPECT_TRUE(breaker.admits());
  breaker.admit(now);
  EXPECT_FALSE(breaker.admits());
  EXPECT_EQ(text_of(breaker.on_result(now, probe, {Outcome::failure})),
            "half_open>open probe_failed 1");
}

TEST(CircuitBreaker, SlowCallsAreCountedFromWhenTheyMatter) {
  CircuitBreakerPolicy policy = impatient();
  policy.slow_call_duration = 0s;
  Breaker breaker(policy);
  for (int i = 0; i < 50; ++i) breaker.request(at(1s), slow());
  breaker.apply(impatient(), at(1s));
  for (int i = 0; i < 9; ++i) EXPECT_EQ(breaker.request(at(1s), slow()), "");
  EXPECT_EQ(breaker.request(at(1s), slow()), "closed>open slow_call_rate 100");
}

TEST(CircuitBreaker, SwitchingItOffClosesItUnlessAnOperatorHoldsIt) {
  CircuitBreakerPolicy off = streak();
  off.enabled = false;
  Breaker open(streak());
  open.requests(at(1s), Outcome::failure, 5);
  Breaker held = open;
  held.force(at(1s), BreakerState::open);
  EXPECT_EQ(text_of(open.apply(off, at(2s))), "open>closed requested 0");
  EXPECT_EQ(text_of(held.apply(off, at(2s))), "");
  EXPECT_FALSE(held.admits());
}

TEST(CircuitBreaker, ANewBackendInThePlaceHasNothingToDoWithTheOldOnesResults) {
  Breaker breaker(streak());
  const Ticket old = breaker.admit(at(1s));
  breaker.requests(at(1s), Outcome::failure, 4);
  EXPECT_EQ(text_of(breaker.restart(streak(), at(2s))), "");
  EXPECT_EQ(text_of(breaker.on_result(at(2s), old, {Outcome::failure})), "");
  EXPECT_EQ(breaker.requests(at(2s), Outcome::failure, 4), "");
  breaker.request(at(2s), Outcome::failure);
  EXPECT_EQ(text_of(breaker.restart(streak(), at(3s))), "open>closed requested 0");
}

// ---- defects of others --------------------------------------------------------------------------

// s3-orchestrator #1472: requests that the open breaker turned away were counted as failed probes,
// and it pinned itself open for 66 hours.
TEST(CircuitBreakerDefect, RejectionsNeverKeepItOpenS3Orchestrator1472) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  for (Instant now = at(1s); now < breaker.open_until(); now += 100ms) {
    EXPECT_FALSE(breaker.admits()) << "all there is to say to a request meanwhile";
  }
  const Instant now = breaker.wait_until_half_open();
  const Ticket probe = breaker.admit(now);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(breaker.admits());
  breaker.on_result(now, probe, {Outcome::success});
  EXPECT_EQ(breaker.request(now, Outcome::success), "half_open>closed probes_succeeded 2");
}

// GoBalance (3): half-open lets everybody through.
TEST(CircuitBreakerDefect, HalfOpenProbesAreLimitedGoBalance3) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  const Instant now = breaker.wait_until_half_open();
  int probes = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!breaker.admits()) continue;
    breaker.admit(now);
    ++probes;
  }
  EXPECT_EQ(probes, 1);
}

// GoBalance (4): failures that arrive while it is open push the end of the pause away.
TEST(CircuitBreakerDefect, FailuresWhileOpenDoNotExtendItGoBalance4) {
  Breaker breaker(streak());
  std::vector<Ticket> in_flight;
  for (int i = 0; i < 100; ++i) in_flight.push_back(breaker.admit(at(1s)));
  for (int i = 0; i < 5; ++i) breaker.on_result(at(1s), in_flight[i], {Outcome::failure});
  const Instant until = breaker.open_until();
  Instant now = at(1s);
  for (int i = 5; i < 100; ++i) {
    now += 200ms;
    breaker.on_result(now, in_flight[i], {Outcome::failure});
    ASSERT_EQ(breaker.open_until(), until);
  }
}

// Enterprise-LB (11): asking for the state changed it, under a lock for readers.
TEST(CircuitBreakerDefect, ReadingTheStateChangesNothingEnterprise11) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  const CircuitBreaker before = breaker;
  const CircuitBreaker& reader = breaker;
  EXPECT_FALSE(reader.admits());
  EXPECT_EQ(reader.state(), BreakerState::open);
  EXPECT_NE(reader.open_until(), kNever);
  EXPECT_NE(reader.next_deadline(), kNever);
  EXPECT_EQ(reader.probes_in_flight(), 0U);
  EXPECT_EQ(reader, before);
}

TEST(CircuitBreaker, AYearWithoutADriverEndsOnePause) {
  Breaker breaker(streak());
  breaker.requests(at(1s), Outcome::failure, 5);
  EXPECT_EQ(text_of(breaker.on_deadline(at(24h * 365))), "open>half_open open_duration_over 1");
  EXPECT_EQ(breaker.request(at(24h * 365), Outcome::failure), "half_open>open probe_failed 1");
}

TEST(CircuitBreaker, SwitchedOffItAdmitsAlwaysAndKeepsNoState) {
  CircuitBreakerPolicy policy = streak();
  policy.enabled = false;
  Breaker breaker(policy);
  const CircuitBreaker before = breaker;
  EXPECT_EQ(breaker.requests(at(1s), Outcome::failure, 1000), "");
  EXPECT_TRUE(breaker.admits());
  EXPECT_EQ(breaker.next_deadline(), kNever);
  EXPECT_EQ(static_cast<const CircuitBreaker&>(breaker), before);
}

}  // namespace
}  // namespace evenkeel::core
