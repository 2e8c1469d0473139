// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "evenkeel/sim/commands.h"

namespace {

using namespace evenkeel::sim;

constexpr const char* kAbout = R"(evenkeel-sim - run Evenkeel's production code in simulated time

A scenario is a YAML file: backends, network, traffic, faults, the proxy's configuration, and what
must hold. A run is a pure function of scenario, seed and code: two runs give the same digests and,
byte for byte, the same reports.)";

constexpr const char* kExamples = R"(
EXIT CODES
  0  everything held
  1  an expectation or an invariant did not hold
  2  wrong usage, an invalid file, or reports that cannot be written

EXAMPLES
  Everything below a folder, each scenario on its own seeds, with reports:
    evenkeel-sim run scenarios --out build/reports
  One scenario on three seeds, through the real connection state machines:
    evenkeel-sim run scenarios/chaos/C01-crash-restart.yaml --seeds 1..3 --fidelity wire
  What your own configuration would do in that incident:
    evenkeel-sim run scenarios/chaos/C01-crash-restart.yaml --proxy evenkeel.yaml
  The first 5 % of every run, for a quick comparison of digests between builds:
    evenkeel-sim run scenarios --seed 1 --until 5%
  What is there, and what an expectation may measure:
    evenkeel-sim list
    evenkeel-sim list --metrics
)";

constexpr const char* kLine = R"(
Prints one line a scenario and seed:
  PASS L01-steady-baseline seed=1 requests=480123 p99=58.1ms digest=... trace=...
`requests` and `p99` are those of the run without changes; `digest` (of all decisions) and `trace` (of
all events) cover its variants too. What fails is named below its line, with the measured value, what
was required and why, and the command that shows it again. The last line counts scenarios.)";

struct Arguments {
  std::vector<std::string> paths;
  std::string seed;
  std::string seeds;
  std::string fidelity;
  std::string until;
  RunRequest request;
  bool metrics = false;
};

int usage_error(const std::string& message) {
  std::cerr << message << "\nRun with --help for more information.\n";
  return static_cast<int>(ExitCode::invalid);
}

int run(Arguments& arguments) {
  RunRequest& request = arguments.request;
  request.paths = arguments.paths;
  const std::string& seeds = arguments.seed.empty() ? arguments.seeds : arguments.seed;
  if (!seeds.empty()) {
    const auto parsed = parse_seeds(seeds);
    const bool one = !arguments.seed.empty();
    if (!parsed || (one && seeds.find("..") != std::string::npos)) {
      return usage_error(one ? "--seed: expected a number from 0, found \"" + seeds + "\""
                             : "--seeds: expected FIRST..LAST, at most 10000 of them, found \"" +
                                   seeds + "\"");
    }
    request.suite.seeds = *parsed;
  }
  if (arguments.fidelity == "message") request.suite.fidelity = Fidelity::message;
  if (arguments.fidelity == "wire") request.suite.fidelity = Fidelity::wire;
  if (!arguments.until.empty()) {
    const auto stop = parse_stop(arguments.until);
    if (!stop) {
      return usage_error(
          "--until: expected a share such as 5%, a time such as 30s or a number of events, found "
          "\"" +
          arguments.until + "\"");
    }
    request.suite.until = *stop;
  }
  request.progress = isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  return static_cast<int>(run_command(request, run_world, std::cout, std::cerr));
}

void add_run(CLI::App& app, Arguments& arguments) {
  CLI::App* run = app.add_subcommand("run", "Run scenarios and grade them");
  run->footer(kLine);
  run->add_option("PATH", arguments.paths, "Scenario files, or folders of them")->required();
  auto* seed =
      run->add_option("--seed", arguments.seed, "Run on this seed instead of each scenario's own")
          ->type_name("N");
  run->add_option("--seeds", arguments.seeds, "Run on all of these seeds")
      ->type_name("A..B")
      ->excludes(seed);
  run->add_option("--fidelity", arguments.fidelity,
                  "message: the core alone; wire: with real connections over simulated streams")
      ->check(CLI::IsMember({"message", "wire"}));
  run->add_option("--until", arguments.until,
                  "Stop every run there: a share (5%), a time (30s) or a number of events. "
                  "Invariants hold, nothing is graded")
      ->type_name("POINT");
  run->add_option("--out", arguments.request.out_folder, "Write the reports to this folder")
      ->type_name("DIR");
  run->add_option("--jobs", arguments.request.suite.jobs,
                  "Threads; the output does not depend on it")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->default_val(std::max(1U, std::thread::hardware_concurrency()));
  run->add_option("--proxy", arguments.request.proxy_file,
                  "Use this configuration instead of every scenario's `proxy:` section")
      ->type_name("FILE");
}

int command(const CLI::App& app, Arguments& arguments) {
  if (app.got_subcommand("run")) return run(arguments);
  if (app.got_subcommand("validate")) {
    return static_cast<int>(
        validate_command(arguments.paths, arguments.request.proxy_file, std::cout, std::cerr));
  }
  if (arguments.metrics) return static_cast<int>(list_metrics_command(std::cout));
  if (arguments.paths.empty()) arguments.paths = {"scenarios"};
  return static_cast<int>(list_command(arguments.paths, std::cout, std::cerr));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout, "evenkeel-sim");
  app.footer(kExamples);
  app.set_version_flag("--version", std::string("evenkeel-sim ") + EVENKEEL_VERSION);
  app.require_subcommand(1);
  Arguments arguments;
  add_run(app, arguments);
  CLI::App* list = app.add_subcommand("list", "List scenarios, or the metrics they may use");
  list->add_option("PATH", arguments.paths, "Files or folders; default: scenarios");
  list->add_flag("--metrics", arguments.metrics, "List the metrics an expectation may name");
  CLI::App* validate = app.add_subcommand("validate", "Check scenario files without running them");
  validate->add_option("PATH", arguments.paths, "Files or folders")->required();
  validate
      ->add_option("--proxy", arguments.request.proxy_file,
                   "Check them with this configuration as their `proxy:` section")
      ->type_name("FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::invalid);
  }

  try {
    const int code = command(app, arguments);
    std::cout.flush();
    if (std::cout) return code;
    std::cerr << "standard output: cannot be written\n";
    return static_cast<int>(ExitCode::invalid);
  } catch (const std::exception& error) {
    std::cerr << "evenkeel-sim: " << error.what() << "\n";
    return static_cast<int>(ExitCode::failed);
  }
}
