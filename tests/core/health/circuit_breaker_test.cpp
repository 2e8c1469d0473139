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
  std::string request(Instant now, Outcome outcome) {
    return text_of(on_result(now, admit(now), outcome));
  }
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
  for (int i = 0; i < 5; ++i) breaker.on_result(at(1s), in_flight[i], Outcome::failure);
  const Instant until = breaker.open_until();
  for (int i = 5; i < 50; ++i) {
    EXPECT_EQ(text_of(breaker.on_result(at(20s), in_flight[i], Outcome::failure)), "");
  }
  EXPECT_EQ(breaker.open_until(), until);
}

TEST(CircuitBreaker, LateResultsNeitherFailNorPassAProbe) {
  Breaker breaker(streak());
  std::vector<Ticket> in_flight;
  for (int i = 0; i < 8; ++i) in_flight.push_back(breaker.admit(at(1s)));
  for (int i = 0; i < 5; ++i) breaker.on_result(at(1s), in_flight[i], Outcome::failure);
  const Instant now = breaker.wait_until_half_open();
  EXPECT_EQ(text_of(breaker.on_result(now, in_flight[5], Outcome::failure)), "");
  EXPECT_EQ(text_of(breaker.on_result(now, in_flight[6], Outcome::success)), "");
  EXPECT_EQ(text_of(breaker.on_result(now, in_flight[7], Outcome::success)), "");
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
}

TEST(CircuitBreaker, ResultsOfAnEarlierClosedTimeDoNotCountInThisOne) {
  Breaker breaker(streak());
  std::vector<Ticket> in_flight;
  for (int i = 0; i < 10; ++i) in_flight.push_back(breaker.admit(at(1s)));
  for (int i = 0; i < 5; ++i) breaker.on_result(at(1s), in_flight[i], Outcome::failure);
  const Instant now = breaker.wait_until_half_open();
  breaker.request(now, Outcome::success);
  ASSERT_EQ(breaker.request(now, Outcome::success), "half_open>closed probes_succeeded 2");
  for (int i = 5; i < 10; ++i) {
    EXPECT_EQ(text_of(breaker.on_result(now, in_flight[i], Outcome::failure)), "");
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
  EXPECT_EQ(text_of(breaker.on_result(now + 32s, lost, Outcome::failure)), "") << "too late";
  EXPECT_FALSE(breaker.admits()) << "and not the other one's permit";
  EXPECT_EQ(text_of(breaker.on_result(now + 32s, next, Outcome::failure)),
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
  breaker.on_result(now + 3s, first, Outcome::neutral);
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
  breaker.on_result(now, probe, Outcome::success);
  EXPECT_EQ(text_of(breaker.on_result(now, probe, Outcome::success)), "");
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
    for (int i = 0; i < 5; ++i) breaker.on_result(at(0s), breaker.admit(at(0s)), Outcome::failure);
    const Instant until = breaker.open_until();
    pauses.insert(until - at(0s));
    breaker.on_deadline(until);
    breaker.on_result(until, breaker.admit(until), Outcome::failure);
    pauses.insert((breaker.open_until() - until) / 2);
  }
  EXPECT_EQ(pauses.size(), 20U);
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
