// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/time.h"

namespace evenkeel::core {

// What one attempt says about the backend it ran on.
enum class Outcome : std::uint8_t {
  success,
  failure,
  neutral,  // cancelled, shed, or failed for a reason of our own: gives its permit back, counts
            // nothing
};

// What kind of failure it was.
enum class FailureKind : std::uint8_t {
  none,
  server_error,  // a 5xx other than a gateway's
  gateway,       // 502, 503, 504: somebody behind the backend, or the backend without capacity
  local_origin,  // no answer at all: refused, reset, timed out, not HTTP
};

// What an attempt showed, in full.
struct Feedback {
  Outcome outcome = Outcome::neutral;
  FailureKind failure = FailureKind::none;
  // From the attempt's start to the response head, or to the failure. Negative: not measured.
  Duration latency = Duration(-1);
  // How long the backend asked to be left alone (Retry-After, clamped to 30 s); 0: it did not ask.
  Duration retry_after = Duration::zero();
  std::uint64_t body_bytes = 0;  // of a complete response
  friend bool operator==(const Feedback&, const Feedback&) = default;
};

}  // namespace evenkeel::core
