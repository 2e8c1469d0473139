// SPDX-License-Identifier: Apache-2.0
//
// Random traffic, failures and operators at one, two and four workers, over messages that take
// their time: every bound holds for all workers together, and nothing is left at the end.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <ostream>
#include <vector>

#include "core/balancer_cluster.h"

namespace evenkeel::core {
namespace {

// What a run is made of. Everything else follows from the seed.
struct Plan {
  std::uint32_t workers = 1;
  Duration max_delay{};
  std::uint32_t steps = 0;
  std::uint64_t seed = 0;
  friend std::ostream& operator<<(std::ostream& out, const Plan& plan) {
    return out << plan.workers << " workers, delays up to " << plan.max_delay.count() << " ns, "
               << plan.steps << " steps, seed " << plan.seed;
  }
};

Plan any_plan() {
  Plan plan;
  plan.workers = *rc::gen::element<std::uint32_t>(1, 2, 4);
  plan.max_delay = *rc::gen::element<Duration>(0ms, 100us, 20ms);
  plan.steps = *rc::gen::inRange<std::uint32_t>(1, 80);
  plan.seed = *rc::gen::inRange<std::uint64_t>(0, 1'000'000'000);
  RC_LOG() << plan << "\n";
  return plan;
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : stream_(Seed{seed}, "dice") {}
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(stream_.below(bound, rolls_++));
  }
  std::uint32_t between(std::uint32_t least, std::uint32_t most) {
    return least + below(most - least + 1);
  }

 private:
  Stream stream_;
  std::uint64_t rolls_ = 0;
};

constexpr std::uint32_t kBackends = 3;

// The home of the pool is the last worker of two. Attempts and messages end long before the breaker
// takes a permit back.
Config any_config(Dice& dice) {
  Config config = plain_config(kBackends);
  config.pools.push_back(config.pools[0]);
  config.pools[1].name = "second";
  for (PoolPolicy& pool : config.pools) {
    pool.circuit_breaker.enabled = true;
    pool.circuit_breaker.consecutive_failures = dice.between(1, 3);
    pool.circuit_breaker.open_duration = 1s;
    pool.circuit_breaker.max_open_duration = 2s;
    pool.circuit_breaker.half_open_max_requests = dice.between(1, 2);
    pool.circuit_breaker.half_open_successes = dice.between(1, 3);
    pool.retry.max_attempts = 4;
    pool.retry.attempt_timeout = 200ms;
    pool.connection_pool.connect_timeout = 200ms;
    pool.retry.budget.percent = dice.below(2) * dice.below(101);
    pool.retry.budget.min_per_second = dice.below(6);
    pool.retry.budget.interval = 1s;
    pool.retry.hedge.enabled = dice.below(2) == 0;
    pool.retry.hedge.delay = 20ms;
    pool.retry.hedge.budget_percent = dice.below(50);
    pool.limits.max_requests = dice.below(2) * dice.between(1, 8);
    pool.limits.pool.max_requests = dice.below(2) * dice.between(1, 12);
    pool.limits.max_connections = 0;
    pool.balance.algorithm = dice.below(2) == 0 ? Algorithm::least_conn : Algorithm::round_robin;
  }
  config.routes.push_back(config.routes[0]);
  config.routes[1].split = {SplitPolicy{PoolIndex{1}, 100, {}, ""}};
  return config;
}

// percent/100 · requests + per_second · (time + interval), as in retry_budget.h.
bool within(std::uint64_t count, std::uint64_t requests, std::uint32_t percent,
            const RetryBudgetPolicy& budget, Duration time) {
  __extension__ using Wide = unsigned __int128;
  const Wide second = 1'000'000'000;
  return Wide{count} * 100 * second <=
         Wide{percent} * requests * second +
             Wide{100} * budget.min_per_second * (time + budget.interval).count();
}

class Run {
 public:
  explicit Run(const Plan& plan, JournalMode journal = JournalMode::off)
      : dice_(plan.seed), config_(any_config(dice_)), plan_(plan), cluster_(config_, [&] {
          BalancerCluster::Options options;
          options.workers = plan.workers;
          options.max_delay = plan.max_delay;
          options.seed = plan.seed;
          options.journal = journal;
          return options;
        }()) {
    // One pool at a time, so that its books are simple; each has another home.
    pool_ = PoolIndex{dice_.below(2)};
  }

  void run() {
    for (std::uint32_t i = 0; i < plan_.steps; ++i) {
      step();
      check();
    }
  }
  BalancerCluster& cluster() { return cluster_; }
  [[nodiscard]] const PoolPolicy& policy() const { return config_.pools[index(pool_)]; }
  [[nodiscard]] PoolIndex pool() const { return pool_; }

 private:
  void step() {
    switch (dice_.below(8)) {
      case 0:
      case 1:
      case 2: {
        RequestFacts facts;
        facts.route = RouteIndex{index(pool_)};
        facts.method = dice_.below(4) == 0 ? Method::post : Method::get;
        const std::uint32_t w = dice_.below(plan_.workers);
        for (std::uint32_t i = dice_.between(1, 4); i > 0; --i) (void)cluster_.request(w, facts);
        break;
      }
      case 3:
      case 4:
        for (std::uint32_t i = dice_.between(1, 4); i > 0; --i) end_one();
        break;
      case 5:
        if (dice_.below(8) == 0) operate();
        break;
      default:
        cluster_.wait(std::chrono::microseconds(dice_.below(4) == 0 ? dice_.below(1'500'000)
                                                                    : dice_.below(30'000)));
    }
  }

  void end_one() {
    if (cluster_.size() == 0) return;
    const auto recent = static_cast<std::uint32_t>(std::min<std::size_t>(cluster_.size(), 20));
    const std::size_t request = cluster_.size() - 1 - dice_.below(recent);
    if (cluster_[request].over) return;
    switch (dice_.below(5)) {
      case 0:
      case 1:
        return cluster_.answer(request);
      case 2:
        return cluster_.answer(request, 503);
      case 3:
        return cluster_.fail(request, dice_.below(2) == 0 ? AttemptFailure::connect_refused
                                                          : AttemptFailure::reset_before_head);
      default:
        return cluster_.client_gone(request);
    }
  }

  void operate() {
    const BackendRef backend{pool_, BackendIndex{dice_.below(kBackends)}};
    cluster_.set_admin(backend, static_cast<AdminState>(dice_.below(3)));
  }

  void check() {
    const LimitsPolicy& limits = policy().limits;
    const CircuitBreakerPolicy& breaker = policy().circuit_breaker;
    std::uint32_t all = 0;
    for (std::uint32_t b = 0; b < kBackends; ++b) {
      const BackendRef backend{pool_, BackendIndex{b}};
      const std::uint32_t in_flight = cluster_.in_flight(backend);
      all += in_flight;
      RC_ASSERT(limits.max_requests == 0 || in_flight <= limits.max_requests);
      RC_ASSERT(cluster_.probes(backend) <= breaker.half_open_max_requests);
      for (std::uint32_t w = 0; w < plan_.workers; ++w) {
        RC_ASSERT(cluster_.balancer(w).pool(pool_).load(backend.backend).in_flight ==
                  cluster_.in_flight(backend, w));
      }
    }
    RC_ASSERT(limits.pool.max_requests == 0 || all <= limits.pool.max_requests);
    const RetryPolicy& retry = policy().retry;
    const Duration time = cluster_.now() - at(0s);
    RC_ASSERT(
        within(cluster_.retries(), cluster_.size(), retry.budget.percent, retry.budget, time));
    RC_ASSERT(
        within(cluster_.hedges(), cluster_.size(), retry.hedge.budget_percent, retry.budget, time));
    RC_ASSERT(plan_.workers > 1 || cluster_.messages() == 0U);
  }

  Dice dice_;
  Config config_;
  Plan plan_;
  BalancerCluster cluster_;
  PoolIndex pool_{};
};

RC_GTEST_PROP(BalancerWorkersProperty, WhatIsBoundedIsBoundedForAllWorkersTogether, ()) {
  Run run(any_plan());
  run.run();
}

RC_GTEST_PROP(BalancerWorkersProperty, EverythingEndsAndAllAgreeWithTheHome, ()) {
  Run run(any_plan());
  run.run();
  BalancerCluster& cluster = run.cluster();
  // By themselves: deadlines end what nobody answers.
  cluster.wait(20s);
  for (std::size_t i = 0; i < cluster.size(); ++i) RC_ASSERT(cluster[i].over);
  cluster.drain();
  const PoolHome& home = cluster.home(run.pool());
  std::uint32_t pool_share = 0;
  for (std::uint32_t w = 0; w < cluster.workers(); ++w) {
    const Balancer& balancer = cluster.balancer(w);
    RC_ASSERT(balancer.requests_in_flight() == 0U);
    RC_ASSERT(balancer.queue_depth(run.pool()) == 0U);
    RC_ASSERT(balancer.pool(run.pool()).in_flight() == 0U);
    const HomeLink& link = balancer.link(run.pool());
    if (link.share() != nullptr) pool_share += link.share()->limit(kPoolSlot);
    for (std::uint32_t b = 0; b < kBackends; ++b) {
      const BackendIndex backend{b};
      RC_ASSERT(link.breaker(backend) == home.breaker(backend));
      RC_ASSERT(balancer.pool(run.pool()).standing(backend) == link.standing(backend));
      if (home.breaker(backend) != BreakerState::half_open) {
        RC_ASSERT(link.standing(backend) == home.standing(backend));
      }
      if (link.share() != nullptr) RC_ASSERT(link.share()->others(backend) == 0U);
    }
  }
  const std::uint32_t limit = run.policy().limits.pool.max_requests;
  if (cluster.workers() > 1 && limit != 0) RC_ASSERT(pool_share == limit);
}

RC_GTEST_PROP(BalancerWorkersProperty, TheSameRunTwiceIsTheSameHistory, ()) {
  const Plan plan = any_plan();
  Run first(plan, JournalMode::digest);
  Run again(plan, JournalMode::digest);
  first.run();
  again.run();
  for (std::uint32_t w = 0; w < plan.workers; ++w) {
    RC_ASSERT(first.cluster().balancer(w).journal().digest() ==
              again.cluster().balancer(w).journal().digest());
    RC_ASSERT(first.cluster().balancer(w) == again.cluster().balancer(w));
  }
}

// A table of keys is large, so these are a few long runs.
TEST(BalancerWorkersRateLimit, HoldsForAllWorkersTogether) {
  constexpr std::uint32_t kBurst = 3;
  constexpr std::uint32_t kPerSecond = 20;
  constexpr std::uint32_t kKeys = 5;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Dice dice(seed);
    Config config = plain_config(2);
    config.routes[0].rate_limit = {Decimal{1000 * kPerSecond}, kBurst, ClientKey::client_ip, "",
                                   false};
    BalancerCluster::Options options;
    options.workers = 1U << (seed % 3);
    options.max_delay = seed % 2 == 0 ? 1ms : 20ms;  // there and back within an asker's patience
    options.seed = seed;
    BalancerCluster cluster(config, options);
    for (int i = 0; i < 1500; ++i) {
      RequestFacts facts;
      facts.limit_key = mix(dice.below(kKeys));
      const std::size_t request = cluster.request(dice.below(options.workers), facts);
      cluster.wait(std::chrono::microseconds(dice.below(dice.below(20) == 0 ? 200'000 : 4'000)));
      if (dice.below(2) == 0) cluster.answer(request);
    }
    cluster.drain();
    for (std::uint32_t key = 0; key < kKeys; ++key) {
      std::vector<Instant> passed;
      for (std::size_t i = 0; i < cluster.size(); ++i) {
        if (cluster[i].facts.limit_key == mix(key) && cluster[i].began) {
          passed.push_back(*cluster[i].began);
        }
      }
      std::sort(passed.begin(), passed.end());
      EXPECT_GT(passed.size(), 50U);
      for (std::size_t a = 0; a < passed.size(); ++a) {
        for (std::size_t b = a; b < passed.size(); ++b) {
          const auto time = (passed[b] - passed[a] + options.max_delay).count();
          ASSERT_LE((b - a + 1) * 1'000'000'000, kBurst * 1'000'000'000ULL + kPerSecond * time)
              << "seed " << seed << ", key " << key;
        }
      }
    }
    for (std::uint32_t w = 0; w < options.workers; ++w) {
      EXPECT_EQ(cluster.balancer(w).requests_in_flight(), 0U);
    }
    EXPECT_EQ(cluster.messages() == 0, options.workers == 1);
  }
}

}  // namespace
}  // namespace evenkeel::core
