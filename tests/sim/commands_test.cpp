// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/small_plan.h"

namespace evenkeel::sim {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class Commands : public ::testing::Test {
 protected:
  Commands()
      : folder_(::testing::TempDir() + "evenkeel-commands-" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    write("small.yaml", small_file());
  }
  ~Commands() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(std::filesystem::path(folder_) / name) << text;
  }
  ExitCode run(const std::string& path) {
    RunRequest request;
    request.paths = {folder_ + "/" + path};
    request.out_folder = out_folder_;
    return run_command(request, fake_world, out_, err_);
  }

  std::string folder_;
  std::string out_folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Commands, RunPrintsALineASeedAndCountsScenarios) {
  EXPECT_EQ(run("small.yaml"), ExitCode::held);
  EXPECT_THAT(out_.str(), HasSubstr("PASS small seed=1 "));
  EXPECT_THAT(out_.str(), HasSubstr("PASS small seed=2 "));
  EXPECT_THAT(out_.str(), EndsWith("1 passed, 0 failed\n"));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Commands, RunSaysWhatFailed) {
  write("small.yaml",
        small_file("- {id: few, metric: failures, op: \"<\", value: 3, because: x}\n", "[few]"));
  EXPECT_EQ(run("small.yaml"), ExitCode::failed);
  EXPECT_THAT(out_.str(), HasSubstr("FAIL small seed=1 "));
  EXPECT_THAT(out_.str(), HasSubstr("reproduce: evenkeel-sim run " + folder_ + "/small.yaml"));
  EXPECT_THAT(out_.str(), EndsWith("0 passed, 1 failed\n"));
}

TEST_F(Commands, InvalidFileRunsNothing) {
  write("zwrong.yaml", "scenario: zwrong\n");
  out_folder_ = folder_ + "/reports";
  EXPECT_EQ(run(""), ExitCode::invalid);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("zwrong.yaml"));
  EXPECT_FALSE(std::filesystem::exists(out_folder_));
}

TEST_F(Commands, UnusableFolderForReportsRunsNothing) {
  out_folder_ = folder_ + "/small.yaml";
  EXPECT_EQ(run("small.yaml"), ExitCode::invalid);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("cannot be written"));
}

TEST_F(Commands, RunWritesReports) {
  out_folder_ = folder_ + "/reports";
  EXPECT_EQ(run("small.yaml"), ExitCode::held);
  for (const char* name : {"report.md", "result.json", "junit.xml", "small/report.md"}) {
    EXPECT_TRUE(std::filesystem::exists(out_folder_ + "/" + name)) << name;
  }
}

TEST_F(Commands, ProgressIsWrittenOnlyWhenWanted) {
  RunRequest request;
  request.paths = {folder_};
  request.progress = true;
  EXPECT_EQ(run_command(request, fake_world, out_, err_), ExitCode::held);
  EXPECT_THAT(err_.str(), EndsWith("\r\033[K"));  // gone at the end
  EXPECT_EQ(out_.str().find('\r'), std::string::npos);
}

TEST_F(Commands, ListNamesScenarios) {
  EXPECT_EQ(list_command({folder_}, out_, err_), ExitCode::held);
  EXPECT_EQ(out_.str(), "small  chaos  A scenario for tests.\n");
}

TEST_F(Commands, ListNamesMetrics) {
  EXPECT_EQ(list_metrics_command(out_), ExitCode::held);
  EXPECT_THAT(out_.str(), HasSubstr("detection_time  duration  "));
}

TEST_F(Commands, ValidateRunsNothing) {
  EXPECT_EQ(validate_command({folder_}, "", out_, err_), ExitCode::held);
  EXPECT_THAT(out_.str(), HasSubstr("small.yaml: 1 variants, 1 expectations\n"));
  EXPECT_EQ(validate_command({folder_}, folder_ + "/none.yaml", out_, err_), ExitCode::invalid);
}

TEST(Seeds, AreANumberOrARange) {
  using Seeds = std::vector<std::uint64_t>;
  EXPECT_EQ(parse_seeds("7"), Seeds{7});
  EXPECT_EQ(parse_seeds("1..3"), (Seeds{1, 2, 3}));
  EXPECT_EQ(parse_seeds("18446744073709551615..18446744073709551615"), Seeds{~0ULL});
  for (const char* wrong :
       {"", "x", "-1", "3..1", "1..", "..3", "1...3", "1..10001", "1.5", "18446744073709551616"}) {
    EXPECT_FALSE(parse_seeds(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace evenkeel::sim
