// SPDX-License-Identifier: Apache-2.0
//
// A backend at work: its queue, and its waiting times against queueing theory.
#include "evenkeel/sim/server.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "evenkeel/sim/arrivals.h"
#include "evenkeel/sim/event_queue.h"

namespace evenkeel::sim {
namespace {

using core::Duration;
using core::Instant;
using core::Seed;
using std::chrono::milliseconds;
using std::chrono::seconds;

BackendModel model(std::uint32_t workers, Duration mean,
                   Distribution distribution = Distribution::deterministic) {
  BackendModel m;
  m.workers = workers;
  m.service = {distribution, mean};
  return m;
}

// Runs until nothing is left to do; who ended, in order.
std::vector<std::uint64_t> run(EventQueue& queue, Server& server) {
  std::vector<std::uint64_t> ended;
  while (const auto event = queue.pop()) {
    if (const auto done = server.on_done(event->at, event->note)) {
      ended.push_back(done->job.request);
    }
  }
  return ended;
}

TEST(ServerTest, ServesInOrderOfArrivalWithSoManyWorkers) {
  EventQueue queue;
  const BackendModel m = model(2, milliseconds(10));
  Server server(m, 0, Seed{1}, queue);
  for (std::uint64_t r = 0; r < 5; ++r) {
    const auto offer = server.offer(queue.now(), r, 0, r);
    EXPECT_EQ(offer.admission, r < 2 ? Server::Admission::begun : Server::Admission::waiting);
  }
  EXPECT_EQ(server.in_service(), 2U);
  EXPECT_EQ(server.waiting(), 3U);
  EXPECT_EQ(run(queue, server), (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(queue.now(), Instant(milliseconds(30)));
  EXPECT_EQ(server.in_service() + server.waiting(), 0U);
}

TEST(ServerTest, AFullQueueTakesNobody) {
  EventQueue queue;
  BackendModel m = model(1, milliseconds(10));
  m.queue_limit = 1;
  Server server(m, 0, Seed{1}, queue);
  EXPECT_EQ(server.offer(queue.now(), 0, 0, 0).admission, Server::Admission::begun);
  EXPECT_EQ(server.offer(queue.now(), 1, 0, 1).admission, Server::Admission::waiting);
  EXPECT_EQ(server.offer(queue.now(), 2, 0, 2).admission, Server::Admission::full);
  EXPECT_EQ(run(queue, server).size(), 2U);
}

TEST(ServerTest, WorkDependsOnTheRequestAndOnHowOftenItCame) {
  const BackendModel m = model(100, milliseconds(10), Distribution::exponential);
  const auto time_of = [&](std::uint64_t request, std::uint32_t seen, std::uint32_t backend) {
    EventQueue own;
    Server server(m, backend, Seed{7}, own);
    (void)server.offer(own.now(), request, seen, 0);
    (void)run(own, server);
    return own.now();
  };
  EXPECT_EQ(time_of(5, 0, 1), time_of(5, 0, 1));
  EXPECT_NE(time_of(5, 0, 1), time_of(6, 0, 1));
  EXPECT_NE(time_of(5, 0, 1), time_of(5, 1, 1));
  EXPECT_NE(time_of(5, 0, 1), time_of(5, 0, 2));
}

TEST(ServerTest, SpeedDividesAndSlownessMultipliesWhatBeginsAfterwards) {
  EventQueue queue;
  BackendModel m = model(1, milliseconds(10));
  m.speed = Millionths{4'000'000};
  Server server(m, 0, Seed{1}, queue);
  (void)server.offer(queue.now(), 0, 0, 0);
  (void)server.offer(queue.now(), 1, 0, 1);
  server.set_slowness(Millionths{20'000'000});
  (void)run(queue, server);
  EXPECT_EQ(queue.now(),
            Instant(Duration(milliseconds(10)) / 4 + Duration(milliseconds(10)) * 20 / 4));
}

TEST(ServerTest, AbandonedWorkIsDoneAllTheSame) {
  EventQueue queue;
  const BackendModel m = model(1, milliseconds(10));
  Server server(m, 0, Seed{1}, queue);
  const auto first = server.offer(queue.now(), 0, 0, 0);
  const auto second = server.offer(queue.now(), 1, 0, 1);
  EXPECT_FALSE(server.abandon(queue.now(), first.job));
  EXPECT_FALSE(server.abandon(queue.now(), second.job));
  const auto event = queue.pop();
  const auto done = server.on_done(event->at, event->note);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->job.abandoned);
  ASSERT_TRUE(done->begun);
  EXPECT_EQ(done->begun->request, 1U);
  (void)run(queue, server);
  EXPECT_EQ(queue.now(), Instant(milliseconds(20)));
}

TEST(ServerTest, WithCancelAbandonedWorkMakesRoom) {
  EventQueue queue;
  BackendModel m = model(1, milliseconds(10));
  m.cancel = true;
  Server server(m, 0, Seed{1}, queue);
  const auto first = server.offer(queue.now(), 0, 0, 0);
  const auto second = server.offer(queue.now(), 1, 0, 1);
  (void)server.offer(queue.now(), 2, 0, 2);
  EXPECT_FALSE(server.abandon(queue.now(), second.job)) << "it only waited";
  const auto begun = server.abandon(queue.now(), first.job);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->request, 2U);
  EXPECT_EQ(run(queue, server), (std::vector<std::uint64_t>{2}));
}

TEST(ServerTest, ACrashLosesEverythingAndNamesTheVictimsInOrder) {
  EventQueue queue;
  const BackendModel m = model(2, milliseconds(10));
  Server server(m, 0, Seed{1}, queue);
  std::vector<Server::JobId> jobs;
  for (std::uint64_t r = 0; r < 4; ++r) jobs.push_back(server.offer(queue.now(), r, 0, r).job);
  (void)server.abandon(queue.now(), jobs[1]);
  std::vector<std::uint64_t> victims;
  for (const Server::Job& job : server.crash()) victims.push_back(job.owner);
  EXPECT_EQ(victims, (std::vector<std::uint64_t>{0, 2, 3})) << "nobody waited for 1";
  EXPECT_EQ(server.in_service() + server.waiting(), 0U);
  EXPECT_TRUE(run(queue, server).empty()) << "completions of lost work mean nothing";
  EXPECT_EQ(server.offer(queue.now(), 9, 0, 9).admission, Server::Admission::begun);
}

// ---- against theory ----------------------------------------------------------------------------

struct Queueing {
  double mean_ms = 0;   // in queue and service
  double error_ms = 0;  // half a 99.9 % confidence interval, from batch means
};

// One backend, Poisson arrivals. Successive waits are correlated, so the interval is taken over the
// means of long batches, which are nearly independent.
Queueing simulate(const BackendModel& m, std::uint64_t per_second, std::uint64_t seed) {
  constexpr int kBatches = 50;
  constexpr std::uint64_t kBatch = 20'000;
  constexpr double kStudent = 3.5;  // t for 99.9 % and 49 degrees of freedom
  EventQueue queue;
  Server server(m, 0, Seed{seed}, queue);
  TrafficModel traffic;
  traffic.arrivals.points = {{Instant{}, MilliHertz{per_second * 1000}}};
  traffic.methods = {{core::Method::get, kOne}};
  Arrivals arrivals(traffic, 0, Seed{seed});
  std::vector<double> sums(kBatches, 0);
  std::uint64_t request = 0;
  std::uint64_t ended = 0;
  queue.push(arrivals.next(), Phase::arrival, Note{1, 0, 0, 0});
  while (ended < kBatches * kBatch) {
    const auto event = queue.pop();
    if (event->note.kind == 1) {
      (void)server.offer(event->at, request, 0, 0);
      ++request;
      queue.push(arrivals.next(), Phase::arrival, Note{1, 0, 0, 0});
      continue;
    }
    const auto done = server.on_done(event->at, event->note);
    const Duration time = event->at - done->job.admitted;
    sums[ended / kBatch] += std::chrono::duration<double, std::milli>(time).count();
    ++ended;
  }
  double mean = 0;
  double squares = 0;
  for (const double sum : sums) mean += sum / kBatch / kBatches;
  for (const double sum : sums) squares += (sum / kBatch - mean) * (sum / kBatch - mean);
  return {mean, kStudent * std::sqrt(squares / (kBatches - 1) / kBatches)};
}

TEST(ServerTheoryTest, OneExponentialWorkerIsMM1) {
  // M/M/1: 1 / (µ − λ) = 1 / (100/s − 70/s).
  const Queueing q = simulate(model(1, milliseconds(10), Distribution::exponential), 70, 1);
  EXPECT_NEAR(q.mean_ms, 1000.0 / (100 - 70), q.error_ms);
  EXPECT_LT(q.error_ms, 2.0) << "the interval must be narrow enough to mean something";
}

TEST(ServerTheoryTest, FourExponentialWorkersAreErlangC) {
  // M/M/c: service + C(c, a) / (cµ − λ), with a = λ/µ and Erlang's C from Erlang's B.
  const double arrival = 300;
  const double service = 100;
  const int workers = 4;
  const double load = arrival / service;
  double blocking = 1;
  for (int i = 1; i <= workers; ++i) blocking = load * blocking / (i + load * blocking);
  const double waiting = blocking / (1 - load / workers * (1 - blocking));
  const double mean = 1 / service + waiting / (workers * service - arrival);
  const Queueing q = simulate(model(4, milliseconds(10), Distribution::exponential), 300, 2);
  EXPECT_NEAR(q.mean_ms, 1000 * mean, q.error_ms);
  EXPECT_LT(q.error_ms, 0.6);
}

TEST(ServerTheoryTest, OneDeterministicWorkerWaitsHalfAsLong) {
  // M/D/1: s + ρ s / (2 (1 − ρ)).
  const double rho = 0.7;
  const Queueing q = simulate(model(1, milliseconds(10)), 70, 3);
  EXPECT_NEAR(q.mean_ms, 10 + rho * 10 / (2 * (1 - rho)), q.error_ms);
  EXPECT_LT(q.error_ms, 0.6);
}

}  // namespace
}  // namespace evenkeel::sim
