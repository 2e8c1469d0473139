// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/arrivals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

namespace evenkeel::sim {
namespace {

using core::Duration;
using core::Instant;
using core::Seed;
using std::chrono::milliseconds;
using std::chrono::seconds;

TrafficModel traffic(ArrivalProcess process, std::vector<RatePoint> points) {
  TrafficModel model;
  model.arrivals = {process, std::move(points)};
  model.methods = {{core::Method::get, Millionths{700'000}},
                   {core::Method::post, Millionths{200'000}},
                   {core::Method::put, Millionths{100'000}}};
  return model;
}

MilliHertz per_second(std::uint64_t n) { return MilliHertz{n * 1000}; }

std::vector<Instant> until(Instant end, const TrafficModel& model, std::uint64_t seed = 1,
                           std::uint32_t index = 0) {
  Arrivals arrivals(model, index, Seed{seed});
  std::vector<Instant> times;
  for (Instant at = arrivals.next(); at < end; at = arrivals.next()) times.push_back(at);
  return times;
}

TEST(ArrivalsTest, ConstantArrivalsHaveEqualGapsFromTheFirstOn) {
  const TrafficModel model = traffic(ArrivalProcess::constant, {{Instant{}, per_second(100)}});
  const auto times = until(Instant(seconds(1)), model);
  ASSERT_EQ(times.size(), 99U);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(times[i], Instant(milliseconds(10) * (i + 1)));
  }
}

TEST(ArrivalsTest, ARateThatIsNoWholeNumberOfNanosecondsDoesNotDrift) {
  const TrafficModel model = traffic(ArrivalProcess::constant, {{Instant{}, MilliHertz{333'333}}});
  // Rounded up to whole nanoseconds: at most one a gap.
  const auto times = until(Instant(seconds(1000)), model);
  EXPECT_NEAR(static_cast<double>(times.size()), 333'333, 1);
}

TEST(ArrivalsTest, PoissonCountsHaveTheRightMeanAndSpread) {
  const TrafficModel model = traffic(ArrivalProcess::poisson, {{Instant{}, per_second(500)}});
  const auto times = until(Instant(seconds(400)), model);
  // The count is Poisson(200 000): four standard deviations are 1 789.
  EXPECT_NEAR(static_cast<double>(times.size()), 200'000, 4 * std::sqrt(200'000));
  // And so is the count of each 100 ms: variance = mean = 50. Four deviations of the estimate over
  // 4 000 bins: 4 · 50 · sqrt(2/4000).
  std::map<std::int64_t, double> bins;
  for (const Instant at : times) bins[at.time_since_epoch() / milliseconds(100)] += 1;
  double variance = 0;
  for (int i = 0; i < 4000; ++i) variance += (bins[i] - 50) * (bins[i] - 50) / 4000;
  EXPECT_NEAR(variance, 50, 4 * 50 * std::sqrt(2.0 / 4000));
}

TEST(ArrivalsTest, ARampIntegratesToItsArea) {
  const std::vector<RatePoint> points = {{Instant{}, per_second(80)},
                                         {Instant(seconds(600)), per_second(1200)}};
  const auto constant = until(Instant(seconds(600)), traffic(ArrivalProcess::constant, points));
  EXPECT_NEAR(static_cast<double>(constant.size()), (80 + 1200) / 2.0 * 600, 1);
  // Half of the rise lies in the first half: 80 + 280 a second there on average.
  const auto first = until(Instant(seconds(300)), traffic(ArrivalProcess::constant, points));
  EXPECT_NEAR(static_cast<double>(first.size()), (80 + 280) * 300, 1);
  const auto poisson = until(Instant(seconds(600)), traffic(ArrivalProcess::poisson, points));
  EXPECT_NEAR(static_cast<double>(poisson.size()), 384'000, 4 * std::sqrt(384'000));
}

TEST(ArrivalsTest, TwoPointsAtOneTimeAreAStep) {
  const TrafficModel model =
      traffic(ArrivalProcess::constant, {{Instant{}, per_second(100)},
                                         {Instant(seconds(10)), per_second(100)},
                                         {Instant(seconds(10)), per_second(1000)}});
  EXPECT_NEAR(static_cast<double>(until(Instant(seconds(10)), model).size()), 1000, 1);
  EXPECT_NEAR(static_cast<double>(until(Instant(seconds(12)), model).size()), 3000, 1);
}

TEST(ArrivalsTest, ARateOfZeroEndsOrWaits) {
  const TrafficModel ends =
      traffic(ArrivalProcess::poisson, {{Instant{}, per_second(100)},
                                        {Instant(seconds(1)), per_second(100)},
                                        {Instant(seconds(1)), MilliHertz{0}}});
  Arrivals arrivals(ends, 0, Seed{1});
  Instant last{};
  for (Instant at = arrivals.next(); at != core::kNever; at = arrivals.next()) last = at;
  EXPECT_LE(last, Instant(seconds(1)));
  EXPECT_EQ(arrivals.next(), core::kNever);

  const TrafficModel waits =
      traffic(ArrivalProcess::constant, {{Instant{}, MilliHertz{0}},
                                         {Instant(seconds(5)), MilliHertz{0}},
                                         {Instant(seconds(5)), per_second(1)}});
  EXPECT_EQ(Arrivals(waits, 0, Seed{1}).next(), Instant(seconds(6)));
}

TEST(ArrivalsTest, MethodsAreMixedAsToldAndDoNotDependOnTheRate) {
  const TrafficModel slow = traffic(ArrivalProcess::poisson, {{Instant{}, per_second(10)}});
  const TrafficModel fast = traffic(ArrivalProcess::poisson, {{Instant{}, per_second(1000)}});
  Arrivals a(slow, 0, Seed{1});
  Arrivals b(fast, 0, Seed{1});
  std::map<core::Method, double> counts;
  for (int i = 0; i < 100'000; ++i) {
    (void)a.next();
    (void)b.next();
    ASSERT_EQ(a.method(), b.method());
    counts[a.method()] += 1;
  }
  // Binomial: four standard deviations of n p (1 − p).
  EXPECT_NEAR(counts[core::Method::get], 70'000, 4 * std::sqrt(100'000 * 0.7 * 0.3));
  EXPECT_NEAR(counts[core::Method::post], 20'000, 4 * std::sqrt(100'000 * 0.2 * 0.8));
  EXPECT_NEAR(counts[core::Method::put], 10'000, 4 * std::sqrt(100'000 * 0.1 * 0.9));
}

TEST(ArrivalsTest, SeedsAndTrafficsHaveArrivalsOfTheirOwn) {
  const TrafficModel model = traffic(ArrivalProcess::poisson, {{Instant{}, per_second(100)}});
  const Instant end(seconds(10));
  EXPECT_EQ(until(end, model, 1, 0), until(end, model, 1, 0));
  EXPECT_NE(until(end, model, 1, 0), until(end, model, 2, 0));
  EXPECT_NE(until(end, model, 1, 0), until(end, model, 1, 1));
}

}  // namespace
}  // namespace evenkeel::sim
