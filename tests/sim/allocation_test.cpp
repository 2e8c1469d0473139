// SPDX-License-Identifier: Apache-2.0
//
// Once a world has grown to its size, simulating a request allocates nothing at message fidelity:
// millions of them must not spend their time in the allocator.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "worlds.h"

namespace {
thread_local std::uint64_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  void* const block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) std::abort();
  return block;
}
}  // namespace

// The whole program's.
void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
// Spelled out because the address sanitizer brings forms of its own that do not come here.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

namespace evenkeel::sim::testing {
namespace {

// Remembers how much had been allocated at two times.
struct Meter final : Judge {
  void on_request(const RequestSample& s) override {
    if (s.ended < core::Instant(10s)) at_start = allocations;
    if (s.ended < core::Instant(20s)) at_end = allocations;
    if (s.ended >= core::Instant(10s)) ++requests;
  }
  void on_attempt(const AttemptSample&) override {}
  void on_backend(const BackendSample&) override {}
  void on_transition(const core::Transition&, std::uint32_t, std::uint32_t) override {}
  void on_check(core::Instant, std::uint32_t, core::CheckOutcome) override {}

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
