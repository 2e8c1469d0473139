// SPDX-License-Identifier: Apache-2.0
//
// docs/chaos-testing.md says what the program does: its example loads and passes, and its table of
// metrics is ours.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "evenkeel/sim/metrics.h"
#include "evenkeel/sim/plan_loader.h"
#include "evenkeel/sim/reports.h"
#include "evenkeel/sim/suite.h"

namespace evenkeel::sim {
namespace {

std::string page() {
  std::ostringstream text;
  text << std::ifstream(EVENKEEL_SOURCE_DIR "/docs/chaos-testing.md").rdbuf();
  return text.str();
}

std::string where_of(const Metric& metric) {
  struct Key {
    WhereKey key;
    const char* name;
  };
  std::string text;
  for (const Key& key : {Key{WhereKey::method, "method"}, Key{WhereKey::status, "status"},
                         Key{WhereKey::backend, "backend"}, Key{WhereKey::traffic, "traffic"},
                         Key{WhereKey::kind, "kind"}}) {
    if ((metric.where_keys & bit(key.key)) == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(key.name);
    if ((metric.needs & bit(key.key)) != 0) text += " (needed)";
  }
  return text;
}

TEST(ScenarioDocs, TableOfMetricsIsComplete) {
  std::string table = "| metric | unit | `where` | meaning |\n|---|---|---|---|\n";
  for (const Metric& metric : metrics()) {
    table += "| `" + std::string(metric.name) + "` | " + to_text(metric.unit) + " | " +
             where_of(metric) + " | " + std::string(metric.meaning) + " |\n";
  }
  EXPECT_NE(page().find(table), std::string::npos) << "It should be:\n" << table;
}

TEST(ScenarioDocs, ExampleIsAScenarioThatPasses) {
  const std::string text = page();
  const std::string fence = "```yaml\n";
  const std::size_t begin = text.find(fence) + fence.size();
  const auto plan =
      load_plan_text(text.substr(begin, text.find("```", begin) - begin), "slow-backend.yaml");
  ASSERT_TRUE(plan.has_value()) << core::to_text(plan.error());
  const SuiteOptions options;
  const SuiteListener listener{[&options](const Plan& one, const SeedOutcome& seed) {
                                 EXPECT_TRUE(seed.passed) << failure_lines(one, seed, options);
                               },
                               nullptr};
  EXPECT_EQ(run_suite({*plan}, options, run_world, listener).passed(), 1U);
}

}  // namespace
}  // namespace evenkeel::sim
