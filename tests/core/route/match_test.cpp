// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/route/match.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::core {
namespace {

TEST(Match, CookiesAreFoundByTheirWholeName) {
  EXPECT_EQ(find_cookie("a=1; b=2", "b"), "2");
  EXPECT_EQ(find_cookie("ab=1;b=2", "b"), "2");
  EXPECT_EQ(find_cookie("b=1; b=2", "b"), "1");
  EXPECT_EQ(find_cookie("b=\"x=y\"", "b"), "x=y");
  EXPECT_EQ(find_cookie("b=", "b"), "");
  EXPECT_EQ(find_cookie("b", "b"), "");
  EXPECT_EQ(find_cookie(" \tb = 1 ;", "b"), "1");
  EXPECT_EQ(find_cookie("B=1; bb=2; c=b=3", "b"), std::nullopt);
  EXPECT_EQ(find_cookie("", "b"), std::nullopt);
  EXPECT_EQ(find_cookie(";;=;", "b"), std::nullopt);
  EXPECT_EQ(find_cookie("b=\"", "b"), "\"");
}

TEST(Match, AMalformedEscapeStandsForItself) {
  EXPECT_TRUE(has_parameter("a=%", {"a", "%"}));
  EXPECT_TRUE(has_parameter("a=%4", {"a", "%4"}));
  EXPECT_TRUE(has_parameter("a=%zz", {"a", "%zz"}));
  EXPECT_TRUE(has_parameter("%61=%41", {"a", "A"}));
  EXPECT_FALSE(has_parameter("a=%4", {"a", "A"}));
}

TEST(Match, ARangeOfNoBitsIsEverybodyAndOneOfAllBitsIsOne) {
  const Address one = {1, 2, 3};
  const Address other = {1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_TRUE(contains({one, 128}, one));
  EXPECT_FALSE(contains({one, 128}, other));
  EXPECT_TRUE(contains({one, 127}, other));
  EXPECT_TRUE(contains({{}, 0}, one));
}

// The comparison by bytes agrees with the definition by bits.
RC_GTEST_PROP(Match, ContainsComparesThePrefixBits, (Address range, Address address)) {
  const auto bits = *rc::gen::inRange<unsigned>(0, 129);
  const auto equal = *rc::gen::inRange<unsigned>(0, 129);
  for (unsigned i = 0; i < equal; ++i) {  // make prefixes that agree likely
    const auto mask = static_cast<std::uint8_t>(0x80U >> (i % 8));
    address[i / 8] = static_cast<std::uint8_t>((address[i / 8] & ~mask) | (range[i / 8] & mask));
  }
  bool same = true;
  for (unsigned i = 0; i < bits; ++i) {
    same = same && (((range[i / 8] ^ address[i / 8]) >> (7 - i % 8)) & 1) == 0;
  }
  RC_ASSERT(contains({range, static_cast<std::uint8_t>(bits)}, address) == same);
}

// A parameter that was encoded, however, is found.
RC_GTEST_PROP(Match, EveryEncodingOfAParameterIsFound, (const std::string& value)) {
  std::string encoded;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') && *rc::gen::arbitrary<bool>();
    if (plain) {
      encoded += c;
    } else {
      encoded += {'%', "0123456789abcdef"[byte / 16], "0123456789ABCDEF"[byte % 16]};
    }
  }
  RC_ASSERT(has_parameter("x=1&p=" + encoded + "&y", {"p", value}));
  if (!value.empty()) RC_ASSERT(!has_parameter("x=1&p=" + encoded + "1&y", {"p", value}));
}

// Strangers write queries and cookies.
RC_GTEST_PROP(Match, ArbitraryTextIsReadToItsEnd, (const std::string& text)) {
  (void)has_parameter(text, {"a", "b"});
  (void)find_cookie(text, "a");
  (void)without_port(text);
  (void)matches_host("*.a", text);
  RC_SUCCEED();
}

}  // namespace
}  // namespace evenkeel::core
