// SPDX-License-Identifier: Apache-2.0
//
// Once a world has grown to its size, simulating a request allocates nothing at message fidelity:
// millions of them must not spend their time in the allocator.
#include <gtest/gtest.h>

#include "runtime/allocation_count.h"
#include "worlds.h"

namespace evenkeel::sim::testing {
namespace {

// Remembers how much had been allocated at two times.
struct Meter final : Judge {
  void on_request(const RequestSample& s) override {
    if (s.ended < core::Instant(10s)) at_start = allocations.so_far();
    if (s.ended < core::Instant(20s)) at_end = allocations.so_far();
    if (s.ended >= core::Instant(10s)) ++requests;
  }
  void on_attempt(const AttemptSample&) override {}
  void on_backend(const BackendSample&) override {}
  void on_transition(const core::Transition&, std::uint32_t, std::uint32_t) override {}
  void on_check(core::Instant, std::uint32_t, core::CheckOutcome) override {}

  test::AllocationCount allocations;
  std::uint64_t at_start = 0;
  std::uint64_t at_end = 0;
  std::uint64_t requests = 0;
};

TEST(AllocationTest, ARequestInSteadyStateAllocatesNothing) {
  // Deterministic service and arrivals: nothing has a record still to set after ten seconds.
  Scenario s = over_a_network(world(8, 4, 20ms, 1000, 20s));
  s.traffic[0].arrivals.process = ArrivalProcess::constant;
  for (BackendModel& backend : s.world.backends) {
    backend.service.distribution = Distribution::deterministic;
  }
  Meter meter;
  const RunResult result = run_world(s, core::Seed{1}, Fidelity::message, {}, meter);
  EXPECT_TRUE(result.complete);
  EXPECT_GT(meter.requests, 9'900U);
  // Buckets of the event queue still grow when the clock carries into a high bit for the first
  // time: a handful in all, whatever the number of requests.
  EXPECT_LE(meter.at_end - meter.at_start, 40U);
}

}  // namespace
}  // namespace evenkeel::sim::testing
