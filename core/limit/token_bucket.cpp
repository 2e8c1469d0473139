// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/token_bucket.h"

#include <algorithm>

namespace evenkeel::core {
namespace {

__extension__ using Wide = unsigned __int128;

// The largest number of tokens whose time is not above kDeepest.
std::uint64_t deepest(std::uint32_t units_per_ns) {
  const Wide tokens = Wide{TokenRate::kDeepest} * units_per_ns / TokenRate::kUnitsPerToken;
  return static_cast<std::uint64_t>(tokens);
}

}  // namespace

TokenRate::TokenRate(Decimal requests_per_second, std::uint32_t burst)
    : units_per_ns_(requests_per_second.thousandths) {
  if (unlimited()) return;
  const std::uint32_t second = std::max(1U, units_per_ns_ / 1000);
  burst_ = std::min<std::uint64_t>(burst == 0 ? second : burst, deepest(units_per_ns_));
  one_ = time_of(1);
  all_but_one_ = time_of(burst_ - 1);
}

TokenRate::Time TokenRate::time_of(std::uint64_t tokens) const {
  const Wide units = Wide{tokens} * kUnitsPerToken;
  return {static_cast<std::uint64_t>(units / units_per_ns_),
          static_cast<std::uint32_t>(units % units_per_ns_)};
}

Duration TokenBucket::try_take(const TokenRate& rate, Instant now) {
  if (rate.unlimited()) return Duration::zero();
  const std::uint64_t time = since_zero(now);
  if (full_at_ < time) {
    full_at_ = time;
    fraction_ = 0;
  }
  // With a whole token in it, at most all but one are missing.
  const std::uint64_t limit = time + rate.all_but_one_.ns;
  const bool rest = fraction_ > rate.all_but_one_.fraction;
  if (full_at_ > limit || (full_at_ == limit && rest)) {
    return Duration(static_cast<Duration::rep>(full_at_ - limit + (rest ? 1 : 0)));
  }
  full_at_ += rate.one_.ns;
  const std::uint64_t fraction = std::uint64_t{fraction_} + rate.one_.fraction;
  const bool carry = fraction >= rate.units_per_ns_;
  full_at_ += carry ? 1 : 0;
  fraction_ = static_cast<std::uint32_t>(carry ? fraction - rate.units_per_ns_ : fraction);
  return Duration::zero();
}

void TokenBucket::rerate(const TokenRate& from, const TokenRate& to, Instant now) {
  const std::uint64_t time = since_zero(now);
  if (from.unlimited() || to.unlimited() || full(now)) {
    *this = TokenBucket();
    return;
  }
  const Wide missing = Wide{full_at_ - time} * from.units_per_ns_ + fraction_;
  const Wide kept = std::min(missing, Wide{to.burst_} * TokenRate::kUnitsPerToken);
  full_at_ = time + static_cast<std::uint64_t>(kept / to.units_per_ns_);
  fraction_ = static_cast<std::uint32_t>(kept % to.units_per_ns_);
}

}  // namespace evenkeel::core
