// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <clocale>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/small_plan.h"

namespace evenkeel::sim {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

struct Made {
  explicit Made(const std::string& text = small_file()) : plans{small_plan(text)} {
    outcome = run_suite(plans, options, fake_world, {});
    files = reports_of(plans, outcome, options);
  }
  const std::string& content(const std::string& path) const {
    for (const ReportFile& file : files) {
      if (file.path == path) return file.content;
    }
    static const std::string none;
    ADD_FAILURE() << "no " << path;
    return none;
  }
  std::vector<Plan> plans;
  SuiteOptions options;
  SuiteOutcome outcome;
  std::vector<ReportFile> files;
};

// A file whose expectation fails, with characters that mean something to Markdown, JSON and XML.
std::string failing_file() {
  return small_file(
      "- {id: few, metric: failures, op: \"<\", value: 3, because: \"a | b < \\\"c\\\" & d\"}\n",
      "[few]");
}

TEST(Reports, LineNamesScenarioSeedAndDigests) {
  const Made made;
  const SeedOutcome& seed = made.outcome.scenarios[0].seeds[1];
  EXPECT_EQ(result_line(made.plans[0], seed, made.options),
            "PASS small seed=2 requests=1000 p99=20ms digest=" + to_text(seed.decisions) +
                " trace=" + to_text(seed.trace));
  EXPECT_EQ(failure_lines(made.plans[0], seed, made.options), "");
}

TEST(Reports, FailureNamesMeasurementBoundReasonAndCommand) {
  const Made made(failing_file());
  const std::string lines =
      failure_lines(made.plans[0], made.outcome.scenarios[0].seeds[0], made.options);
  EXPECT_EQ(lines,
            "  few: failures is 10, required < 3 (a | b < \"c\" & d)\n"
            "  reproduce: evenkeel-sim run small.yaml --seed 1\n");
}

TEST(Reports, ControlThatHoldsIsNamed) {
  const Made made(
      small_file("- {id: few, metric: failures, op: \"<=\", value: 900, because: x}\n", "[few]"));
  EXPECT_THAT(failure_lines(made.plans[0], made.outcome.scenarios[0].seeds[0], made.options),
              HasSubstr("control of few: failures of variant worse is 200 and holds, but must "
                        "fail: required <= 900"));
}

TEST(Reports, ViolationNamesEventAndHistory) {
  Made made;
  SeedOutcome& seed = made.outcome.scenarios[0].seeds[0];
  seed.runs[1].points[0].result.violation =
      Violation{Invariant::retry_bound, at_seconds(42), 123, "9 retries, 8 allowed", {"start a1"}};
  judge_seed(made.plans[0], true, seed);
  EXPECT_EQ(failure_lines(made.plans[0], seed, made.options),
            "  invariant I3 broke in variant worse at 42s, event 123: 9 retries, 8 allowed\n"
            "    start a1\n"
            "  reproduce: evenkeel-sim run small.yaml --seed 1\n");
}

TEST(Reports, CommandRepeatsWhatChangedTheRun) {
  Made made;
  made.plans[0].proxy_file = "evenkeel.yaml";
  made.options.fidelity = Fidelity::wire;
  made.options.until = *parse_stop("5%");
  EXPECT_EQ(
      replay_command(made.plans[0], 3, made.options),
      "evenkeel-sim run small.yaml --seed 3 --fidelity wire --proxy evenkeel.yaml --until 5%");
}

TEST(Reports, SameRunsGiveTheSameBytes) {
  const Made first;
  const Made second;
  ASSERT_EQ(first.files.size(), second.files.size());
  for (std::size_t i = 0; i < first.files.size(); ++i) {
    EXPECT_EQ(first.files[i].path, second.files[i].path);
    EXPECT_EQ(first.files[i].content, second.files[i].content);
  }
}

TEST(Reports, DoNotDependOnTheLocale) {
  const Made plain;
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"}) {
    if (std::setlocale(LC_ALL, name) != nullptr) break;
  }
  const Made localised;
  std::setlocale(LC_ALL, before.c_str());
  for (std::size_t i = 0; i < plain.files.size(); ++i) {
    EXPECT_EQ(plain.files[i].content, localised.files[i].content);
  }
}

TEST(Reports, MarkdownShowsWhatWasMeasuredAndWhy) {
  const std::string text = Made().content("small/report.md");
  EXPECT_THAT(text, HasSubstr("## small: passed"));
  EXPECT_THAT(text, HasSubstr("| `few` | failures | <= 10 | 10 | 10 | 0 | holds |"));
  EXPECT_THAT(text, HasSubstr("- `few`: One second of the fault."));
  EXPECT_THAT(text, HasSubstr("| `few` | failures of variant worse | <= 10 | 200 | 200 | -190 | "
                              "fails as it must |"));
  EXPECT_THAT(text, HasSubstr("| 1 | 40s to 60s | crash b-1 | 200 | 95.0000 % |"));
  EXPECT_THAT(text, HasSubstr("holds in all 4"));
  EXPECT_THAT(text, HasSubstr("evenkeel-sim run small.yaml --seed 2"));
}

TEST(Reports, MarkdownTablesKeepTheirCells) {
  Made made;
  made.plans[0].runs[1].changes = {"a | b"};
  const auto files = reports_of(made.plans, made.outcome, made.options);
  EXPECT_THAT(files[0].content, HasSubstr("`a \\| b`"));
}

TEST(Reports, JsonIsValidAndSaysWhatItIs) {
  const Made made(failing_file());
  const auto document = boost::json::parse(made.content("small/result.json"));
  EXPECT_EQ(document.at("schema").as_string(), kResultSchema);
  const auto& scenario = document.at("scenarios").at(0);
  EXPECT_EQ(scenario.at("scenario").as_string(), "small");
  EXPECT_FALSE(scenario.at("passed").as_bool());
  const auto& seed = scenario.at("seeds").at(0);
  EXPECT_EQ(seed.at("verdicts").as_array().size(), 2U);
  EXPECT_EQ(seed.at("verdicts").at(0).at("measured").as_double(), 10);
  EXPECT_EQ(seed.at("verdicts").at(0).at("because").as_string(), "a | b < \"c\" & d");
  const auto& series = seed.at("runs").at(0).at("run").at("series");
  ASSERT_EQ(series.at("rows").as_array().size(), 100U);
  EXPECT_EQ(series.at("rows").at(40).as_array().size(), series.at("columns").as_array().size());
  EXPECT_EQ(series.at("rows").at(40).at(1).as_int64(), 10);  // requests of second 40
  EXPECT_FALSE(boost::json::parse(made.content("result.json"))
                   .at("scenarios")
                   .at(0)
                   .at("seeds")
                   .at(0)
                   .at("runs")
                   .at(0)
                   .at("run")
                   .as_object()
                   .contains("series"));
}

TEST(Reports, JsonHasTheFiguresOfASweep) {
  std::string text = small_file();
  text.replace(text.find("  worse:"), 8,
               "  phases: {sweep: {fault: 0, at: [40s, 42s], points: 4}}\n  worse:");
  text +=
      "- {id: few-always, metric: failures, variant: phases, aggregate: max, op: \"<=\","
      " value: 10, because: x}\n";
  const auto document = boost::json::parse(Made(text).content("result.json"));
  const auto& sweep = document.at("scenarios").at(0).at("seeds").at(0).at("runs").at(1);
  EXPECT_EQ(sweep.at("measures").at(0).as_string(), "failures, count");
  ASSERT_EQ(sweep.at("points").as_array().size(), 4U);
  EXPECT_EQ(sweep.at("points").at(3).at("figures").at(0).as_double(), 10);
}

TEST(Reports, HtmlStandsAlone) {
  const Made made(failing_file());
  for (const char* name : {"report.html", "small/report.html"}) {
    const std::string& text = made.content(name);
    for (const char* outside : {"<script", "http", "@import", "url("}) {
      EXPECT_THAT(text, Not(HasSubstr(outside))) << name;
    }
  }
  const std::string& text = made.content("small/report.html");
  EXPECT_THAT(text, HasSubstr("a | b &lt; &quot;c&quot; &amp; d"));
  EXPECT_THAT(text, HasSubstr("<title>crash b-1, 40s to 60s</title>"));
  EXPECT_EQ(text.find("nan"), std::string::npos);
}

TEST(Reports, JunitCountsCasesAndEscapesText) {
  const std::string text = Made(failing_file()).content("junit.xml");
  // Two seeds of seven invariants, one expectation, one control.
  EXPECT_THAT(text, HasSubstr("tests=\"18\" failures=\"2\""));
  EXPECT_THAT(text, HasSubstr("a | b &lt; &quot;c&quot; &amp; d"));
  EXPECT_THAT(text, HasSubstr("name=\"few must fail in worse\"/>"));
}

TEST(Reports, NothingNamesTheMachine) {
  for (const ReportFile& file : Made().files) {
    EXPECT_THAT(file.content, Not(HasSubstr(fs::current_path().string()))) << file.path;
  }
}

// ---- writing -----------------------------------------------------------------------------------

class ReportFolder : public ::testing::Test {
 protected:
  ReportFolder()
      : folder_(::testing::TempDir() + "evenkeel-reports-" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
  }
  ~ReportFolder() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(fs::path(folder_) / name).rdbuf();
    return text.str();
  }
  std::string folder_;
};

TEST_F(ReportFolder, HoldsTheFilesAndNothingElse) {
  ASSERT_EQ(prepare_folder(folder_), std::nullopt);
  ASSERT_EQ(write_reports(folder_, {{"report.md", "one"}, {"a/report.md", "two"}}), std::nullopt);
  EXPECT_EQ(read("report.md"), "one");
  EXPECT_EQ(read("a/report.md"), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 2);
}

TEST_F(ReportFolder, ReplacesWhatWasThere) {
  ASSERT_EQ(write_reports(folder_, {{"report.md", "a long old report"}}), std::nullopt);
  ASSERT_EQ(write_reports(folder_, {{"report.md", "new"}}), std::nullopt);
  EXPECT_EQ(read("report.md"), "new");
}

TEST_F(ReportFolder, FileInItsPlaceIsAnError) {
  std::ofstream(folder_) << "not a folder";
  ASSERT_TRUE(prepare_folder(folder_).has_value());
  EXPECT_THAT(*prepare_folder(folder_), HasSubstr("cannot be written"));
}

TEST_F(ReportFolder, FailureLeavesTheOldReportsWhole) {
  ASSERT_EQ(write_reports(folder_, {{"report.md", "old"}}), std::nullopt);
  // The second file cannot be made: its folder is a file of the same set.
  const auto problem =
      write_reports(folder_, {{"report.md", "new"}, {"x", "file"}, {"x/y", "impossible"}});
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(read("report.md"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace evenkeel::sim
