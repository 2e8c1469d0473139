// SPDX-License-Identifier: Apache-2.0
//
// The bounded table against an unbounded map of buckets, and its bounds where it has to do without.
#include "evenkeel/core/limit/rate_limiter.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

RateLimitPolicy per_client(std::uint32_t requests_per_second, std::uint32_t burst) {
  RateLimitPolicy policy;
  policy.requests_per_second = Decimal{requests_per_second * 1000};
  policy.burst = burst;
  return policy;
}

int take_all(RateLimiter& limiter, Instant now, RateLimiter::Key key) {
  int taken = 0;
  while (taken < 10'000 && limiter.try_take(now, key) == Duration::zero()) ++taken;
  return taken;
}

TEST(RateLimiter, LimitsEveryKeyOnItsOwn) {
  RateLimiter limiter(per_client(1, 3));
  EXPECT_EQ(take_all(limiter, at(0s), 1), 3);
  EXPECT_EQ(take_all(limiter, at(0s), 2), 3);
  EXPECT_EQ(limiter.try_take(at(0s), 1), 1s) << "what Retry-After says";
  EXPECT_EQ(take_all(limiter, at(2s), 1), 2);
}

TEST(RateLimiter, SwitchedOffItLetsEverythingThroughAndRemembersNobody) {
  RateLimiter limiter(per_client(0, 1));
  EXPECT_EQ(take_all(limiter, at(0s), 1), 10'000);
  EXPECT_EQ(limiter.size(), 0U);
}

TEST(RateLimiter, OneBucketServesAWholeRoute) {
  RateLimitPolicy policy = per_client(1, 3);
  policy.key = ClientKey::route;
  RateLimiter limiter(policy);
  EXPECT_EQ(limiter.try_take(at(0s), 1), 0s);
  EXPECT_EQ(limiter.try_take(at(0s), 2), 0s);
  EXPECT_EQ(limiter.try_take(at(0s), 3), 0s);
  EXPECT_EQ(limiter.try_take(at(0s), 4), 1s);
  EXPECT_EQ(limiter.size(), 1U);
  EXPECT_EQ(limiter.overflowed(), 0U);
}

// A map with an entry for every address ever seen is how a rate limit ends the process.
TEST(RateLimiter, AddressesWithoutEndFillABoundedTable) {
  RateLimiter limiter(per_client(1, 1));
  for (RateLimiter::Key key = 0; key < 3 * RateLimiter::kMaxKeys; ++key) {
    const Duration wait = limiter.try_take(at(0s), key);
    // Each has its own, then one more gets the overflow bucket's token.
    ASSERT_EQ(wait == 0s, key <= RateLimiter::kMaxKeys);
  }
  EXPECT_EQ(limiter.size(), RateLimiter::kMaxKeys);
  EXPECT_EQ(limiter.overflowed(), 2 * RateLimiter::kMaxKeys);
}

TEST(RateLimiter, AFloodOfNewKeysTakesNothingFromTheKnown) {
  RateLimiter limiter(per_client(1, 10), 4);
  for (int second = 0; second < 20; ++second) {
    EXPECT_EQ(limiter.try_take(at(second * 1s), 1), 0s);
    EXPECT_EQ(limiter.try_take(at(second * 1s), 1), second < 9 ? 0s : 1s);
    for (RateLimiter::Key key = 100; key < 200; ++key) {
      const Duration wait = limiter.try_take(at(second * 1s), 1000U * second + key);
      EXPECT_GE(wait, 0s);
    }
  }
}

// Forgetting whoever was quiet for longest, full or not, gives a fresh burst to everyone who comes
// with enough names.
TEST(RateLimiter, CyclingThroughKeysBringsNoFreshBurst) {
  constexpr std::uint32_t kKeys = 8;
  RateLimiter limiter(per_client(1, 5), kKeys);
  int passed = 0;
  for (int round = 0; round < 100; ++round) {
    for (RateLimiter::Key key = 0; key < 4 * kKeys; ++key) {
      passed += limiter.try_take(at(round * 10ms), key) == 0s ? 1 : 0;
    }
  }
  EXPECT_EQ(passed, (kKeys + 1) * 5);
}

TEST(RateLimiter, ABucketThatIsFullAgainMakesRoom) {
  RateLimiter limiter(per_client(1, 2), 2);
  EXPECT_EQ(limiter.try_take(at(0s), 1), 0s);
  EXPECT_EQ(take_all(limiter, at(0s), 2), 2);
  EXPECT_EQ(take_all(limiter, at(999ms), 3), 2) << "from the overflow bucket";
  EXPECT_EQ(limiter.overflowed(), 3U);
  EXPECT_EQ(take_all(limiter, at(1s), 4), 2) << "in the place of 1";
  EXPECT_EQ(limiter.overflowed(), 3U);
  EXPECT_EQ(limiter.try_take(at(1s), 2), 0s);
  EXPECT_EQ(limiter.try_take(at(1s), 2), 1s) << "2 was not full and is still known";
}

TEST(RateLimiter, ANewRateKeepsWhatEveryKeyIsMissing) {
  RateLimiter limiter(per_client(1, 10));
  EXPECT_EQ(take_all(limiter, at(0s), 1), 10);
  EXPECT_EQ(limiter.try_take(at(0s), 2), 0s);
  limiter.apply(per_client(100, 20), at(0s));
  EXPECT_EQ(take_all(limiter, at(0s), 1), 10);
  EXPECT_EQ(take_all(limiter, at(0s), 2), 19);
  EXPECT_EQ(take_all(limiter, at(0s), 3), 20);
}

TEST(RateLimiter, TheSamePolicyAgainChangesNothing) {
  RateLimiter limiter(per_client(3, 10));
  EXPECT_EQ(take_all(limiter, at(1s), 1), 10);
  const RateLimiter before = limiter;
  limiter.apply(per_client(3, 10), at(2s));
  EXPECT_EQ(limiter, before);
}

TEST(RateLimiter, KeysThatMeanSomethingElseAreForgotten) {
  RateLimiter limiter(per_client(1, 1));
  EXPECT_EQ(limiter.try_take(at(0s), 7), 0s);
  RateLimitPolicy by_header = per_client(1, 1);
  by_header.key = ClientKey::header;
  by_header.name = "x-tenant";
  limiter.apply(by_header, at(0s));
  EXPECT_EQ(limiter.size(), 0U);
  EXPECT_EQ(limiter.try_take(at(0s), 7), 0s);
  by_header.name = "x-user";
  limiter.apply(by_header, at(0s));
  EXPECT_EQ(limiter.size(), 0U);
}

TEST(RateLimiter, SwitchesOffAndOnWithANewPolicy) {
  RateLimiter limiter(per_client(1, 1));
  EXPECT_EQ(take_all(limiter, at(0s), 7), 1);
  limiter.apply(per_client(0, 1), at(0s));
  EXPECT_EQ(take_all(limiter, at(0s), 7), 10'000);
  limiter.apply(per_client(1, 2), at(0s));
  EXPECT_EQ(take_all(limiter, at(0s), 7), 2);
}

// A new, slower rate moves every bucket's completion, and with it who may be forgotten.
TEST(RateLimiter, ANewRateKeepsTheOrderInWhichBucketsFill) {
  RateLimiter limiter(per_client(10, 4), 3);
  EXPECT_EQ(take_all(limiter, at(0s), 1), 4);
  EXPECT_EQ(limiter.try_take(at(0s), 2), 0s);
  EXPECT_EQ(limiter.try_take(at(0s), 3), 0s);
  EXPECT_EQ(limiter.try_take(at(0s), 3), 0s);
  limiter.apply(per_client(1, 4), at(0s));
  EXPECT_EQ(take_all(limiter, at(1s), 9), 4) << "2 is full after a second";
  EXPECT_EQ(limiter.overflowed(), 0U);
  EXPECT_EQ(take_all(limiter, at(1s), 10), 4);
  EXPECT_EQ(limiter.overflowed(), 5U) << "nobody else is";
  EXPECT_EQ(take_all(limiter, at(1s), 3), 3);
}

TEST(RateLimiter, AKeyThatComesAfterANewRateMayBeForgottenInItsTurn) {
  RateLimiter limiter(per_client(10, 4), 3);
  EXPECT_EQ(take_all(limiter, at(0s), 1), 4);
  EXPECT_EQ(take_all(limiter, at(0s), 2), 4);
  limiter.apply(per_client(1, 4), at(0s));
  EXPECT_EQ(limiter.try_take(at(0s), 3), 0s);
  EXPECT_EQ(take_all(limiter, at(1s), 4), 4) << "in the place of 3";
  EXPECT_EQ(limiter.overflowed(), 0U);
}

TEST(RateLimiter, TheOverflowBucketFollowsANewRateToo) {
  RateLimiter limiter(per_client(1, 2), 1);
  EXPECT_EQ(limiter.try_take(at(0s), 1), 0s);
  EXPECT_EQ(take_all(limiter, at(0s), 2), 2);
  limiter.apply(per_client(100, 2), at(0s));
  EXPECT_EQ(limiter.try_take(at(0s), 2), 10ms);
}

TEST(RateLimiter, ACopyGoesOnAsTheOriginalWould) {
  RateLimiter limiter(per_client(2, 3), 5);
  for (RateLimiter::Key key = 0; key < 40; ++key) {
    const Duration wait = limiter.try_take(at(key * 37ms), key % 9);
    ASSERT_GE(wait, 0s);
  }
  RateLimiter copy = limiter;
  for (RateLimiter::Key key = 0; key < 200; ++key) {
    ASSERT_EQ(limiter.try_take(at(2s + key * 53ms), key % 11),
              copy.try_take(at(2s + key * 53ms), key % 11));
    ASSERT_EQ(limiter, copy);
  }
}

// ---- against an unbounded map ------------------------------------------------------------------

struct Try {
  Instant at;
  RateLimiter::Key key = 0;
};

std::vector<Try> any_tries(RateLimiter::Key keys) {
  std::vector<Try> tries;
  Instant now = at(1s);
  for (int i = 0; i < 60; ++i) {
    now += *rc::gen::element(0ms, 0ms, 10ms, 100ms, 333ms, 1000ms, 5000ms);
    tries.push_back({now, *rc::gen::inRange<RateLimiter::Key>(0, keys)});
  }
  return tries;
}

RC_GTEST_PROP(RateLimiterBound, EqualsAnUnboundedMapWhileTheTableHasABucketToForget, ()) {
  constexpr std::uint32_t kKeys = 4;
  RateLimitPolicy policy = per_client(0, *rc::gen::inRange(1U, 4U));
  policy.requests_per_second = Decimal{*rc::gen::inRange(500U, 9000U)};
  TokenRate rate(policy.requests_per_second, policy.burst);
  RateLimiter limiter(policy, kKeys);
  std::map<RateLimiter::Key, TokenBucket> model;
  for (const Try& t : any_tries(12)) {
    std::uint32_t others = 0;
    for (const auto& [key, bucket] : model) others += key != t.key && !bucket.full(t.at) ? 1 : 0;
    if (others == kKeys) continue;
    RC_ASSERT(limiter.try_take(t.at, t.key) == model[t.key].try_take(rate, t.at));
    RC_ASSERT(limiter.size() <= kKeys);
    if (*rc::gen::inRange(0, 20) == 0) {
      policy.requests_per_second = Decimal{*rc::gen::inRange(500U, 9000U)};
      const TokenRate next(policy.requests_per_second, policy.burst);
      for (auto& entry : model) entry.second.rerate(rate, next, t.at);
      rate = next;
      limiter.apply(policy, t.at);
    }
  }
  RC_ASSERT(limiter.overflowed() == 0U);
}

struct Pass {
  Instant at;
  RateLimiter::Key key = 0;
};

RC_GTEST_PROP(RateLimiterBound, WithoutRoomAKeyPassesAtMostTwiceAndAllTogetherTheTable, ()) {
  constexpr std::uint32_t kKeys = 3;
  const std::uint32_t burst = *rc::gen::inRange(1U, 4U);
  RateLimiter limiter(per_client(1, burst), kKeys);
  std::vector<Pass> passed;
  for (const Try& t : any_tries(9)) {
    if (limiter.try_take(t.at, t.key) == Duration::zero()) passed.push_back({t.at, t.key});
  }
  for (std::size_t first = 0; first < passed.size(); ++first) {
    std::uint64_t same = 0;
    std::uint64_t all = 0;
    for (std::size_t last = first; last < passed.size(); ++last) {
      ++all;
      if (passed[last].key == passed[first].key) ++same;
      const auto seconds = (passed[last].at - passed[first].at) / 1s;
      const std::uint64_t bound = burst + static_cast<std::uint64_t>(seconds);
      RC_ASSERT(same <= 2 * bound);
      RC_ASSERT(all <= (kKeys + 1) * bound);
    }
  }
}

}  // namespace
}  // namespace evenkeel::core
