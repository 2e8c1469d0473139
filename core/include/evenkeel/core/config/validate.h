// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// A combination that cannot work. `keys` are the fields involved, the likeliest to be changed
// first; paths as in ConfigError.
struct Violation {
  std::vector<std::string> keys;
  std::string message;
};

// Everything that is wrong with a Config, in words: values out of range, names used twice,
// contradictions between fields. The loader calls it; so should whoever builds a Config by hand.
[[nodiscard]] std::vector<Violation> validate(const Config& config);

}  // namespace evenkeel::core
