// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/time_window.h"

namespace evenkeel::core {

// How much of the traffic may be retries.
//
// Why a budget and not only a limit per request? When everything fails, two retries per request
// triple the load on backends that fail because of load, and keep them down. A budget leaves the
// few retries that help against the failure of few, and adds at most its percentage to the load
// otherwise.
//
// A retry is allowed while, of the last `interval`,
//     retries + 1 <= max(percent / 100 * requests, min_per_second * interval)
// and is charged when it is decided: charged after the backoff, a thousand failures of one moment
// would all pass. Nothing is ever given back. Requests are the clients', never attempts.
//
// Over any time t from the start: retries <= percent/100 * requests + min_per_second * (t +
// interval). (Take the last retry and its window, then the last retry before that window, and so
// on: the windows are disjoint and hold every retry.) Over a stretch within a run the same holds
// with the requests of the window before it included.
class RetryBudget {
 public:
  // A disabled budget allows everything. `interval` must be at least 10 ns.
  RetryBudget(const RetryBudgetPolicy& policy, Instant now);

  // A client's request arrived.
  void on_request(Instant now) {
    if (enabled_) window_.add(now, {1, 0});
  }
  // Whether one more retry may happen. If so, it has been charged.
  [[nodiscard]] bool try_spend(Instant now);
  // How many retries the window that ends now may hold in all. Of a disabled budget: none.
  [[nodiscard]] std::uint64_t allowance(Instant now);

  // Another policy: what has been charged stays charged. Of another interval, the first window
  // begins with the counts of the old one.
  void apply(const RetryBudgetPolicy& policy, Instant now);

  friend bool operator==(const RetryBudget&, const RetryBudget&) = default;

 private:
  bool enabled_;
  std::uint32_t percent_;
  Duration interval_;
  std::uint64_t reserve_;  // retries that an interval allows without any requests
  TimeWindow window_;      // first: requests, second: retries
};

}  // namespace evenkeel::core
