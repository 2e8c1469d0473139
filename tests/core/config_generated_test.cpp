// SPDX-License-Identifier: Apache-2.0
//
// Files that are generated from the table of fields: compared here, and written anew when
// EVENKEEL_UPDATE_GENERATED is set. And that every file in configs/ loads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "evenkeel/core/config/fields.h"
#include "evenkeel/core/config/loader.h"
#include "evenkeel/core/config/writer.h"

namespace evenkeel::core {
namespace {

const char* const kHowTo =
    "regenerate with EVENKEEL_UPDATE_GENERATED=1 core_test --gtest_filter='ConfigGenerated.*'";

std::filesystem::path source(const std::string& name) {
  return std::filesystem::path(EVENKEEL_SOURCE_DIR) / name;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream input(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(input), {}};
}

void expect_file(const std::string& name, const std::string& wanted) {
  if (std::getenv("EVENKEEL_UPDATE_GENERATED") != nullptr) {
    std::ofstream(source(name), std::ios::binary) << wanted;
  }
  // Not EXPECT_EQ: it would print both files.
  EXPECT_TRUE(read_file(source(name)) == wanted) << name << " is out of date: " << kHowTo;
}

// The configuration of full.yaml: the defaults, and what has none.
Config example() {
  Config config;
  ListenerPolicy listener;
  listener.name = "web";
  listener.address = {"0.0.0.0", 8080};
  config.listeners.push_back(listener);
  PoolPolicy pool;
  pool.name = "main";
  for (const char* id : {"a", "b"}) {
    BackendPolicy backend;
    backend.id = id;
    backend.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(id[0] == 'a' ? 9001 : 9002)};
    pool.backends.push_back(backend);
  }
  config.pools.push_back(pool);
  RoutePolicy route;
  route.name = "everything";
  config.routes.push_back(route);
  return config;
}

TEST(ConfigGenerated, FullExampleFollowsTheTable) {
  expect_file("configs/full.yaml", write_commented_config(example()));
}

TEST(ConfigGenerated, SchemaFollowsTheTable) { expect_file("configs/schema.json", write_schema()); }

TEST(ConfigGenerated, ReferenceFollowsTheTable) {
  expect_file("docs/configuration.md", write_reference());
}

TEST(ConfigFiles, FullExampleSaysOnlyDefaults) {
  ConfigErrors warnings;
  const auto loaded = load_config_file(source("configs/full.yaml").string(), {true, &warnings});
  ASSERT_TRUE(loaded) << to_text(loaded.error());
  EXPECT_EQ(*loaded, example());
  EXPECT_EQ(to_text(warnings), "");
}

TEST(ConfigFiles, EveryShippedConfigurationLoadsWithoutAWarning) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(source("configs"))) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  EXPECT_GE(files.size(), 8U);
  for (const auto& file : files) {
    ConfigErrors warnings;
    const auto loaded = load_config_file(file.string(), {true, &warnings});
    EXPECT_TRUE(loaded) << to_text(loaded.error());
    EXPECT_EQ(to_text(warnings), "");
  }
}

// Collects every key of the table.
class KeyCollector final : public FieldVisitor {
 public:
  explicit KeyCollector(std::vector<std::string>& keys) : keys_(keys) {}
  void scalar(const Field& field, const Scalar&) override { keys_.emplace_back(field.key); }
  void list(const Field& field, const ScalarList&) override { keys_.emplace_back(field.key); }
  void map(const Field& field, const ScalarMap&) override { keys_.emplace_back(field.key); }
  void section(const Field& field, const Section& section) override {
    keys_.emplace_back(field.key);
    section.visit(*this);
  }
  void sections(const Field& field, const SectionList& list) override {
    keys_.emplace_back(field.key);
    if (list.size() == 0) list.append();
    list.visit(0, *this);
  }

 private:
  std::vector<std::string>& keys_;
};

TEST(ConfigFiles, EveryKeyStandsInTheExampleTheSchemaAndTheReference) {
  Config config;
  std::vector<std::string> keys;
  KeyCollector collector(keys);
  visit_fields(collector, config);
  EXPECT_GE(keys.size(), 190U);
  const std::string full = read_file(source("configs/full.yaml"));
  const std::string schema = read_file(source("configs/schema.json"));
  const std::string reference = read_file(source("docs/configuration.md"));
  for (const std::string& key : keys) {
    const bool nested = full.find(" " + key + ":") != std::string::npos;
    EXPECT_TRUE(nested || full.find("\n" + key + ":") != std::string::npos) << key;
    EXPECT_NE(schema.find("\"" + key + "\": {"), std::string::npos) << key;
    EXPECT_NE(reference.find("| `" + key + "` |"), std::string::npos) << key;
  }
}

}  // namespace
}  // namespace evenkeel::core
