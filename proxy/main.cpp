// SPDX-License-Identifier: Apache-2.0
//
// The proxy, from its arguments to its exit code.

#include <exception>
#include <iostream>

#include "evenkeel/proxy/command_line.h"
#include "evenkeel/proxy/exit_code.h"
#include "evenkeel/proxy/origin.h"
#include "evenkeel/proxy/server.h"

namespace {

using namespace evenkeel::proxy;

int fail(const Failure& failure) {
  std::cerr << "evenkeel: " << failure.text << (failure.text.back() == '\n' ? "" : "\n");
  return failure.code;
}

int run(int argc, char** argv) {
  const CommandLine command = parse_command_line(argc, argv);
  if (command.exit_code) return *command.exit_code;
  if (command.origin) return run_origin(*command.origin);

  evenkeel::core::ConfigErrors warnings;
  auto config = load_configuration(command.proxy, warnings);
  if (!config) return fail(config.error());
  if (command.proxy.check) {
    for (const auto& warning : warnings) {
      std::cerr << "evenkeel: warning: " << to_text(warning) << "\n";
    }
    std::cout << command.proxy.config_file << ": valid\n";
    return kSuccess;
  }

  Server server(*config);
  server.log_warnings(warnings);
  if (auto failure = server.prepare()) return fail(*failure);
  if (auto failure = server.bind()) return fail(*failure);
  return server.run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "evenkeel: " << error.what() << "\n";
    return kRuntimeFailure;
  }
}
