// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/random.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "core/chi_square.h"

// The expectations here may use floating point and libm: they judge the integers.
namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

// Reproduced by an independent implementation of the formula in random.h. A change of any of these
// changes every simulation.
TEST(Random, DrawsAreTheSameForEver) {
  const Stream stream(Seed{1}, "arrivals");
  EXPECT_EQ(stream.at(0), 0x4248ef570f63b177ULL);
  EXPECT_EQ(stream.at(1), 0xfa0afee25a470cdaULL);
  EXPECT_EQ(stream.at(kMost), 0x7f24948f20fb037ULL);
  EXPECT_EQ(stream.of(3).at(0), 0x69ed6b0935fa1fc4ULL);
  EXPECT_EQ(stream.below(1000, 7), 922ULL);
  EXPECT_EQ(Stream(Seed{2}, "arrivals").at(0), 0xdea7affff87bb139ULL);
  EXPECT_EQ(Stream(Seed{1}, "service").at(0), 0x8f623a2d067b72aeULL);
  EXPECT_EQ(negative_log(0x123456789abcdef0ULL), 761'940'365'877'651'306ULL);
  EXPECT_EQ(exponential(10ms, stream.at(0)).count(), 13'512'153);
}

TEST(Random, BoundedDrawsAreUniform) {
  const Stream stream(Seed{7}, "bounded");
  for (const std::uint64_t bound : {2U, 3U, 6U, 10U, 1000U}) {
    std::vector<std::uint64_t> counts(bound);
    for (std::uint64_t i = 0; i < 200'000; ++i) ++counts[stream.below(bound, i)];
    EXPECT_LT(chi_square_excess(counts), 4) << "bound " << bound;
  }
}

// With 3/4 of all numbers as the bound, taking a remainder favours the lower third of the results,
// and multiplying without rejection favours the multiples of three: both by a factor of two.
TEST(Random, BoundedDrawsAreUniformWhereAShortcutIsNot) {
  const Stream stream(Seed{8}, "bounded");
  constexpr std::uint64_t kBound = 3ULL << 62U;
  std::vector<std::uint64_t> thirds(3);
  std::vector<std::uint64_t> remainders(3);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const std::uint64_t value = stream.below(kBound, i);
    ASSERT_LT(value, kBound);
    ++thirds[value / (1ULL << 62U)];
    ++remainders[value % 3];
  }
  EXPECT_LT(chi_square_excess(thirds), 4);
  EXPECT_LT(chi_square_excess(remainders), 4);
}

TEST(Random, ABoundOfOneLeavesNoChoice) {
  EXPECT_EQ(Stream(Seed{1}, "x").below(1, 5), 0U);
  EXPECT_EQ(Stream(Seed{1}, "x").within(1ns, 5), 0ns);
  EXPECT_EQ(Stream(Seed{1}, "x").within(0ns, 5), 0ns);
}

// Streams that differ in one thing only, and neighbours of one stream, share half of their bits,
// like strangers. The mean of 10 000 distances of 64 fair bits has a standard deviation of 0.04.
TEST(Random, StreamsAreStrangersToEachOther) {
  const Stream base(Seed{1}, "service");
  const auto distance = [](auto&& draw_a, auto&& draw_b) {
    constexpr std::uint64_t kPairs = 10'000;
    std::uint64_t bits = 0;
    for (std::uint64_t i = 0; i < kPairs; ++i) {
      bits += static_cast<std::uint64_t>(std::popcount(draw_a(i) ^ draw_b(i)));
    }
    return static_cast<double>(bits) / kPairs;
  };
  const auto draw = [&](std::uint64_t i) { return base.at(i); };
  const auto from = [](Stream stream) {
    return [stream](std::uint64_t i) { return stream.at(i); };
  };
  EXPECT_NEAR(distance(draw, from(Stream(Seed{2}, "service"))), 32, 0.2) << "another seed";
  EXPECT_NEAR(distance(draw, from(Stream(Seed{1}, "servicf"))), 32, 0.2) << "another name";
  EXPECT_NEAR(distance(draw, from(base.of(0))), 32, 0.2) << "a member";
  EXPECT_NEAR(distance(from(base.of(0)), from(base.of(1))), 32, 0.2) << "another member";
  EXPECT_NEAR(distance(draw, [&](std::uint64_t i) { return base.at(i + 1); }), 32, 0.2) << "next";
  EXPECT_NEAR(distance(draw, [&](std::uint64_t i) { return base.of(i).at(0); }), 32, 0.2)
      << "first draw of each member";
}

// The pairs of two streams fill the square evenly, which the bits one by one could not tell.
TEST(Random, PairsOfStreamsAreIndependent) {
  const Stream a(Seed{3}, "arrivals");
  for (const Stream& b : {Stream(Seed{3}, "service"), Stream(Seed{4}, "arrivals"), a.of(1)}) {
    std::vector<std::uint64_t> cells(256);
    for (std::uint64_t i = 0; i < 200'000; ++i) {
      ++cells[(a.at(i) >> 60U) * 16 + (b.at(i) >> 60U)];
    }
    EXPECT_LT(chi_square_excess(cells), 4);
  }
}

TEST(Random, DecisionsNeverShareADraw) {
  const Stream stream(Seed{5}, "picks");
  std::set<std::uint64_t> seen;
  constexpr std::uint64_t kDraws = Draws::kPerDecision + 4;
  for (std::uint64_t decision = 0; decision < 8; ++decision) {
    Draws draws(stream, decision);
    for (std::uint64_t k = 0; k < kDraws; ++k) seen.insert(draws.below(kMost));
  }
  EXPECT_EQ(seen.size(), 8 * kDraws);
}

TEST(Random, ADecisionsDrawsDependOnItsNumberOnly) {
  const Stream stream(Seed{5}, "picks");
  Draws before(stream, 41);
  for (int i = 0; i < 7; ++i) before.below(10);  // more or fewer draws there …
  Draws first(stream, 42);
  Draws second(stream, 42);  // … change nothing here
  for (int i = 0; i < 7; ++i) EXPECT_EQ(first.below(1000), second.below(1000));
}

long double error_of_negative_log(std::uint64_t bits) {
  const long double u = (static_cast<long double>(bits) + 1) / 0x1p64L;
  const long double got =
      static_cast<long double>(negative_log(bits)) / (1ULL << kNegativeLogFractionBits);
  return std::fabs(got + std::log(u));
}

TEST(NegativeLog, IsWithinItsErrorBound) {
  const Stream stream(Seed{9}, "bits");
  long double worst = 0;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    // Small numbers, too: a shift makes every magnitude as likely.
    worst = std::max(worst, error_of_negative_log(stream.at(i) >> (i % 64)));
  }
  EXPECT_LT(worst, 0x1p-52L);
}

// Where the table changes its bin and the exponent its value.
TEST(NegativeLog, IsWithinItsErrorBoundAtEveryEdge) {
  long double worst = 0;
  for (unsigned shift = 0; shift < 56; ++shift) {
    for (std::uint64_t edge = 256; edge <= 512; ++edge) {
      const std::uint64_t bits = (edge << 55U) >> shift;  // 512 wraps to 0: the end of the range
      for (const std::uint64_t near : {bits - 2, bits - 1, bits, bits + 1}) {
        worst = std::max(worst, error_of_negative_log(near));
      }
    }
  }
  EXPECT_LT(worst, 0x1p-52L);
}

TEST(NegativeLog, EndsAtZeroAndAtSixtyFourTimesTheLogOfTwo) {
  EXPECT_EQ(negative_log(kMost), 0U);
  const long double largest = 64 * std::log(2.0L) * (1ULL << kNegativeLogFractionBits);
  EXPECT_NEAR(static_cast<double>(negative_log(0) / largest), 1, 1e-15);
}

// Mean, variance and the whole distribution (Kolmogorov and Smirnov) of a million draws.
TEST(Exponential, HasTheDistributionItIsNamedAfter) {
  constexpr std::size_t kDraws = 1'000'000;
  constexpr Duration kMean = 10ms;
  const Stream stream(Seed{10}, "service");
  std::vector<double> draws(kDraws);
  for (std::size_t i = 0; i < kDraws; ++i) {
    draws[i] = static_cast<double>(exponential(kMean, stream.at(i)).count()) / kMean.count();
  }
  std::sort(draws.begin(), draws.end());
  double sum = 0;
  double squares = 0;
  double distance = 0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    sum += draws[i];
    squares += draws[i] * draws[i];
    const double below = -std::expm1(-draws[i]);
    distance = std::max(distance, std::fabs(below - (static_cast<double>(i) + 0.5) / kDraws));
  }
  const double mean = sum / kDraws;
  const double root = std::sqrt(kDraws);
  EXPECT_NEAR(mean, 1, 4 / root);  // the standard deviation of the mean is 1 / √n, …
  EXPECT_NEAR(squares / kDraws - mean * mean, 1, 4 * std::sqrt(8) / root);  // … of this √8 / √n
  EXPECT_LT(distance * root, 1.95);  // passed by 99.9 % of samples of a true exponential
}

TEST(Exponential, IsZeroForNoMeanAndStopsAtTheLongestDuration) {
  EXPECT_EQ(exponential(0ns, 0), 0ns);
  EXPECT_EQ(exponential(-1ns, 0), 0ns);
  EXPECT_EQ(exponential(Duration::max(), 0), Duration::max());
  EXPECT_EQ(exponential(10ms, kMost), 0ns);
}

RC_GTEST_PROP(Exponential, IsRoundedToTheNearestNanosecond, ()) {
  const auto mean = *rc::gen::inRange<std::int64_t>(1, 1'000'000'000'000);
  const auto bits = *rc::gen::arbitrary<std::uint64_t>();
  const long double exact =
      static_cast<long double>(negative_log(bits)) / (1ULL << kNegativeLogFractionBits) * mean;
  const auto got = exponential(Duration(mean), bits).count();
  RC_ASSERT(std::fabs(static_cast<long double>(got) - exact) <= 0.5001L);
}

}  // namespace
}  // namespace evenkeel::core
