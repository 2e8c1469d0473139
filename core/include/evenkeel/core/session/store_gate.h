// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// How many lookups may wait for the remote store, and when it is left alone.
//
// A store that hangs must not hang the proxy: each lookup costs its request up to redis.timeout, so
// at most redis.max_waiting of them wait, and after kFailuresToPause failures in a row only one a
// kPause is tried, until one is answered. Everybody else is told at once that the store failed.
class StoreGate {
 public:
  static constexpr std::uint32_t kFailuresToPause = 3;
  static constexpr Duration kPause = std::chrono::seconds(1);

  explicit StoreGate(const RedisPolicy& policy) : max_waiting_(policy.max_waiting) {}
  void apply(const RedisPolicy& policy) { max_waiting_ = policy.max_waiting; }

  // Whether one more lookup may begin. If so it waits, and ends with exactly one of the calls
  // below.
  [[nodiscard]] bool try_begin(Instant now);

  // It was answered, found or not.
  void on_answered();
  // It failed, or its time was over.
  void on_failed(Instant now);
  // Nobody waits for it any more. Says nothing of the store.
  void on_abandoned() { --waiting_; }

  [[nodiscard]] std::uint32_t waiting() const { return waiting_; }
  [[nodiscard]] bool failing() const { return failures_ >= kFailuresToPause; }

  friend bool operator==(const StoreGate&, const StoreGate&) = default;

 private:
  std::uint32_t max_waiting_;
  std::uint32_t waiting_ = 0;
  std::uint32_t failures_ = 0;  // in a row, at most kFailuresToPause
  Instant next_try_;            // while failing
};

}  // namespace evenkeel::core
