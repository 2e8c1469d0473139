// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "evenkeel/core/limit/rate_limiter.h"
#include "evenkeel/core/ring.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/worker/message.h"

namespace evenkeel::core {

// A rate limit by key, for all workers together: each key's bucket is with one home worker, which
// the others ask.
//
// Why not lease tokens, as with the budgets? Keys are many and most are quiet; a bucket of three
// tokens cannot be spread over four workers. A question costs a limited route one hop, as a lookup
// in Redis would, and is answered exactly: every token is taken at the home when the question
// arrives, so what was allowed is at most burst + rate * t over any time t there. Requests pass
// when the answer arrives; while answers take at most d, at most burst + rate * (t + d) pass.
//
// Holds at most one question per own request in flight, and one answer per request in flight of the
// others.
class LimitLink {
 public:
  // A request waits this long for an answer.
  static constexpr Duration kPatience = std::chrono::milliseconds(50);

  LimitLink(WorkerIndex self, std::uint32_t workers) : self_(self), workers_(workers) {}

  // How long until the request may pass (zero: it may, and is charged), or nullopt: a LimitAnswer
  // will say. `limiter` is this worker's own, of the route.
  [[nodiscard]] std::optional<Duration> try_take(Instant now, RateLimiter& limiter,
                                                 const LimitQuery& query) {
    const WorkerIndex home = home_of_key(query.key, workers_);
    if (home == self_) return limiter.try_take(now, query.key);
    posted_.push(Posted{home, Message{{}, query}});
    return std::nullopt;
  }

  // Another worker's question.
  void on_query(Instant now, WorkerIndex from, RateLimiter& limiter, const LimitQuery& query) {
    const LimitAnswer answer{query.request, limiter.try_take(now, query.key)};
    posted_.push(Posted{from, Message{{}, answer}});
  }

  // A question about a route that has no limit here: the workers are between two configurations.
  void let_pass(WorkerIndex from, const LimitQuery& query) {
    posted_.push(Posted{from, Message{{}, LimitAnswer{query.request, Duration::zero()}}});
  }

  [[nodiscard]] std::optional<Posted> poll_message() { return posted_.pop(); }

  friend bool operator==(const LimitLink&, const LimitLink&) = default;

 private:
  WorkerIndex self_;
  std::uint32_t workers_;
  Ring<Posted> posted_;
};

}  // namespace evenkeel::core
