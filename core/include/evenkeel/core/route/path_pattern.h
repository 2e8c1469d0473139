// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "evenkeel/core/result.h"

namespace re2 {
class RE2;
}

namespace evenkeel::core {

// A regular expression of a route, compiled once. RE2, not a backtracking engine: the time of a
// match is proportional to the path's length whatever the expression and whatever a client sends,
// and an expression that would compile to something large is refused when the file is read.
inline constexpr std::size_t kMaxPatternBytes = 1024;
inline constexpr int kMaxPatternProgram = 2000;  // instructions
inline constexpr int kMaxPatternMemory = 1 << 20;

class PathPattern {
 public:
  // What is wrong with the expression, in words, when it cannot be used.
  [[nodiscard]] static Result<PathPattern, std::string> compile(std::string_view expression);

  // Whether it matches the whole path.
  [[nodiscard]] bool matches(std::string_view path) const;

 private:
  explicit PathPattern(std::shared_ptr<const re2::RE2> compiled);

  std::shared_ptr<const re2::RE2> compiled_;  // never changes: copies share it
};

}  // namespace evenkeel::core
