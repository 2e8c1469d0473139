// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/home_link.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

#include "core/at.h"
#include "core/worker/cluster.h"
#include "runtime/allocation_count.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

// Two workers whose messages take no time, and a book of attempts of fixed size.
class BusyPair {
 public:
  explicit BusyPair(const PoolPolicy& policy)
      : links_{HomeLink(PoolIndex{0}, policy, Stream(Seed{7}, "health"), WorkerIndex{0}, 2, now_),
               HomeLink(PoolIndex{0}, policy, Stream(Seed{7}, "health"), WorkerIndex{1}, 2, now_)} {
    settle();
  }

  void run(std::uint32_t requests) {
    for (std::uint32_t i = 0; i < requests; ++i) {
      HomeLink& link = links_[i % 2];
      const BackendIndex backend{i / 2 % 3};
      link.on_request(now_);
      if (link.standing(backend) == Standing::eligible && link.share()->has_room(backend)) {
        const auto ticket = link.admit(now_, backend);
        probes += ticket.probe ? 1 : 0;
        link.on_attempt_started(now_, backend);
        settle();
        const bool fails = i / 50 % 3 == 0;
        link.on_evidence(now_, Evidence{backend, fails ? failed() : succeeded(), ticket});
        link.on_attempt_ended(now_, backend);
        if (fails) retries += link.try_retry(now_) ? 1 : 0;
      } else {
        link.on_saturated(now_);
      }
      settle();
      now_ += 1ms;
      for (HomeLink& each : links_) {
        if (each.next_deadline() <= now_) each.on_deadline(now_);
      }
      settle();
    }
  }

  std::uint32_t probes = 0;
  std::uint32_t retries = 0;
  std::uint32_t messages = 0;

 private:
  void settle() {
    for (bool quiet = false; !quiet;) {
      quiet = true;
      for (std::uint32_t w = 0; w < 2; ++w) {
        links_[w].clear_news(now_);
        while (const auto posted = links_[w].poll_message(now_)) {
          links_[index(posted->to)].on_message(now_, WorkerIndex{w}, posted->message);
          ++messages;
          quiet = false;
        }
      }
    }
  }

  Instant now_ = at(0s);
  std::array<HomeLink, 2> links_;
};

TEST(HomeLink, AsksForNoMemoryOnceItHasSeenItsLoad) {
  if (!test::kAllocationsCounted) GTEST_SKIP() << "this sanitizer owns operator new";
  PoolPolicy policy = cluster_policy(3);
  policy.circuit_breaker.consecutive_failures = 3;
  policy.circuit_breaker.open_duration = 30ms;
  policy.circuit_breaker.max_open_duration = 60ms;
  policy.limits.max_requests = 1;
  BusyPair pair(policy);
  pair.run(5'000);
  const std::uint32_t messages = pair.messages;
  const test::AllocationCount allocations;
  pair.run(5'000);
  EXPECT_EQ(allocations.so_far(), 0U);
  EXPECT_GT(pair.probes, 10U);
  EXPECT_GT(pair.retries, 10U);
  EXPECT_GT(pair.messages - messages, 1'000U);
}

TEST(HomeLink, OfOneWorkerHasNothingToPost) {
  HomeLink link(PoolIndex{5}, cluster_policy(1), Stream(Seed{7}, "health"), WorkerIndex{0}, 1,
                at(0s));
  EXPECT_NE(link.local(), nullptr);
  EXPECT_EQ(link.share(), nullptr);
  link.on_request(at(0s));
  link.on_attempt_started(at(0s), BackendIndex{0});
  link.on_saturated(at(0s));
  EXPECT_FALSE(link.poll_message(at(0s)));
}

TEST(HomeLink, HasItsHomeAtOneWorkerOnly) {
  for (std::uint32_t w = 0; w < 4; ++w) {
    HomeLink link(PoolIndex{6}, cluster_policy(1), Stream(Seed{7}, "health"), WorkerIndex{w}, 4,
                  at(0s));
    EXPECT_EQ(link.local() != nullptr, w == 2) << w;
  }
}

// A copy is a snapshot: equal state makes equal decisions from here on.
TEST(HomeLink, CopiesGoOnAsEquals) {
  for (const std::uint32_t w : {0U, 1U}) {
    HomeLink link(PoolIndex{0}, cluster_policy(2), Stream(Seed{7}, "health"), WorkerIndex{w}, 2,
                  at(0s));
    link.on_request(at(0s));
    HomeLink copy = link;
    EXPECT_EQ(copy, link);
    copy.on_attempt_started(at(1ms), BackendIndex{1});
    EXPECT_NE(copy, link);
    link.on_attempt_started(at(1ms), BackendIndex{1});
    EXPECT_EQ(copy, link);
    for (HomeLink* each : {&copy, &link}) each->on_deadline(at(20ms));
    while (const auto posted = link.poll_message(at(20ms))) {
      EXPECT_EQ(copy.poll_message(at(20ms)), posted);
    }
    EXPECT_FALSE(copy.poll_message(at(20ms)));
    EXPECT_EQ(copy, link);
  }
}

}  // namespace
}  // namespace evenkeel::core
