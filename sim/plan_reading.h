// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evenkeel/core/config/document.h"
#include "evenkeel/core/config/reader.h"
#include "evenkeel/sim/plan.h"

// The steps of plan_loader.cpp. Each reads a part of a document and reports what is wrong with it.
namespace evenkeel::sim {

// A scenario as one of its documents says it: the file's own or a variant's.
struct ReadScenario {
  Scenario scenario;
  core::Duration warmup{};
};

// Reads what makes a world: fidelity, duration, warmup, proxy, world, traffic, faults. `proxy` has
// been resolved (no include, no set). Marks these keys as known in `reader`. Its errors are in the
// sink; the value means something only when there are none.
[[nodiscard]] ReadScenario read_scenario(core::MapReader& reader);

// Replaces `proxy: {include, set, …}` by what it stands for, or by the file `proxy_file`. Includes
// are relative to `directory`.
void resolve_proxy(core::DocumentNode& root, const std::string& directory,
                   const std::string& proxy_file, core::ErrorSink& errors);

// Reads `world` and gives every pool of the resolved `proxy` its backends.
[[nodiscard]] WorldModel read_world(const core::DocumentNode& node, core::DocumentNode& proxy,
                                    core::ErrorSink& errors);
[[nodiscard]] std::vector<TrafficModel> read_traffic(core::MapReader& root);
[[nodiscard]] std::vector<Fault> read_faults(core::MapReader& root, const Scenario& scenario);

// Appends the variants of `root` to `runs`, which holds the base run. Control ids are given back as
// written, one list for each variant, for read_expectations().
struct Controls {
  std::size_t run = 0;
  const core::DocumentNode* ids = nullptr;
  std::string path;
};
[[nodiscard]] std::vector<Controls> read_variants(core::MapReader& root,
                                                  const core::DocumentNode& document,
                                                  std::vector<PlannedRun>& runs);
// Reads `expect` and settles the controls. Fails a file without any.
void read_expectations(core::MapReader& root, const std::vector<Controls>& controls, Plan& plan);

// A window of two durations.
[[nodiscard]] std::optional<Window> read_window(core::MapReader& reader, std::string_view key);

// The node in YAML's flow style, quoting nothing: for people and for hashes, not for parsing.
[[nodiscard]] std::string flow_text(const core::DocumentNode& node);

// A number with up to six decimals as millionths; negative numbers are for the caller to refuse.
[[nodiscard]] std::uint64_t to_millionths(double value);

}  // namespace evenkeel::sim
