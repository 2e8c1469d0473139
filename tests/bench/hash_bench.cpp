// SPDX-License-Identifier: Apache-2.0
//
// Consistent hashing: what a table costs to build, which happens when a configuration changes, and
// what a pick costs, with everybody well and with one backend in ten out.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "evenkeel/core/balance/maglev.h"
#include "evenkeel/core/balance/rendezvous.h"
#include "evenkeel/core/balance/ring_hash.h"
#include "evenkeel/core/hash.h"

namespace {

using namespace evenkeel::core;

// Weights of 1, or of 1 to 10.
std::vector<BackendPolicy> backends_of(std::int64_t count, bool weighted) {
  std::vector<BackendPolicy> backends(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < backends.size(); ++i) {
    backends[i].id = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":8080";
    if (weighted) backends[i].weight = static_cast<std::uint32_t>(1 + i % 10);
  }
  return backends;
}

template <typename Strategy>
void Build(benchmark::State& state) {
  const auto backends = backends_of(state.range(0), state.range(1) != 0);
  for (auto _ : state) benchmark::DoNotOptimize(Strategy(HashPolicy{}, backends));
}
BENCHMARK(Build<Maglev>)->Args({1000, 0})->Args({1000, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(Build<RingHash>)->Args({1000, 0})->Args({1000, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(Build<Rendezvous>)->Args({1000, 0})->Args({1000, 1})->Unit(benchmark::kMillisecond);

// Arguments: backends; every how many-th is out (0: none); balance_factor.
template <typename Strategy>
void Lookup(benchmark::State& state) {
  const auto policies = backends_of(state.range(0), false);
  HashPolicy policy;
  policy.balance_factor = static_cast<std::uint32_t>(state.range(2));
  const Strategy strategy(policy, policies);
  const std::vector<Load> loads(policies.size());
  std::vector<BackendIndex> backends;
  for (std::uint32_t i = 0; i < policies.size(); ++i) {
    if (state.range(1) == 0 || i % state.range(1) != 0) backends.push_back(BackendIndex{i});
  }
  Candidates candidates;
  candidates.backends = backends;
  candidates.loads = loads;
  candidates.total_weight = backends.size();
  Draws draws(Stream(Seed{1}, "bench"), 0);
  for (auto _ : state) {
    candidates.hash = mix(candidates.hash + 1);
    benchmark::DoNotOptimize(strategy.pick(candidates, draws));
  }
}
BENCHMARK(Lookup<Maglev>)->Args({10, 0, 0})->Args({1000, 0, 0})->Args({1000, 10, 0});
BENCHMARK(Lookup<Maglev>)->Args({1000, 0, 125});
BENCHMARK(Lookup<RingHash>)->Args({10, 0, 0})->Args({1000, 0, 0})->Args({1000, 10, 0});
BENCHMARK(Lookup<RingHash>)->Args({1000, 0, 125});
BENCHMARK(Lookup<Rendezvous>)->Args({10, 0, 0})->Args({1000, 0, 0})->Args({1000, 10, 0});
BENCHMARK(Lookup<Rendezvous>)->Args({1000, 0, 125});

void HashOfKey(benchmark::State& state) {
  const std::string key(static_cast<std::size_t>(state.range(0)), 'k');
  std::uint64_t seed = 0;
  for (auto _ : state) benchmark::DoNotOptimize(seed = hash_bytes(key, seed));
}
BENCHMARK(HashOfKey)->Arg(16)->Arg(100);

}  // namespace
