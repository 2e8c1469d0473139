// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/commands.h"

#include <charconv>
#include <ostream>

#include "evenkeel/sim/plan_loader.h"
#include "evenkeel/sim/reports.h"

namespace evenkeel::sim {
namespace {

constexpr std::size_t kMaxSeeds = 10'000;

ExitCode refuse(const core::ConfigErrors& errors, std::ostream& err) {
  err << core::to_text(errors);
  return ExitCode::invalid;
}

// The line that shows how far a long run is, on a terminal only.
class Progress {
 public:
  Progress(std::ostream& err, bool wanted) : err_(err), wanted_(wanted) {}
  void show(std::size_t done, std::size_t all) {
    if (!wanted_) return;
    err_ << "\r\033[K" << done << " of " << all << " runs" << std::flush;
  }
  // Whether or not the runs took long enough for anything to be shown.
  void clear() {
    if (wanted_) err_ << "\r\033[K" << std::flush;
  }

 private:
  std::ostream& err_;
  bool wanted_;
};

std::optional<std::uint64_t> parse_seed(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::vector<std::uint64_t>> parse_seeds(std::string_view text) {
  const std::size_t dots = text.find("..");
  const auto first = parse_seed(text.substr(0, dots));
  if (!first) return std::nullopt;
  if (dots == std::string_view::npos) return std::vector{*first};
  const auto last = parse_seed(text.substr(dots + 2));
  if (!last || *last < *first || *last - *first >= kMaxSeeds) return std::nullopt;
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = *first;; ++seed) {
    seeds.push_back(seed);
    if (seed == *last) return seeds;
  }
}

ExitCode run_command(const RunRequest& request, const RunWorld& world, std::ostream& out,
                     std::ostream& err) {
  const auto plans = load_plans(request.paths, {request.proxy_file});
  if (!plans) return refuse(plans.error(), err);
  if (!request.out_folder.empty()) {
    if (const auto problem = prepare_folder(request.out_folder)) {
      err << *problem << "\n";
      return ExitCode::invalid;
    }
  }

  Progress progress(err, request.progress);
  SuiteListener listener;
  listener.on_progress = [&progress](std::size_t done, std::size_t all) {
    progress.show(done, all);
  };
  listener.on_seed = [&](const Plan& plan, const SeedOutcome& outcome) {
    progress.clear();
    out << result_line(plan, outcome, request.suite) << "\n"
        << failure_lines(plan, outcome, request.suite) << std::flush;
  };
  const SuiteOutcome outcome = run_suite(*plans, request.suite, world, listener);
  progress.clear();

  if (!request.out_folder.empty()) {
    const auto files = reports_of(*plans, outcome, request.suite);
    if (const auto problem = write_reports(request.out_folder, files)) {
      err << *problem << "\n";
      return ExitCode::invalid;
    }
  }
  const std::size_t passed = outcome.passed();
  out << passed << " passed, " << plans->size() - passed << " failed" << std::endl;
  return passed == plans->size() ? ExitCode::held : ExitCode::failed;
}

ExitCode list_command(const std::vector<std::string>& paths, std::ostream& out, std::ostream& err) {
  const auto plans = load_plans(paths);
  if (!plans) return refuse(plans.error(), err);
  for (const Plan& plan : *plans) {
    out << plan.label << "  " << (plan.kind == ScenarioKind::load ? "load" : "chaos") << "  "
        << plan.about << "\n";
  }
  return ExitCode::held;
}

ExitCode list_metrics_command(std::ostream& out) {
  for (const Metric& metric : metrics()) {
    out << metric.name << "  " << to_text(metric.unit) << "  " << metric.meaning << "\n";
  }
  return ExitCode::held;
}

ExitCode validate_command(const std::vector<std::string>& paths, const std::string& proxy_file,
                          std::ostream& out, std::ostream& err) {
  const auto plans = load_plans(paths, {proxy_file});
  if (!plans) return refuse(plans.error(), err);
  for (const Plan& plan : *plans) {
    out << "valid " << plan.path << ": " << plan.runs.size() - 1 << " variants, "
        << plan.expectations.size() << " expectations\n";
  }
  return ExitCode::held;
}

}  // namespace evenkeel::sim
