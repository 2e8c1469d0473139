// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "evenkeel/core/limit/token_bucket.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// One token bucket per key, for the rate_limit of one route. A key is a seeded hash of what the
// route names (a client's address, a header's value), so that strangers cannot choose keys that
// collide.
//
// Why a bound, and what happens at it? A table that grows with every address an attacker makes up
// ends the process; one that forgets the least recently used key hands whoever cycles through
// enough keys a fresh burst each time. Here only a key whose bucket is full again is forgotten: it
// comes back as it went, so forgetting loses nothing. While no bucket is full, keys without one
// share a single overflow bucket of the same rate. Therefore, over any time t:
//   - a key passes at most burst + rate * t, and for every bucket it did not have, no more than the
//     overflow bucket holds: 2 * (burst + rate * t) in all;
//   - all keys together pass at most (max_keys + 1) * (burst + rate * t);
//   - while at most max_keys - 1 buckets are not full, every key is limited exactly on its own.
// Established keys never suffer from a flood of new ones.
//
// Finding a full bucket takes a heap, ordered by an instant at which the bucket was known to be
// full at the earliest. Taking tokens only moves that instant out, so it is corrected when it comes
// up and not at every request: a request whose key is known costs one lookup.
//
//     heads_[hash]  ->  entry 3  ->  entry 17        (a chain per hash)
//     queue_[0]     ->  entry 9                      (the soonest that may be full)
class RateLimiter {
 public:
  using Key = std::uint64_t;

  // 3.4 MB when all are in use; a page is touched when the first of its keys comes.
  static constexpr std::uint32_t kMaxKeys = 65'536;

  // A rate of 0 lets everything through and needs no memory; ClientKey::route is one bucket for the
  // whole route, whatever key comes. The memory of all keys is reserved here, so that no request
  // allocates; a copy reserves what it holds. `max_keys`: 1 to 2^30.
  explicit RateLimiter(const RateLimitPolicy& policy, std::uint32_t max_keys = kMaxKeys);

  // Zero: the request may pass and has been charged. Otherwise how long until one may, for
  // Retry-After; nothing has been charged.
  [[nodiscard]] Duration try_take(Instant now, Key key);

  // A new configuration. Every key keeps the tokens that it is missing. When the keys mean
  // something else from now on, all are forgotten.
  void apply(const RateLimitPolicy& policy, Instant now);

  // Keys remembered: at most max_keys.
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  // Requests that found neither their bucket nor room for one, since the start.
  [[nodiscard]] std::uint64_t overflowed() const { return overflowed_; }

  friend bool operator==(const RateLimiter&, const RateLimiter&) = default;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Entry {
    Key key = 0;
    TokenBucket bucket;
    std::uint32_t next = kNone;  // in its chain
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  // Not full before `full_from`, which may be too early but never too late.
  struct Due {
    std::uint64_t full_from = 0;
    std::uint32_t entry = 0;
    friend bool operator==(const Due&, const Due&) = default;
  };

  [[nodiscard]] bool limited() const { return !rate_.unlimited(); }
  void make_room();
  [[nodiscard]] std::uint32_t& head(Key key);
  [[nodiscard]] std::uint32_t find(Key key);
  // An entry for a new key, its bucket full; kNone when no bucket may be forgotten.
  [[nodiscard]] std::uint32_t claim(Instant now, Key key);
  void unlink(std::uint32_t entry);
  void sift_up(std::size_t position);
  void sift_down(std::size_t position);

  RateLimitPolicy policy_;
  std::uint32_t max_keys_;
  TokenRate rate_;
  std::vector<std::uint32_t> heads_;  // a power of two; the first entry of each chain
  std::vector<Entry> entries_;
  std::vector<Due> queue_;  // a heap, soonest first; every entry is in it once
  TokenBucket overflow_;
  std::uint64_t overflowed_ = 0;
};

}  // namespace evenkeel::core
