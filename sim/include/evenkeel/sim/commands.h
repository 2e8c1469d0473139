// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/sim/suite.h"

// The commands of evenkeel-sim, without the parsing of its arguments. Results go to `out`, what is
// wrong with the request to `err`.
namespace evenkeel::sim {

enum class ExitCode : int {
  held = 0,     // every expectation and invariant
  failed = 1,   // at least one did not
  invalid = 2,  // wrong usage, an invalid file, or reports that cannot be written
};

struct RunRequest {
  std::vector<std::string> paths;
  SuiteOptions suite;
  std::string proxy_file;  // replaces every scenario's `proxy:` section
  std::string out_folder;  // empty: no reports
  bool progress = false;   // shown on `err`, on one line that overwrites itself
};

[[nodiscard]] ExitCode run_command(const RunRequest& request, const RunWorld& world,
                                   std::ostream& out, std::ostream& err);
// One line a scenario: label, kind, what it is about.
[[nodiscard]] ExitCode list_command(const std::vector<std::string>& paths, std::ostream& out,
                                    std::ostream& err);
// The metrics an expectation may name.
[[nodiscard]] ExitCode list_metrics_command(std::ostream& out);
// Reads everything and runs nothing.
[[nodiscard]] ExitCode validate_command(const std::vector<std::string>& paths,
                                        const std::string& proxy_file, std::ostream& out,
                                        std::ostream& err);

// "7" or "1..3": at most 10 000 seeds. Nothing when it is neither.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> parse_seeds(std::string_view text);

}  // namespace evenkeel::sim
