// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/fixed_point.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// How one backend has answered lately: what peak_ewma and score compare.
//
// Two averages of the response time. The peak one (Finagle's) believes bad news at once and good
// news slowly: a slower answer replaces it, a faster one is mixed in by the time since the last.
// The plain one mixes every answer in alike. Both fade while none comes, so that a backend that was
// slow is tried again: nobody else could find out that it no longer is.
//
// A failure counts as an answer as slow as the policy's penalty. A backend that fails in 1 ms would
// otherwise look like the fastest of the pool and get all its traffic. So does a 503 or 429 with
// Retry-After, for at least the time it asks for; that it succeeds or fails it does not say.
class ResponseStats {
 public:
  // Response times above this count as this. No timeout is longer, and every comparison of costs
  // stays within 128 bits.
  static constexpr Duration kLongest = std::chrono::hours(1);

  // An attempt on this backend ended. What is neutral and asks for no pause changes nothing.
  void on_feedback(Instant now, const Feedback& feedback, const EwmaPolicy& policy);

  // Whether a response time was seen.
  [[nodiscard]] bool has_history() const { return has_history_; }
  // The peak average as it has faded by `now`: at least 1 ns, so that requests in flight keep
  // counting. The policy's default before the first response. Reading changes nothing.
  [[nodiscard]] Duration cost(Instant now, const EwmaPolicy& policy) const;
  // The same of the plain average; a fifth of it is the last response, and more after a pause.
  [[nodiscard]] Duration latency(Instant now, const EwmaPolicy& policy) const;
  // Share of successes, a tenth of it the last attempt; never below a tenth. 1 before the first.
  [[nodiscard]] Fraction success() const;

  friend bool operator==(const ResponseStats&, const ResponseStats&) = default;

 private:
  void on_response_time(Instant now, Duration time, const EwmaPolicy& policy);
  [[nodiscard]] Duration faded(std::uint64_t average, Instant now, const EwmaPolicy& policy) const;

  // Nanoseconds with 16 fractional bits: averages of many small steps do not get stuck.
  std::uint64_t peak_ = 0;
  std::uint64_t plain_ = 0;
  Instant updated_{};  // when both were what they are
  Fraction success_ = Fraction::one();
  bool has_history_ = false;
};

}  // namespace evenkeel::core
