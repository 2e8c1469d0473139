// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// How many requests one key may make: `burst` at once, then `requests_per_second`.
//
// Exact: a token is 10^12 units, and every nanosecond brings as many units as the rate has
// thousandths, so a third of a token per second is no rounded number and nothing drifts.
class TokenRate {
 public:
  static constexpr std::uint64_t kUnitsPerToken = 1'000'000'000'000;
  // A bucket that takes longer than this to fill (146 years) is only so deep: 2^62 ns.
  static constexpr std::uint64_t kDeepest = std::uint64_t{1} << 62U;

  // A rate of 0 is no limit. A burst of 0 is one second's worth, and at least one request.
  TokenRate(Decimal requests_per_second, std::uint32_t burst);

  [[nodiscard]] bool unlimited() const { return units_per_ns_ == 0; }
  // Tokens of a full bucket; 0 without a limit.
  [[nodiscard]] std::uint64_t burst() const { return burst_; }

  friend bool operator==(const TokenRate&, const TokenRate&) = default;

 private:
  friend class TokenBucket;

  // An amount of tokens as the time that brings it: ns + fraction / units_per_ns_.
  struct Time {
    std::uint64_t ns = 0;
    std::uint32_t fraction = 0;
    friend bool operator==(Time, Time) = default;
  };
  [[nodiscard]] Time time_of(std::uint64_t tokens) const;

  std::uint32_t units_per_ns_;
  std::uint64_t burst_ = 0;
  Time one_;          // of one token
  Time all_but_one_;  // of burst_ - 1 tokens
};

// One key's tokens, as the instant at which they will be complete again (the "theoretical arrival
// time" of the generic cell rate algorithm). Nothing has to be refilled, so a key that nobody uses
// costs no time, and one that stays away is soon the same as one never seen.
//
// In any stretch of time t, however it lies, at most burst + rate * t requests pass: each puts the
// instant of completeness one token's time further out, and that instant is never more than a whole
// burst ahead. (Counters per calendar second let two bursts through where two seconds meet.)
class TokenBucket {
 public:
  // Takes a token and answers zero; or takes nothing and answers how long until one is there, to
  // the nanosecond, if nobody else takes it. `now` going backwards only makes it stricter; time
  // before the timeline's zero counts as zero. `rate` is the same at every call, save for rerate().
  [[nodiscard]] Duration try_take(const TokenRate& rate, Instant now);

  // Whether nothing is missing: the bucket then behaves as a new one does, for ever.
  [[nodiscard]] bool full(Instant now) const { return full_from() <= since_zero(now); }
  // The first nanosecond since the timeline's zero at which it is full.
  [[nodiscard]] std::uint64_t full_from() const { return full_at_ + (fraction_ != 0 ? 1 : 0); }

  // Time as full_from() counts it.
  [[nodiscard]] static std::uint64_t since_zero(Instant now) {
    return now < Instant{} ? 0 : static_cast<std::uint64_t>(now.time_since_epoch().count());
  }

  // Goes on at another rate: the tokens that are missing stay missing, up to the new burst.
  void rerate(const TokenRate& from, const TokenRate& to, Instant now);

  friend bool operator==(const TokenBucket&, const TokenBucket&) = default;

 private:
  // Nanoseconds since the timeline's zero, unsigned: the end of time plus kDeepest fits.
  std::uint64_t full_at_ = 0;
  std::uint32_t fraction_ = 0;  // of a nanosecond, in units; below the rate's units_per_ns_
};

}  // namespace evenkeel::core
