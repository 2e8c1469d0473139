// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/facts.h"
#include "evenkeel/core/outcome.h"

namespace evenkeel::core {

// A 503 or 429 with Retry-After sheds load: the backend works, and asks for a pause.
[[nodiscard]] bool sheds(const ResponseFacts& response);

// What a response says about its backend, `latency` after the attempt's start. A 5xx is a failure,
// but what sheds load is no evidence.
[[nodiscard]] Feedback feedback_of(const ResponseFacts& response, Duration latency);

// The same for an attempt without a complete response. A dead idle connection and our own lack of
// resources say nothing.
[[nodiscard]] Feedback feedback_of(AttemptFailure failure, Duration latency);

}  // namespace evenkeel::core
