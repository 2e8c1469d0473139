// SPDX-License-Identifier: Apache-2.0
//
// What the core costs a request: pick, admission and report by themselves, and the whole life of a
// request with its deadlines, budget and record.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>

#include "evenkeel/core/balancer.h"

namespace {

using namespace evenkeel::core;

// The shipped policies: p2c, outlier detection, breaker and budget on. Checks are off, as they do
// not belong to any request.
std::shared_ptr<const Config> config_of(std::int64_t backends) {
  PoolPolicy pool;
  pool.backends.resize(static_cast<std::size_t>(backends));
  pool.health_check.type = CheckType::off;
  auto config = std::make_shared<Config>();
  config->pools = {pool};
  config->routes.resize(1);
  return config;
}

// One attempt as the pool and its home see it, while 63 others are in flight.
void PickAdmitReport(benchmark::State& state) {
  const auto config = config_of(state.range(0));
  const PoolPolicy& policy = config->pools[0];
  const Stream draws(Seed{1}, "bench");
  Instant now{};
  Pool pool(policy, "", draws, now);
  PoolHome home(PoolIndex{0}, policy, draws, now);
  for (const Verdict& verdict : home.verdicts()) pool.on_verdict(now, verdict);
  home.clear_news();

  struct Running {
    BackendIndex backend{};
    CircuitBreaker::Ticket ticket;
    bool live = false;
  };
  std::array<Running, 64> running{};
  std::uint64_t number = 0;
  for (auto _ : state) {
    Running& slot = running[number % running.size()];
    if (slot.live) {
      Feedback feedback;
      feedback.outcome = Outcome::success;
      feedback.latency = std::chrono::microseconds(640);
      pool.on_attempt_ended(now, slot.backend, feedback);
      home.on_evidence(now, Evidence{slot.backend, feedback, slot.ticket});
    }
    home.on_request(now);
    slot.backend = pool.pick(PickRequest{now, {}, 0, Draws(draws, number++)}).backend;
    slot.ticket = home.admit(now, slot.backend);
    slot.live = true;
    pool.on_attempt_started(now, slot.backend);
    benchmark::DoNotOptimize(home.has_news());
    now += std::chrono::microseconds(10);
    if (home.next_deadline() <= now) home.on_deadline(now);
  }
}
BENCHMARK(PickAdmitReport)->Arg(10)->Arg(100)->Arg(10'000);

// From the request's head to its record, actions polled, while 63 others are in flight.
void WholeRequest(benchmark::State& state) {
  Balancer::Options options;
  options.journal = static_cast<JournalMode>(state.range(1));
  Instant now{};
  Balancer balancer(config_of(state.range(0)), options, now);
  std::array<RequestId, 64> running{};
  const auto begin = [&](RequestId& slot) {
    slot = balancer.on_request(now, RequestFacts{});
    benchmark::DoNotOptimize(balancer.poll_action());
    balancer.on_attempt_sent(now, AttemptId{slot, 0});
  };
  for (RequestId& slot : running) begin(slot);
  std::uint64_t number = 0;
  for (auto _ : state) {
    RequestId& slot = running[number++ % running.size()];
    balancer.on_response_head(now, AttemptId{slot, 0}, {200, false});
    benchmark::DoNotOptimize(balancer.poll_action());
    balancer.on_response_end(now, AttemptId{slot, 0});
    benchmark::DoNotOptimize(balancer.finish(now, slot));
    begin(slot);
    if (balancer.next_deadline() <= now) balancer.on_deadline(now);
    now += std::chrono::microseconds(10);
  }
  state.SetLabel(options.journal == JournalMode::off ? "journal off" : "journal digest");
}
BENCHMARK(WholeRequest)
    ->Args({10, static_cast<std::int64_t>(JournalMode::off)})
    ->Args({10'000, static_cast<std::int64_t>(JournalMode::off)})
    ->Args({10, static_cast<std::int64_t>(JournalMode::digest)});

}  // namespace
