// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which sanitizers this build has, for the few tests that one of them makes impossible.
namespace evenkeel::test {

#if defined(__clang__) && __has_feature(thread_sanitizer)
#define EVENKEEL_THREAD_SANITIZER 1
#else
#define EVENKEEL_THREAD_SANITIZER 0
#endif

#if defined(__clang__) && __has_feature(undefined_behavior_sanitizer)
inline constexpr bool kUndefinedBehaviourSanitizer = true;
#else
inline constexpr bool kUndefinedBehaviourSanitizer = false;
#endif

}  // namespace evenkeel::test
