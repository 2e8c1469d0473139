// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/time.h"

namespace evenkeel::core {

enum class JournalMode : std::uint8_t {
  off,     // costs one predictable branch per fact
  digest,  // folds every entry into the decisions digest
  keep,    // also remembers the last entries, for the story behind a broken invariant
};

// What an entry speaks of. Facts first, then actions.
enum class EntryKind : std::uint8_t {
  request,
  attempt_sent,
  replay_lost,
  response_head,
  response_end,
  attempt_failed,
  client_gone,
  finished,
  check_ended,
  deadline,         // of a request
  health_deadline,  // of a pool's health
  start_attempt,
  cancel_attempt,
  send_response,
  reject_request,
  abort_response,
  start_check,
  cancel_check,
  transition,
  // Not every run has these, so they stand at the end: older digests go on meaning the same.
  reload,         // a new configuration took effect
  session_found,  // the store's answer
  session_failed,
  admin,     // an operator's word on a backend
  pressure,  // of memory and the like
  queued,    // waits for a backend
  to_pool,   // another than the first of its route
  look_up_session,
  issue_session,
  mirror,
  message_in,   // of another worker: its fingerprint
  message_out,  // for another worker
};
[[nodiscard]] std::string_view to_text(EntryKind kind);

// One input or output of the core. `subject` is a request's number and attempt (number · 16 +
// attempt), or a backend's pool and index (pool · 2^32 + backend); `detail` depends on the kind.
struct Entry {
  Instant at{};
  std::uint64_t subject = 0;
  std::uint32_t detail = 0;
  EntryKind kind{};
  friend bool operator==(const Entry&, const Entry&) = default;
};
// "12.003456789s start_attempt 481/0 3"
[[nodiscard]] std::string to_text(const Entry& entry);

// 128 bits in two independently mixed lanes. Equal digests mean equal histories, in order.
struct Digest {
  std::uint64_t low = 0x243f6a8885a308d3ULL;
  std::uint64_t high = 0x13198a2e03707344ULL;

  constexpr void fold(std::uint64_t a, std::uint64_t b) {
    low = rotate((low ^ a) * 0x9e3779b97f4a7c15ULL, 29) ^ b;
    high = rotate((high ^ b) * 0xc2b2ae3d27d4eb4fULL, 31) + a;
  }
  friend constexpr bool operator==(const Digest&, const Digest&) = default;

 private:
  static constexpr std::uint64_t rotate(std::uint64_t x, unsigned by) {
    return (x << by) | (x >> (64U - by));
  }
};
// 32 hexadecimal digits.
[[nodiscard]] std::string to_text(const Digest& digest);

// What happened, as values: the core's inputs and outputs in order. The simulator compares digests
// of it between runs, builds and fidelities; a broken invariant prints its last entries.
class Journal {
 public:
  // More than one event can cause, also when every request of a second times out at once: the
  // simulator reads what is new after each.
  static constexpr std::size_t kKept = 32768;

  explicit Journal(JournalMode mode) : mode_(mode) {
    if (mode == JournalMode::keep) kept_.resize(kKept);
  }

  void record(Instant at, EntryKind kind, std::uint64_t subject, std::uint32_t detail = 0) {
    if (mode_ == JournalMode::off) return;
    digest_.fold(static_cast<std::uint64_t>(at.time_since_epoch().count()) +
                     (static_cast<std::uint64_t>(kind) << kKindShift),
                 subject + detail * kDetailSpread);
    if (mode_ == JournalMode::keep) kept_[count_ % kKept] = Entry{at, subject, detail, kind};
    ++count_;
  }

  [[nodiscard]] const Digest& digest() const { return digest_; }
  // Entries recorded so far.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The entry with this number, from 0. Only in mode `keep`, and only one of the last kKept.
  [[nodiscard]] const Entry& entry(std::uint64_t number) const { return kept_[number % kKept]; }
  // The last entries, oldest first; empty unless the mode is `keep`.
  [[nodiscard]] std::vector<Entry> recent() const;

  friend bool operator==(const Journal&, const Journal&) = default;

 private:
  // What folds the fields of an entry into two words that no other entry has, as long as a run is
  // shorter than 18 years, a subject below 2^42 and a detail below 2^20; beyond, a coincidence
  // would have to help. The spread is 2^64 over the golden ratio: its small multiples keep their
  // distance.
  static constexpr unsigned kKindShift = 59;
  static constexpr std::uint64_t kDetailSpread = 0x9e3779b97f4a7c15ULL;

  JournalMode mode_;
  Digest digest_;
  std::uint64_t count_ = 0;
  std::vector<Entry> kept_;
};

}  // namespace evenkeel::core
