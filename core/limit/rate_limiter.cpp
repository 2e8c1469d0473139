// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/limit/rate_limiter.h"

#include <algorithm>
#include <utility>

#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

constexpr std::uint32_t kMostKeys = 1U << 30U;

std::uint32_t keys_for(const RateLimitPolicy& policy, std::uint32_t max_keys) {
  return policy.key == ClientKey::route ? 1 : max_keys;
}

std::uint32_t power_of_two_from(std::uint32_t count) {
  std::uint32_t power = 1;
  while (power < count) power *= 2;
  return power;
}

}  // namespace

RateLimiter::RateLimiter(const RateLimitPolicy& policy, std::uint32_t max_keys)
    : policy_(policy),
      max_keys_(std::clamp(max_keys, 1U, kMostKeys)),
      rate_(policy.requests_per_second, policy.burst) {
  make_room();
}

// Forgets everybody.
void RateLimiter::make_room() {
  heads_.clear();
  entries_.clear();
  queue_.clear();
  overflow_ = TokenBucket();
  if (!limited()) return;
  const std::uint32_t keys = keys_for(policy_, max_keys_);
  heads_.resize(power_of_two_from(keys), kNone);
  entries_.reserve(keys);
  queue_.reserve(keys);
}

Duration RateLimiter::try_take(Instant now, Key key) {
  if (!limited()) return Duration::zero();
  if (policy_.key == ClientKey::route) key = 0;
  std::uint32_t entry = find(key);
  if (entry == kNone) entry = claim(now, key);
  if (entry != kNone) return entries_[entry].bucket.try_take(rate_, now);
  ++overflowed_;
  return overflow_.try_take(rate_, now);
}

void RateLimiter::apply(const RateLimitPolicy& policy, Instant now) {
  const RateLimitPolicy before = std::exchange(policy_, policy);
  const TokenRate from = std::exchange(rate_, TokenRate(policy.requests_per_second, policy.burst));
  const bool same_keys = before.key == policy.key && before.name == policy.name;
  if (!same_keys || from.unlimited() || !limited()) {
    make_room();
    return;
  }
  if (from == rate_) return;
  overflow_.rerate(from, rate_, now);
  for (Entry& entry : entries_) entry.bucket.rerate(from, rate_, now);
  for (Due& due : queue_) due.full_from = entries_[due.entry].bucket.full_from();
  for (std::size_t i = queue_.size(); i-- > 0;) sift_down(i);
}

std::uint32_t& RateLimiter::head(Key key) { return heads_[mix(key) & (heads_.size() - 1)]; }

std::uint32_t RateLimiter::find(Key key) {
  std::uint32_t entry = head(key);
  while (entry != kNone && entries_[entry].key != key) entry = entries_[entry].next;
  return entry;
}

std::uint32_t RateLimiter::claim(Instant now, Key key) {
  std::uint32_t entry = size();
  if (entry < keys_for(policy_, max_keys_)) {
    entries_.push_back(Entry{});
    queue_.push_back(Due{TokenBucket::since_zero(now), entry});
    sift_up(queue_.size() - 1);
  } else {
    while (true) {
      Due& soonest = queue_.front();
      const TokenBucket& bucket = entries_[soonest.entry].bucket;
      entry = soonest.entry;
      if (bucket.full(now)) break;
      if (soonest.full_from == bucket.full_from()) return kNone;  // nor is any other
      soonest.full_from = bucket.full_from();
      sift_down(0);
    }
    unlink(entry);
  }
  Entry& claimed = entries_[entry];
  claimed = Entry{key, TokenBucket(), head(key)};
  head(key) = entry;
  return entry;
}

void RateLimiter::unlink(std::uint32_t entry) {
  std::uint32_t* link = &head(entries_[entry].key);
  while (*link != entry) link = &entries_[*link].next;
  *link = entries_[entry].next;
}

void RateLimiter::sift_up(std::size_t position) {
  while (position != 0) {
    const std::size_t parent = (position - 1) / 2;
    if (queue_[parent].full_from <= queue_[position].full_from) return;
    std::swap(queue_[parent], queue_[position]);
    position = parent;
  }
}

void RateLimiter::sift_down(std::size_t position) {
  while (true) {
    std::size_t soonest = position;
    for (std::size_t child = 2 * position + 1; child <= 2 * position + 2; ++child) {
      if (child < queue_.size() && queue_[child].full_from < queue_[soonest].full_from) {
        soonest = child;
      }
    }
    if (soonest == position) return;
    std::swap(queue_[position], queue_[soonest]);
    position = soonest;
  }
}

}  // namespace evenkeel::core
