// SPDX-License-Identifier: Apache-2.0
//
// What the rates and latencies of an interval say, through the detector that begins and ends the
// intervals. The thresholds themselves are in spread_test.cpp.
#include "evenkeel/core/health/outlier_statistics.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/health/outlier_detector.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

// No rule but those a test switches on; 100 requests to three backends are enough for a rate, 50
// for the others. Nobody fails often enough in a row.
OutlierDetectionPolicy quiet() {
  OutlierDetectionPolicy policy;
  policy.consecutive_failures = 0;
  policy.ejection_jitter_percent = 0;
  policy.success_rate.method = SuccessRateMethod::off;
  policy.failure_percentage.threshold = 0;
  return policy;
}
OutlierDetectionPolicy by_success_rate() {
  OutlierDetectionPolicy policy = quiet();
  policy.success_rate.method = SuccessRateMethod::mad;
  return policy;
}
OutlierDetectionPolicy by_failure_percentage() {
  OutlierDetectionPolicy policy = quiet();
  policy.failure_percentage.threshold = 85;
  return policy;
}
OutlierDetectionPolicy by_latency() {
  OutlierDetectionPolicy policy = quiet();
  policy.latency.factor = Decimal{3000};
  return policy;
}

class Detector : public OutlierDetector {
 public:
  Detector(const OutlierDetectionPolicy& policy, std::uint32_t backends)
      : OutlierDetector(policy, backends, Stream(Seed{1}, "ejections")) {}

  void results(Instant now, std::uint32_t backend, int successes, int failures,
               Duration latency = 10ms) {
    for (int i = 0; i < successes + failures; ++i) {
      Feedback feedback{i < successes ? Outcome::success : Outcome::failure};
      feedback.latency = latency;
      EXPECT_EQ(on_outcome(now, BackendIndex{backend}, feedback), std::nullopt);
    }
  }
  // Whom the end of the interval finds: "success_rate 2 at 40".
  std::string end_of_interval(Instant now) {
    std::vector<BackendIndex> returned;
    std::vector<Outlier> found;
    on_deadline(now, returned, found);
    std::string text;
    for (const Outlier& outlier : found) {
      if (!text.empty()) text += ", ";
      text += std::string(to_text(outlier.reason)) + " " + std::to_string(index(outlier.backend)) +
              " at " + std::to_string(outlier.evidence);
    }
    return text;
  }
};

TEST(OutlierStatistics, WhoSucceedsMuchLessOftenThanTheOthersIsFound) {
  Detector detector(by_success_rate(), 4);
  for (const std::uint32_t i : {0U, 1U, 3U}) detector.results(at(1s), i, 100, 0);
  detector.results(at(1s), 2, 60, 40);
  EXPECT_EQ(detector.end_of_interval(at(11s)), "success_rate 2 at 60");
}

TEST(OutlierStatistics, HalfOfThePoolIsLeftAlone) {
  Detector detector(by_success_rate(), 4);
  for (std::uint32_t i = 0; i < 4; ++i)
    detector.results(at(1s), i, i < 2 ? 0 : 100, i < 2 ? 100 : 0);
  EXPECT_EQ(detector.end_of_interval(at(11s)), "");
}

TEST(OutlierStatistics, ARateTakesEnoughRequestsToEnoughBackends) {
  const auto found = [](int requests, int backends) {
    Detector detector(by_success_rate(), 8);
    detector.results(at(1s), 0, 0, requests);
    for (int i = 1; i < backends; ++i) detector.results(at(1s), i, 100, 0);
    detector.results(at(1s), 7, 99, 0);
    return detector.end_of_interval(at(11s));
  };
  EXPECT_EQ(found(100, 3), "success_rate 0 at 0");
  EXPECT_EQ(found(99, 4), "");
  EXPECT_EQ(found(100, 2), "") << "the one with 99 requests does not count";
}

TEST(OutlierStatistics, FailingMostlyIsFoundWhateverTheOthersDo) {
  Detector detector(by_failure_percentage(), 4);
  detector.results(at(1s), 0, 7, 43);
  detector.results(at(1s), 1, 8, 42);
  detector.results(at(1s), 2, 0, 50);
  detector.results(at(1s), 3, 0, 49);
  EXPECT_EQ(detector.end_of_interval(at(11s)),
            "failure_percentage 2 at 100, failure_percentage 0 at 86")
      << "the worst first; 84 % is not enough, nor are 49 requests";
}

TEST(OutlierStatistics, FailurePercentagesTakeEnoughBackends) {
  Detector detector(by_failure_percentage(), 4);
  detector.results(at(1s), 0, 0, 50);
  detector.results(at(1s), 1, 50, 0);
  EXPECT_EQ(detector.end_of_interval(at(11s)), "");
}

TEST(OutlierStatistics, OneBackendIsFoundByOneRule) {
  OutlierDetectionPolicy policy = by_success_rate();
  policy.failure_percentage.threshold = 85;
  Detector detector(policy, 3);
  detector.results(at(1s), 0, 0, 100);
  detector.results(at(1s), 1, 100, 0);
  detector.results(at(1s), 2, 100, 0);
  EXPECT_EQ(detector.end_of_interval(at(11s)), "success_rate 0 at 0");
}

TEST(OutlierStatistics, WhoIsManyTimesSlowerIsFound) {
  Detector detector(by_latency(), 4);
  detector.results(at(1s), 0, 50, 0, 50ms);
  detector.results(at(1s), 1, 50, 0, 60ms);
  detector.results(at(1s), 2, 50, 0, 100ms);
  detector.results(at(1s), 3, 40, 0, 50ms);
  detector.results(at(1s), 3, 10, 0, 1s);
  // The median's 90th percentile is about 80 ms: the mean of the two in the middle.
  const std::string found = detector.end_of_interval(at(11s));
  EXPECT_EQ(found.substr(0, 13), "latency 3 at ");
  EXPECT_NEAR(std::stoi(found.substr(13)), 1000, 130);
}

TEST(OutlierStatistics, WhoIsSlowerButFastEnoughStays) {
  Detector detector(by_latency(), 3);
  detector.results(at(1s), 0, 50, 0, 1ms);
  detector.results(at(1s), 1, 50, 0, 1ms);
  detector.results(at(1s), 2, 50, 0, 85ms);
  EXPECT_EQ(detector.end_of_interval(at(11s)), "") << "below 100 ms";
}

TEST(OutlierStatistics, ATenthOfSlowAnswersIsNotSlow) {
  Detector detector(by_latency(), 3);
  detector.results(at(1s), 0, 50, 0, 50ms);
  detector.results(at(1s), 1, 50, 0, 50ms);
  detector.results(at(1s), 2, 90, 0, 50ms);
  detector.results(at(1s), 2, 10, 0, 5s);
  EXPECT_EQ(detector.end_of_interval(at(11s)), "");
}

TEST(OutlierStatistics, AnIntervalBeginsWithItsFirstResult) {
  Detector detector(by_success_rate(), 3);
  EXPECT_EQ(detector.next_deadline(), kNever) << "an idle pool waits for nothing";
  detector.results(at(3s), 0, 1, 0);
  EXPECT_EQ(detector.next_deadline(), at(13s));
  detector.results(at(9s), 0, 1, 0);
  EXPECT_EQ(detector.next_deadline(), at(13s));
  EXPECT_EQ(detector.end_of_interval(at(13s - 1ns)), "");
  EXPECT_EQ(detector.next_deadline(), at(13s));
  EXPECT_EQ(detector.end_of_interval(at(13s)), "");
  EXPECT_EQ(detector.next_deadline(), kNever);
}

TEST(OutlierStatistics, AnIntervalForgetsTheOneBefore) {
  Detector detector(by_success_rate(), 3);
  for (std::uint32_t i = 0; i < 3; ++i) detector.results(at(1s), i, 99, 0);
  EXPECT_EQ(detector.end_of_interval(at(11s)), "");
  detector.results(at(12s), 0, 0, 50);
  for (std::uint32_t i = 1; i < 3; ++i) detector.results(at(12s), i, 50, 0);
  EXPECT_EQ(detector.end_of_interval(at(22s)), "") << "50 requests each";
}

TEST(OutlierStatistics, AnEjectionForgetsWhatTheIntervalShowed) {
  OutlierDetectionPolicy policy = by_success_rate();
  policy.latency.factor = Decimal{3000};
  policy.sinkhole_factor = Decimal{3000};
  Detector detector(policy, 3);
  detector.results(at(1s), 0, 0, 100);
  for (std::uint32_t i = 1; i < 3; ++i) detector.results(at(1s), i, 100, 0);
  ASSERT_TRUE(detector.eject(at(2s), Outlier{BackendIndex{0}, TransitionReason::latency, 1}));
  EXPECT_EQ(detector.eject(at(2s), Outlier{BackendIndex{0}, TransitionReason::latency, 1}),
            std::nullopt)
      << "it is out already";
  EXPECT_EQ(detector.end_of_interval(at(11s)), "");
}

TEST(OutlierStatistics, RulesSwitchedOffCountNothing) {
  Detector detector(quiet(), 3);
  detector.results(at(1s), 0, 0, 100);
  EXPECT_EQ(detector.next_deadline(), kNever);
}

TEST(OutlierStatistics, RulesCanBeSwitchedOnAndOff) {
  Detector detector(quiet(), 2);
  std::vector<BackendIndex> returned;
  detector.resize(3);
  detector.replace(BackendIndex{2}, true);
  OutlierDetectionPolicy all = by_latency();
  all.success_rate.method = SuccessRateMethod::stddev;
  all.failure_percentage.threshold = 85;
  all.sinkhole_factor = Decimal{5000};
  detector.apply(all, at(0s), returned);
  detector.resize(4);
  detector.replace(BackendIndex{3}, true);
  for (std::uint32_t i = 1; i < 4; ++i) detector.results(at(1s), i, 100, 0);
  detector.results(at(1s), 0, 0, 100);
  EXPECT_EQ(detector.end_of_interval(at(11s)), "failure_percentage 0 at 100");
  detector.results(at(12s), 0, 0, 100);
  detector.apply(quiet(), at(13s), returned);
  EXPECT_EQ(detector.next_deadline(), kNever);
  detector.results(at(13s), 0, 0, 100);
  detector.apply(all, at(14s), returned);
  for (std::uint32_t i = 1; i < 4; ++i) detector.results(at(14s), i, 100, 0);
  EXPECT_EQ(detector.end_of_interval(at(24s)), "") << "what came before does not count";
}

// ---- sinkholes ----------------------------------------------------------------------------------

OutlierDetectionPolicy by_sinkhole() {
  OutlierDetectionPolicy policy = quiet();
  policy.sinkhole_factor = Decimal{5000};
  return policy;
}

struct Answer {
  Duration latency;
  std::uint64_t bytes;
};

// Who is suspect after an interval of 50 such answers of each backend.
std::set<std::uint32_t> suspects(Detector& detector, const std::vector<Answer>& answers,
                                 Instant start = at(1s), int count = 50) {
  for (std::uint32_t i = 0; i < answers.size(); ++i) {
    for (int j = 0; j < count; ++j) {
      Feedback feedback{Outcome::success};
      feedback.latency = answers[i].latency;
      feedback.body_bytes = answers[i].bytes;
      detector.on_outcome(start, BackendIndex{i}, feedback);
    }
  }
  EXPECT_EQ(detector.end_of_interval(start + 10s), "") << "a suspicion ejects nobody";
  std::set<std::uint32_t> found;
  for (std::uint32_t i = 0; i < answers.size(); ++i) {
    if (detector.suspect(BackendIndex{i})) found.insert(i);
  }
  return found;
}

using Found = std::set<std::uint32_t>;

TEST(SinkholeGuard, AnAtOnceEmptyAnswerIsSuspect) {
  Detector detector(by_sinkhole(), 4);
  EXPECT_EQ(suspects(detector, {{50ms, 9000}, {60ms, 8000}, {1ms, 20}, {55ms, 9000}}), Found{2});
}

TEST(SinkholeGuard, AFastAnswerWithTheWholePageIsNot) {
  Detector detector(by_sinkhole(), 4);
  EXPECT_EQ(suspects(detector, {{50ms, 9000}, {60ms, 8000}, {1ms, 4500}, {55ms, 9000}}), Found{});
}

TEST(SinkholeGuard, AnEmptyAnswerThatTookItsTimeIsNot) {
  Detector detector(by_sinkhole(), 4);
  EXPECT_EQ(suspects(detector, {{50ms, 9000}, {60ms, 8000}, {11ms, 20}, {55ms, 9000}}), Found{})
      << "52.5 ms is the median, a fifth of it 10.5 ms";
}

TEST(SinkholeGuard, ASuspicionLastsUntilItIsRefuted) {
  Detector detector(by_sinkhole(), 4);
  const std::vector<Answer> bad = {{50ms, 9000}, {60ms, 8000}, {1ms, 20}, {55ms, 9000}};
  const std::vector<Answer> good(4, Answer{50ms, 9000});
  suspects(detector, bad);
  EXPECT_EQ(suspects(detector, good, at(20s), 49), Found{2}) << "too few to tell";
  EXPECT_EQ(suspects(detector, good, at(40s)), Found{});
}

TEST(SinkholeGuard, FewBackendsOrFewAnswersSayNothing) {
  Detector three(by_sinkhole(), 3);
  EXPECT_EQ(suspects(three, {{50ms, 9000}, {1ms, 20}}), Found{});
  Detector few(by_sinkhole(), 4);
  EXPECT_EQ(suspects(few, {{50ms, 9000}, {60ms, 8000}, {1ms, 20}, {55ms, 9000}}, at(1s), 49),
            Found{});
}

TEST(SinkholeGuard, FailuresAndUnknownLatenciesAreNoAnswers) {
  Detector detector(by_sinkhole(), 3);
  detector.results(at(1s), 0, 0, 100, 1ms);
  detector.results(at(1s), 1, 100, 0, 50ms);
  detector.results(at(1s), 2, 100, 0, Duration(-1));
  EXPECT_EQ(detector.end_of_interval(at(11s)), "");
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_FALSE(detector.suspect(BackendIndex{i}));
}

TEST(SinkholeGuard, SwitchedOffOrReplacedNobodyIsSuspect) {
  const std::vector<Answer> bad = {{50ms, 9000}, {60ms, 8000}, {1ms, 20}, {55ms, 9000}};
  Detector off(by_sinkhole(), 4);
  suspects(off, bad);
  std::vector<BackendIndex> returned;
  off.apply(quiet(), at(20s), returned);
  EXPECT_FALSE(off.suspect(BackendIndex{2}));
  Detector replaced(by_sinkhole(), 4);
  suspects(replaced, bad);
  replaced.replace(BackendIndex{2}, true);
  EXPECT_FALSE(replaced.suspect(BackendIndex{2}));
}

TEST(SinkholeGuard, HugeAnswersDoNotOverflowTheirMeans) {
  Detector detector(by_sinkhole(), 3);
  EXPECT_EQ(suspects(detector, {{Duration::max(), ~0ULL}, {Duration::max(), ~0ULL}, {1ms, 1}},
                     at(1s), 1000),
            Found{2});
}

// ---- properties ---------------------------------------------------------------------------------

// Whoever is found had the requests it takes, each once, and eject() keeps to the cap whatever
// order the rules come in.
RC_GTEST_PROP(OutlierStatistics, TheCapHoldsWhoeverIsFound, ()) {
  OutlierDetectionPolicy policy = quiet();
  policy.success_rate.method =
      *rc::gen::arbitrary<bool>() ? SuccessRateMethod::mad : SuccessRateMethod::stddev;
  policy.success_rate.request_volume = 2;
  policy.failure_percentage = FailurePercentagePolicy{50, 1, 2};
  policy.latency = LatencyOutlierPolicy{Decimal{1500}, 1ms, 1, 2};
  policy.max_ejection_percent = *rc::gen::inRange<std::uint32_t>(0, 101);
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 8);
  Detector detector(policy, count);
  std::vector<std::uint32_t> results(count);
  const auto steps = *rc::gen::inRange(0, 40);
  for (int i = 0; i < steps; ++i) {
    const auto backend = *rc::gen::inRange<std::uint32_t>(0, count);
    Feedback feedback{*rc::gen::arbitrary<bool>() ? Outcome::success : Outcome::failure};
    feedback.latency = *rc::gen::element<Duration>(Duration(-1), 1ms, 10ms, 1s);
    detector.on_outcome(at(1s), BackendIndex{backend}, feedback);
    ++results[backend];
  }
  std::vector<BackendIndex> returned;
  std::vector<Outlier> found;
  detector.on_deadline(at(11s), returned, found);
  std::set<BackendIndex> names;
  for (const Outlier& outlier : found) {
    RC_ASSERT(results[index(outlier.backend)] >= 2U);
    RC_ASSERT(names.insert(outlier.backend).second);
    detector.eject(at(11s), outlier);
  }
  RC_ASSERT(detector.ejected_count() < count);
  RC_ASSERT(detector.ejected_count() * 100 <= count * policy.max_ejection_percent);
}

}  // namespace
}  // namespace evenkeel::core
