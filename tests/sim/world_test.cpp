// SPDX-License-Identifier: Apache-2.0
//
// Whole worlds: the same run is the same run, both fidelities decide alike over ideal links, and
// what is measured is what theory says.
#include "../../sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <set>
#include <string>

#include "../../sim/wire_message.h"
#include "evenkeel/core/explain.h"
#include "worlds.h"

namespace evenkeel::sim::testing {
namespace {

using core::Algorithm;
using core::Duration;
using core::Instant;
using core::Seed;

RunResult run(const Scenario& scenario, Fidelity fidelity, Witness& witness, std::uint64_t seed = 1,
              const RunLimits& limits = {}) {
  return run_world(scenario, Seed{seed}, fidelity, limits, witness);
}
RunResult run(const Scenario& scenario, Fidelity fidelity, std::uint64_t seed = 1,
              const RunLimits& limits = {}) {
  Witness witness;
  return run(scenario, fidelity, witness, seed, limits);
}

void expect_all_held(const RunResult& result) {
  EXPECT_TRUE(result.complete);
  EXPECT_FALSE(result.violation.has_value()) << (result.violation ? result.violation->what : "");
  for (std::size_t i = 0; i < kInvariantCount; ++i) {
    EXPECT_TRUE(result.invariants[i].held) << id_of(static_cast<Invariant>(i));
  }
}

// Steady load on ten single-worker backends, ρ = 0.8; and one of eight crashing, one going silent.
Scenario steady(Algorithm algorithm, Duration duration = 10s) {
  return world(10, 1, 10ms, 800, duration, algorithm);
}
Scenario crash_and_black_hole(Algorithm algorithm = Algorithm::least_request) {
  Scenario s = world(8, 4, 20ms, 800, 20s, algorithm);
  s.faults.push_back(fault(FaultKind::crash, 1, 3s, 8s));
  s.faults.push_back(fault(FaultKind::black_hole, 2, 9s, 15s));
  s.faults.push_back(fault(FaultKind::slow, 3, 5s, 12s));
  s.faults.back().factor = Millionths{5'000'000};
  return s;
}

// ---- determinism -------------------------------------------------------------------------------

class EveryFidelity : public ::testing::TestWithParam<Fidelity> {};
INSTANTIATE_TEST_SUITE_P(, EveryFidelity, ::testing::Values(Fidelity::message, Fidelity::wire),
                         [](const auto& info) {
                           return info.param == Fidelity::message ? "Message" : "Wire";
                         });

TEST_P(EveryFidelity, TheSameSeedGivesTheSameRun) {
  const Scenario s = over_a_network(crash_and_black_hole());
  const RunResult a = run(s, GetParam());
  const RunResult b = run(s, GetParam());
  expect_all_held(a);
  EXPECT_EQ(a.decisions, b.decisions);
  EXPECT_EQ(a.trace, b.trace);
  EXPECT_EQ(a.events, b.events);
}

TEST_P(EveryFidelity, AnotherSeedGivesAnotherRun) {
  const Scenario s = steady(Algorithm::random, 2s);
  EXPECT_NE(run(s, GetParam(), 1).decisions, run(s, GetParam(), 2).decisions);
  EXPECT_NE(run(s, GetParam(), 1).trace, run(s, GetParam(), 2).trace);
}

TEST_P(EveryFidelity, ARunCutShortIsAPrefix) {
  const Scenario s = steady(Algorithm::random, 4s);
  RunLimits limits;
  limits.until = Instant(1s);
  Witness whole;
  Witness part;
  (void)run(s, GetParam(), whole);
  const RunResult cut = run(s, GetParam(), part, 1, limits);
  EXPECT_FALSE(cut.complete);
  EXPECT_LT(cut.ended, Instant(1s));
  ASSERT_LT(part.requests.size(), whole.requests.size());
  for (std::size_t i = 0; i < part.requests.size(); ++i) {
    EXPECT_EQ(part.requests[i].number, whole.requests[i].number);
    EXPECT_EQ(part.requests[i].ended, whole.requests[i].ended);
  }
  EXPECT_EQ(cut.arrivals, part.requests.size() + cut.in_flight);
  RunLimits events;
  events.max_events = cut.events;
  EXPECT_EQ(run(s, GetParam(), 1, events).trace, cut.trace);
}

TEST_P(EveryFidelity, ConsumersAddedOrRemovedDisturbNobodyElse) {
  // A second pool with a backend of its own that crashes, and a traffic that sends nothing: each
  // has draws of its own, so nobody else notices.
  const Scenario plain = steady(Algorithm::random, 5s);
  Scenario more = plain;
  more.traffic.push_back(plain.traffic[0]);
  more.traffic[1].arrivals.points = {{Instant{}, MilliHertz{0}}};
  more.proxy.pools.push_back(plain.proxy.pools[0]);
  more.proxy.pools[1].backends.resize(1);
  more.proxy.pools[1].health_check.type = core::CheckType::off;
  more.world.backends.push_back(plain.world.backends[0]);
  more.world.backends.back().ref = {core::PoolIndex{1}, core::BackendIndex{0}};
  more.faults.push_back(fault(FaultKind::crash, 10, 1s, 2s));
  Witness a;
  Witness b;
  EXPECT_EQ(run(plain, GetParam(), a).decisions, run(more, GetParam(), b).decisions);
  ASSERT_EQ(a.requests.size(), b.requests.size());
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    ASSERT_EQ(a.requests[i].number, b.requests[i].number);
    ASSERT_EQ(a.requests[i].ended, b.requests[i].ended);
  }
}

TEST_P(EveryFidelity, ADeletedFaultChangesNothingBeforeIt) {
  const Scenario faulty = over_a_network(crash_and_black_hole());
  Scenario healthy = faulty;
  healthy.faults.clear();
  RunLimits limits;
  limits.until = Instant(3s);
  EXPECT_EQ(run(faulty, GetParam(), 1, limits).decisions,
            run(healthy, GetParam(), 1, limits).decisions);
  limits.until = Instant(3s + 100ms);
  EXPECT_NE(run(faulty, GetParam(), 1, limits).decisions,
            run(healthy, GetParam(), 1, limits).decisions);
}

TEST_P(EveryFidelity, PoliciesMeetTheSameArrivalsAndTheSameWork) {
  Witness a;
  Witness b;
  (void)run(steady(Algorithm::random, 5s), GetParam(), a);
  (void)run(steady(Algorithm::least_conn, 5s), GetParam(), b);
  std::map<std::uint64_t, std::pair<Instant, core::Method>> arrivals;
  for (const RequestSample& r : a.requests) arrivals[r.number] = {r.scheduled, r.method};
  std::uint64_t common = 0;
  for (const RequestSample& r : b.requests) {
    const auto same = arrivals.find(r.number);
    if (same == arrivals.end()) continue;
    ++common;
    ASSERT_EQ(same->second, (std::pair{r.scheduled, r.method}));
  }
  EXPECT_GT(common, 3900U);
}

// ---- both fidelities ---------------------------------------------------------------------------

class EveryAlgorithm : public ::testing::TestWithParam<Algorithm> {};
INSTANTIATE_TEST_SUITE_P(, EveryAlgorithm,
                         ::testing::Values(Algorithm::random, Algorithm::round_robin,
                                           Algorithm::weighted_round_robin, Algorithm::least_conn,
                                           Algorithm::least_request, Algorithm::peak_ewma,
                                           Algorithm::score, Algorithm::join_idle_queue,
                                           Algorithm::ring_hash, Algorithm::maglev,
                                           Algorithm::rendezvous, Algorithm::first),
                         [](const auto& info) { return std::string(core::to_text(info.param)); });

TEST_P(EveryAlgorithm, OverIdealLinksBothFidelitiesDecideTheSame) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    for (const Scenario& s : {steady(GetParam()), crash_and_black_hole(GetParam())}) {
      Witness message;
      Witness wire;
      const RunResult a = run(s, Fidelity::message, message, seed);
      const RunResult b = run(s, Fidelity::wire, wire, seed);
      expect_all_held(a);
      expect_all_held(b);
      EXPECT_EQ(a.decisions, b.decisions);
      ASSERT_EQ(message.requests.size(), wire.requests.size());
      for (std::size_t i = 0; i < message.requests.size(); ++i) {
        ASSERT_EQ(message.requests[i].number, wire.requests[i].number);
        ASSERT_EQ(message.requests[i].ended, wire.requests[i].ended);
        ASSERT_EQ(message.requests[i].status, wire.requests[i].status);
        ASSERT_EQ(message.requests[i].backend, wire.requests[i].backend);
        ASSERT_EQ(message.requests[i].service_latency, wire.requests[i].service_latency);
      }
      EXPECT_EQ(message.attempts.size(), wire.attempts.size());
      EXPECT_EQ(message.transitions.size(), wire.transitions.size());
      EXPECT_EQ(message.checks, wire.checks);
    }
  }
}

TEST(FidelitiesTest, AlsoWithHedgesBreakersBackoffAndAFullQueue) {
  Scenario s = crash_and_black_hole();
  core::PoolPolicy& pool = s.proxy.pools[0];
  pool.retry.hedge.enabled = true;
  pool.retry.hedge.delay = 60ms;
  pool.retry.backoff.initial = 25ms;
  pool.circuit_breaker.enabled = true;
  pool.health_check.jitter_percent = 10;
  for (BackendModel& backend : s.world.backends) backend.queue_limit = 2;
  for (const bool cancel : {false, true}) {
    for (BackendModel& backend : s.world.backends) backend.cancel = cancel;
    Witness message;
    const RunResult a = run(s, Fidelity::message, message);
    const RunResult b = run(s, Fidelity::wire);
    expect_all_held(a);
    expect_all_held(b);
    EXPECT_EQ(a.decisions, b.decisions);
    EXPECT_GT(a.hedges, 100U);
    EXPECT_GT(a.retries, 0U);
    EXPECT_GT(message.count(Ending::rejected), 0U);
  }
}

// Everything at the door: splits by key, limits that refuse, queues that shed, sessions that begin,
// shares of the load that follow a hash, and sinkholes, whose answers are told by their length.
TEST(FidelitiesTest, AlsoWithSplitsLimitsQueuesAndSessions) {
  Scenario s = crash_and_black_hole(Algorithm::maglev);
  core::PoolPolicy& pool = s.proxy.pools[0];
  pool.balance.hash.on = core::HashKey::header;
  pool.balance.hash.name = kRequestField;
  pool.balance.hash.balance_factor = 125;
  pool.session.mode = core::SessionMode::cookie;
  pool.limits.max_requests = 8;
  pool.limits.max_pending = 4;
  pool.limits.queue_timeout = 100ms;
  pool.outlier_detection.sinkhole_factor = core::Decimal{3000};
  pool.adaptive_concurrency.enabled = true;
  s.proxy.pools.push_back(pool);
  s.proxy.pools[1].name = "other";
  s.proxy.pools[0].backends.resize(6);
  s.proxy.pools[1].backends.erase(s.proxy.pools[1].backends.begin(),
                                  s.proxy.pools[1].backends.begin() + 6);
  for (std::uint32_t i = 6; i < 8; ++i) {
    s.world.backends[i].ref = {core::PoolIndex{1}, core::BackendIndex{i - 6}};
  }
  core::RoutePolicy& route = s.proxy.routes[0];
  route.split.front().weight = 3;
  core::SplitPolicy second;
  second.pool = core::PoolIndex{1};
  route.split.push_back(second);
  for (const bool sticky : {false, true}) {
    if (sticky) {
      route.split.front().sticky_by = core::ClientKey::header;
      route.split.front().sticky_name = kRequestField;
      route.rate_limit.requests_per_second = core::Decimal{500'000};
      route.rate_limit.key = core::ClientKey::client_ip;
    }
    Witness message;
    Witness wire;
    const RunResult a = run(s, Fidelity::message, message);
    const RunResult b = run(s, Fidelity::wire, wire);
    expect_all_held(a);
    expect_all_held(b);
    EXPECT_EQ(a.decisions, b.decisions);
    EXPECT_GT(message.count(Ending::rejected), 0U);
    EXPECT_EQ(message.count(Ending::rejected), wire.count(Ending::rejected));
    EXPECT_EQ(message.count(Ending::failed), wire.count(Ending::failed));
    std::set<std::uint16_t> statuses;
    for (const RequestSample& r : message.requests) statuses.insert(r.status);
    EXPECT_EQ(statuses.contains(429), sticky);
    EXPECT_TRUE(statuses.contains(200));
  }
}

TEST(FidelitiesTest, AlsoWhenClientsLoseTheirPatience) {
  Scenario s = crash_and_black_hole();
  s.traffic[0].timeout = 80ms;
  Witness message;
  const RunResult a = run(s, Fidelity::message, message);
  const RunResult b = run(s, Fidelity::wire);
  expect_all_held(a);
  expect_all_held(b);
  EXPECT_EQ(a.decisions, b.decisions);
  EXPECT_GT(message.count(Ending::failed), 100U);
}

TEST(FidelitiesTest, AlsoWhenBodiesAreTooLargeToBeSentAgain) {
  Scenario s = crash_and_black_hole();
  s.traffic[0].request_bytes = 70'000;
  s.traffic[0].arrivals.points[0].rate = per_second(400);
  const RunResult a = run(s, Fidelity::message);
  const RunResult b = run(s, Fidelity::wire);
  expect_all_held(a);
  expect_all_held(b);
  EXPECT_EQ(a.decisions, b.decisions);
}

TEST(FidelitiesTest, StreamsCutAnywhereCarryTheSameDecisions) {
  const Scenario s = steady(Algorithm::least_request, 3s);
  Witness witness;
  WireOptions options;
  options.cut = true;
  const RunResult whole = run(s, Fidelity::wire);
  const RunResult cut = make_wire_world(s, Seed{1}, {}, witness, options)->run();
  expect_all_held(cut);
  EXPECT_EQ(whole.decisions, cut.decisions);
  EXPECT_GT(cut.events, 5 * whole.events);
}

TEST(FidelitiesTest, StreamsCutAnywhereOverANetworkWithFaultsBreakNoInvariant) {
  Scenario s = over_a_network(crash_and_black_hole());
  s.traffic[0].arrivals.points[0].rate = per_second(400);
  s.traffic[0].response_bytes = 3000;
  Witness witness;
  WireOptions options;
  options.cut = true;
  expect_all_held(make_wire_world(s, Seed{1}, {}, witness, options)->run());
  EXPECT_GT(witness.count(Ending::success), 7'500U);
}

// ---- what is measured --------------------------------------------------------------------------

TEST(MeasuresTest, RandomChoiceIsTenIndependentQueues) {
  // Thinned Poisson arrivals: each backend is M/M/1 with ρ = 0.8, mean 1 / (100 − 80) s = 50 ms.
  // The mean over 400 s of ten queues has a standard deviation of about 0.9 ms (relaxation time
  // 1/µ/(1−√ρ)² = 0.9 s, so some 4 400 independent pieces of standard deviation 50 ms, and
  // arrivals' own noise); four of them are 4 ms.
  Scenario s = steady(Algorithm::random, 400s);
  Witness witness;
  expect_all_held(run(s, Fidelity::message, witness));
  EXPECT_NEAR(witness.mean_service_ms(), 50, 4);
  EXPECT_EQ(witness.count(Ending::success), witness.requests.size());
}

TEST(MeasuresTest, LatencyIsServiceAndTheNetwork) {
  Scenario s = steady(Algorithm::least_conn, 5s);
  s.world.network.client = {1ms, 0ms};
  s.world.network.backend = {250us, 0us};
  Witness witness;
  (void)run(s, Fidelity::message, witness);
  for (const RequestSample& r : witness.requests) {
    ASSERT_EQ(r.ended - r.scheduled, r.service_latency + 2 * 1ms + 2 * 250us);
  }
}

TEST(MeasuresTest, OverTheWireANewConnectionCostsRoundTripsAndNothingElseDoes) {
  Scenario s = steady(Algorithm::least_conn, 5s);
  s.world.network.client = {1ms, 0ms};
  s.world.network.backend = {250us, 0us};
  Witness witness;
  (void)run(s, Fidelity::wire, witness);
  std::map<Duration, int> extra;
  for (const RequestSample& r : witness.requests) {
    ++extra[r.ended - r.scheduled - r.service_latency - 2 * 1ms - 2 * 250us];
  }
  const std::set<Duration> possible = {0ns, 500us, 2ms, 2500us};
  for (const auto& [time, count] : extra) {
    EXPECT_TRUE(possible.contains(time)) << time.count() << " ns, " << count << " times";
  }
  EXPECT_GT(extra[0ns], static_cast<int>(witness.requests.size() * 95 / 100));
}

TEST(MeasuresTest, BackendsAreNeverSeenDoingMoreThanTheyCan) {
  Scenario s = world(4, 2, 20ms, 600, 20s);  // ρ = 1.5
  for (BackendModel& backend : s.world.backends) backend.queue_limit = 5;
  for (const Fidelity fidelity : {Fidelity::message, Fidelity::wire}) {
    Witness witness;
    const RunResult result = run(s, fidelity, witness);
    expect_all_held(result);
    std::uint32_t most_waiting = 0;
    for (const BackendSample& b : witness.backends) {
      ASSERT_LE(b.in_service, 2U);
      ASSERT_LE(b.waiting, 5U);
      ASSERT_TRUE(b.waiting == 0 || b.in_service == 2);
      most_waiting = std::max(most_waiting, b.waiting);
    }
    EXPECT_EQ(most_waiting, 5U);
    // Shed load is rejected and not retried: it says so itself.
    EXPECT_GT(witness.count(Ending::rejected), 1000U);
    EXPECT_EQ(witness.attempts.size(), result.arrivals);
  }
}

// ---- faults ------------------------------------------------------------------------------------

TEST_P(EveryFidelity, ACrashIsSeenEndsWhatRanAndIsHealed) {
  Scenario s = over_a_network(world(8, 4, 20ms, 800, 40s));
  s.faults.push_back(fault(FaultKind::crash, 1, 10s, 20s));
  Witness witness;
  const RunResult result = run(s, GetParam(), witness);
  expect_all_held(result);
  EXPECT_GT(result.retries, 0U);
  EXPECT_EQ(result.double_deliveries, 0U);
  // Nothing is admitted by a dead backend.
  for (const BackendSample& b : witness.backends) {
    if (b.backend != 1 || b.at < Instant(10s) || b.at >= Instant(20s)) continue;
    ASSERT_EQ(b.in_service + b.waiting, 0U);
  }
  // Every failure was a POST in hand when it crashed: at most what one backend held.
  for (const RequestSample& r : witness.requests) {
    if (r.ending == Ending::success) continue;
    EXPECT_EQ(r.method, core::Method::post);
    EXPECT_EQ(r.status, 502);
    EXPECT_NEAR(Witness::ms(r.ended.time_since_epoch()), 10'000, 10);
  }
  EXPECT_LE(witness.count(Ending::failed), 12U);
  // It is out within the third check, and takes part again after the second good one.
  ASSERT_GE(witness.transitions.size(), 4U);
  EXPECT_GT(witness.checks[core::CheckOutcome::refused], 3U);
  bool served_again = false;
  for (const RequestSample& r : witness.requests) {
    served_again = served_again || (r.backend == 1 && r.scheduled > Instant(25s));
  }
  EXPECT_TRUE(served_again);
}

TEST_P(EveryFidelity, ABlackHoleIsOnlySeenByTimeouts) {
  Scenario s = over_a_network(world(8, 4, 20ms, 800, 40s));
  s.faults.push_back(fault(FaultKind::black_hole, 1, 10s, 20s));
  Witness witness;
  expect_all_held(run(s, GetParam(), witness));
  EXPECT_GT(witness.checks[core::CheckOutcome::timeout], 3U);
  EXPECT_EQ(witness.checks[core::CheckOutcome::refused], 0U);
  for (const core::Transition& t : witness.transitions) EXPECT_GE(t.at, Instant(11s));
  Duration longest{};
  for (const RequestSample& r : witness.requests)
    longest = std::max(longest, r.ended - r.scheduled);
  EXPECT_GE(longest, 1s) << "the attempt timeout";
  EXPECT_LE(longest, 3s + 100ms) << "the route's";
}

TEST_P(EveryFidelity, ASlowBackendPassesItsChecks) {
  Scenario s = over_a_network(world(8, 4, 20ms, 800, 30s, Algorithm::round_robin));
  s.proxy.pools[0].retry.attempt_timeout = 10s;
  s.proxy.routes[0].timeout = 20s;
  s.faults.push_back(fault(FaultKind::slow, 1, 10s, 20s));
  s.faults.back().factor = Millionths{3'000'000};
  Witness witness;
  expect_all_held(run(s, GetParam(), witness));
  EXPECT_TRUE(witness.transitions.empty());
  std::vector<double> slow;
  for (const RequestSample& r : witness.requests) {
    const bool in_fault = r.scheduled >= Instant(10s) && r.ended < Instant(20s);
    if (r.backend == 1 && in_fault) slow.push_back(Witness::ms(r.service_latency));
  }
  double mean = 0;
  for (const double time : slow) mean += time / static_cast<double>(slow.size());
  EXPECT_GT(mean, 60) << "three times 20 ms, and ρ = 1.5 makes them queue";
}

TEST_P(EveryFidelity, WhatIsInFlightAtTheEndIsCountedAndDrained) {
  Scenario s = over_a_network(world(4, 1, 500ms, 20, 10s));
  s.proxy.pools[0].retry.attempt_timeout = 100s;
  s.proxy.routes[0].timeout = 200s;
  Witness witness;
  const RunResult result = run(s, GetParam(), witness);
  expect_all_held(result);
  EXPECT_GT(result.in_flight, 20U);
  EXPECT_EQ(result.arrivals, witness.requests.size() + result.in_flight);
  EXPECT_GT(result.ended, Instant(11s));
}

TEST_P(EveryFidelity, WhatWaitsForALostAnswerWithoutATimeoutIsGivenUpInTheDrain) {
  Scenario s = world(1, 4, 20ms, 100, 10s);
  core::PoolPolicy& pool = s.proxy.pools[0];
  pool.retry.max_attempts = 1;
  pool.retry.attempt_timeout = std::chrono::hours(24);
  pool.health_check.type = core::CheckType::off;
  pool.outlier_detection.enabled = false;
  s.proxy.routes[0].timeout = std::chrono::hours(24);
  s.faults.push_back(fault(FaultKind::black_hole, 0, 9s, 20s));
  expect_all_held(run(s, GetParam()));
}

TEST_P(EveryFidelity, ABrokenInvariantEndsTheRunAndTellsItsStory) {
  // The operator's file says two attempts to the balancer and one to the books.
  class Lying final : public Judge {
   public:
    void on_request(const RequestSample&) override {}
    void on_attempt(const AttemptSample&) override {}
    void on_backend(const BackendSample&) override {}
    void on_transition(const core::Transition&, std::uint32_t, std::uint32_t) override {}
    void on_check(Instant, std::uint32_t, core::CheckOutcome) override {}
  };
  Scenario s = world(2, 4, 20ms, 100, 20s);
  s.faults.push_back(fault(FaultKind::crash, 0, 5s, 20s));
  Lying judge;
  const auto make = GetParam() == Fidelity::message ? make_message_world(s, Seed{1}, {}, judge)
                                                    : make_wire_world(s, Seed{1}, {}, judge);
  s.proxy.pools[0].retry.max_attempts = 1;  // the world has a copy, the books look here
  const RunResult result = make->run();
  ASSERT_TRUE(result.violation.has_value());
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.violation->invariant, Invariant::attempt_bound);
  EXPECT_GE(result.violation->at, Instant(5s));
  EXPECT_EQ(result.violation->event, result.events);
  EXPECT_EQ(result.violation->at, result.ended);
  ASSERT_FALSE(result.violation->history.empty());
  EXPECT_NE(result.violation->history.back().find("start_attempt"), std::string::npos);
}

}  // namespace
}  // namespace evenkeel::sim::testing
