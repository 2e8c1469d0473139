// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/plan_loader.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "evenkeel/core/random.h"
#include "plan_reading.h"

namespace evenkeel::sim {
namespace {

namespace fs = std::filesystem;
using core::ConfigErrors;
using core::DocumentNode;
using core::Unexpected;
using Kind = core::DocumentNode::Kind;

// "L01-steady-baseline" → "steady-baseline"; a name without an id stays.
std::string_view without_id(std::string_view label) {
  const std::size_t dash = label.find('-');
  if (dash == std::string_view::npos || dash < 2) return label;
  const std::string_view id = label.substr(0, dash);
  const bool upper = id[0] >= 'A' && id[0] <= 'Z';
  const bool digits =
      std::all_of(id.begin() + 1, id.end(), [](char c) { return c >= '0' && c <= '9'; });
  return upper && digits ? label.substr(dash + 1) : label;
}

void read_name(core::MapReader& reader, const std::string& label) {
  std::string name;
  if (!reader.required("scenario", core::name(name))) return;
  if (name == label || name == without_id(label)) return;
  reader.fail("scenario", "expected \"" + std::string(without_id(label)) +
                              "\", the file's name after its id, found \"" + name + "\"");
}

void read_seeds(core::MapReader& reader, std::vector<std::uint64_t>& seeds) {
  seeds = {1};
  const auto element = [](std::uint64_t& seed) {
    return core::integer(seed, 0, std::numeric_limits<std::uint64_t>::max());
  };
  if (!reader.optional("seeds", core::list<std::uint64_t>(seeds, element, 1))) return;
  std::vector<std::uint64_t> sorted = seeds;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    reader.fail("seeds", "names a seed twice");
  }
}

core::Result<Plan, ConfigErrors> read_plan(DocumentNode root, const std::string& path,
                                           const PlanOptions& options) {
  core::ErrorSink errors;
  if (root.kind == Kind::map && root.find("scenario") == nullptr) {
    errors.add(root.where, "scenario", "is required: without it a file is something to include");
    return Unexpected{errors.take()};
  }
  Plan plan;
  plan.path = path;
  plan.proxy_file = options.proxy_file;
  plan.label = fs::path(path).stem().string();
  resolve_proxy(root, fs::path(path).parent_path().string(), options.proxy_file, errors);

  core::MapReader reader(root, "", errors);
  read_name(reader, plan.label);
  reader.required("kind", core::choice(plan.kind, {{"load", ScenarioKind::load},
                                                   {"chaos", ScenarioKind::chaos}}));
  reader.required("about", core::text(plan.about, 1, 1000));
  read_seeds(reader, plan.seeds);
  ReadScenario base = read_scenario(reader);
  plan.runs.push_back({"base", {std::move(base.scenario)}, false, base.warmup, {}, {}});
  // What hangs on the world would only repeat its errors.
  if (errors.empty()) {
    const std::vector<Controls> controls = read_variants(reader, root, plan.runs);
    if (errors.empty()) read_expectations(reader, controls, plan);
  }
  for (const char* key : {"variants", "expect"}) static_cast<void>(reader.take(key));
  reader.finish();
  if (!errors.empty()) return Unexpected{errors.take()};

  plan.scenario_hash = core::hash_name(flow_text(root));
  plan.config_hash = core::hash_name(flow_text(*root.find("proxy")));
  return plan;
}

bool is_yaml(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

// The .yaml files below a folder, in the order of their paths.
std::vector<std::string> files_below(const std::string& folder, core::ErrorSink& errors) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error);
  while (!error && it != fs::recursive_directory_iterator()) {
    std::error_code ignored;
    if (is_yaml(it->path()) && it->is_regular_file(ignored)) files.push_back(it->path().string());
    it.increment(error);
  }
  if (error) errors.add({folder}, "", "cannot be read: " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

void load_one(const std::string& path, const PlanOptions& options, bool skip_includes,
              std::vector<Plan>& plans, core::ErrorSink& errors) {
  auto document = core::read_document(path);
  if (!document) return errors.add(std::move(document.error()));
  const bool scenario = document->find("scenario") != nullptr;
  if (!scenario && skip_includes) return;
  auto plan = read_plan(std::move(*document), path, options);
  if (!plan) return errors.add(std::move(plan.error()));
  plans.push_back(std::move(*plan));
}

// Reports are named by the label.
void refuse_equal_labels(const std::vector<Plan>& plans, core::ErrorSink& errors) {
  for (std::size_t i = 0; i < plans.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (plans[k].label != plans[i].label) continue;
      errors.add({plans[i].path}, "scenario",
                 plans[k].path == plans[i].path
                     ? "is given twice"
                     : "has the name of " + plans[k].path + ": their reports would collide");
      break;
    }
  }
}

}  // namespace

core::Result<Plan, ConfigErrors> load_plan_text(std::string_view text, const std::string& path,
                                                const PlanOptions& options) {
  auto document = core::parse_document(text, path);
  if (!document) return Unexpected{std::move(document.error())};
  return read_plan(std::move(*document), path, options);
}

core::Result<Plan, ConfigErrors> load_plan(const std::string& path, const PlanOptions& options) {
  auto document = core::read_document(path);
  if (!document) return Unexpected{std::move(document.error())};
  return read_plan(std::move(*document), path, options);
}

core::Result<std::vector<Plan>, ConfigErrors> load_plans(const std::vector<std::string>& paths,
                                                         const PlanOptions& options) {
  core::ErrorSink errors;
  std::vector<Plan> plans;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      load_one(path, options, false, plans, errors);
      continue;
    }
    core::ErrorSink of_folder;
    const std::size_t before = plans.size();
    for (const std::string& file : files_below(path, of_folder)) {
      load_one(file, options, true, plans, of_folder);
    }
    if (of_folder.empty() && plans.size() == before) {
      of_folder.add({path}, "", "there is no scenario in this folder");
    }
    if (!of_folder.empty()) errors.add(of_folder.take());
  }
  refuse_equal_labels(plans, errors);
  if (errors.empty()) return plans;
  // A file that several scenarios include is wrong once.
  ConfigErrors all = errors.take();
  ConfigErrors distinct;
  for (core::ConfigError& error : all) {
    if (std::find(distinct.begin(), distinct.end(), error) == distinct.end()) {
      distinct.push_back(std::move(error));
    }
  }
  return Unexpected{std::move(distinct)};
}

}  // namespace evenkeel::sim
