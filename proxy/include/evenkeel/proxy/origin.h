// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/proxy/command_line.h"
#include "evenkeel/proxy/exit_code.h"

namespace evenkeel::proxy {

// A small backend for demonstrations and tests, on 127.0.0.1. Answers any method and path with its
// port, after the service time; /health at once; /echo with the request's body. Runs until SIGTERM
// or SIGINT. Not built for speed, and no part of the proxy.
[[nodiscard]] ExitCode run_origin(const OriginOptions& options);

}  // namespace evenkeel::proxy
