// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "evenkeel/core/config/errors.h"
#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// Fields that contradict each other. `keys` are those involved, the likeliest to be changed first;
// paths as in ConfigError.
struct Violation {
  std::vector<std::string> keys;
  std::string message;
};

// Names used twice and combinations that cannot work. The loader calls it on what it has read.
[[nodiscard]] std::vector<Violation> find_contradictions(const Config& config);

// What cannot have been meant although it works: routes that no request reaches, keys that another
// setting makes moot, times that park a backend for hours. The loader's warnings.
[[nodiscard]] std::vector<Violation> find_doubts(const Config& config);

// For a Config that was built by hand: what the loader would say to the same values in a file,
// ranges and contradictions alike. Lines and columns mean nothing here. Empty when all is well.
[[nodiscard]] ConfigErrors validate(const Config& config);

}  // namespace evenkeel::core
