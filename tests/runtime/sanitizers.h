// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which sanitizers this build has, for the few tests that one of them makes impossible. A compiler
// without __has_feature must not see it used, not even behind an &&.
#if defined(__has_feature)
#define EVENKEEL_HAS_FEATURE(feature) __has_feature(feature)
#else
#define EVENKEEL_HAS_FEATURE(feature) 0
#endif

namespace evenkeel::test {

#if EVENKEEL_HAS_FEATURE(thread_sanitizer)
#define EVENKEEL_THREAD_SANITIZER 1
#else
#define EVENKEEL_THREAD_SANITIZER 0
#endif

#if EVENKEEL_HAS_FEATURE(undefined_behavior_sanitizer)
inline constexpr bool kUndefinedBehaviourSanitizer = true;
#else
inline constexpr bool kUndefinedBehaviourSanitizer = false;
#endif

}  // namespace evenkeel::test
