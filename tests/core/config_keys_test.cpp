// SPDX-License-Identifier: Apache-2.0
//
// No key without effect: config_keys.txt names for every key of the table of fields the test that
// proves what it does. Both ways: every key has a line, every line a key; the named test exists;
// and some code outside the loader reads the value.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "evenkeel/core/config/fields.h"

namespace evenkeel::core {
namespace {

namespace fs = std::filesystem;

fs::path source(const std::string& name) { return fs::path(EVENKEEL_SOURCE_DIR) / name; }

std::string read_file(const fs::path& path) {
  std::ifstream input(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(input), {}};
}

// Collects the paths of all values, "pools[].retry.on", but those that only one word fits.
class LeafCollector final : public FieldVisitor {
 public:
  LeafCollector(std::string path, std::set<std::string>& leaves)
      : path_(std::move(path)), leaves_(leaves) {}

  void scalar(const Field& field, const Scalar& scalar) override {
    const bool ranged = scalar.type == "choice" || scalar.type == "integer";
    const bool constant = ranged && scalar.range.find(", ") == std::string::npos &&
                          scalar.range.find(" to ") == std::string::npos;
    if (!constant) leaves_.insert(join(field));
  }
  void list(const Field& field, const ScalarList&) override { leaves_.insert(join(field)); }
  void map(const Field& field, const ScalarMap&) override { leaves_.insert(join(field)); }
  void section(const Field& field, const Section& section) override {
    LeafCollector inner(join(field), leaves_);
    section.visit(inner);
  }
  void sections(const Field& field, const SectionList& list) override {
    if (list.size() == 0) list.append();
    LeafCollector inner(join(field) + "[]", leaves_);
    list.visit(0, inner);
  }

 private:
  [[nodiscard]] std::string join(const Field& field) const {
    return (path_.empty() ? "" : path_ + ".") + std::string(field.key);
  }

  std::string path_;
  std::set<std::string>& leaves_;
};

std::set<std::string> all_keys() {
  Config config;
  std::set<std::string> leaves;
  LeafCollector collector("", leaves);
  visit_fields(collector, config);
  return leaves;
}

// A line of config_keys.txt: key, folder:Suite.Test, and the member's name where it differs.
struct Proof {
  std::string folder;
  std::string test;  // "Suite.Name"; of a system test the file's name
  std::string member;
};

std::map<std::string, Proof> proofs() {
  std::map<std::string, Proof> result;
  std::istringstream lines(read_file(source("tests/core/config_keys.txt")));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string key;
    std::string test;
    Proof proof;
    words >> key >> test >> proof.member;
    const std::size_t colon = test.find(':');
    EXPECT_NE(colon, std::string::npos) << line;
    if (colon == std::string::npos) continue;
    proof.folder = test.substr(0, colon);
    proof.test = test.substr(colon + 1);
    if (proof.member.empty()) proof.member = key.substr(key.rfind('.') + 1);
    EXPECT_TRUE(result.emplace(key, proof).second) << "twice: " << key;
  }
  return result;
}

bool is_source(const fs::path& path) {
  return path.extension() == ".cpp" || path.extension() == ".h";
}

std::vector<fs::path> sources_of(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(source(folder))) {
    if (is_source(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Which tests there are: of this program as it knows them, of the others as they are written.
class Tests {
 public:
  bool has(const Proof& proof) {
    if (proof.folder == "core") return is_registered(proof.test);
    if (proof.folder == "system") return fs::exists(source("tests/system/" + proof.test + ".py"));
    const std::size_t dot = proof.test.find('.');
    if (dot == std::string::npos) return false;
    const std::string head = "(" + proof.test.substr(0, dot) + ", " + proof.test.substr(dot + 1);
    const std::string& text = text_of(proof.folder);
    return text.find(head + ")") != std::string::npos || text.find(head + ",") != std::string::npos;
  }

 private:
  static bool is_registered(const std::string& name) {
    const auto& all = *::testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); ++i) {
      const auto& suite = *all.GetTestSuite(i);
      for (int k = 0; k < suite.total_test_count(); ++k) {
        if (name == std::string(suite.name()) + "." + suite.GetTestInfo(k)->name()) return true;
      }
    }
    return false;
  }

  const std::string& text_of(const std::string& folder) {
    auto [found, is_new] = texts_.try_emplace(folder);
    if (is_new && fs::exists(source("tests/" + folder))) {
      for (const fs::path& file : sources_of("tests/" + folder)) found->second += read_file(file);
    }
    return found->second;
  }

  std::map<std::string, std::string> texts_;
};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Whether `text` has `word` as a member: behind ".", "->" or "::*".
bool reads(const std::string& text, const std::string& word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const char before = at == 0 ? ' ' : text[at - 1];
    const char after = at + word.size() < text.size() ? text[at + word.size()] : ' ';
    if (!is_word(after) && (before == '.' || before == '>' || before == '*')) return true;
  }
  return false;
}

TEST(ConfigKeys, EveryKeyNamesTheTestThatProvesItsEffect) {
  const auto known = proofs();
  for (const std::string& key : all_keys()) {
    EXPECT_TRUE(known.count(key) == 1) << key << " has no line in tests/core/config_keys.txt";
  }
}

TEST(ConfigKeys, EveryProofIsOfAKeyThatExists) {
  const auto keys = all_keys();
  for (const auto& [key, proof] : proofs()) {
    EXPECT_TRUE(keys.count(key) == 1) << key << " is no key of the configuration";
  }
}

TEST(ConfigKeys, EveryNamedTestExists) {
  Tests tests;
  for (const auto& [key, proof] : proofs()) {
    EXPECT_TRUE(tests.has(proof)) << key << ": there is no test " << proof.folder << ":"
                                  << proof.test;
  }
}

TEST(ConfigKeys, EveryValueIsReadByMoreThanTheLoader) {
  std::string code;
  for (const std::string folder : {"core", "net", "sim", "proxy"}) {
    for (const fs::path& file : sources_of(folder)) {
      const std::string path = file.string();
      const bool loader = path.find("/config/field") != std::string::npos;
      if (!loader && file.filename() != "policies.h") code += read_file(file);
    }
  }
  for (const auto& [key, proof] : proofs()) {
    EXPECT_TRUE(reads(code, proof.member)) << key << ": nobody reads " << proof.member;
  }
}

}  // namespace
}  // namespace evenkeel::core
