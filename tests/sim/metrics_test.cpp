// SPDX-License-Identifier: Apache-2.0
//
// Every metric on a few samples whose figures follow from the samples. The scenario is that of
// small_plan.h: graded from 10 s to 100 s, b-1 crashes from 40 s to 60 s.
#include "evenkeel/sim/metrics.h"

#include <gtest/gtest.h>

#include <set>

#include "sim/small_plan.h"

namespace evenkeel::sim {
namespace {

const Scenario& scenario() {
  static const Plan plan = small_plan(small_file());
  return plan.base();
}

// One accumulator, fed by hand.
class Metered {
 public:
  explicit Metered(std::string_view name, Where where = {}, double from = 10, double until = 100)
      : accumulator_(find_metric(name)->make({scenario(),
                                              {at_seconds(from), at_seconds(until)},
                                              std::move(where),
                                              at_seconds(10)})) {
    result_.ended = at_seconds(100);
  }

  Accumulator* operator->() { return accumulator_.get(); }
  RunResult& result() { return result_; }
  std::optional<double> value() { return accumulator_->value(result_); }

  Metered& request(double seconds, Ending ending = Ending::success, double ms = 20) {
    RequestSample sample = request_at(seconds, ms);
    sample.ending = ending;
    sample.status = ending == Ending::success ? 200 : 503;
    accumulator_->on_request(sample);
    return *this;
  }
  Metered& attempt(double seconds, std::uint32_t backend, std::uint32_t number = 0,
                   bool hedge = false) {
    accumulator_->on_attempt({at_seconds(seconds), 0, number, backend, 0, hedge});
    return *this;
  }
  Metered& in_hand(double seconds, std::uint32_t backend, std::uint32_t serving,
                   std::uint32_t waiting) {
    accumulator_->on_backend({at_seconds(seconds), backend, serving, waiting});
    return *this;
  }
  Metered& transition(double seconds, std::uint32_t backend, core::TransitionKind kind,
                      std::uint8_t to) {
    core::Transition transition;
    transition.at = at_seconds(seconds);
    transition.kind = kind;
    transition.to = to;
    accumulator_->on_transition(transition, backend);
    return *this;
  }
  Metered& health(double seconds, std::uint32_t backend, core::HealthState to) {
    return transition(seconds, backend, core::TransitionKind::health,
                      static_cast<std::uint8_t>(to));
  }
  Metered& ejection(double seconds, std::uint32_t backend, bool out) {
    return transition(seconds, backend, core::TransitionKind::ejection, out ? 1 : 0);
  }

 private:
  RunResult result_;
  std::unique_ptr<Accumulator> accumulator_;
};

Where on_backend(const char* name) {
  Where where;
  where.backend = name;
  return where;
}

constexpr double kSecond = 1e9;
constexpr double kMillisecond = 1e6;

TEST(Metrics, HaveDistinctNamesAndAreFound) {
  std::set<std::string_view> names;
  for (const Metric& metric : metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_EQ(find_metric(metric.name), &metric);
    EXPECT_FALSE(metric.meaning.empty());
  }
  EXPECT_EQ(find_metric("latency"), nullptr);
}

TEST(Metrics, RequestBelongsToTheWindowOfItsScheduledArrival) {
  Metered requests("requests", {}, 20, 30);
  requests.request(19.999, Ending::success, 5000);  // ends inside
  requests.request(20).request(29.999, Ending::success, 5000).request(30);
  EXPECT_EQ(requests.value(), 2);
}

TEST(Metrics, CountsEndings) {
  const auto fed = [](const char* name) {
    Metered metered(name);
    metered.request(20).request(21).request(22).request(23, Ending::failed);
    metered.request(24, Ending::rejected).request(5, Ending::failed);  // the last: warm-up
    return metered.value();
  };
  EXPECT_EQ(fed("requests"), 5);
  EXPECT_EQ(fed("responses"), 5);
  EXPECT_EQ(fed("failures"), 1);
  EXPECT_EQ(fed("success_ratio"), 3.0 / 5);
  EXPECT_EQ(fed("goodput_share"), 3.0 / 5);
  EXPECT_EQ(fed("goodput_per_second"), 3.0 / 90);
  EXPECT_EQ(fed("rejected_share"), 1.0 / 5);
}

TEST(Metrics, GoodputShareCountsOnlyRequestsThatGotAnAttempt) {
  Metered share("goodput_share");
  share.request(20);
  RequestSample shed = request_at(21, 1);
  shed.ending = Ending::rejected;
  shed.attempts = 0;
  share->on_request(shed);
  EXPECT_EQ(share.value(), 1);
}

TEST(Metrics, RatioOfNothingIsNothing) {
  for (const char* name :
       {"success_ratio", "goodput_share", "rejected_share", "retry_share", "attempts_per_request",
        "latency_p99", "service_latency_mean", "imbalance"}) {
    EXPECT_EQ(Metered(name).value(), std::nullopt) << name;
  }
  EXPECT_EQ(Metered("failures").value(), 0);
}

TEST(Metrics, WhereSelectsRequests) {
  RequestSample post = request_at(20, 20);
  post.method = core::Method::post;
  post.status = 504;
  post.backend = 2;
  post.traffic = 1;
  const auto count = [&post](Where where) {
    Metered requests("requests", std::move(where));
    requests.request(20);
    requests->on_request(post);
    return requests.value();
  };
  Where method;
  method.method = core::Method::post;
  Where one;
  one.status = StatusSpan{504, 504};
  Where hundred;
  hundred.status = StatusSpan{500, 599};
  Where traffic;
  traffic.traffic = "api";
  EXPECT_EQ(count({}), 2);
  EXPECT_EQ(count(method), 1);
  EXPECT_EQ(count(one), 1);
  EXPECT_EQ(count(hundred), 1);
  EXPECT_EQ(count(on_backend("b-3")), 1);
  EXPECT_EQ(count(on_backend("b-4")), 0);
  EXPECT_EQ(count(traffic), 1);
}

TEST(Metrics, LatencyCountsFailuresButNotShedLoad) {
  Metered latency("latency_max");
  latency.request(20, Ending::success, 20).request(21, Ending::failed, 3000);
  latency.request(22, Ending::rejected, 9000);
  EXPECT_EQ(latency.value(), 3000 * kMillisecond);
}

TEST(Metrics, ServiceLatencyIsThatOfSuccesses) {
  Metered service("service_latency_max");
  service.request(20, Ending::success, 20).request(21, Ending::failed, 3000);
  EXPECT_EQ(service.value(), 20 * kMillisecond);
}

TEST(Metrics, LatencyStatisticsAreNearestRank) {
  const auto fed = [](const char* name) {
    Metered latency(name);
    for (int i = 1; i <= 1000; ++i) latency.request(20, Ending::success, i);
    return *latency.value() / kMillisecond;
  };
  for (const std::string family : {"latency_", "service_latency_"}) {
    EXPECT_EQ(fed((family + "mean").c_str()), 500.5);
    EXPECT_NEAR(fed((family + "p50").c_str()), 500, 500.0 / 256);
    EXPECT_NEAR(fed((family + "p90").c_str()), 900, 900.0 / 256);
    EXPECT_NEAR(fed((family + "p98").c_str()), 980, 980.0 / 256);
    EXPECT_NEAR(fed((family + "p99").c_str()), 990, 990.0 / 256);
    EXPECT_NEAR(fed((family + "p999").c_str()), 999, 999.0 / 256);
    EXPECT_EQ(fed((family + "max").c_str()), 1000);
  }
}

TEST(Metrics, AttemptsAreFirstOnesRetriesOrHedges) {
  const auto fed = [](const char* name, Where where = {}) {
    Metered attempts(name, std::move(where));
    attempts.attempt(20, 0).attempt(20, 1).attempt(20, 1).attempt(20, 2);
    attempts.attempt(21, 1, 1).attempt(21, 2, 2).attempt(22, 3, 1, true);
    attempts.attempt(5, 0, 1);  // warm-up
    return attempts.value();
  };
  EXPECT_EQ(fed("retries"), 2);
  EXPECT_EQ(fed("retries", on_backend("b-2")), 1);
  EXPECT_EQ(fed("retry_share"), 2.0 / 4);
  EXPECT_EQ(fed("hedges"), 1);
  EXPECT_EQ(fed("hedge_share"), 1.0 / 4);
  EXPECT_EQ(fed("share", on_backend("b-2")), 3.0 / 7);
}

TEST(Metrics, AttemptsPerRequestLeavesOutRequestsWithoutOne) {
  Metered attempts("attempts_per_request");
  RequestSample twice = request_at(20, 20);
  twice.attempts = 2;
  RequestSample none = request_at(20, 20);
  none.attempts = 0;
  attempts.request(20);
  attempts->on_request(twice);
  attempts->on_request(none);
  EXPECT_EQ(attempts.value(), 3.0 / 2);
}

TEST(Metrics, ImbalanceIsTheLargestRatioToTheShareByWeight) {
  Metered imbalance("imbalance");
  // Weights 3, 1, 1, 1 of 6. b-1 has 3 of 8 where 4 are its part; b-2 has 2 where 8/6 are.
  for (int i = 0; i < 3; ++i) imbalance.attempt(20, 0);
  for (int i = 0; i < 2; ++i) imbalance.attempt(20, 1).attempt(20, 2);
  imbalance.attempt(20, 3);
  EXPECT_EQ(imbalance.value(), 2.0 * 6 / 8);
}

TEST(Metrics, CountsVerdicts) {
  const auto fed = [](const char* name, Where where = {}) {
    Metered verdicts(name, std::move(where));
    verdicts.health(20, 0, core::HealthState::unhealthy).health(25, 0, core::HealthState::healthy);
    verdicts.health(25, 1, core::HealthState::unhealthy);
    verdicts.ejection(30, 0, true).ejection(40, 0, false).ejection(30, 2, true);
    verdicts.transition(31, 0, core::TransitionKind::breaker,
                        static_cast<std::uint8_t>(core::BreakerState::open));
    verdicts.transition(32, 0, core::TransitionKind::breaker,
                        static_cast<std::uint8_t>(core::BreakerState::half_open));
    verdicts.ejection(5, 0, true);  // warm-up
    return verdicts.value();
  };
  EXPECT_EQ(fed("health_transitions"), 3);
  EXPECT_EQ(fed("health_transitions", on_backend("b-1")), 2);
  EXPECT_EQ(fed("ejections"), 2);
  EXPECT_EQ(fed("ejections", on_backend("b-3")), 1);
  EXPECT_EQ(fed("breaker_opens"), 1);
}

TEST(Metrics, ChecksPerSecondAreOfTheWindow) {
  Metered checks("checks_per_second");
  for (int i = 10; i < 100; i += 2) {
    checks->on_check(at_seconds(i), 0, core::CheckOutcome::passed);
  }
  checks->on_check(at_seconds(9), 0, core::CheckOutcome::passed);
  EXPECT_EQ(checks.value(), 45.0 / 90);
}

TEST(Metrics, DetectionIsTheFirstTimeTheBackendIsTakenOutByThatKind) {
  const auto fed = [](Detection kind) {
    Where where = on_backend("b-1");
    where.kind = kind;
    Metered detection("detection_time", where);
    detection.ejection(39, 0, true);     // before the fault
    detection.ejection(40.02, 1, true);  // somebody else
    detection.ejection(40.05, 0, true).ejection(42, 0, false);
    detection.health(45, 0, core::HealthState::unhealthy);
    detection.ejection(50, 0, true);
    return detection.value();
  };
  EXPECT_NEAR(*fed(Detection::any), 0.05 * kSecond, 10);
  EXPECT_NEAR(*fed(Detection::passive), 0.05 * kSecond, 10);
  EXPECT_EQ(fed(Detection::active), 5 * kSecond);
}

TEST(Metrics, DetectionAfterTheFaultsEndIsNone) {
  Metered detection("detection_time", on_backend("b-1"));
  detection.ejection(61, 0, true);
  EXPECT_EQ(detection.value(), std::nullopt);
}

TEST(Metrics, ResumeIsTheFirstAttemptAfterTheFaultsEnd) {
  Metered resume("resume_time", on_backend("b-1"));
  resume.attempt(41, 0).attempt(61, 1);
  EXPECT_EQ(resume.value(), std::nullopt);
  resume.attempt(63.5, 0).attempt(64, 0);
  EXPECT_EQ(resume.value(), 3.5 * kSecond);
}

TEST(Metrics, RecoveryNeedsTenGoodSeconds) {
  Metered recovery("recovery_time");
  for (double t = 10; t < 40; t += 0.1) recovery.request(t);
  for (double t = 60.05; t < 100; t += 0.1) {
    const bool slow = t < 62;               // p99 above twice the baseline's 20 ms
    const bool failing = t > 65 && t < 66;  // interrupts the first good seconds
    recovery.request(t, failing ? Ending::failed : Ending::success, slow ? 41 : 20);
  }
  EXPECT_EQ(recovery.value(), 6 * kSecond);
}

TEST(Metrics, RecoveryThatNeverComesIsNone) {
  Metered recovery("recovery_time");
  for (double t = 10; t < 100; t += 0.1) {
    recovery.request(t, t < 40 || static_cast<int>(t) % 9 != 0 ? Ending::success : Ending::failed);
  }
  EXPECT_EQ(recovery.value(), std::nullopt);
}

TEST(Metrics, QueueLengthIsAveragedOverTimeAndBackends) {
  const auto fed = [](Where where) {
    Metered queue("queue_length_mean", std::move(where), 10, 20);
    queue.in_hand(5, 0, 2, 4);  // 4 from the window's start to 15: 20 request-seconds
    queue.in_hand(15, 0, 2, 0);
    queue.in_hand(18, 1, 2, 10);  // 10 from 18 to the window's end: 20
    queue.in_hand(30, 1, 0, 0);
    return queue.value();
  };
  EXPECT_EQ(fed({}), 40.0 / 10 / 4);
  EXPECT_EQ(fed(on_backend("b-2")), 20.0 / 10);
  EXPECT_EQ(fed(on_backend("b-3")), 0);
}

TEST(Metrics, UtilisationIsBusyWorkersOverAllWorkers) {
  Metered utilisation("utilisation", on_backend("b-1"), 10, 20);
  utilisation.in_hand(0, 0, 1, 0).in_hand(12, 0, 2, 5).in_hand(17, 0, 0, 0);
  EXPECT_EQ(utilisation.value(), (1.0 * 2 + 2 * 5) / (2 * 10));
}

TEST(Metrics, TimeAverageEndsWithTheRun) {
  Metered utilisation("utilisation", on_backend("b-1"), 10, 20);
  utilisation.result().ended = at_seconds(15);  // cut short
  utilisation.in_hand(10, 0, 1, 0);
  EXPECT_EQ(utilisation.value(), 0.5);
  utilisation.result().ended = at_seconds(10);
  EXPECT_EQ(utilisation.value(), std::nullopt);
}

TEST(Metrics, InFlightMaxKnowsWhatWasThereBefore) {
  Metered most("in_flight_max", on_backend("b-1"), 10, 20);
  most.in_hand(5, 0, 2, 7).in_hand(12, 0, 2, 3).in_hand(15, 1, 2, 50).in_hand(20, 0, 2, 90);
  EXPECT_EQ(most.value(), 9);
}

TEST(Metrics, ReportWhatTheRunCounted) {
  Metered doubles("double_deliveries");
  doubles.result().double_deliveries = 3;
  EXPECT_EQ(doubles.value(), 3);
  Metered second("I2");
  EXPECT_EQ(second.value(), 1);
  second.result().invariants[1].held = false;
  EXPECT_EQ(second.value(), 0);
  EXPECT_EQ(Metered("I1").value(), 1);
  EXPECT_EQ(Metered("I7").value(), 1);
}

TEST(Metrics, FaultIsTheOnlyOneInTheWindow) {
  const Window all{at_seconds(10), at_seconds(100)};
  ASSERT_NE(fault_of(scenario(), {}, all), nullptr);
  EXPECT_EQ(fault_of(scenario(), on_backend("b-2"), all), nullptr);
  EXPECT_EQ(fault_of(scenario(), {}, {at_seconds(41), at_seconds(100)}), nullptr);
  Scenario twice = scenario();
  twice.faults.push_back(twice.faults[0]);
  EXPECT_EQ(fault_of(twice, {}, all), nullptr);
}

}  // namespace
}  // namespace evenkeel::sim
