// SPDX-License-Identifier: Apache-2.0
//
// Once it has seen its load, a balancer asks for no memory: not for requests, retries, hedges,
// checks or verdicts. The whole program's operator new counts here, and only while a test counts.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/at.h"
#include "core/test_balancer.h"
#include "runtime/allocation_count.h"

namespace evenkeel::core {
namespace {

// Everything switched on, and often in use.
Config busy_config() {
  Config config = plain_config(10);
  PoolPolicy& pool = config.pools[0];
  pool.balance.algorithm = Algorithm::least_request;
  pool.health_check.type = CheckType::http;
  pool.health_check.interval = 100ms;
  pool.health_check.unhealthy_interval = 100ms;
  pool.health_check.timeout = 50ms;
  pool.outlier_detection = OutlierDetectionPolicy{};
  pool.outlier_detection.consecutive_failures = 2;
  pool.outlier_detection.base_ejection_time = 200ms;
  pool.circuit_breaker = CircuitBreakerPolicy{};
  pool.circuit_breaker.consecutive_failures = 3;
  pool.circuit_breaker.open_duration = 200ms;
  pool.retry.backoff = {1ms, 4ms};
  pool.retry.budget.percent = 100;
  pool.retry.hedge.enabled = true;
  pool.retry.hedge.delay = 2ms;
  pool.retry.hedge.budget_percent = 100;
  return config;
}

// A driver whose own books are of fixed size: every fifth attempt fails, every seventh never
// answers, every third check fails; up to 64 requests at a time.
class BusyDriver {
 public:
  explicit BusyDriver(Balancer& balancer) : balancer_(balancer) {}

  void run(std::uint64_t requests) {
    for (std::uint64_t i = 0; i < requests; ++i) {
      std::optional<RequestId>& slot = open_[i % open_.size()];
      if (slot) end(*slot);
      slot = balancer_.on_request(now_, RequestFacts{});
      ++counts.requests;
      poll();
      now_ += 100us;
      while (balancer_.next_deadline() <= now_) {
        balancer_.on_deadline(now_);
        poll();
      }
    }
  }

  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t attempts = 0;
    std::uint64_t retried = 0;
    std::uint64_t hedged = 0;
    std::uint64_t checks = 0;
    std::uint64_t transitions = 0;
  };
  Counts counts;

 private:
  void end(RequestId id) {
    const RequestRecord record = balancer_.finish(now_, id);
    counts.retried += has(record.flags, Flag::retried) ? 1 : 0;
    counts.hedged += has(record.flags, Flag::hedged) ? 1 : 0;
    poll();
  }

  void poll() {
    while (const auto action = balancer_.poll_action()) {
      if (const auto* start = std::get_if<StartAttempt>(&*action)) on_start(*start);
      if (const auto* check = std::get_if<StartCheck>(&*action)) on_check(*check);
    }
    counts.transitions += balancer_.take_transitions().size();
  }

  void on_start(const StartAttempt& start) {
    ++counts.attempts;
    if (counts.attempts % 5 == 0) {
      balancer_.on_attempt_failed(now_, start.attempt, AttemptFailure::connect_refused);
      return;
    }
    balancer_.on_attempt_sent(now_, start.attempt);
    if (counts.attempts % 7 == 0) return;
    balancer_.on_response_head(now_, start.attempt, {200, false});
    balancer_.on_response_end(now_, start.attempt);
  }

  void on_check(const StartCheck& start) {
    ++counts.checks;
    const auto outcome = counts.checks % 3 == 0 ? CheckOutcome::refused : CheckOutcome::passed;
    if (counts.checks % 8 != 0) balancer_.on_check_ended(now_, start.check, outcome);
  }

  Balancer& balancer_;
  Instant now_ = at(0s);
  std::array<std::optional<RequestId>, 64> open_{};
};

TEST(BalancerAllocation, ARequestAsksForNoMemoryInSteadyState) {
  Balancer::Options options;
  options.journal = JournalMode::digest;
  Balancer balancer(std::make_shared<const Config>(busy_config()), options, at(0s));
  BusyDriver driver(balancer);
  driver.run(10'000);
  driver.counts = {};
  const test::AllocationCount allocations;
  driver.run(10'000);
  EXPECT_EQ(allocations.so_far(), 0U);
  // It was not idle meanwhile.
  EXPECT_EQ(driver.counts.requests, 10'000U);
  EXPECT_GT(driver.counts.retried, 1000U);
  EXPECT_GT(driver.counts.hedged, 100U);
  EXPECT_GT(driver.counts.checks, 50U);
  EXPECT_GT(driver.counts.transitions, 10U);
}

TEST(BalancerAllocation, TheCounterCounts) {
  const test::AllocationCount allocations;
  std::vector<std::unique_ptr<int>> owners(10);
  for (auto& owner : owners) owner = std::make_unique<int>(0);
  EXPECT_EQ(allocations.so_far(), 1U + owners.size());
}

}  // namespace
}  // namespace evenkeel::core
