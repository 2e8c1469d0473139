// SPDX-License-Identifier: Apache-2.0
//
// Documents: positions, what is refused before any schema is looked at, and dotted paths.
#include <gtest/gtest.h>

#include <string>

#include "evenkeel/core/config/document.h"

namespace evenkeel::core {
namespace {

using Kind = DocumentNode::Kind;

DocumentNode parsed(const std::string& text) {
  auto document = parse_document(text, "f.yaml");
  EXPECT_TRUE(document) << to_text(document.error());
  return document ? *document : DocumentNode{};
}

std::string errors_of(const std::string& text) {
  const auto document = parse_document(text, "f.yaml");
  return document ? "" : to_text(document.error());
}

std::string text_at(const DocumentNode& root, const std::string& path) {
  const DocumentNode* node = find_by_path(root, path);
  return node == nullptr ? "(none)" : node->scalar;
}

constexpr const char* kPools =
    "pools:\n"
    "- name: main\n"
    "  retry: {max_attempts: 2}\n"
    "  backends: [{id: a.b, weight: 1}, {id: a, weight: 2}, {weight: 3}]\n"
    "- name: canary\n";

TEST(ConfigDocument, KnowsWhereEveryValueWasWritten) {
  const DocumentNode root = parsed("a: 1\nb:\n  - x\n  - {c: \"y\"}\nd:\n");
  EXPECT_EQ(root.find("a")->where, (Position{"f.yaml", 1, 4}));
  EXPECT_EQ(root.find("b")->items[0].where, (Position{"f.yaml", 3, 5}));
  const DocumentNode& map = root.find("b")->items[1];
  EXPECT_EQ(map.members[0].where, (Position{"f.yaml", 4, 6}));
  EXPECT_EQ(map.members[0].value.where, (Position{"f.yaml", 4, 9}));
  EXPECT_EQ(root.find("d")->where, (Position{"f.yaml", 5, 1}));  // nothing stands there: the key
}

TEST(ConfigDocument, TellsTextInQuotesFromPlainWords) {
  const DocumentNode root = parsed("a: 1\nb: '1'\nc: |\n  1\nd: ~\ne: \"\"\n");
  EXPECT_FALSE(root.find("a")->quoted);
  EXPECT_TRUE(root.find("b")->quoted);
  EXPECT_TRUE(root.find("c")->quoted);
  EXPECT_EQ(root.find("d")->kind, Kind::null);
  EXPECT_EQ(root.find("e")->kind, Kind::scalar);
}

TEST(ConfigDocument, AliasesAreCopies) {
  const DocumentNode root = parsed("a: &x {b: 1}\nc: *x\n");
  EXPECT_EQ(text_at(root, "c.b"), "1");
}

TEST(ConfigDocument, ReportsEveryDuplicateKeyWithItsPath) {
  EXPECT_EQ(errors_of("a: [{b: 1, b: 2}]\nc: 1\nc: 2\nc: 3\n"),
            "f.yaml:1:12: a[0].b: this key was already given on line 1\n"
            "f.yaml:3:1: c: this key was already given on line 2\n"
            "f.yaml:4:1: c: this key was already given on line 2\n");
}

TEST(ConfigDocument, AliasBombIsDefusedByCountingItsNodes) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    const std::string last = std::string("*") + static_cast<char>(c - 1) + ",";
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += last;
    bomb += "]\n";
  }
  EXPECT_EQ(errors_of(bomb), "f.yaml:5:29: more than 100000 values, aliases included\n");
}

TEST(ConfigDocument, DepthIsBoundedThroughAliasesToo) {
  EXPECT_EQ(errors_of("a: [" + std::string(31, '[') + std::string(32, ']') + "\n"),
            "f.yaml:1:35: nested more than 32 levels deep\n");
  EXPECT_EQ(errors_of("a: &a " + std::string(20, '[') + std::string(20, ']') +
                      "\nb: " + std::string(20, '[') + "*a" + std::string(20, ']') + "\n"),
            "f.yaml:2:24: nested more than 32 levels deep\n");
}

TEST(ConfigDocument, MissingFilesAndDirectoriesAreErrorsWithoutALine) {
  const auto missing = read_document("/nonexistent/evenkeel.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(to_text(missing.error()),
            "/nonexistent/evenkeel.yaml: cannot be opened: No such file or directory\n");
  const auto directory = read_document("/");
  ASSERT_FALSE(directory);
  EXPECT_EQ(to_text(directory.error()), "/: is a directory, not a file\n");
}

TEST(ConfigDocument, EndlessFilesEndAtTheBound) {
  const auto endless = read_document("/dev/zero");
  ASSERT_FALSE(endless);
  EXPECT_EQ(to_text(endless.error()), "/dev/zero: larger than 1024 KiB\n");
}

TEST(ConfigDocument, PathsLeadThroughNamesIdsAndNumbers) {
  const DocumentNode root = parsed(kPools);
  EXPECT_EQ(text_at(root, "pools.main.retry.max_attempts"), "2");
  EXPECT_EQ(text_at(root, "pools.0.retry.max_attempts"), "2");
  EXPECT_EQ(text_at(root, "pools.main.backends.a.weight"), "2");
  EXPECT_EQ(text_at(root, "pools.main.backends.a.b.weight"), "1");  // the longest id that fits
  EXPECT_EQ(text_at(root, "pools.main.backends.2.weight"), "3");
  EXPECT_EQ(text_at(root, "pools.main.backends.3.weight"), "(none)");
  EXPECT_EQ(text_at(root, "pools.mai"), "(none)");
}

TEST(ConfigDocument, OverridesReplaceAndCreate) {
  DocumentNode root = parsed(kPools);
  const DocumentNode set = parsed(
      "pools.main.retry.max_attempts: 1\n"
      "pools.canary.health_check.interval: 2s\n"
      "pools.1.outlier_detection: off\n"
      "drain.timeout: 1s\n");
  ErrorSink errors;
  apply_overrides(root, set, "proxy.set", errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(text_at(root, "pools.main.retry.max_attempts"), "1");
  EXPECT_EQ(text_at(root, "pools.canary.health_check.interval"), "2s");
  EXPECT_EQ(text_at(root, "pools.canary.outlier_detection"), "off");
  EXPECT_EQ(text_at(root, "drain.timeout"), "1s");
  EXPECT_EQ(find_by_path(root, "drain.timeout")->where, (Position{"f.yaml", 4, 16}));
}

TEST(ConfigDocument, OverridesThatLeadNowhereChangeNothing) {
  DocumentNode root = parsed(kPools);
  const DocumentNode set = parsed(
      "pools.mian.retry.max_attempts: 1\n"
      "pools.main.retry.max_attempts.x: 1\n"
      "pools.main..retry: 1\n"
      ".pools: 1\n"
      "pools.main.backends.9.weight: 1\n");
  ErrorSink errors;
  apply_overrides(root, set, "set", errors);
  EXPECT_EQ(to_text(errors.take()),
            "f.yaml:1:1: set.pools.mian.retry.max_attempts: no element is called \"mian\"; there "
            "are: main, canary\n"
            "f.yaml:2:1: set.pools.main.retry.max_attempts.x: leads into \"2\", which has no "
            "\"x\"\n"
            "f.yaml:3:1: set.pools.main..retry: expected a dotted path such as pools.main.retry\n"
            "f.yaml:4:1: set..pools: expected a dotted path such as pools.main.retry\n"
            "f.yaml:5:1: set.pools.main.backends.9.weight: no element is called \"9\"; there are: "
            "a.b, a\n");
  EXPECT_EQ(text_at(root, "pools.main.retry.max_attempts"), "2");
}

TEST(ConfigDocument, OverridePathsAreBounded) {
  DocumentNode root = parsed("{}");
  std::string path = "a";
  for (int i = 0; i < 100000; ++i) path += ".a";
  EXPECT_TRUE(set_by_path(root, path, DocumentNode{}, {}));
  EXPECT_TRUE(root.members.empty());
}

TEST(ConfigDocument, MergingKeepsThePositionsOfBothFiles) {
  DocumentNode base = parsed("a: {x: 1, y: 2}\nb: [1]\n");
  const auto over = parse_document("a: {y: 3}\nb: [2]\nc: 4\n", "over.yaml");
  ASSERT_TRUE(over);
  merge(base, *over);
  EXPECT_EQ(text_at(base, "a.x"), "1");
  EXPECT_EQ(text_at(base, "a.y"), "3");
  EXPECT_EQ(text_at(base, "b.0"), "2");
  EXPECT_EQ(find_by_path(base, "a.x")->where.file, "f.yaml");
  EXPECT_EQ(find_by_path(base, "a.y")->where, (Position{"over.yaml", 1, 8}));
  EXPECT_EQ(text_at(base, "c"), "4");
}

TEST(ConfigDocument, LocatesTheNearestThingThatWasWritten) {
  const DocumentNode root = parsed(kPools);
  EXPECT_EQ(locate(root, "pools[0].retry.max_attempts").where.line, 3);
  EXPECT_TRUE(locate(root, "pools[0].retry.max_attempts").exact);
  EXPECT_EQ(locate(root, "pools[0].retry.backoff.max").where, (Position{"f.yaml", 3, 10}));
  EXPECT_FALSE(locate(root, "pools[0].retry.backoff.max").exact);
  EXPECT_FALSE(locate(root, "pools[7].name").exact);
  EXPECT_FALSE(locate(root, "pools[0").exact);
}

}  // namespace
}  // namespace evenkeel::core
