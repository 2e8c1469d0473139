// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/time_window.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

TEST(TimeWindow, ForgetsWhatIsOlderThanItsLengthAndATenth) {
  TimeWindow window(10s, at(0s));
  window.add(at(500ms), {2, 1});
  window.advance(at(10s + 999ms));
  EXPECT_EQ(window.first(), 2U);
  EXPECT_EQ(window.second(), 1U);
  window.advance(at(11s));
  EXPECT_EQ(window.first(), 0U);
  EXPECT_EQ(window.second(), 0U);
}

TEST(TimeWindow, ForgetsEverythingOverALongSilence) {
  TimeWindow window(10s, at(0s));
  for (int second = 0; second < 10; ++second) window.add(at(std::chrono::seconds(second)), {1, 1});
  window.add(at(24h * 365 * 100), {1, 0});
  EXPECT_EQ(window.first(), 1U);
  EXPECT_EQ(window.second(), 0U);
}

TEST(TimeWindow, ClearingForgetsAtOnce) {
  TimeWindow window(10s, at(0s));
  window.add(at(1s), {7, 3});
  window.clear(at(1s));
  EXPECT_EQ(window.first(), 0U);
  window.advance(at(15s));
  EXPECT_EQ(window.first(), 0U) << "nothing cleared may be subtracted later";
  EXPECT_EQ(window.second(), 0U);
}

// Whatever the times: all of the last `length` is in, and nothing older than a tenth more.
RC_GTEST_PROP(TimeWindow, HoldsTheLastWhileOfAnyHistory, ()) {
  const Duration length(*rc::gen::inRange<std::int64_t>(10, 2000));
  // A bucket is a tenth, rounded up to whole nanoseconds.
  const Duration longest = (length / 10 + Duration(length % 10 != Duration(0) ? 1 : 0)) * 11;
  const Instant start = at(Duration(*rc::gen::inRange<std::int64_t>(0, 100)));
  const auto steps = *rc::gen::container<std::vector<std::int64_t>>(
      rc::gen::weightedOneOf<std::int64_t>({{8, rc::gen::inRange<std::int64_t>(0, 100)},
                                            {1, rc::gen::inRange<std::int64_t>(0, 5000)}}));
  TimeWindow window(length, start);
  std::vector<Instant> events;
  Instant now = start;
  for (const std::int64_t step : steps) {
    now += Duration(step);
    events.push_back(now);
    window.add(now, {1, 2});
    std::uint64_t surely = 0;
    std::uint64_t perhaps = 0;
    for (const Instant event : events) {
      surely += event > now - length ? 1 : 0;
      perhaps += event > now - longest ? 1 : 0;
    }
    RC_ASSERT(window.first() >= surely);
    RC_ASSERT(window.first() <= perhaps);
    RC_ASSERT(window.second() == 2 * window.first());
  }
}

}  // namespace
}  // namespace evenkeel::core
