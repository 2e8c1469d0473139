// SPDX-License-Identifier: Apache-2.0
//
// The bound is checked over every window of a trace, against arithmetic in 128 bits that shares
// nothing with the bucket's.
#include "evenkeel/core/limit/token_bucket.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

__extension__ using Wide = unsigned __int128;

constexpr Duration kYear = 24h * 365;
constexpr Instant kEnd = Instant::max();

std::uint64_t take_all(TokenBucket& bucket, const TokenRate& rate, Instant now,
                       std::uint64_t most = 100'000) {
  std::uint64_t taken = 0;
  while (taken < most && bucket.try_take(rate, now) == Duration::zero()) ++taken;
  return taken;
}

TEST(TokenBucket, BeginsFullAndHoldsItsBurst) {
  const TokenRate rate(Decimal{10'000}, 25);
  TokenBucket bucket;
  EXPECT_TRUE(bucket.full(at(0s)));
  EXPECT_EQ(take_all(bucket, rate, at(0s)), 25U);
  EXPECT_FALSE(bucket.full(at(0s)));
}

TEST(TokenBucket, ABurstOfZeroIsOneSecondsWorth) {
  TokenBucket ten;
  EXPECT_EQ(take_all(ten, TokenRate(Decimal{10'000}, 0), at(5s)), 10U);
  TokenBucket slow;
  EXPECT_EQ(take_all(slow, TokenRate(Decimal{1}, 0), at(5s)), 1U) << "never less than one request";
}

TEST(TokenBucket, ARateOfZeroIsNoLimit) {
  const TokenRate rate(Decimal{0}, 1);
  TokenBucket bucket;
  EXPECT_TRUE(rate.unlimited());
  EXPECT_EQ(take_all(bucket, rate, at(0s)), 100'000U);
  EXPECT_TRUE(bucket.full(at(0s)));
}

TEST(TokenBucket, SaysWhenTheNextTokenIsThere) {
  const TokenRate rate(Decimal{2000}, 1);
  TokenBucket bucket;
  EXPECT_EQ(bucket.try_take(rate, at(1s)), 0s);
  EXPECT_EQ(bucket.try_take(rate, at(1s)), 500ms);
  EXPECT_EQ(bucket.try_take(rate, at(1s + 499'999'999ns)), 1ns);
  EXPECT_EQ(bucket.try_take(rate, at(1s + 500ms)), 0s);
}

TEST(TokenBucket, ARefusalCostsNothing) {
  const TokenRate rate(Decimal{1000}, 1);
  TokenBucket bucket;
  EXPECT_EQ(bucket.try_take(rate, at(0s)), 0s);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(bucket.try_take(rate, at(400ms)), 600ms);
  EXPECT_EQ(bucket.try_take(rate, at(1s)), 0s);
}

TEST(TokenBucket, UnusedTimeFillsItToTheBurstAndNoFurther) {
  const TokenRate rate(Decimal{10'000}, 5);
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, rate, at(0s)), 5U);
  EXPECT_EQ(take_all(bucket, rate, at(200ms)), 2U);
  EXPECT_EQ(take_all(bucket, rate, at(0s) + kYear), 5U);
}

// A counter per calendar second lets twice the rate through where two seconds meet.
TEST(TokenBucket, TwoBurstsDoNotMeetAtASecondsBorder) {
  const TokenRate rate(Decimal{100'000}, 100);
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, rate, at(999ms)), 100U);
  EXPECT_EQ(take_all(bucket, rate, at(1001ms)), 0U);
}

// A third of a second is no whole number of nanoseconds; rounded either way, the error would add
// up. (With a burst of one, whoever comes a fraction late does lose it: there is no room for it.)
TEST(TokenBucket, ARateThatDividesNoSecondDoesNotDrift) {
  const TokenRate rate(Decimal{3000}, 2);
  TokenBucket bucket;
  Instant now = at(0s);
  ASSERT_EQ(take_all(bucket, rate, now), 2U);
  for (int i = 0; i < 30'000; ++i) {
    now += bucket.try_take(rate, now);
    ASSERT_EQ(bucket.try_take(rate, now), 0s);
  }
  EXPECT_EQ(now, at(10'000s));
}

TEST(TokenBucket, StandingTimeBringsNothing) {
  const TokenRate rate(Decimal{std::numeric_limits<std::uint32_t>::max()}, 3);
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, rate, at(7s)), 3U);
}

TEST(TokenBucket, WorksUpToTheEndOfTime) {
  const TokenRate rate(Decimal{1}, std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(rate.burst(), 4'611'686U) << "as deep as 146 years";
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, rate, kEnd, 10'000'000), rate.burst());
  EXPECT_GT(bucket.try_take(rate, kEnd), 0s);
}

TEST(TokenBucket, TimeBeforeZeroCountsAsZero) {
  const TokenRate rate(Decimal{1000}, 1);
  TokenBucket bucket;
  EXPECT_EQ(bucket.try_take(rate, Instant::min()), 0s);
  EXPECT_EQ(bucket.try_take(rate, at(-1s)), 1s);
}

TEST(TokenBucket, AnotherRateKeepsWhatIsMissing) {
  const TokenRate before(Decimal{1000}, 10);
  const TokenRate after(Decimal{7000}, 20);
  TokenBucket bucket;
  ASSERT_EQ(take_all(bucket, before, at(0s), 8), 8U);
  bucket.rerate(before, after, at(1s));
  EXPECT_EQ(take_all(bucket, after, at(1s)), 13U) << "seven are missing";
}

TEST(TokenBucket, ASmallerBurstForgivesWhatItCannotHold) {
  const TokenRate before(Decimal{1000}, 10);
  const TokenRate after(Decimal{1000}, 4);
  TokenBucket bucket;
  ASSERT_EQ(take_all(bucket, before, at(0s)), 10U);
  bucket.rerate(before, after, at(0s));
  EXPECT_EQ(bucket.try_take(after, at(0s)), 1s) << "empty, and not below empty";
}

TEST(TokenBucket, AFullBucketStaysFullWhateverTheRate) {
  const TokenRate before(Decimal{1000}, 10);
  TokenBucket bucket;
  ASSERT_EQ(take_all(bucket, before, at(0s)), 10U);
  bucket.rerate(before, TokenRate(Decimal{1}, 500), at(10s));
  EXPECT_EQ(bucket, TokenBucket());
}

TEST(TokenBucket, ManyNewRatesLoseNothing) {
  const TokenRate third(Decimal{3000}, 5);
  const TokenRate seventh(Decimal{7000}, 5);
  TokenBucket bucket;
  ASSERT_EQ(take_all(bucket, third, at(0s), 2), 2U);
  const TokenBucket before = bucket;
  for (int i = 0; i < 10'000; ++i) {
    bucket.rerate(third, seventh, at(0s));
    bucket.rerate(seventh, third, at(0s));
  }
  EXPECT_EQ(bucket, before);
}

// ---- the bound over any stretch of time --------------------------------------------------------

TokenRate any_rate(std::uint32_t& thousandths, std::uint32_t& burst) {
  thousandths = *rc::gen::oneOf(rc::gen::inRange(1U, 5000U),
                                rc::gen::inRange(1U, std::numeric_limits<std::uint32_t>::max()));
  burst = *rc::gen::inRange(1U, 12U);
  return TokenRate(Decimal{thousandths}, burst);
}

// How many tokens, rounded down, this time brings on top of a full bucket.
Wide allowed(Duration window, std::uint32_t thousandths, std::uint32_t burst) {
  const auto ns = static_cast<std::uint64_t>(window.count());
  return burst + Wide{ns} * thousandths / 1'000'000'000'000U;
}

// Steps near one token's time, none at all, and a year.
Duration any_step(std::uint32_t thousandths) {
  const auto token = static_cast<std::int64_t>(1'000'000'000'000 / thousandths);
  return Duration(*rc::gen::weightedOneOf<std::int64_t>(
      {{6, rc::gen::inRange<std::int64_t>(0, 2 * token + 2)},
       {2, rc::gen::element<std::int64_t>(0, 1, token - 1, token, token + 1)},
       {1, rc::gen::just<std::int64_t>(kYear.count())}}));
}

RC_GTEST_PROP(TokenBucketBound, InAnyWindowNoMoreThanTheBurstAndWhatTheTimeBrings, ()) {
  std::uint32_t thousandths = 0;
  std::uint32_t burst = 0;
  const TokenRate rate = any_rate(thousandths, burst);
  TokenBucket bucket;
  std::vector<Instant> taken;
  Instant now = *rc::gen::element(at(0s), at(1ns), at(12345s), kEnd - 30 * kYear);
  for (int i = 0; i < 24; ++i) {
    if (kEnd - now > kYear) now += any_step(thousandths);
    const int tries = *rc::gen::inRange(0, 4);
    for (int k = 0; k < tries; ++k) {
      if (bucket.try_take(rate, now) == Duration::zero()) taken.push_back(now);
    }
  }
  for (std::size_t first = 0; first < taken.size(); ++first) {
    for (std::size_t last = first; last < taken.size(); ++last) {
      RC_ASSERT(last - first + 1 <= allowed(taken[last] - taken[first], thousandths, burst));
    }
  }
}

// Against a bucket that counts its units one by one: neither more nor less, and the wait is exact.
RC_GTEST_PROP(TokenBucketBound, TheWaitIsExactAndTheLevelIsThatOfACountedBucket, ()) {
  std::uint32_t thousandths = 0;
  std::uint32_t burst = 0;
  const TokenRate rate = any_rate(thousandths, burst);
  constexpr Wide kUnits = 1'000'000'000'000U;
  Wide level = burst * kUnits;
  TokenBucket bucket;
  Instant now = at(1h);
  for (int i = 0; i < 30; ++i) {
    const Duration step = any_step(thousandths);
    now += step;
    level = std::min(burst * kUnits,
                     level + Wide{static_cast<std::uint64_t>(step.count())} * thousandths);
    const Duration wait = bucket.try_take(rate, now);
    if (level >= kUnits) {
      RC_ASSERT(wait == Duration::zero());
      level -= kUnits;
    } else {
      const Wide missing = kUnits - level;
      const auto expected = static_cast<std::int64_t>((missing + thousandths - 1) / thousandths);
      RC_ASSERT(wait == Duration(expected));
    }
    RC_ASSERT(bucket.full(now) == (level == burst * kUnits));
  }
}

}  // namespace
}  // namespace evenkeel::core
