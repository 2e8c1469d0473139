// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/sanitizers.h"

namespace evenkeel::test {

// The thread sanitizer keeps operator new to itself: nothing is counted there.
inline constexpr bool kAllocationsCounted = EVENKEEL_THREAD_SANITIZER == 0;

// How often this thread asked for memory since this began. The program's operator new counts; its
// definition has a file of its own, so that no compiler sees both ends of an allocation.
class AllocationCount {
 public:
  AllocationCount();
  [[nodiscard]] std::uint64_t so_far() const;

 private:
  std::uint64_t before_;
};

}  // namespace evenkeel::test
