// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/feedback.h"

#include <algorithm>

namespace evenkeel::core {

bool sheds(const ResponseFacts& response) {
  return response.has_retry_after && (response.status == 503 || response.status == 429);
}

Feedback feedback_of(const ResponseFacts& response, Duration latency) {
  Feedback feedback;
  feedback.latency = latency;
  if (response.has_retry_after) {
    feedback.retry_after = std::clamp(response.retry_after, Duration::zero(), kMaxRetryAfter);
  }
  if (sheds(response)) return feedback;
  if (response.status < 500) {
    feedback.outcome = Outcome::success;
    return feedback;
  }
  const bool gateway = response.status >= 502 && response.status <= 504;
  feedback.outcome = Outcome::failure;
  feedback.failure = gateway ? FailureKind::gateway : FailureKind::server_error;
  return feedback;
}

Feedback feedback_of(AttemptFailure failure, Duration latency) {
  Feedback feedback;
  feedback.latency = latency;
  const bool innocent =
      failure == AttemptFailure::stale_connection || failure == AttemptFailure::local;
  if (innocent) return feedback;
  feedback.outcome = Outcome::failure;
  feedback.failure = FailureKind::local_origin;
  return feedback;
}

}  // namespace evenkeel::core
