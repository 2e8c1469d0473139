// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/command_line.h"

#include <CLI/CLI.hpp>
#include <map>

#include "evenkeel/core/config/units.h"
#include "evenkeel/proxy/exit_code.h"

namespace evenkeel::proxy {
namespace {

constexpr const char* kFooter = R"(
DESCRIPTION
  Runs an HTTP/1.1 load balancer in the foreground. The configuration is complete and valid, and
  every certificate read, before the first port is bound. The access log goes to the file that the
  configuration names (standard output without one), events go to standard error; both are JSON
  lines.

SIGNALS
  SIGTERM, SIGINT   drain: /readyz fails at once; after drain.grace the listeners close and
                    connections end with their request; after drain.timeout the rest is cut.
                    A second signal cuts now.

EXIT STATUS
  0  stopped, nothing was cut    3  invalid configuration (also with --check)
  1  failure while running       4  an address cannot be bound
  2  wrong usage                 5  stopped, and connections were cut

EXAMPLES
  evenkeel --config evenkeel.yaml --check
  evenkeel --config evenkeel.yaml
  evenkeel origin --port 9001 --service-time 20ms --error-rate 0.01

  A configuration that serves port 8080 from two backends:
    listeners: [{address: 0.0.0.0:8080}]
    pools:
    - name: main
      backends: [{url: http://127.0.0.1:9001}, {url: http://127.0.0.1:9002, weight: 2}]
)";

constexpr const char* kOriginFooter = R"(
DESCRIPTION
  A small backend for demonstrations and tests. Listens on 127.0.0.1, answers every method and path
  with its port, /health without delay, /echo with the request's body. SIGTERM ends it.

EXAMPLES
  evenkeel origin --port 9001
  evenkeel origin --port 9002 --service-time 20ms --error-rate 0.01
)";

void add_proxy_options(CLI::App& app, ProxyOptions& proxy) {
  static const std::map<std::string, core::LogLevel> kLevels = {{"debug", core::LogLevel::debug},
                                                                {"info", core::LogLevel::info},
                                                                {"warn", core::LogLevel::warn},
                                                                {"error", core::LogLevel::error}};
  const auto only_one = [](const std::string& text) {
    return text == "1" ? std::string() : std::string("more than one is not available yet");
  };
  app.add_option("--config", proxy.config_file, "The configuration, a YAML file")
      ->type_name("FILE");
  app.add_flag("--check", proxy.check,
               "Validate the configuration, print warnings about it, and exit");
  app.add_option("--workers", proxy.workers, "Threads that serve clients, instead of the file's")
      ->type_name("N")
      ->check(only_one);
  app.add_option_function<std::string>(
         "--log-level", [&proxy](const std::string& text) { proxy.log_level = kLevels.at(text); },
         "Instead of the file's: debug, info, warn or error")
      ->type_name("LEVEL")
      ->check([](const std::string& text) {
        return kLevels.count(text) == 1 ? std::string()
                                        : "expected debug, info, warn or error, not " + text;
      });
}

void add_origin_options(CLI::App& app, OriginOptions& origin) {
  app.add_option("--port", origin.port, "Where to listen; 0: the system picks one")
      ->type_name("P")
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--service-time",
         [&origin](const std::string& text) {
           const auto value = core::parse_duration(text);
           if (!value)
             throw CLI::ValidationError("--service-time", "expected a duration such as 20ms");
           origin.service_time = *value;
         },
         "How long an answer takes, e.g. 20ms")
      ->type_name("D");
  app.add_option("--error-rate", origin.error_rate, "Share of requests answered 500, from 0 to 1")
      ->type_name("R")
      ->check(CLI::Range(0.0, 1.0));
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine command;
  OriginOptions origin;
  CLI::App app("evenkeel - an HTTP load balancer whose behaviour can be simulated", "evenkeel");
  app.set_version_flag("--version", "evenkeel " EVENKEEL_VERSION);
  app.footer(kFooter);
  add_proxy_options(app, command.proxy);
  CLI::App* origin_app = app.add_subcommand("origin", "Run a small demonstration backend");
  origin_app->footer(kOriginFooter);
  add_origin_options(*origin_app, origin);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
    if (origin_app->parsed()) {
      command.origin = origin;
    } else if (command.proxy.config_file.empty()) {
      throw CLI::RequiredError("--config");
    }
  } catch (const CLI::ParseError& error) {
    command.exit_code = app.exit(error) == 0 ? kSuccess : kUsage;
  }
  return command;
}

}  // namespace evenkeel::proxy
