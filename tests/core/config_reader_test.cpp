// SPDX-License-Identifier: Apache-2.0
//
// Reading maps and single values, as scenario files do too.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evenkeel/core/config/reader.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

DocumentNode parsed(const std::string& text) {
  auto document = parse_document(text, "f");
  EXPECT_TRUE(document) << to_text(document.error());
  return document ? *document : DocumentNode{};
}

TEST(ConfigReader, ReadsWhatIsThereAndLeavesTheRest) {
  const DocumentNode root = parsed("rate: 1.5\nname: x\nwait: 2s\nsize: 1KiB\non: off\nn: 7\n");
  ErrorSink errors;
  MapReader reader(root, "", errors);
  double rate = 0;
  double other = 9;
  std::string text;
  Duration wait{};
  std::uint64_t size = 0;
  bool on = true;
  std::uint32_t n = 0;
  EXPECT_TRUE(reader.optional("rate", number(rate, 0, 10)));
  EXPECT_FALSE(reader.optional("other", number(other, 0, 10)));
  EXPECT_TRUE(reader.required("name", name(text)));
  EXPECT_TRUE(reader.optional("wait", duration(wait, 0s, 1h)));
  EXPECT_TRUE(reader.optional("size", bytes(size, 0, 4096)));
  EXPECT_TRUE(reader.optional("on", flag(on)));
  EXPECT_TRUE(reader.optional("n", integer(n, 0, 10)));
  reader.finish();
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(rate, 1.5);
  EXPECT_EQ(other, 9);
  EXPECT_EQ(text, "x");
  EXPECT_EQ(wait, 2s);
  EXPECT_EQ(size, 1024U);
  EXPECT_FALSE(on);
  EXPECT_EQ(n, 7U);
}

TEST(ConfigReader, CollectsEveryFaultWithItsPlace) {
  const DocumentNode root = parsed("a: x\nb: [1, y]\nc: {}\nlatncy: 1s\n");
  ErrorSink errors;
  MapReader reader(root, "world", errors);
  std::uint32_t a = 5;
  std::vector<std::uint32_t> b;
  Duration latency{};
  EXPECT_FALSE(reader.required("a", integer(a, 0, 9)));
  EXPECT_FALSE(reader.optional(
      "b", list<std::uint32_t>(b, [](std::uint32_t& value) { return integer(value, 0, 9); })));
  EXPECT_TRUE(reader.take_items("c").empty());
  EXPECT_FALSE(reader.optional("latency", duration(latency, 0s, 1h)));
  EXPECT_FALSE(reader.required("rate", integer(a, 0, 9)));
  reader.fail("c", "is odd");
  reader.finish();
  EXPECT_EQ(a, 5U);
  EXPECT_EQ(to_text(errors.take()),
            "f:1:1: world.rate: is required\n"
            "f:1:4: world.a: expected a whole number from 0 to 9, found \"x\"\n"
            "f:2:8: world.b[1]: expected a whole number from 0 to 9, found \"y\"\n"
            "f:3:4: world.c: expected a list, found a map\n"
            "f:3:4: world.c: is odd\n"
            "f:4:1: world.latncy: unknown key; did you mean \"latency\"?\n");
}

TEST(ConfigReader, WhatIsNoMapIsReportedOnce) {
  const DocumentNode root = parsed("a: [1]\n");
  ErrorSink errors;
  MapReader reader(*root.find("a"), "a", errors);
  std::uint32_t x = 0;
  EXPECT_FALSE(reader.required("x", integer(x, 0, 9)));
  reader.finish();
  EXPECT_EQ(to_text(errors.take()), "f:1:4: a: expected a map, found a list\n");
}

TEST(ConfigReader, NumbersAreFinite) {
  double value = 0;
  const Scalar scalar = number(value, -1e300, 1e300);
  for (const char* text : {"nan", "inf", "-inf", ".nan", "1e999", "1,5", "1.5x", "0x10", "''"}) {
    const DocumentNode root = parsed("a: " + std::string(text) + "\n");
    EXPECT_TRUE(scalar.read(*root.find("a"))) << text;
  }
  const DocumentNode root = parsed("a: -1.25e2\n");
  EXPECT_FALSE(scalar.read(*root.find("a")));
  EXPECT_EQ(value, -125);
}

TEST(ConfigReader, SuggestsOnlyWhatIsClose) {
  const std::vector<std::string> words = {"max_attempts", "on", "methods", "backoff"};
  EXPECT_EQ(closest("max_attempt", words), "max_attempts");
  EXPECT_EQ(closest("Max_Attempts", words), "max_attempts");
  EXPECT_EQ(closest("maxattemtps", words), "max_attempts");
  EXPECT_EQ(closest("bakcoff", words), "backoff");
  EXPECT_EQ(closest("xyzzy", words), "");
  EXPECT_EQ(closest(std::string(100000, 'a'), words), "");
}

TEST(ConfigReader, ListsAHundredErrorsAndCountsTheRest) {
  ErrorSink errors;
  for (int i = 0; i < 250; ++i) errors.add({"f", 250 - i, 1}, "k", "wrong");
  const ConfigErrors list = errors.take();
  ASSERT_EQ(list.size(), kMaxConfigErrors + 1);
  EXPECT_EQ(list.front().line, 151);  // in the order of the file
  EXPECT_EQ(to_text(list.back()), "f: and 150 more errors");
}

TEST(ConfigReader, ErrorsStayOnOneLineWhateverTheFileSays) {
  ErrorSink errors;
  errors.add({"f", 1, 1}, "a\nb", std::string("x\r\ny\0z", 6) + std::string(5000, 'x'));
  const ConfigErrors list = errors.take();
  EXPECT_EQ(to_text(list[0]).substr(0, 20), "f:1:1: a?b: x??y?zxx");
  EXPECT_LT(list[0].message.size(), 1100U);
}

TEST(ConfigReader, KnowsWhichKeysAnErrorMakesMeaningless) {
  ErrorSink errors;
  errors.add({}, "pools[0].retry", "expected a map");
  EXPECT_TRUE(errors.covers("pools[0].retry"));
  EXPECT_TRUE(errors.covers("pools[0].retry.max_attempts"));
  EXPECT_FALSE(errors.covers("pools[0].retry_x"));
  EXPECT_FALSE(errors.covers("pools[0]"));
}

}  // namespace
}  // namespace evenkeel::core
