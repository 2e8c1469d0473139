// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/check.h"

#include <cstdio>
#include <cstdlib>

namespace evenkeel::core {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}

}  // namespace evenkeel::core
