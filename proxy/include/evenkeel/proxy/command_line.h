// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::proxy {

// evenkeel --config FILE …
struct ProxyOptions {
  std::string config_file;
  bool check = false;                       // validate and exit
  std::optional<std::uint32_t> workers;     // instead of the file's
  std::optional<core::LogLevel> log_level;  // instead of the file's
};

// evenkeel origin …
struct OriginOptions {
  std::uint16_t port = 9001;  // 0: the system picks one
  core::Duration service_time{};
  double error_rate = 0;  // 0 to 1: this share of requests is answered 500
};

struct CommandLine {
  std::optional<int> exit_code;  // all is said: --help, --version or wrong usage
  std::optional<OriginOptions> origin;
  ProxyOptions proxy;
};

// Prints help, the version or what is wrong with the arguments.
[[nodiscard]] CommandLine parse_command_line(int argc, char** argv);

}  // namespace evenkeel::proxy
