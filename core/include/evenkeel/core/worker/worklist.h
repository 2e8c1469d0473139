// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace evenkeel::core {

// Indices that something is to be done about, each at most once, first come first served.
//
// The outboxes of workers are made of these. What is listed is that there is news of a backend; the
// message is made of the state at the moment it is taken. However long nobody takes any, an outbox
// holds one message per backend and kind, and the newest word.
class Worklist {
 public:
  // For indices below `size`. A list only grows.
  explicit Worklist(std::uint32_t size = 0) { resize(size); }
  void resize(std::uint32_t size) {
    if (size <= listed_.size()) return;
    std::vector<std::uint32_t> straight;
    straight.reserve(size);
    for (std::uint32_t i = 0; i < count_; ++i) straight.push_back(slots_[place(i)]);
    straight.resize(size);
    slots_ = std::move(straight);
    listed_.resize(size, false);
    first_ = 0;
  }

  void add(std::uint32_t item) {
    if (listed_[item]) return;
    listed_[item] = true;
    slots_[place(count_++)] = item;
  }
  [[nodiscard]] std::optional<std::uint32_t> pop() {
    if (count_ == 0) return std::nullopt;
    const std::uint32_t item = slots_[first_];
    first_ = place(1);
    --count_;
    listed_[item] = false;
    return item;
  }

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint32_t size() const { return count_; }
  [[nodiscard]] bool contains(std::uint32_t item) const { return listed_[item]; }

  friend bool operator==(const Worklist& a, const Worklist& b) {
    if (a.count_ != b.count_ || a.listed_ != b.listed_) return false;
    for (std::uint32_t i = 0; i < a.count_; ++i) {
      if (a.slots_[a.place(i)] != b.slots_[b.place(i)]) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] std::uint32_t place(std::uint32_t offset) const {
    const std::uint64_t at = std::uint64_t{first_} + offset;
    return static_cast<std::uint32_t>(at < slots_.size() ? at : at - slots_.size());
  }

  std::vector<std::uint32_t> slots_;  // a ring: as many as there are indices, so never full
  std::vector<bool> listed_;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace evenkeel::core
