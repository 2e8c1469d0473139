// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/session/session_key.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <string>
#include <type_traits>

namespace evenkeel::core {
namespace {

constexpr char kText[] = "0123456789abcdeffedcba9876543210";
constexpr SessionKey kKey{0x0123456789abcdefULL, 0xfedcba9876543210ULL};

TEST(SessionKey, IsThirtyTwoHexadecimalDigits) {
  EXPECT_EQ(to_text(kKey), kText);
  EXPECT_EQ(parse_session_key(kText), kKey);
  EXPECT_EQ(to_text(SessionKey{}), std::string(kSessionKeyTextLength, '0'));
}

TEST(SessionKey, IsAppendedToWhatIsThere) {
  std::string text = "evenkeel:";
  append_text(text, kKey);
  EXPECT_EQ(text, std::string("evenkeel:") + kText);
}

TEST(SessionKey, AnyOtherTextIsNoName) {
  const std::string good = kText;
  for (const std::string& text : {
           std::string(),
           good.substr(1),
           good + "0",
           " " + good.substr(1),
           good.substr(1) + "\n",
           "0x" + good.substr(2),
           "-" + good.substr(1),
           "0123456789ABCDEFFEDCBA9876543210" + std::string(),
           std::string(kSessionKeyTextLength, '\0'),
           good + "." + good,
       }) {
    EXPECT_EQ(parse_session_key(text), std::nullopt) << '"' << text << '"';
  }
}

// The neighbours of every range of digits.
TEST(SessionKey, OnlyTheSixteenDigitsAreDigits) {
  for (int c = 0; c < 256; ++c) {
    const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    for (const std::size_t place : {0U, 15U, 16U, 31U}) {
      std::string text(kSessionKeyTextLength, '0');
      text[place] = static_cast<char>(c);
      EXPECT_EQ(parse_session_key(text).has_value(), is_digit) << c << " at " << place;
    }
  }
}

// A name that is the time of day is guessed in a few thousand tries. Names here are two words of
// the system's entropy, which nothing converts to implicitly, and a time written out is no name.
TEST(SessionKey, ANameIsNeverATimeThatCanBeGuessed) {
  static_assert(sizeof(SessionKey) * 8 == 128);
  static_assert(!std::is_convertible_v<std::int64_t, SessionKey>);
  static_assert(!std::is_convertible_v<Instant, SessionKey>);
  EXPECT_EQ(parse_session_key("1736899200123456789"), std::nullopt);
  EXPECT_EQ(parse_session_key("session-1736899200123456789"), std::nullopt);
}

RC_GTEST_PROP(SessionKey, SurvivesItsText, (std::uint64_t high, std::uint64_t low)) {
  const SessionKey key{high, low};
  RC_ASSERT(to_text(key).size() == kSessionKeyTextLength);
  RC_ASSERT(parse_session_key(to_text(key)) == key);
}

// No two texts mean one session.
RC_GTEST_PROP(SessionKey, WhatIsReadIsWrittenTheSame, ()) {
  std::string text;
  const char* const alphabet = "0123456789abcdefABCDEFg -";
  for (std::size_t i = 0; i < kSessionKeyTextLength; ++i) {
    text += alphabet[*rc::gen::weightedOneOf<int>(
        {{200, rc::gen::inRange(0, 16)}, {1, rc::gen::inRange(16, 25)}})];
  }
  const auto key = parse_session_key(text);
  if (key) RC_ASSERT(to_text(*key) == text);
}

}  // namespace
}  // namespace evenkeel::core
