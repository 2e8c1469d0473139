// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "evenkeel/core/config/errors.h"
#include "evenkeel/core/config/validate.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/result.h"

// What the decisions and the simulator know already, but the data path cannot do yet. The proxy
// refuses a configuration that asks for it: a setting that does nothing is worse than one that is
// not there. Entries leave this list as the data path learns.
namespace evenkeel::proxy {

[[nodiscard]] std::vector<core::Violation> find_unsupported(const core::Config& config);

// core::load_config_file() for the proxy: what is not supported is an error with its place, like
// any other.
[[nodiscard]] core::Result<core::Config, core::ConfigErrors> load_supported_config(
    const std::string& path, core::ConfigErrors& warnings);

}  // namespace evenkeel::proxy
