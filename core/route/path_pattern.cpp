// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/route/path_pattern.h"

#include <re2/re2.h>

#include <utility>

namespace evenkeel::core {

PathPattern::PathPattern(std::shared_ptr<const re2::RE2> compiled)
    : compiled_(std::move(compiled)) {}

Result<PathPattern, std::string> PathPattern::compile(std::string_view expression) {
  if (expression.size() > kMaxPatternBytes) {
    return Unexpected{"longer than " + std::to_string(kMaxPatternBytes) + " bytes"};
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kMaxPatternMemory);
  auto compiled = std::make_shared<const re2::RE2>(
      re2::StringPiece(expression.data(), expression.size()), options);
  if (!compiled->ok()) return Unexpected{compiled->error()};
  if (compiled->ProgramSize() > kMaxPatternProgram) {
    return Unexpected{std::string("too large: simplify it or split the route")};
  }
  return PathPattern(std::move(compiled));
}

bool PathPattern::matches(std::string_view path) const {
  return re2::RE2::FullMatch(re2::StringPiece(path.data(), path.size()), *compiled_);
}

}  // namespace evenkeel::core
