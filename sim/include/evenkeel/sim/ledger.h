// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "evenkeel/core/method.h"
#include "evenkeel/core/time.h"

namespace evenkeel::sim {

// Entries by a number that only grows, while they are of interest and, memory being there, for some
// time after: a ring that doubles only when a new number would push out an entry that is still
// live. `T` has `std::uint64_t number` and `bool live`.
template <typename T>
class NumberedRing {
 public:
  // A fresh, live entry.
  T& open(std::uint64_t number) {
    while (entries_[number & (entries_.size() - 1)].live) grow();
    T& entry = entries_[number & (entries_.size() - 1)];
    entry = T{};
    entry.number = number;
    entry.live = true;
    return entry;
  }
  // nullptr when it was never opened, or was pushed out after its end.
  [[nodiscard]] T* find(std::uint64_t number) {
    T& entry = entries_[number & (entries_.size() - 1)];
    return entry.number == number ? &entry : nullptr;
  }
  template <typename F>
  void for_each_live(F&& call) {
    for (T& entry : entries_) {
      if (entry.live) call(entry);
    }
  }

 private:
  static constexpr std::size_t kInitial = 4096;

  static std::vector<T> make(std::size_t size) {
    T none;
    none.number = ~std::uint64_t{0};
    return std::vector<T>(size, none);
  }
  void grow() {
    std::vector<T> bigger = make(2 * entries_.size());
    for (const T& entry : entries_) {
      if (entry.number != ~std::uint64_t{0}) bigger[entry.number & (bigger.size() - 1)] = entry;
    }
    entries_.swap(bigger);
  }

  std::vector<T> entries_ = make(kInitial);
};

// What the world itself knows of one client request, from its scheduled arrival to its end.
struct ClientRequest {
  static constexpr unsigned kVisits = 4;  // remembered; a fifth replaces the oldest

  std::uint64_t number = 0;  // in order of scheduled arrival
  core::Instant scheduled{};
  std::uint32_t traffic = 0;
  core::Method method{};
  bool live = false;
  bool reached = false;     // the balancer began it
  std::uint8_t begun = 0;   // times a backend began to process it
  std::uint8_t visits = 0;  // times it reached a backend
  std::array<std::uint32_t, kVisits> visited{};
  std::array<core::Duration, kVisits> served{};  // from admission to completion there

  // A backend sees it; how often it had before.
  std::uint32_t visit(std::uint32_t backend) {
    std::uint32_t seen = 0;
    for (unsigned i = 0; i < kVisits && i < visits; ++i) seen += visited[i] == backend ? 1U : 0U;
    visited[visits % kVisits] = backend;
    served[visits % kVisits] = core::Duration::zero();
    if (visits < 255) ++visits;
    return seen;
  }
  // Its visit to this backend lasted so long; of several, the last.
  void set_served(std::uint32_t backend, core::Duration time) {
    if (core::Duration* place = place_of(backend)) *place = time;
  }
  [[nodiscard]] core::Duration served_by(std::uint32_t backend) {
    const core::Duration* place = place_of(backend);
    return place == nullptr ? core::Duration::zero() : *place;
  }

 private:
  core::Duration* place_of(std::uint32_t backend) {
    for (unsigned back = 1; back <= kVisits && back <= visits; ++back) {
      const unsigned i = (visits - back) % kVisits;
      if (visited[i] == backend) return &served[i];
    }
    return nullptr;
  }
};

using Ledger = NumberedRing<ClientRequest>;

}  // namespace evenkeel::sim
