// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// Which backend each session lives on: the memory store, and the cache in front of a remote one.
//
// Bounded twice, because every client that drops its cookie leaves an entry behind: an entry goes
// when it was not used for `ttl`, and the least recently used one goes when there are more than
// `max_entries`. Sorted by last use is sorted by expiry as well, so that one list serves both.
//
// Flat vectors, chained by index: it grows by doubling up to max_entries and then never allocates.
// Every call is O(1) amortised. The names in it are ours and random (session_key.h), so no stranger
// chooses where they fall.
class SessionTable {
 public:
  struct Session {
    BackendIndex backend{};
    Instant put_at;  // when put() last said so
    friend bool operator==(Session, Session) = default;
  };

  // Expired entries that a call of find() or put() drops at most. Two, and the table shrinks faster
  // than it can grow.
  static constexpr int kSweepPerCall = 2;

  // For backends 0 to `backends` − 1. `max_entries` of 0 remembers nothing, and so does a `ttl` of
  // 0.
  SessionTable(std::uint32_t max_entries, Duration ttl, std::size_t backends);
  // New bounds hold at once; `backends` only grows.
  void apply(std::uint32_t max_entries, Duration ttl, std::size_t backends);

  // Where it lives, if that was put, used less than `ttl` ago, and not forgotten. Counts as a use.
  [[nodiscard]] std::optional<Session> find(Instant now, SessionKey key);
  // It lives there from now on. Ignored for a backend out of range.
  void put(Instant now, SessionKey key, BackendIndex backend);
  void erase(SessionKey key);
  // Ends all sessions of this backend: its place in the pool goes to another one, which must not
  // inherit them.
  void forget(BackendIndex backend) { ++epochs_[index(backend)]; }

  // Entries held, among them those that have ended and were not come across yet. At most
  // max_entries.
  [[nodiscard]] std::size_t size() const { return size_; }

  friend bool operator==(const SessionTable&, const SessionTable&) = default;

 private:
  using Slot = std::uint32_t;
  static constexpr Slot kNone = std::numeric_limits<Slot>::max();

  struct Entry {
    SessionKey key;
    Instant used_at;
    Session session;
    std::uint32_t epoch = 0;  // of the backend, when put
    Slot older = kNone;
    Slot newer = kNone;
    Slot chain = kNone;  // next of its bucket; next free one, when free
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  [[nodiscard]] std::size_t bucket(SessionKey key) const;
  [[nodiscard]] Slot locate(SessionKey key) const;
  [[nodiscard]] bool expired(const Entry& entry, Instant now) const {
    return now - entry.used_at >= ttl_;
  }
  Slot take_free();
  void grow();
  void link(Slot slot);
  void unlink(Slot slot);
  void remove(Slot slot);
  void sweep(Instant now);

  std::uint32_t max_entries_;
  Duration ttl_;
  std::size_t size_ = 0;
  Slot newest_ = kNone;  // the list by last use
  Slot oldest_ = kNone;
  Slot free_ = kNone;
  std::vector<Entry> entries_;         // never more than the largest max_entries so far
  std::vector<Slot> buckets_;          // a power of two, not below entries_.size()
  std::vector<std::uint32_t> epochs_;  // by backend: how often it was forgotten
};

}  // namespace evenkeel::core
