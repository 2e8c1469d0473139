// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace evenkeel::proxy {

// How the program ends; part of its interface.
enum ExitCode : int {
  kSuccess = 0,  // also: drained completely
  kRuntimeFailure = 1,
  kUsage = 2,
  kInvalidConfig = 3,  // also with --check
  kCannotBind = 4,
  kConnectionsCut = 5,  // the drain's deadline, or a second signal, cut connections
};

}  // namespace evenkeel::proxy
