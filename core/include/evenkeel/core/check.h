// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace evenkeel::core {

// Reports a broken invariant of ours and ends the program.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace evenkeel::core

// What must be true, in every build: one condition each. Never for what a peer, a file or a user
// can cause.
#define EVENKEEL_CHECK(condition)                    \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::evenkeel::core::check_failed(#condition, __FILE__, __LINE__))
