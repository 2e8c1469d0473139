// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/limit/concurrency_limit.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

enum class Admission : std::uint8_t {
  admit,   // may go to a backend, if one takes it
  wait,    // belongs into the queue
  refuse,  // 503: the queue is full, unless somebody less important can be displaced
};

// How many requests may wait for this pool: max_pending for each of its backends, and not more than
// limits.pool.max_pending. 0: no bound. A pool without backends counts as one with one.
[[nodiscard]] std::uint32_t pending_bound(const LimitsPolicy& policy, std::uint32_t backends);

// The limits of a pool as a whole: limits.pool and adaptive_concurrency. What a single
// backend may have in flight is a matter of picking one.
//
// Who waits is served before who comes: while there is a queue, a new request joins it, even if
// there is room at that moment.
class PoolAdmission {
 public:
  PoolAdmission(const PoolPolicy& policy, Instant now);
  // A new configuration; what was learnt stays.
  void apply(const PoolPolicy& policy, Instant now);

  // How much of the pool's limit of requests is this worker's own; kNoLimit: it has none. Holds
  // until the next policy. With one worker the policy's limit is, and this is never called.
  static constexpr std::uint32_t kNoLimit = ~std::uint32_t{0};
  void set_limit(std::uint32_t limit) { max_requests_ = limit; }

  // What becomes of a new request, with this many of the pool in flight and waiting.
  [[nodiscard]] Admission ask(std::uint32_t in_flight, std::uint32_t pending) const;
  // Whether the pool has room for one more: then the next who waits may go.
  [[nodiscard]] bool has_room(std::uint32_t in_flight) const {
    return in_flight < max_requests_ && adaptive_.admits(in_flight);
  }
  // An answer came: see ConcurrencyLimit::on_sample().
  void on_sample(Instant now, Duration latency, std::uint32_t in_flight) {
    adaptive_.on_sample(now, latency, in_flight);
  }

  // What PendingQueue's max_pending is to be.
  [[nodiscard]] std::uint32_t max_pending() const { return max_pending_; }
  [[nodiscard]] const ConcurrencyLimit& adaptive() const { return adaptive_; }

  friend bool operator==(const PoolAdmission&, const PoolAdmission&) = default;

 private:
  std::uint32_t max_requests_ = kNoLimit;
  std::uint32_t max_pending_ = 0;
  ConcurrencyLimit adaptive_;
};

}  // namespace evenkeel::core
