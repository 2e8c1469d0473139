// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/facts.h"
#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// Whether the policy wants another attempt after this response, or after this failure. Whether the
// request may have one, its method and the budget say.
[[nodiscard]] bool wants_retry(const RetryPolicy& policy, const ResponseFacts& response);
[[nodiscard]] bool wants_retry(const RetryPolicy& policy, AttemptFailure failure);

}  // namespace evenkeel::core
