// SPDX-License-Identifier: Apache-2.0
#include "report_parts.h"
#include "svg_chart.h"

namespace evenkeel::sim {
namespace {

class Cases {
 public:
  // An empty `failure` is a success.
  void add(const std::string& group, const std::string& name, const std::string& failure) {
    ++count_;
    text_ += "    <testcase classname=\"" + escape_markup(group) + "\" name=\"" +
             escape_markup(name) + "\"";
    if (failure.empty()) {
      text_ += "/>\n";
      return;
    }
    ++failures_;
    text_ += ">\n      <failure message=\"" + escape_markup(failure) + "\"/>\n    </testcase>\n";
  }
  [[nodiscard]] std::string suite(const std::string& name) const {
    return "  <testsuite name=\"" + escape_markup(name) + "\" tests=\"" + std::to_string(count_) +
           "\" failures=\"" + std::to_string(failures_) + "\">\n" + text_ + "  </testsuite>\n";
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t failures() const { return failures_; }

 private:
  std::string text_;
  std::size_t count_ = 0;
  std::size_t failures_ = 0;
};

// What broke an invariant in any of the seed's runs.
std::string broken(const SeedOutcome& seed, std::size_t invariant) {
  for (const RunOutcome& run : seed.runs) {
    for (const PointOutcome& point : run.points) {
      const auto& violation = point.result.violation;
      if (violation && static_cast<std::size_t>(violation->invariant) == invariant) {
        return violation->what;
      }
      const InvariantResult& result = point.result.invariants[invariant];
      if (!result.held) return result.detail.empty() ? "does not hold" : result.detail;
    }
  }
  return "";
}

void add_seed(const Plan& plan, const SeedOutcome& seed, const SuiteOptions& options,
              Cases& cases) {
  const std::string group = plan.label + ".seed-" + std::to_string(seed.seed);
  const std::string replay = "; reproduce: " + replay_command(plan, seed.seed, options);
  for (std::size_t i = 0; i < kInvariantCount; ++i) {
    const std::string why = broken(seed, i);
    cases.add(group, std::string(id_of(static_cast<Invariant>(i))),
              why.empty() ? why : why + replay);
  }
  for (const Verdict& verdict : seed.verdicts) {
    std::string name = plan.expectations[verdict.expectation].id;
    if (verdict.must_fail) name += " must fail in " + plan.runs[verdict.run].name;
    cases.add(group, name, verdict.as_it_must() ? "" : verdict_text(plan, verdict) + replay);
  }
}

}  // namespace

std::string junit_report(const std::vector<Plan>& plans,
                         const std::vector<const ScenarioOutcome*>& outcomes,
                         const SuiteOptions& options) {
  std::string suites;
  std::size_t tests = 0;
  std::size_t failures = 0;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    Cases cases;
    for (const SeedOutcome& seed : outcomes[i]->seeds) add_seed(plans[i], seed, options, cases);
    suites += cases.suite(plans[i].label);
    tests += cases.count();
    failures += cases.failures();
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"evenkeel-sim\" tests=\"" +
         std::to_string(tests) + "\" failures=\"" + std::to_string(failures) + "\">\n" + suites +
         "</testsuites>\n";
}

}  // namespace evenkeel::sim
