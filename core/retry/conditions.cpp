// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/conditions.h"

#include <algorithm>

#include "evenkeel/core/feedback.h"

namespace evenkeel::core {

bool wants_retry(const RetryPolicy& policy, const ResponseFacts& response) {
  if (policy.respect_retry_after && sheds(response)) return false;
  const auto& statuses = policy.on.statuses;
  return std::find(statuses.begin(), statuses.end(), response.status) != statuses.end();
}

bool wants_retry(const RetryPolicy& policy, AttemptFailure failure) {
  switch (failure) {
    case AttemptFailure::connect_refused:
    case AttemptFailure::connect_timeout:
    case AttemptFailure::local:
      return policy.on.connect_failure;
    case AttemptFailure::stale_connection:
    case AttemptFailure::reset_before_head:
      return policy.on.reset_before_head;
    case AttemptFailure::attempt_timeout:
      return policy.on.attempt_timeout;
    case AttemptFailure::bad_response:
    case AttemptFailure::reset_in_body:
      return false;
  }
  return false;
}

}  // namespace evenkeel::core
