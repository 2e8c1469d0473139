// SPDX-License-Identifier: Apache-2.0
//
// A home takes another configuration while backends are checked, ejected, probed and drained.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/home.h"

namespace evenkeel::core {
namespace {

const Stream kStream{Seed{3}, "home"};
constexpr BackendIndex k0{0};
constexpr BackendIndex k1{1};
constexpr BackendIndex k2{2};
constexpr BackendIndex k3{3};

// Backends a, b, c …; checks, ejection after two failures and a breaker that opens at four.
PoolPolicy pool_of(const std::string& names) {
  PoolPolicy policy;
  for (const char name : names) {
    BackendPolicy backend;
    backend.id = std::string(1, name);
    backend.endpoint.host = backend.id + ".example";
    policy.backends.push_back(backend);
  }
  policy.health_check.unhealthy_threshold = 1;
  policy.outlier_detection.consecutive_failures = 2;
  policy.outlier_detection.ejection_jitter_percent = 0;
  policy.circuit_breaker.consecutive_failures = 4;
  policy.circuit_breaker.failure_rate_threshold = 0;
  return policy;
}

PoolHome home_of(const PoolPolicy& policy) {
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  home.clear_news();
  return home;
}

void fail(PoolHome& home, Instant now, BackendIndex backend, int count) {
  for (int i = 0; i < count; ++i) {
    home.on_evidence(now, Evidence{backend, Feedback{Outcome::failure}, home.admit(now, backend)});
  }
}

// What applying the policy tells: "verdicts | transitions | actions".
std::string news(PoolHome& home, const PoolPolicy& policy, Instant now) {
  home.clear_news();
  home.apply(policy, now);
  std::string text;
  for (const Verdict& verdict : home.verdicts()) {
    text += std::to_string(index(verdict.backend)) + " " + std::string(to_text(verdict.standing)) +
            ", ";
  }
  text += "| ";
  for (const Transition& transition : home.transitions()) text += to_text(transition) + ", ";
  text += "| ";
  for (const Action& action : home.actions()) text += to_text(action) + ", ";
  home.clear_news();
  return text;
}

// Starts a check of this backend, whose number it returns.
std::uint64_t begin_check(PoolHome& home, BackendIndex backend) {
  for (;;) {
    home.clear_news();
    home.on_deadline(home.next_deadline());
    for (const Action& action : home.actions()) {
      const auto* start = std::get_if<StartCheck>(&action);
      if (start != nullptr && start->check.backend.backend == backend) return start->check.number;
    }
  }
}

TEST(HomeApply, AnEqualConfigurationChangesNothing) {
  PoolHome home = home_of(pool_of("abc"));
  fail(home, at(0s), k0, 2);
  fail(home, at(0s), k1, 5);
  begin_check(home, k2);
  home.set_admin(at(1s), k2, AdminState::drain);
  const PoolHome before = home;
  home.apply(pool_of("abc"), at(7s));
  EXPECT_EQ(home, before);
}

TEST(HomeApply, NewParametersReachWhatIsKept) {
  PoolPolicy policy = pool_of("abcd");
  PoolHome home = home_of(policy);
  fail(home, at(0s), k0, 1);
  policy.outlier_detection.consecutive_failures = 5;
  policy.circuit_breaker.consecutive_failures = 2;
  EXPECT_EQ(news(home, policy, at(1s)), "| | ");
  fail(home, at(1s), k0, 1);
  EXPECT_EQ(home.standing(k0), Standing::breaker_open) << "the first failure counts still";
}

TEST(HomeApply, ARemovedBackendIsDownAndNoLongerChecked) {
  PoolPolicy policy = pool_of("ab");
  PoolHome home = home_of(policy);
  const std::uint64_t check = begin_check(home, k1);
  policy.backends[1].removed = true;
  EXPECT_EQ(news(home, policy, at(10s)),
            "1 down, | admin 0/1 ready>maintenance requested 0, | cancel check 0/1 #" +
                std::to_string(check) + ", ");
  const PoolHome before = home;
  // Whatever is still said of it.
  home.on_check_ended(at(11s), k1, check, CheckOutcome::passed);
  fail(home, at(11s), k1, 10);
  home.set_admin(at(11s), k1, AdminState::ready);
  home.force_breaker(at(11s), k1, BreakerState::open);
  EXPECT_EQ(home, before);
  for (Instant now = at(11s); now < at(100s); now += 1s) home.on_deadline(now);
  for (const Action& action : home.actions()) {
    const auto* start = std::get_if<StartCheck>(&action);
    EXPECT_TRUE(start == nullptr || start->check.backend.backend == k0);
  }
}

TEST(HomeApply, ABackendMissingAtTheEndIsRemoved) {
  PoolHome home = home_of(pool_of("abc"));
  EXPECT_EQ(news(home, pool_of("ab"), at(1s)),
            "2 down, | admin 0/2 ready>maintenance requested 0, | ");
  EXPECT_EQ(news(home, pool_of("ab"), at(2s)), "| | ");
  EXPECT_EQ(home.size(), 3U);
}

TEST(HomeApply, ARemovedBackendTakesNothingWithItWhenItComesBack) {
  PoolPolicy policy = pool_of("abc");
  PoolHome home = home_of(policy);
  const auto in_flight = home.admit(at(0s), k0);
  fail(home, at(0s), k0, 4);
  home.set_admin(at(0s), k0, AdminState::drain);
  policy.backends[0].removed = true;
  EXPECT_EQ(news(home, policy, at(1s)),
            "0 down, | ejection 0/0 out>in ejection_over 0, breaker 0/0 open>closed requested 0, "
            "admin 0/0 drain>maintenance requested 0, | ");
  policy.backends[0].removed = false;
  policy.health_check.initial_state = InitialState::unchecked;
  EXPECT_EQ(news(home, policy, at(2s)),
            "0 unchecked, | health 0/0 healthy>unchecked requested 0, admin 0/0 "
            "maintenance>ready requested 0, | ");
  EXPECT_EQ(home.breaker(k0), BreakerState::closed);
  home.on_evidence(at(2s), Evidence{k0, Feedback{Outcome::failure}, in_flight});
  fail(home, at(2s), k0, 3);
  EXPECT_EQ(home.breaker(k0), BreakerState::closed) << "what was in flight is another life's";
}

TEST(HomeApply, AnotherBackendInThePlaceBeginsAnew) {
  PoolHome home = home_of(pool_of("abc"));
  fail(home, at(0s), k1, 2);
  fail(home, at(0s), k2, 1);
  EXPECT_EQ(news(home, pool_of("axc"), at(1s)),
            "1 down, 1 eligible, | ejection 0/1 out>in ejection_over 0, | ");
  fail(home, at(1s), k1, 1);
  EXPECT_FALSE(home.ejected(k1));
  fail(home, at(1s), k2, 1);
  EXPECT_TRUE(home.ejected(k2)) << "its neighbour has kept its count";
}

TEST(HomeApply, TheSameNameElsewhereIsAnotherBackend) {
  PoolPolicy policy = pool_of("abc");
  PoolHome home = home_of(policy);
  home.set_admin(at(0s), k1, AdminState::drain);
  policy.backends[1].endpoint.port = 81;
  EXPECT_EQ(news(home, policy, at(1s)),
            "1 down, 1 eligible, | admin 0/1 drain>ready requested 0, | ");
}

TEST(HomeApply, NewBackendsAreAppendedAndNobodyElseNotices) {
  PoolHome home = home_of(pool_of("ab"));
  fail(home, at(0s), k0, 2);
  ASSERT_TRUE(home.ejected(k0));
  const Instant deadline = home.next_deadline();
  EXPECT_EQ(news(home, pool_of("abcd"), at(1s)), "2 eligible, 3 eligible, | | ");
  EXPECT_TRUE(home.ejected(k0));
  EXPECT_LE(home.next_deadline(), deadline);
  home.on_deadline(at(10s));
  EXPECT_TRUE(home.eligible(k0)) << "its deadline came along";
  fail(home, at(10s), k3, 2);
  EXPECT_TRUE(home.ejected(k3));
}

// The checks of a backend that has been there from the start, and of one that came later.
TEST(HomeApply, StreamsAreTheirBackendsOwn) {
  PoolPolicy policy = pool_of("abc");
  PoolHome grown = home_of(pool_of("ab"));
  grown.apply(policy, at(0s));
  grown.clear_news();
  PoolHome whole = home_of(policy);
  EXPECT_EQ(grown.next_deadline(), whole.next_deadline());
  EXPECT_EQ(begin_check(grown, k2), begin_check(whole, k2));
  EXPECT_EQ(grown.next_deadline(), whole.next_deadline());
}

TEST(HomeApply, ALowerWeightMayMakeSomebodyTheLast) {
  PoolPolicy policy = pool_of("ab");
  PoolHome home = home_of(policy);
  policy.backends[1].weight = 0;
  home.apply(policy, at(1s));
  fail(home, at(1s), k0, 3);
  EXPECT_FALSE(home.ejected(k0)) << "nobody else takes requests";
  policy.backends[1].weight = 1;
  home.apply(policy, at(2s));
  fail(home, at(2s), k0, 2);
  EXPECT_TRUE(home.ejected(k0));
}

TEST(HomeApply, RemovingTheHealthyBringsTheEjectedBack) {
  PoolPolicy policy = pool_of("abcd");
  PoolHome home = home_of(policy);
  fail(home, at(0s), k0, 2);
  fail(home, at(1s), k1, 2);
  policy.backends[2].removed = true;
  policy.backends[3].removed = true;
  home.clear_news();
  home.apply(policy, at(2s));
  EXPECT_TRUE(home.eligible(k0)) << "the first to go";
  EXPECT_TRUE(home.ejected(k1)) << "half of two";
  home.on_deadline(at(11s));
  EXPECT_TRUE(home.eligible(k1));
}

TEST(HomeApply, ChecksSwitchedOffTakeTheirVerdictWithThem) {
  PoolPolicy policy = pool_of("ab");
  PoolHome home = home_of(policy);
  const std::uint64_t check = begin_check(home, k1);
  home.on_check_ended(at(10s), k1, check, CheckOutcome::refused);
  EXPECT_EQ(home.standing(k1), Standing::unhealthy);
  policy.health_check.type = CheckType::off;
  EXPECT_NE(news(home, policy, at(11s)).find("health 0/1 unhealthy>healthy requested 0"),
            std::string::npos);
  EXPECT_TRUE(home.eligible(k1));
  EXPECT_EQ(home.next_deadline(), kNever);
  policy.health_check.type = CheckType::http;
  policy.health_check.initial_state = InitialState::unhealthy;
  EXPECT_EQ(news(home, policy, at(12s)), "| | ") << "who takes requests goes on to";
  EXPECT_LE(home.next_deadline(), at(22s));
}

TEST(HomeApply, TheBudgetKeepsItsCharges) {
  PoolPolicy policy = pool_of("ab");
  policy.retry.budget.percent = 10;
  policy.retry.budget.min_per_second = 0;
  PoolHome home = home_of(policy);
  for (int i = 0; i < 100; ++i) home.on_request(at(0s));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(home.try_retry(at(0s)));
  policy.retry.budget.interval = 20s;
  home.apply(policy, at(1s));
  EXPECT_FALSE(home.try_retry(at(1s)));
  policy.retry.budget.percent = 11;
  home.apply(policy, at(1s));
  EXPECT_TRUE(home.try_retry(at(1s)));
  EXPECT_FALSE(home.try_retry(at(1s)));
}

// GoBalance (8): breakers were kept by host name, for ever. Here there is one per place, and
// places are used again.
TEST(HomeApplyDefect, BreakersDoNotPileUpGoBalance8) {
  PoolHome home = home_of(pool_of("abc"));
  for (int i = 0; i < 1000; ++i) {
    home.apply(pool_of(i % 2 == 0 ? "xyz" : "abc"), at(i * 1s));
    fail(home, at(i * 1s), k0, 4);
    home.clear_news();
  }
  EXPECT_EQ(home.size(), 3U);
}

}  // namespace
}  // namespace evenkeel::core
