// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "evenkeel/core/time.h"

namespace evenkeel::core {

// Tokens of a budget that a worker has leased from the budget's home, and may spend without asking.
//
// The home has charged them: whatever becomes of the lease, no token is spent that the budget did
// not allow. Nothing is given back, so a purse that is never used costs the budget its contents
// once per lease.
class TokenPurse {
 public:
  // Leases told apart; more are merged, at the price of a shorter life.
  static constexpr std::uint32_t kLeases = 4;

  // Good before `until`, at which a token is worth nothing any more.
  void add(std::uint32_t count, Instant until) {
    if (count == 0) return;
    if (leases_ == kLeases) {
      Lease& last = lease_[kLeases - 1];
      last = Lease{last.count + count, earlier_of(last.until, until)};
    } else {
      lease_[leases_++] = Lease{count, until};
    }
  }

  // Spends the oldest token that is still good.
  [[nodiscard]] bool spend(Instant now) {
    expire(now);
    if (leases_ == 0) return false;
    ++used_;
    if (--lease_[0].count == 0) drop_first();
    return true;
  }

  void expire(Instant now) {
    while (leases_ != 0 && lease_[0].until <= now) {
      used_ += lease_[0].count;
      drop_first();
    }
  }

  // Spent or run out since the last call.
  [[nodiscard]] std::uint32_t take_used() {
    const std::uint32_t used = used_;
    used_ = 0;
    return used;
  }
  [[nodiscard]] std::uint32_t used() const { return used_; }
  [[nodiscard]] std::uint32_t held() const {
    std::uint32_t held = 0;
    for (std::uint32_t i = 0; i < leases_; ++i) held += lease_[i].count;
    return held;
  }

  friend bool operator==(const TokenPurse&, const TokenPurse&) = default;

 private:
  struct Lease {
    std::uint32_t count = 0;
    Instant until;
    friend bool operator==(const Lease&, const Lease&) = default;
  };
  void drop_first() {
    for (std::uint32_t i = 1; i < leases_; ++i) lease_[i - 1] = lease_[i];
    lease_[--leases_] = Lease{};
  }

  std::array<Lease, kLeases> lease_{};  // oldest first, so soonest to end first
  std::uint32_t leases_ = 0;
  std::uint32_t used_ = 0;
};

}  // namespace evenkeel::core
