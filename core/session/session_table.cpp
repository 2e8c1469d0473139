// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/session/session_table.h"

#include <algorithm>

#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

constexpr std::size_t kFirstSize = 16;

}  // namespace

SessionTable::SessionTable(std::uint32_t max_entries, Duration ttl, std::size_t backends)
    : max_entries_(max_entries), ttl_(ttl), epochs_(backends) {}

void SessionTable::apply(std::uint32_t max_entries, Duration ttl, std::size_t backends) {
  max_entries_ = max_entries;
  ttl_ = ttl;
  if (backends > epochs_.size()) epochs_.resize(backends);
  while (size_ > max_entries_) remove(oldest_);
}

std::optional<SessionTable::Session> SessionTable::find(Instant now, SessionKey key) {
  sweep(now);
  const Slot slot = locate(key);
  if (slot == kNone) return std::nullopt;
  Entry& entry = entries_[slot];
  if (expired(entry, now) || entry.epoch != epochs_[index(entry.session.backend)]) {
    remove(slot);
    return std::nullopt;
  }
  entry.used_at = now;
  unlink(slot);
  link(slot);
  return entry.session;
}

void SessionTable::put(Instant now, SessionKey key, BackendIndex backend) {
  sweep(now);
  if (max_entries_ == 0 || index(backend) >= epochs_.size()) return;
  Slot slot = locate(key);
  if (slot == kNone) {
    if (size_ >= max_entries_) remove(oldest_);
    slot = take_free();
    ++size_;
    entries_[slot].key = key;
    Slot& head = buckets_[bucket(key)];
    entries_[slot].chain = head;
    head = slot;
  } else {
    unlink(slot);
  }
  Entry& entry = entries_[slot];
  entry.used_at = now;
  entry.session = Session{backend, now};
  entry.epoch = epochs_[index(backend)];
  link(slot);
}

void SessionTable::erase(SessionKey key) {
  const Slot slot = locate(key);
  if (slot != kNone) remove(slot);
}

std::size_t SessionTable::bucket(SessionKey key) const {
  // Odd factors keep the halves apart: without, {mix(n), n} would fall into one bucket for every n.
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
  return mix(key.high * kOdd ^ mix(key.low)) & (buckets_.size() - 1);
}

SessionTable::Slot SessionTable::locate(SessionKey key) const {
  if (buckets_.empty()) return kNone;
  Slot slot = buckets_[bucket(key)];
  while (slot != kNone && entries_[slot].key != key) slot = entries_[slot].chain;
  return slot;
}

SessionTable::Slot SessionTable::take_free() {
  if (free_ == kNone) {
    if (entries_.size() == buckets_.size()) grow();
    entries_.emplace_back();
    return static_cast<Slot>(entries_.size() - 1);
  }
  const Slot slot = free_;
  free_ = entries_[slot].chain;
  return slot;
}

// Makes room for twice as many. By what is held, never by capacity(), which a copy does not keep:
// a restored snapshot goes on exactly like the original.
void SessionTable::grow() {
  const std::size_t count = std::max(kFirstSize, 2 * buckets_.size());
  entries_.reserve(std::min<std::size_t>(count, max_entries_));
  buckets_.assign(count, kNone);
  for (Slot slot = oldest_; slot != kNone; slot = entries_[slot].newer) {
    Slot& head = buckets_[bucket(entries_[slot].key)];
    entries_[slot].chain = head;
    head = slot;
  }
}

// Becomes the most recently used.
void SessionTable::link(Slot slot) {
  entries_[slot].older = newest_;
  entries_[slot].newer = kNone;
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = slot;
  newest_ = slot;
}

void SessionTable::unlink(Slot slot) {
  const Entry& entry = entries_[slot];
  (entry.older == kNone ? oldest_ : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNone ? newest_ : entries_[entry.newer].older) = entry.older;
}

void SessionTable::remove(Slot slot) {
  Slot* at = &buckets_[bucket(entries_[slot].key)];
  while (*at != slot) at = &entries_[*at].chain;
  *at = entries_[slot].chain;
  unlink(slot);
  entries_[slot] = Entry{};
  entries_[slot].chain = free_;
  free_ = slot;
  --size_;
}

void SessionTable::sweep(Instant now) {
  for (int i = 0; i < kSweepPerCall && oldest_ != kNone; ++i) {
    if (!expired(entries_[oldest_], now)) return;
    remove(oldest_);
  }
}

}  // namespace evenkeel::core
