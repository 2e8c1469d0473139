// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "evenkeel/core/config/document.h"
#include "evenkeel/core/config/errors.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/result.h"

// From a file to a Config that holds together: nothing unknown, nothing out of range, nothing that
// contradicts itself. Either the whole file is taken or none of it; then every fault is listed.
namespace evenkeel::core {

struct LoadOptions {
  // A proxy without a listener serves nobody; a simulation needs none.
  bool listeners_required = true;
  // Where to put what is valid but probably not what was meant, with its places, in the order of
  // the file. They change nothing: the configuration is as good as one without.
  ConfigErrors* warnings = nullptr;
};

[[nodiscard]] Result<Config, ConfigErrors> load_config_file(const std::string& path,
                                                            const LoadOptions& options = {});
// `file_name` is what errors show.
[[nodiscard]] Result<Config, ConfigErrors> load_config_text(std::string_view text,
                                                            const std::string& file_name,
                                                            const LoadOptions& options = {});
// A document that was already read, included or overridden. `key` prefixes the paths of errors when
// the configuration is a part of something larger, e.g. "proxy".
[[nodiscard]] Result<Config, ConfigErrors> load_config_node(const DocumentNode& root,
                                                            const LoadOptions& options = {},
                                                            const std::string& key = "");

}  // namespace evenkeel::core
