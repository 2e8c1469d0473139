// SPDX-License-Identifier: Apache-2.0
//
// What the data path cannot do yet is refused, at its place in the file, and nothing else is.
#include "evenkeel/proxy/unsupported.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "evenkeel/core/config/loader.h"

namespace evenkeel::proxy {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kBase =
    "listeners: [{address: 127.0.0.1:0}]\n"
    "redis: {url: redis://127.0.0.1}\n"
    "pools:\n"
    "- name: main\n"
    "  backends: [{url: http://127.0.0.1:1}]\n";

// A configuration file that is gone at the end.
class File {
 public:
  explicit File(std::string_view text) {
    const int fd = ::mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    ::close(fd);
    std::ofstream(path_) << text;
  }
  ~File() { std::remove(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "evenkeel.XXXXXX").string();
};

// The errors of kBase with something more; empty when it is supported.
std::string errors_of(std::string_view more) {
  const File file(std::string(kBase) + std::string(more));
  core::ConfigErrors warnings;
  EXPECT_TRUE(core::load_config_file(file.path()).has_value()) << "valid all the same: " << more;
  const auto loaded = load_supported_config(file.path(), warnings);
  return loaded ? "" : core::to_text(loaded.error()).substr(file.path().size());
}

TEST(Unsupported, IsRefusedAtItsPlace) {
  EXPECT_EQ(errors_of("  session: {mode: cookie, store: redis}\n"),
            ":6:34: pools[0].session.store: not available yet in the proxy: use store: memory\n");
}

TEST(Unsupported, NamesEveryPartThatIsMissing) {
  EXPECT_THAT(
      errors_of("routes: [{name: a, split: [{pool: main}], mirror: {pool: main, percent: 5}}]\n"),
      HasSubstr("routes[0].mirror: not available yet"));
  EXPECT_THAT(
      errors_of("routes: [{name: a, split: [{pool: main}], rate_limit: {requests_per_second: 5, "
                "store: redis}}]\n"),
      HasSubstr("routes[0].rate_limit.store: not available yet"));
  EXPECT_THAT(errors_of("regions: {header: x-region}\n"),
              HasSubstr("regions.header: not available yet"));
}

TEST(Unsupported, WhatIsSwitchedOffIsNoMatter) {
  EXPECT_EQ(errors_of("  session: {mode: none, store: redis}\n"), "");
  EXPECT_EQ(
      errors_of("routes: [{name: a, split: [{pool: main}], mirror: {pool: main, percent: 0}}]\n"),
      "");
  EXPECT_EQ(errors_of(""), "");
}

TEST(Unsupported, WhatIsInvalidIsToldFirst) {
  const File file("pools: 5\n");
  core::ConfigErrors warnings;
  const auto loaded = load_supported_config(file.path(), warnings);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(core::to_text(loaded.error()), HasSubstr("pools"));
}

TEST(Unsupported, AFileThatIsNotThereIsNamed) {
  core::ConfigErrors warnings;
  const auto loaded = load_supported_config("/nonexistent.yaml", warnings);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(core::to_text(loaded.error()), HasSubstr("/nonexistent.yaml"));
}

// Every example says only what works.
TEST(Unsupported, TheExamplesAreSupported) {
  std::size_t seen = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(EVENKEEL_SOURCE_DIR) + "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++seen;
    const auto config = core::load_config_file(entry.path().string());
    ASSERT_TRUE(config.has_value()) << core::to_text(config.error());
    for (const core::Violation& violation : find_unsupported(*config)) {
      ADD_FAILURE() << entry.path() << ": " << violation.keys.front() << ": " << violation.message;
    }
  }
  EXPECT_GE(seen, 5U);
}

}  // namespace
}  // namespace evenkeel::proxy
