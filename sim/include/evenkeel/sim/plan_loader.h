// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/config/errors.h"
#include "evenkeel/core/result.h"
#include "evenkeel/sim/plan.h"

// From scenario files to plans. As strict as the proxy's own loader, and with the same errors:
// unknown keys and metrics, windows outside the run, faults on backends that do not exist, numbers
// without a reason and scenarios that cannot fail are refused before anything runs.
namespace evenkeel::sim {

struct PlanOptions {
  std::string proxy_file;  // replaces the `proxy:` section; variants still apply on top of it
};

// One scenario file. `proxy.include` is relative to it.
[[nodiscard]] core::Result<Plan, core::ConfigErrors> load_plan(const std::string& path,
                                                               const PlanOptions& options = {});
// `path` names the text in errors, must end in the scenario's name and places its include.
[[nodiscard]] core::Result<Plan, core::ConfigErrors> load_plan_text(
    std::string_view text, const std::string& path, const PlanOptions& options = {});

// Every scenario that `paths` stand for, in the order given: a file, or every .yaml file below a
// folder, sorted by path, that has a `scenario:` key. All errors of all files at once; a folder
// without scenarios is one.
[[nodiscard]] core::Result<std::vector<Plan>, core::ConfigErrors> load_plans(
    const std::vector<std::string>& paths, const PlanOptions& options = {});

}  // namespace evenkeel::sim
