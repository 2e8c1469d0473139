// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/home.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/at.h"

// Any history against a model is in home_model_test.cpp, other configurations in
// home_apply_test.cpp.
namespace evenkeel::core {
namespace {

const Stream kStream{Seed{3}, "home"};
constexpr BackendIndex k0{0};
constexpr BackendIndex k1{1};
constexpr BackendIndex k2{2};

// Nobody judges these backends but who is switched on.
PoolPolicy plain_pool(std::uint32_t backends) {
  PoolPolicy policy;
  policy.backends.resize(backends);
  policy.health_check.type = CheckType::off;
  policy.outlier_detection.enabled = false;
  policy.outlier_detection.ejection_jitter_percent = 0;
  policy.circuit_breaker.enabled = false;
  return policy;
}

// The verdicts a worker would be told, as "0 eligible, 1 ejected", and nothing left over.
std::string take_verdicts(PoolHome& home) {
  std::string text;
  for (const Verdict& verdict : home.verdicts()) {
    if (!text.empty()) text += ", ";
    text += std::to_string(index(verdict.backend)) + " " + std::string(to_text(verdict.standing));
    if (verdict.suspect) text += " suspect";
  }
  home.clear_news();
  EXPECT_FALSE(home.has_news());
  return text;
}

std::string transitions(const PoolHome& home) {
  std::string text;
  for (const Transition& transition : home.transitions()) {
    if (!text.empty()) text += ", ";
    text += to_text(transition);
  }
  return text;
}

PoolPolicy breaking_policy() {
  PoolPolicy policy = plain_pool(2);
  policy.circuit_breaker.enabled = true;
  policy.circuit_breaker.consecutive_failures = 2;
  policy.circuit_breaker.open_duration = 1s;
  policy.circuit_breaker.half_open_max_requests = 2;
  return policy;
}

PoolPolicy ejecting_policy(std::uint32_t backends) {
  PoolPolicy policy = plain_pool(backends);
  policy.outlier_detection.enabled = true;
  policy.outlier_detection.consecutive_failures = 2;
  policy.outlier_detection.max_ejection_percent = 100;
  policy.outlier_detection.success_rate.method = SuccessRateMethod::off;
  policy.outlier_detection.failure_percentage.threshold = 0;
  return policy;
}

PoolPolicy checked_policy(std::uint32_t backends) {
  PoolPolicy policy = plain_pool(backends);
  policy.health_check.type = CheckType::http;
  policy.health_check.unhealthy_threshold = 1;
  policy.health_check.healthy_threshold = 1;
  policy.health_check.jitter_percent = 0;
  return policy;
}

void give(PoolHome& home, Instant now, CircuitBreaker::Ticket ticket, Outcome outcome,
          BackendIndex backend = k0) {
  home.on_evidence(now, Evidence{backend, Feedback{outcome}, ticket});
}
void request(PoolHome& home, Instant now, BackendIndex backend, Outcome outcome, int count = 1) {
  for (int i = 0; i < count; ++i) give(home, now, home.admit(now, backend), outcome, backend);
}

// Lets the next check of every backend begin, and ends it like this.
Instant check_all(PoolHome& home, CheckOutcome outcome) {
  std::vector<CheckId> running;
  Instant now{};
  while (running.size() < home.size()) {
    now = home.next_deadline();
    const std::size_t before = home.actions().size();
    home.on_deadline(now);
    for (std::size_t i = before; i < home.actions().size(); ++i) {
      if (const auto* start = std::get_if<StartCheck>(&home.actions()[i])) {
        running.push_back(start->check);
        home.on_check_ended(now, start->check.backend.backend, start->check.number, outcome);
      }
    }
  }
  return now;
}

TEST(Home, BeginsWithAVerdictOnEveryBackend) {
  PoolPolicy policy = plain_pool(3);
  PoolHome healthy(PoolIndex{0}, policy, kStream, at(0s));
  EXPECT_EQ(take_verdicts(healthy), "0 eligible, 1 eligible, 2 eligible");
  policy.health_check.type = CheckType::http;
  policy.health_check.initial_state = InitialState::unhealthy;
  PoolHome unhealthy(PoolIndex{0}, policy, kStream, at(0s));
  EXPECT_EQ(take_verdicts(unhealthy), "0 unhealthy, 1 unhealthy, 2 unhealthy");
}

TEST(Home, SaysAVerdictOnlyWhenItChanges) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  EXPECT_EQ(take_verdicts(home), "0 eligible, 1 eligible");
  const auto first = home.admit(at(0s), k0);
  const auto second = home.admit(at(0s), k0);
  EXPECT_EQ(take_verdicts(home), "");
  give(home, at(0s), first, Outcome::failure);
  EXPECT_EQ(take_verdicts(home), "");
  give(home, at(0s), second, Outcome::failure);
  EXPECT_EQ(take_verdicts(home), "0 breaker_open");
  EXPECT_EQ(home.breaker(k0), BreakerState::open);
  EXPECT_EQ(home.breaker(k1), BreakerState::closed);
}

TEST(Home, HandsOutAsManyProbesAsThereArePermits) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  give(home, at(0s), home.admit(at(0s), k0), Outcome::failure);
  give(home, at(0s), home.admit(at(0s), k0), Outcome::failure);
  const Instant half_open = home.next_deadline();
  home.on_deadline(half_open);
  EXPECT_EQ(take_verdicts(home), "0 eligible, 1 eligible, 0 breaker_open, 0 eligible");
  const auto first = home.admit(half_open, k0);
  EXPECT_EQ(take_verdicts(home), "");
  const auto second = home.admit(half_open, k0);
  EXPECT_EQ(take_verdicts(home), "0 breaker_open");
  give(home, half_open, first, Outcome::neutral);
  EXPECT_EQ(take_verdicts(home), "0 eligible");
  // The lease of the other one is all that is waited for, and then nothing.
  EXPECT_EQ(home.next_deadline(), half_open + 1s);
  give(home, half_open, second, Outcome::neutral);
  EXPECT_EQ(home.next_deadline(), kNever);
}

TEST(Home, ChecksAreActionsOfItsOwnPool) {
  PoolPolicy policy = plain_pool(1);
  policy.health_check.type = CheckType::tcp;
  PoolHome home(PoolIndex{7}, policy, kStream, at(0s));
  home.clear_news();
  home.on_deadline(home.next_deadline());
  ASSERT_EQ(home.actions().size(), 1U);
  EXPECT_EQ(to_text(home.actions()[0]), "check 7/0 #0");
  home.clear_news();
  home.on_deadline(home.next_deadline());
  ASSERT_EQ(home.actions().size(), 1U);
  EXPECT_EQ(to_text(home.actions()[0]), "cancel check 7/0 #0");
}

TEST(Home, HedgesHaveNoBudgetWhenTheyAreOff) {
  PoolPolicy policy = plain_pool(1);
  PoolHome off(PoolIndex{0}, policy, kStream, at(0s));
  EXPECT_FALSE(off.try_hedge(at(0s)));
  EXPECT_TRUE(off.try_retry(at(0s)));
  policy.retry.hedge.enabled = true;
  policy.retry.hedge.budget_percent = 50;
  policy.retry.budget.min_per_second = 0;
  PoolHome on(PoolIndex{0}, policy, kStream, at(0s));
  for (int i = 0; i < 20; ++i) on.on_request(at(0s));
  int hedges = 0;
  int retries = 0;
  while (on.try_hedge(at(0s))) ++hedges;
  while (on.try_retry(at(0s))) ++retries;
  EXPECT_EQ(hedges, 20 * 50 / 100);
  EXPECT_EQ(retries, 20 * static_cast<int>(policy.retry.budget.percent) / 100);
}

TEST(Home, ADeadlineCalledTooEarlyDoesNothing) {
  PoolPolicy policy = plain_pool(2);
  policy.health_check.type = CheckType::http;
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  home.clear_news();
  home.on_deadline(home.next_deadline() - 1ns);
  EXPECT_FALSE(home.has_news());
}

// ---- precedence ---------------------------------------------------------------------------------

// operator > checks > ejection > breaker: taken away from the top, each shows the next.
TEST(Home, TheStrongestObjectionIsTheStanding) {
  PoolPolicy policy = ejecting_policy(3);
  policy.health_check = checked_policy(3).health_check;
  policy.circuit_breaker = breaking_policy().circuit_breaker;
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  EXPECT_EQ(home.standing(k0), Standing::eligible);
  home.force_breaker(at(0s), k0, BreakerState::open);
  EXPECT_EQ(home.standing(k0), Standing::breaker_open);
  request(home, at(0s), k0, Outcome::failure, 2);
  EXPECT_EQ(home.standing(k0), Standing::ejected);
  const Instant now = check_all(home, CheckOutcome::refused);
  EXPECT_EQ(home.standing(k0), Standing::unhealthy);
  home.set_admin(now, k0, AdminState::drain);
  EXPECT_EQ(home.standing(k0), Standing::draining);
  home.set_admin(now, k0, AdminState::maintenance);
  EXPECT_EQ(home.standing(k0), Standing::down);
  home.set_admin(now, k0, AdminState::ready);
  EXPECT_EQ(home.standing(k0), Standing::unhealthy);
  take_verdicts(home);
  check_all(home, CheckOutcome::passed);
  EXPECT_EQ(home.health(k0), HealthState::healthy);
  EXPECT_FALSE(home.eligible(k0));
  EXPECT_EQ(home.breaker(k0), BreakerState::open);
}

TEST(Home, AnUncheckedBackendSaysSo) {
  PoolPolicy policy = checked_policy(2);
  policy.health_check.initial_state = InitialState::unchecked;
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  EXPECT_EQ(take_verdicts(home), "0 unchecked, 1 unchecked");
}

// ---- an operator --------------------------------------------------------------------------------

TEST(Home, AnOperatorsWordIsATransitionAndAVerdict) {
  PoolHome home(PoolIndex{4}, plain_pool(2), kStream, at(0s));
  take_verdicts(home);
  home.set_admin(at(1s), k1, AdminState::ready);
  EXPECT_FALSE(home.has_news()) << "it is";
  home.set_admin(at(1s), k1, AdminState::drain);
  EXPECT_EQ(transitions(home), "admin 4/1 ready>drain requested 0");
  EXPECT_EQ(take_verdicts(home), "1 draining");
  EXPECT_EQ(home.admin(k1), AdminState::drain);
  home.set_admin(at(2s), k1, AdminState::maintenance);
  EXPECT_EQ(transitions(home), "admin 4/1 drain>maintenance requested 0");
  EXPECT_EQ(take_verdicts(home), "1 down");
}

TEST(Home, AForcedBreakerIsATransitionAndAVerdict) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  take_verdicts(home);
  home.force_breaker(at(1s), k0, BreakerState::open);
  EXPECT_EQ(transitions(home), "breaker 0/0 closed>open forced 0");
  EXPECT_EQ(take_verdicts(home), "0 breaker_open");
  EXPECT_TRUE(home.breaker_forced(k0));
  EXPECT_EQ(home.next_deadline(), kNever);
  home.force_breaker(at(2s), k0, std::nullopt);
  EXPECT_EQ(transitions(home), "breaker 0/0 open>closed forced 0");
  EXPECT_EQ(take_verdicts(home), "0 eligible");
}

TEST(Home, APauseThatAnOperatorEndsIsNoLongerWaitedFor) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  request(home, at(0s), k0, Outcome::failure, 2);
  EXPECT_NE(home.next_deadline(), kNever);
  home.force_breaker(at(0s), k0, BreakerState::closed);
  EXPECT_EQ(home.next_deadline(), kNever);
}

// ---- tickets ------------------------------------------------------------------------------------

// In panic, and for the session that lives there, a request goes past the breaker.
TEST(Home, ATicketPastTheBreakerHasNoEffect) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  request(home, at(0s), k0, Outcome::failure, 2);
  const Instant half_open = home.next_deadline();
  const auto past_open = home.admit(at(0s), k0);
  EXPECT_EQ(past_open, CircuitBreaker::kNoTicket);
  give(home, at(0s), past_open, Outcome::failure);
  EXPECT_EQ(home.next_deadline(), half_open);
  home.on_deadline(half_open);
  const auto first = home.admit(half_open, k0);
  const auto second = home.admit(half_open, k0);
  EXPECT_TRUE(first.probe && second.probe);
  const auto past_probes = home.admit(half_open, k0);
  give(home, half_open, past_probes, Outcome::failure);
  EXPECT_EQ(home.breaker(k0), BreakerState::half_open);
  give(home, half_open, first, Outcome::success);
  give(home, half_open, second, Outcome::success);
  EXPECT_EQ(home.breaker(k0), BreakerState::closed);
}

// ---- ejections ----------------------------------------------------------------------------------

TEST(Home, EjectionsSayTheirReasonAndTheirEnd) {
  PoolHome home(PoolIndex{0}, ejecting_policy(3), kStream, at(0s));
  take_verdicts(home);
  request(home, at(1s), k1, Outcome::failure, 2);
  EXPECT_EQ(transitions(home), "ejection 0/1 in>out consecutive_failures 2");
  EXPECT_EQ(home.transitions()[0].until, at(11s));
  EXPECT_EQ(take_verdicts(home), "1 ejected");
  EXPECT_EQ(home.ejected_until(k1), at(11s));
  home.on_deadline(at(11s));
  EXPECT_EQ(transitions(home), "ejection 0/1 out>in ejection_over 0");
  EXPECT_EQ(take_verdicts(home), "1 eligible");
}

TEST(Home, RatesAreJudgedAtTheEndOfTheInterval) {
  PoolPolicy policy = ejecting_policy(3);
  policy.outlier_detection.consecutive_failures = 0;
  policy.outlier_detection.success_rate.method = SuccessRateMethod::mad;
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  take_verdicts(home);
  for (int i = 0; i < 50; ++i) {
    request(home, at(1s), k0, Outcome::failure);
    request(home, at(1s), k0, Outcome::success);
    request(home, at(1s), k1, Outcome::success, 2);
    request(home, at(1s), k2, Outcome::success, 2);
  }
  EXPECT_FALSE(home.has_news());
  EXPECT_EQ(home.next_deadline(), at(11s));
  home.on_deadline(at(11s));
  EXPECT_EQ(transitions(home), "ejection 0/0 in>out success_rate 50");
  EXPECT_EQ(take_verdicts(home), "0 ejected");
}

// What the cap allows, nobody else may be there to take the requests.
TEST(Home, TheLastOneThatTakesRequestsIsNotEjectedByItsRateEither) {
  PoolPolicy policy = ejecting_policy(3);
  policy.outlier_detection.consecutive_failures = 0;
  policy.outlier_detection.failure_percentage = FailurePercentagePolicy{85, 1, 50};
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  request(home, at(1s), k0, Outcome::failure, 50);
  request(home, at(1s), k1, Outcome::failure, 60);
  home.set_admin(at(2s), k2, AdminState::drain);
  home.clear_news();
  home.on_deadline(at(11s));
  EXPECT_EQ(transitions(home), "ejection 0/0 in>out failure_percentage 100");
  EXPECT_TRUE(home.eligible(k1));
}

TEST(Home, FailuresOfTheOnlyOneLeftCountForNothing) {
  PoolHome home(PoolIndex{0}, ejecting_policy(2), kStream, at(0s));
  home.set_admin(at(0s), k1, AdminState::maintenance);
  request(home, at(1s), k0, Outcome::failure, 100);
  home.set_admin(at(1s), k1, AdminState::ready);
  request(home, at(1s), k0, Outcome::failure);
  EXPECT_FALSE(home.ejected(k0));
  request(home, at(1s), k0, Outcome::failure);
  EXPECT_TRUE(home.ejected(k0));
}

TEST(Home, APassedCheckEndsAnEjectionWhereThatIsWanted) {
  for (const bool wanted : {false, true}) {
    PoolPolicy policy = ejecting_policy(2);
    policy.health_check = checked_policy(2).health_check;
    policy.outlier_detection.base_ejection_time = 100s;
    policy.outlier_detection.uneject_on_active_success = wanted;
    PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
    request(home, at(0s), k0, Outcome::failure, 2);
    home.clear_news();
    check_all(home, CheckOutcome::local);
    EXPECT_TRUE(home.ejected(k0)) << "says nothing";
    check_all(home, CheckOutcome::passed);
    EXPECT_EQ(home.ejected(k0), !wanted);
    EXPECT_EQ(transitions(home), wanted ? "ejection 0/0 out>in check_passed 0" : "");
  }
}

TEST(Home, APassedCheckThatComesTooLateEndsNothing) {
  PoolPolicy policy = ejecting_policy(2);
  policy.health_check = checked_policy(2).health_check;
  policy.health_check.unhealthy_threshold = 100;
  policy.outlier_detection.base_ejection_time = 100s;
  policy.outlier_detection.uneject_on_active_success = true;
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  request(home, at(0s), k0, Outcome::failure, 2);
  home.on_deadline(at(10s));  // both checks begin
  home.on_deadline(at(15s));  // and time out
  home.on_check_ended(at(15s), k0, 0, CheckOutcome::passed);
  EXPECT_TRUE(home.ejected(k0));
}

TEST(Home, ASuspectIsPickedStillAndMarked) {
  PoolPolicy policy = ejecting_policy(3);
  policy.outlier_detection.sinkhole_factor = Decimal{5000};
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  take_verdicts(home);
  for (int i = 0; i < 50; ++i) {
    for (std::uint32_t backend = 0; backend < 3; ++backend) {
      Feedback feedback{Outcome::success};
      feedback.latency = backend == 1 ? 1ms : 50ms;
      feedback.body_bytes = backend == 1 ? 0 : 1000;
      const BackendIndex which{backend};
      home.on_evidence(at(0s), Evidence{which, feedback, home.admit(at(0s), which)});
    }
  }
  home.on_deadline(at(10s));
  EXPECT_EQ(take_verdicts(home), "1 eligible suspect");
  EXPECT_TRUE(home.suspect(k1));
}

// ---- checks -------------------------------------------------------------------------------------

TEST(Home, RequestsThatSucceedRelaxTheChecks) {
  const auto checks_in_a_minute = [](std::uint32_t factor, Outcome outcome) {
    PoolPolicy policy = checked_policy(2);
    policy.health_check.relax_factor = factor;
    PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
    int checks = 0;
    for (Instant now = at(0s); now < at(60s); now += 1s) {
      home.clear_news();
      home.on_deadline(now);
      for (const Action& action : home.actions()) {
        const auto* start = std::get_if<StartCheck>(&action);
        if (start == nullptr || start->check.backend.backend != k0) continue;
        ++checks;
        home.on_check_ended(now, k0, start->check.number, CheckOutcome::passed);
      }
      request(home, now, k0, outcome);
    }
    return checks;
  };
  EXPECT_EQ(checks_in_a_minute(1, Outcome::success), 6);
  EXPECT_EQ(checks_in_a_minute(3, Outcome::success), 2);
  EXPECT_EQ(checks_in_a_minute(3, Outcome::failure), 6);
  EXPECT_EQ(checks_in_a_minute(3, Outcome::neutral), 6);
}

// ---- values -------------------------------------------------------------------------------------

TEST(Home, ACopyMakesTheSameDecisions) {
  PoolPolicy policy = ejecting_policy(3);
  policy.circuit_breaker = breaking_policy().circuit_breaker;
  policy.health_check = checked_policy(3).health_check;
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  const auto ticket = home.admit(at(0s), k1);
  request(home, at(0s), k0, Outcome::failure, 2);
  PoolHome copy = home;
  EXPECT_EQ(copy, home);
  for (PoolHome* each : {&home, &copy}) {
    give(*each, at(1s), ticket, Outcome::failure, k1);
    request(*each, at(1s), k1, Outcome::failure);
    each->on_deadline(at(20s));
  }
  EXPECT_EQ(copy, home);
  EXPECT_NE(copy, PoolHome(PoolIndex{0}, policy, kStream, at(0s)));
}

// ---- defects of others --------------------------------------------------------------------------

// Enterprise-LB (1): answers with 5xx were no errors to the breaker, which never opened.
TEST(HomeDefect, AServerErrorTripsTheBreakerEnterprise1) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  for (int i = 0; i < 2; ++i) {
    home.on_evidence(at(0s), Evidence{k0, Feedback{Outcome::failure, FailureKind::server_error},
                                      home.admit(at(0s), k0)});
  }
  EXPECT_EQ(home.breaker(k0), BreakerState::open);
}

// Enterprise-LB (14): when every breaker was open, the fallback picked as if there were none. Here
// a standing says so to whoever picks, and one who goes past it does so without a permit.
TEST(HomeDefect, NobodyIsEligibleWhileAllBreakersAreOpenEnterprise14) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  for (const BackendIndex backend : {k0, k1}) request(home, at(0s), backend, Outcome::failure, 2);
  for (const BackendIndex backend : {k0, k1}) {
    EXPECT_EQ(home.standing(backend), Standing::breaker_open);
    EXPECT_EQ(home.admit(at(0s), backend), CircuitBreaker::kNoTicket);
  }
}

// Enterprise-LB (11): questions changed the state they asked for.
TEST(HomeDefect, QuestionsChangeNothingEnterprise11) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  request(home, at(0s), k0, Outcome::failure, 2);
  const PoolHome before = home;
  EXPECT_EQ(home.standing(k0), Standing::breaker_open);
  EXPECT_FALSE(home.eligible(k0));
  EXPECT_FALSE(home.ejected(k0));
  EXPECT_FALSE(home.suspect(k0));
  EXPECT_NE(home.next_deadline(), kNever);
  EXPECT_EQ(home, before);
}

}  // namespace
}  // namespace evenkeel::core
