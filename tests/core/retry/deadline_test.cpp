// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/deadline.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRoute = 15s;
constexpr Duration kSaysNothing = Duration::max();

TEST(AttemptTime, IsItsOwnLimitOrWhatTheRequestHasLeft) {
  EXPECT_EQ(attempt_time(at(0s), at(15s), 5s), 5s);
  EXPECT_EQ(attempt_time(at(12s), at(15s), 5s), 3s);
  EXPECT_EQ(attempt_time(at(15s), at(15s), 5s), 0s);
  EXPECT_EQ(attempt_time(at(16s), at(15s), 5s), 0s);
  EXPECT_EQ(attempt_time(at(0s), kNever, 5s), 5s);
}

TEST(ArrivalDeadlines, TheEarlierOfRouteAndClientHolds) {
  ArrivalDeadlines deadlines(at(0s));
  EXPECT_EQ(deadlines.on_request(at(1s), kRoute, kSaysNothing), at(16s));
  EXPECT_EQ(deadlines.on_request(at(1s), kRoute, 1min), at(16s));
  EXPECT_EQ(deadlines.on_request(at(1s), kRoute, 2s), at(3s - kDeadlineMargin));
  EXPECT_EQ(deadlines.on_request(at(1s), Duration::max(), kSaysNothing), kNever)
      << "no limit at all";
}

TEST(ArrivalDeadlines, WhoseTimeIsOverIsRefused) {
  for (const Duration time_left :
       {kDeadlineMargin, Duration(1), 0ns, Duration(-1), Duration(-1h), Duration::min()}) {
    ArrivalDeadlines deadlines(at(0s));
    for (int i = 0; i < 100; ++i) {
      static_cast<void>(deadlines.on_request(at(1s), kRoute, kSaysNothing));
    }
    EXPECT_EQ(deadlines.on_request(at(1s), kRoute, time_left), std::nullopt);
  }
}

TEST(ArrivalDeadlines, AClientWithAWrongClockIsStillServed) {
  ArrivalDeadlines deadlines(at(0s));
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto deadline = deadlines.on_request(at(i * 1ms), kRoute, -1min);
    if (deadline) {
      EXPECT_EQ(*deadline, at(i * 1ms) + kRoute);
    } else {
      ++refused;
    }
  }
  EXPECT_EQ(refused, 200);
}

TEST(ArrivalDeadlines, TheFirstRequestEverIsNotRefused) {
  ArrivalDeadlines deadlines(at(0s));
  EXPECT_TRUE(deadlines.on_request(at(0s), kRoute, -1s));
}

// From the start to any time: the windows before each refusal are disjoint and hold them all.
RC_GTEST_PROP(ArrivalDeadlines, AtMostAFifthIsEverRefused, (std::uint64_t seed)) {
  const Stream draws(Seed{seed}, "deadlines");
  ArrivalDeadlines deadlines(at(0s));
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;
  Instant now = at(0s);
  const std::uint64_t expired_percent = draws.below(101, 0);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Stream step = draws.of(i);
    if (step.below(4, 0) == 0) now += step.within(5s, 1);
    ++requests;
    const bool expired = step.below(100, 2) < expired_percent;
    const auto deadline = deadlines.on_request(now, kRoute, expired ? -1ms : 1s);
    if (!deadline) ++refused;
    if (!deadline) RC_ASSERT(expired);
    RC_ASSERT(refused * 100 <= requests * ArrivalDeadlines::kMaxRefusedPercent);
  }
}

// Over any stretch, the requests of the window before it included.
RC_GTEST_PROP(ArrivalDeadlines, AtMostAFifthIsRefusedOverAnyStretch, (std::uint64_t seed)) {
  const Stream draws(Seed{seed}, "deadlines");
  ArrivalDeadlines deadlines(at(0s));
  std::vector<Instant> requests;
  std::vector<std::size_t> refused;  // positions in `requests`
  Instant now = at(0s);
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Stream step = draws.of(i);
    now += step.within(1s, 0);
    requests.push_back(now);
    if (!deadlines.on_request(now, kRoute, step.below(2, 1) == 0 ? -1ms : 1s)) {
      refused.push_back(requests.size() - 1);
    }
  }
  const Duration window = ArrivalDeadlines::kInterval + ArrivalDeadlines::kInterval / 10;
  for (std::size_t first = 0; first < refused.size(); ++first) {
    for (std::size_t last = first; last < refused.size(); ++last) {
      std::size_t from = refused[first];
      while (from > 0 && requests[from - 1] > requests[refused[first]] - window) --from;
      RC_ASSERT((last - first + 1) * 100 <=
                (refused[last] + 1 - from) * ArrivalDeadlines::kMaxRefusedPercent);
    }
  }
}

}  // namespace
}  // namespace evenkeel::core
