// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/time.h"

namespace evenkeel::sim {

// What happens first among events of the same instant.
enum class Phase : std::uint8_t {
  fault,    // changes of the world: faults and their ends
  network,  // something reaches somebody, or a backend finishes a job
  timer,    // deadlines of the balancer and the clients
  arrival,  // new requests
  sample,   // looks at the state left by all of the above
};
inline constexpr unsigned kPhaseCount = 5;

// What an event says, in 16 bytes. The world that pushed it knows what the fields mean.
struct Note {
  std::uint16_t kind = 0;
  std::uint16_t small = 0;
  std::uint32_t a = 0;
  std::uint64_t b = 0;
  friend bool operator==(const Note&, const Note&) = default;
};

struct Event {
  core::Instant at{};
  std::uint64_t order = 0;  // phase in the top three bits, below them the sequence number
  Note note;

  static constexpr unsigned kSequenceBits = 61;
  [[nodiscard]] Phase phase() const { return static_cast<Phase>(order >> kSequenceBits); }
  [[nodiscard]] std::uint64_t sequence() const {
    return order & ((std::uint64_t{1} << kSequenceBits) - 1);
  }
};

// Everything that is still to happen, in the total order (time, phase, sequence number).
//
// A monotone radix heap: as nothing is ever pushed into the past, an event need only be sorted as
// far as it differs from the present. Bucket k holds the events whose time differs from now() in
// bit k−1 at most; when the buckets below are empty, the lowest one is dealt out anew around its
// earliest time. All events of one instant share a bucket at any time and dealing keeps their
// order, so that first-in first-out among equals costs nothing: at the end each falls into the
// queue of its phase. 25 million events a second with 10 000 pending, where a binary heap
// reaches 15.
//
// Allocates only while it grows.
class EventQueue {
 public:
  // `at` must not be before now(). An event for the present comes before everything later, also
  // when its phase has passed.
  void push(core::Instant at, Phase phase, Note note) {
    const Event event{at, (static_cast<std::uint64_t>(phase) << Event::kSequenceBits) | sequence_++,
                      note};
    ++size_;
    place(event);
  }

  // Takes the next event and moves now() to its time.
  [[nodiscard]] std::optional<Event> pop() {
    if (present_ == 0 && !advance()) return std::nullopt;
    const auto phase = static_cast<unsigned>(std::countr_zero(present_));
    Lane& lane = lanes_[phase];
    const Event event = lane.events[lane.first++];
    if (lane.first == lane.events.size()) {
      lane.events.clear();
      lane.first = 0;
      present_ &= ~(1U << phase);
    }
    --size_;
    return event;
  }

  // The time of the next event, or kNever. Looks through a bucket: for tests and ends of runs.
  [[nodiscard]] core::Instant next() const;

  // The time of the event taken last; nothing may be pushed before it.
  [[nodiscard]] core::Instant now() const {
    return core::Instant(core::Duration(static_cast<std::int64_t>(now_)));
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // Events pushed so far.
  [[nodiscard]] std::uint64_t pushed() const { return sequence_; }

 private:
  struct Lane {  // events of the present, of one phase
    std::vector<Event> events;
    std::size_t first = 0;
  };

  static std::uint64_t key(const Event& event) {
    return static_cast<std::uint64_t>(event.at.time_since_epoch().count());
  }

  void place(const Event& event) {
    const std::uint64_t differs = key(event) ^ now_;
    if (differs == 0) {
      const auto phase = static_cast<unsigned>(event.phase());
      lanes_[phase].events.push_back(event);
      present_ |= 1U << phase;
      return;
    }
    const auto bucket = static_cast<unsigned>(std::bit_width(differs)) - 1;
    buckets_[bucket].push_back(event);
    filled_ |= std::uint64_t{1} << bucket;
  }

  // Moves now() to the earliest time there is. False when there is none.
  bool advance();

  std::uint64_t now_ = 0;
  std::uint64_t sequence_ = 0;
  std::size_t size_ = 0;
  std::uint64_t filled_ = 0;  // which buckets hold something
  unsigned present_ = 0;      // which lanes do
  std::array<Lane, kPhaseCount> lanes_;
  std::array<std::vector<Event>, 64> buckets_;
  std::vector<Event> dealt_;
};

}  // namespace evenkeel::sim
