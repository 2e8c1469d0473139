// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/active_check.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <set>
#include <string>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

const Stream kJitter(Seed{1}, "checks");

std::string text_of(const ActiveCheck::Change& change) {
  return std::string(to_text(change.from)) + ">" + std::string(to_text(change.to)) + " " +
         std::string(to_text(change.reason)) + " " + std::to_string(change.evidence);
}

// Checks every 10 s with 5 s each, three failures down, two passes up, no jitter.
HealthCheckPolicy plain() {
  HealthCheckPolicy policy;
  policy.jitter_percent = 0;
  return policy;
}

// Runs the checks of one backend. Each takes 1 s and ends as the next letter of a script says:
// p(assed), f(ailed), l(ocal) or n(o answer).
class Runner {
 public:
  explicit Runner(const HealthCheckPolicy& policy, Stream jitter = kJitter)
      : check(policy, jitter, at(0s)) {}

  // Every start and change of state until the script is used up: "#0 #1 #2 healthy>unhealthy …".
  std::string run(const std::string& script) {
    std::string log;
    const auto add = [&](const std::string& entry) { log += (log.empty() ? "" : " ") + entry; };
    for (const char letter : script) {
      std::uint64_t number = 0;
      for (bool started = false; !started;) {
        now = check.next_deadline();
        const auto step = check.on_deadline(now);
        if (step.due == ActiveCheck::Due::start_check) {
          started = true;
          number = step.check_number;
          starts.push_back(now);
          add("#" + std::to_string(number));
        }
        if (step.change) add(text_of(*step.change));
      }
      if (letter == 'n') {
        const Instant timeout = check.next_deadline();
        const auto step = check.on_deadline(timeout);
        EXPECT_EQ(step.due, ActiveCheck::Due::time_out_check);
        EXPECT_EQ(step.check_number, number);
        now = timeout;
        if (step.change) add(text_of(*step.change));
        continue;
      }
      now += 1s;
      const auto outcome = letter == 'p'   ? CheckOutcome::passed
                           : letter == 'l' ? CheckOutcome::local
                                           : CheckOutcome::bad_status;
      if (const auto change = check.on_result(now, number, outcome)) add(text_of(*change));
    }
    return log;
  }

  ActiveCheck check;
  Instant now = at(0s);
  std::vector<Instant> starts;
};

TEST(ActiveCheck, FailuresInARowTakeABackendOut) {
  Runner runner(plain());
  EXPECT_EQ(runner.run("pff"), "#0 #1 #2");
  EXPECT_TRUE(runner.check.up());
  EXPECT_EQ(runner.run("f"), "#3 healthy>unhealthy checks_failed 3");
  EXPECT_FALSE(runner.check.up());
}

TEST(ActiveCheck, PassesInARowBringItBack) {
  Runner runner(plain());
  runner.run("fff");
  EXPECT_EQ(runner.run("p"), "#3");
  EXPECT_FALSE(runner.check.up());
  EXPECT_EQ(runner.run("p"), "#4 unhealthy>healthy checks_passed 2");
  EXPECT_TRUE(runner.check.up());
}

// Counters that do not reset each other take a backend out that fails a third of its checks.
TEST(ActiveCheck, InterleavedResultsReachNoThreshold) {
  Runner runner(plain());
  EXPECT_EQ(runner.run("ffpffpffp").find("unhealthy"), std::string::npos);
  runner.run("fff");
  EXPECT_EQ(runner.run("pfpfpf").find("healthy"), std::string::npos);
}

TEST(ActiveCheck, ResultsThatAgreeWithTheStateChangeNothing) {
  Runner runner(plain());
  EXPECT_EQ(runner.run("ppppp"), "#0 #1 #2 #3 #4");
  runner.run("fff");
  EXPECT_EQ(runner.run("ffff"), "#8 #9 #10 #11");
}

TEST(ActiveCheck, CountsStartAnewAfterAChange) {
  Runner runner(plain());
  runner.run("fffpp");
  EXPECT_EQ(runner.run("ff"), "#5 #6");
  EXPECT_EQ(runner.run("f"), "#7 healthy>unhealthy checks_failed 3");
}

TEST(ActiveCheck, NoAnswerInTimeIsAFailure) {
  Runner runner(plain());
  EXPECT_EQ(runner.run("nnn"), "#0 #1 #2 healthy>unhealthy checks_failed 3");
  EXPECT_EQ(runner.now - runner.starts.back(), 5s);
}

TEST(ActiveCheck, AResultAfterTheTimeoutIsIgnored) {
  Runner runner(plain());
  runner.run("fn");
  EXPECT_EQ(runner.check.on_result(runner.now, 1, CheckOutcome::passed), std::nullopt);
  EXPECT_EQ(runner.run("f"), "#2 healthy>unhealthy checks_failed 3") << "the pass did not count";
}

TEST(ActiveCheck, AResultOfAnEarlierCheckIsIgnored) {
  Runner runner(plain());
  runner.run("ff");
  const Instant start = runner.check.next_deadline();
  ASSERT_EQ(runner.check.on_deadline(start).due, ActiveCheck::Due::start_check);  // number 2 runs
  EXPECT_EQ(runner.check.on_result(start, 1, CheckOutcome::refused), std::nullopt);
  EXPECT_EQ(runner.check.on_result(start, 3, CheckOutcome::refused), std::nullopt);
  EXPECT_TRUE(runner.check.up());
  EXPECT_TRUE(runner.check.on_result(start, 2, CheckOutcome::refused).has_value());
  EXPECT_EQ(runner.check.on_result(start, 2, CheckOutcome::passed), std::nullopt) << "once only";
}

TEST(ActiveCheck, OurOwnLackOfResourcesIsNoEvidence) {
  Runner runner(plain());
  EXPECT_EQ(runner.run("flflf"), "#0 #1 #2 #3 #4 healthy>unhealthy checks_failed 3");
  EXPECT_EQ(runner.run("llll").find("healthy"), std::string::npos);
}

TEST(ActiveCheck, ChecksRunFromStartToStart) {
  Runner runner(plain());
  runner.run("pnlpnp");
  for (std::size_t i = 1; i < runner.starts.size(); ++i) {
    EXPECT_EQ(runner.starts[i] - runner.starts[i - 1], 10s) << "however long each took";
  }
}

TEST(ActiveCheck, FirstChecksSpreadOverOneInterval) {
  std::vector<int> tenths(10);
  for (std::uint64_t backend = 0; backend < 200; ++backend) {
    const ActiveCheck check(plain(), kJitter.of(backend), at(7s));
    const auto phase = check.next_deadline() - at(7s);
    ASSERT_GE(phase, 0s);
    ASSERT_LT(phase, 10s);
    ++tenths[phase / 1s];
  }
  for (const int count : tenths) EXPECT_GT(count, 5) << "20 expected, σ is 4.2";
}

TEST(ActiveCheck, JitterOnlyAddsAndIsDrawnForEveryCheck) {
  HealthCheckPolicy policy = plain();
  policy.jitter_percent = 10;
  Runner runner(policy);
  runner.run(std::string(50, 'p'));
  std::set<Duration> gaps;
  for (std::size_t i = 1; i < runner.starts.size(); ++i) {
    const auto gap = runner.starts[i] - runner.starts[i - 1];
    EXPECT_GE(gap, 10s);
    EXPECT_LT(gap, 11s);
    gaps.insert(gap);
  }
  EXPECT_EQ(gaps.size(), runner.starts.size() - 1);
}

TEST(ActiveCheck, TheUnhealthyIntervalHoldsFromTheVerdictOn) {
  HealthCheckPolicy policy = plain();
  policy.unhealthy_interval = 5s;
  Runner runner(policy);
  runner.run(
      "fffp"
      "p"
      "p");
  std::vector<Duration> gaps;
  for (std::size_t i = 1; i < runner.starts.size(); ++i) {
    gaps.push_back(runner.starts[i] - runner.starts[i - 1]);
  }
  // Check 2 takes it out, check 4 brings it back.
  EXPECT_EQ(gaps, (std::vector<Duration>{10s, 10s, 5s, 5s, 10s}));
}

// With the longest timeout allowed, one check ends at the very instant the next may start. A longer
// one, which the loader refuses, holds the next one up.
TEST(ActiveCheck, ChecksNeverOverlap) {
  HealthCheckPolicy policy = plain();
  for (const Duration timeout : {policy.interval, 3 * policy.interval}) {
    policy.timeout = timeout;
    ActiveCheck check(policy, kJitter, at(0s));
    bool running = false;
    for (int i = 0; i < 100; ++i) {
      const auto step = check.on_deadline(check.next_deadline());
      EXPECT_EQ(step.due,
                running ? ActiveCheck::Due::time_out_check : ActiveCheck::Due::start_check);
      running = !running;
    }
  }
}

TEST(ActiveCheck, OneCallTakesOneThingThatIsDue) {
  HealthCheckPolicy policy = plain();
  policy.timeout = policy.interval;
  ActiveCheck check(policy, kJitter, at(0s));
  const Instant start = check.next_deadline();
  EXPECT_EQ(check.on_deadline(start).due, ActiveCheck::Due::start_check);
  EXPECT_EQ(check.on_deadline(start + 10s).due, ActiveCheck::Due::time_out_check);
  EXPECT_EQ(check.next_deadline(), start + 10s);
  EXPECT_EQ(check.on_deadline(start + 10s).due, ActiveCheck::Due::start_check);
  EXPECT_EQ(check.on_deadline(start + 10s).due, ActiveCheck::Due::nothing);
}

// A driver that slept does not catch up with the checks it missed.
TEST(ActiveCheck, ALateDriverStartsOneCheck) {
  ActiveCheck check(plain(), kJitter, at(0s));
  EXPECT_EQ(check.on_deadline(at(1h)).due, ActiveCheck::Due::start_check);
  check.on_result(at(1h), 0, CheckOutcome::passed);
  EXPECT_EQ(check.next_deadline(), at(1h + 10s));
}

TEST(ActiveCheck, ACallThatComesTooEarlyDoesNothing) {
  ActiveCheck check(plain(), kJitter, at(0s));
  const ActiveCheck before = check;
  EXPECT_EQ(check.on_deadline(check.next_deadline() - 1ns).due, ActiveCheck::Due::nothing);
  EXPECT_EQ(check, before);
}

TEST(ActiveCheck, AnUncheckedBackendTakesItsFirstResult) {
  HealthCheckPolicy policy = plain();
  policy.initial_state = InitialState::unchecked;
  const Stream early = [&] {  // the first result must come before the interval is over
    std::uint64_t member = 0;
    while (kJitter.of(member).within(policy.interval, 0) > 8s) ++member;
    return kJitter.of(member);
  }();
  Runner good(policy, early);
  EXPECT_FALSE(good.check.up());
  EXPECT_EQ(good.run("p"), "#0 unchecked>healthy checks_passed 1");
  EXPECT_EQ(good.check.next_deadline(), good.starts[0] + 10s) << "nothing is left to wait for";
  Runner bad(policy, early);
  EXPECT_EQ(bad.run("f"), "#0 unchecked>unhealthy checks_failed 1");
}

TEST(ActiveCheck, AnUncheckedBackendIsTakenForHealthyAfterOneInterval) {
  HealthCheckPolicy policy = plain();
  policy.initial_state = InitialState::unchecked;
  ActiveCheck check(policy, kJitter, at(0s));
  ASSERT_EQ(check.on_deadline(check.next_deadline()).due, ActiveCheck::Due::start_check);
  ASSERT_FALSE(check.on_result(at(9999ms), 0, CheckOutcome::local).has_value());
  const auto step = check.on_deadline(at(10s));
  EXPECT_EQ(step.due, ActiveCheck::Due::nothing);
  ASSERT_TRUE(step.change.has_value());
  EXPECT_EQ(text_of(*step.change), "unchecked>healthy never_checked 0");
}

TEST(ActiveCheck, AnUnhealthyBeginningTakesTheWholeThreshold) {
  HealthCheckPolicy policy = plain();
  policy.initial_state = InitialState::unhealthy;
  Runner runner(policy);
  EXPECT_FALSE(runner.check.up());
  EXPECT_EQ(runner.run("pp"), "#0 #1 unhealthy>healthy checks_passed 2");
}

TEST(ActiveCheck, WithoutChecksABackendIsAlwaysHealthy) {
  HealthCheckPolicy policy = plain();
  policy.type = CheckType::off;
  policy.initial_state = InitialState::unchecked;
  ActiveCheck check(policy, kJitter, at(0s));
  EXPECT_TRUE(check.up());
  EXPECT_EQ(check.next_deadline(), kNever);
  EXPECT_EQ(check.on_deadline(at(1h)).due, ActiveCheck::Due::nothing);
}

// ---- checks relax while requests prove the backend well -----------------------------------------

// Checks of a minute or so, with a request that ends like this every second: s(uccess), f(ailure)
// or nothing. Starts in seconds after the first.
std::vector<int> starts_under(const std::string& traffic, std::uint32_t relax_factor) {
  HealthCheckPolicy policy = plain();
  policy.relax_factor = relax_factor;
  ActiveCheck check(policy, kJitter, at(0s));
  const Instant first = check.next_deadline();
  std::vector<int> starts;
  Instant now = first;
  for (const char letter : traffic) {
    while (check.next_deadline() <= now) {
      const auto step = check.on_deadline(now);
      if (step.due != ActiveCheck::Due::start_check) continue;
      starts.push_back(static_cast<int>((now - first) / 1s));
      check.on_result(now, step.check_number, CheckOutcome::passed);
    }
    if (letter != ' ') check.on_traffic(letter == 's');
    now += 1s;
  }
  return starts;
}

TEST(ActiveCheck, ChecksAreLeftOutWhileRequestsSucceed) {
  const std::string well(61, 's');
  EXPECT_EQ(starts_under(well, 1), (std::vector<int>{0, 10, 20, 30, 40, 50, 60}));
  EXPECT_EQ(starts_under(well, 2), (std::vector<int>{0, 20, 40, 60}));
  EXPECT_EQ(starts_under(well, 6), (std::vector<int>{0, 60}));
}

TEST(ActiveCheck, WithoutRequestsNoCheckIsLeftOut) {
  EXPECT_EQ(starts_under(std::string(31, ' '), 6), (std::vector<int>{0, 10, 20, 30}));
  // The last success is in the second interval.
  EXPECT_EQ(starts_under(std::string(15, 's') + std::string(26, ' '), 6),
            (std::vector<int>{0, 30, 40}));
}

TEST(ActiveCheck, TheFirstFailureBringsTheNormalIntervalBack) {
  std::string traffic(61, 's');
  traffic[23] = 'f';
  EXPECT_EQ(starts_under(traffic, 6), (std::vector<int>{0, 30}))
      << "seven seconds later, and then relaxed again";
  for (std::size_t i = 23; i < traffic.size(); i += 5) traffic[i] = 'f';
  EXPECT_EQ(starts_under(traffic, 6), (std::vector<int>{0, 30, 40, 50, 60}));
}

TEST(ActiveCheck, AFailedCheckIsFollowedUpWhateverRequestsSay) {
  HealthCheckPolicy policy = plain();
  policy.relax_factor = 5;
  Runner runner(policy);
  runner.run("f");
  for (int i = 0; i < 2; ++i) {
    runner.check.on_traffic(true);
    runner.run("f");
  }
  EXPECT_FALSE(runner.check.up());
  EXPECT_EQ(runner.starts[2] - runner.starts[0], 20s);
  runner.check.on_traffic(true);
  runner.run("p");
  EXPECT_EQ(runner.starts[3] - runner.starts[2], 10s) << "nor while it is out";
}

TEST(ActiveCheck, TheFirstCheckIsNeverLeftOut) {
  HealthCheckPolicy policy = plain();
  policy.relax_factor = 5;
  ActiveCheck check(policy, kJitter, at(0s));
  check.on_traffic(true);
  EXPECT_EQ(check.on_deadline(check.next_deadline()).due, ActiveCheck::Due::start_check);
}

TEST(ActiveCheck, JitterComesOnTopOfRelaxedIntervalsToo) {
  HealthCheckPolicy policy = plain();
  policy.relax_factor = 100;
  policy.jitter_percent = 10;
  ActiveCheck check(policy, kJitter, at(0s));
  Instant now = check.next_deadline();
  ASSERT_EQ(check.on_deadline(now).due, ActiveCheck::Due::start_check);
  check.on_result(now, 0, CheckOutcome::passed);
  std::set<Duration> gaps;
  for (int i = 0; i < 99; ++i) {
    const Duration gap = check.next_deadline() - now;
    EXPECT_GE(gap, 10s);
    EXPECT_LT(gap, 11s);
    gaps.insert(gap);
    now = check.next_deadline();
    check.on_traffic(true);
    ASSERT_EQ(check.on_deadline(now).due, ActiveCheck::Due::nothing);
  }
  EXPECT_EQ(gaps.size(), 99U);
  check.on_traffic(true);
  EXPECT_EQ(check.on_deadline(check.next_deadline()).due, ActiveCheck::Due::start_check);
}

// ---- another configuration ----------------------------------------------------------------------

TEST(ActiveCheck, AnEqualPolicyChangesNothing) {
  Runner runner(plain());
  runner.run("pff");
  const ActiveCheck before = runner.check;
  const auto applied = runner.check.apply(plain(), runner.now);
  EXPECT_EQ(applied.give_up, std::nullopt);
  EXPECT_EQ(runner.check, before);
}

TEST(ActiveCheck, NewThresholdsMeetTheResultsSoFar) {
  Runner runner(plain());
  runner.run("ff");
  HealthCheckPolicy policy = plain();
  policy.unhealthy_threshold = 4;
  runner.check.apply(policy, runner.now);
  EXPECT_EQ(runner.run("ff"), "#2 #3 healthy>unhealthy checks_failed 4");
}

TEST(ActiveCheck, ANewIntervalHoldsFromTheLastStart) {
  Runner runner(plain());
  runner.run("p");
  HealthCheckPolicy policy = plain();
  policy.interval = 7s;
  runner.check.apply(policy, runner.now);
  EXPECT_EQ(runner.check.next_deadline(), runner.starts[0] + 7s);
}

// All at once they would come to a pool whose interval has just been shortened.
TEST(ActiveCheck, ChecksThatAShorterIntervalMakesDueSpreadOut) {
  HealthCheckPolicy lazy = plain();
  lazy.interval = 1h;
  HealthCheckPolicy eager = plain();
  eager.interval = 10s;
  std::set<Instant> next;
  for (std::uint64_t backend = 0; backend < 50; ++backend) {
    Runner runner(lazy, kJitter.of(backend));
    runner.run("p");
    runner.check.apply(eager, at(3h));
    EXPECT_GE(runner.check.next_deadline(), at(3h));
    EXPECT_LT(runner.check.next_deadline(), at(3h + 10s));
    next.insert(runner.check.next_deadline());
    ActiveCheck fresh(lazy, kJitter.of(backend), at(3h));
    fresh.apply(eager, at(3h));
    EXPECT_LE(fresh.next_deadline(), at(3h + 20s)) << "the first check, too";
  }
  EXPECT_EQ(next.size(), 50U);
}

TEST(ActiveCheck, SwitchedOffItGivesUpWhatRunsAndIsHealthy) {
  Runner runner(plain());
  runner.run("fff");
  ASSERT_EQ(runner.check.on_deadline(runner.check.next_deadline()).check_number, 3U);
  HealthCheckPolicy off = plain();
  off.type = CheckType::off;
  const auto applied = runner.check.apply(off, at(40s));
  EXPECT_EQ(applied.give_up, 3U);
  ASSERT_TRUE(applied.change.has_value());
  EXPECT_EQ(text_of(*applied.change), "unhealthy>healthy requested 0");
  EXPECT_EQ(runner.check.next_deadline(), kNever);
  EXPECT_EQ(runner.check.on_result(at(41s), 3, CheckOutcome::refused), std::nullopt);
  runner.check.apply(plain(), at(50s));
  EXPECT_TRUE(runner.check.up());
  EXPECT_LE(runner.check.next_deadline(), at(60s));
}

TEST(ActiveCheck, AnotherBackendInThePlaceIsCheckedFromTheBeginning) {
  Runner runner(plain());
  runner.run("ff");
  ASSERT_EQ(runner.check.on_deadline(runner.check.next_deadline()).check_number, 2U);
  const auto applied = runner.check.restart(plain(), at(100s));
  EXPECT_EQ(applied.give_up, 2U);
  EXPECT_EQ(applied.change, std::nullopt);
  EXPECT_LE(runner.check.next_deadline(), at(110s));
  EXPECT_EQ(runner.check.on_result(at(101s), 2, CheckOutcome::refused), std::nullopt);
  EXPECT_EQ(runner.run("fff"), "#3 #4 #5 healthy>unhealthy checks_failed 3");
}

// ---- defects of others --------------------------------------------------------------------------

// caddy #7625: passes and failures were counted without resetting each other, so that a backend
// which failed now and then was taken out by and by, and brought back the same way.
TEST(ActiveCheckDefect, InterleavedPassesAndFailuresTripNoThresholdCaddy7625) {
  HealthCheckPolicy policy = plain();
  policy.unhealthy_threshold = 2;
  Runner runner(policy);
  std::string alternating;
  for (int i = 0; i < 50; ++i) alternating += "pf";
  EXPECT_EQ(runner.run(alternating).find("unhealthy"), std::string::npos);
  runner.run("ff");
  ASSERT_FALSE(runner.check.up());
  runner.run(alternating);
  EXPECT_FALSE(runner.check.up());
}

// The state follows from the results by nothing but the two thresholds: a model that reads the
// results backwards from the end must agree.
RC_GTEST_PROP(ActiveCheck, TheVerdictFollowsFromTheLastResults, ()) {
  HealthCheckPolicy policy = plain();
  policy.jitter_percent = *rc::gen::inRange<std::uint32_t>(0, 101);
  policy.unhealthy_threshold = *rc::gen::inRange<std::uint32_t>(1, 5);
  policy.healthy_threshold = *rc::gen::inRange<std::uint32_t>(1, 5);
  const auto script =
      *rc::gen::container<std::string>(rc::gen::element('p', 'f', 'f', 'n', 'l', 'p'));
  Runner runner(policy);
  bool healthy = true;
  std::deque<bool> evidence;  // since the last change
  for (const char letter : script) {
    runner.run(std::string(1, letter));
    if (letter != 'l') evidence.push_back(letter == 'p');
    const std::size_t threshold = healthy ? policy.unhealthy_threshold : policy.healthy_threshold;
    std::size_t against = 0;
    for (auto it = evidence.rbegin(); it != evidence.rend() && *it != healthy; ++it) ++against;
    if (against >= threshold) {
      healthy = !healthy;
      evidence.clear();
    }
    RC_ASSERT(runner.check.up() == healthy);
  }
}

}  // namespace
}  // namespace evenkeel::core
