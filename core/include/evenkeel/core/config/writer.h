// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "evenkeel/core/policies.h"

// What the table of fields is written as.
namespace evenkeel::core {

// `config` as a file that loads to an equal Config.
[[nodiscard]] std::string write_config(const Config& config);
// The same with the meaning and range of every field before it: configs/full.yaml.
[[nodiscard]] std::string write_commented_config(const Config& config);
// configs/schema.json: JSON Schema 2020-12 for editors. It knows keys, types and most ranges; what
// it accepts the loader may still refuse (durations out of range, contradictions).
[[nodiscard]] std::string write_schema();
// docs/configuration.md.
[[nodiscard]] std::string write_reference();

}  // namespace evenkeel::core
