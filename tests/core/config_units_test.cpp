// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "evenkeel/core/config/units.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

TEST(ConfigUnits, DurationsAreWholeNumbersWithUnits) {
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("500us"), 500us);
  EXPECT_EQ(parse_duration("7ns"), 7ns);
  EXPECT_EQ(parse_duration("24h"), 24h);
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("1h2m3s4ms5us6ns"), 1h + 2min + 3s + 4ms + 5us + 6ns);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(ConfigUnits, EverythingElseIsNoDuration) {
  for (const char* text : {"",
                           "10",
                           "s",
                           "1.5s",
                           "-1s",
                           "+1s",
                           "1 s",
                           " 1s",
                           "1s ",
                           "1S",
                           "1sec",
                           "1s1m",
                           "1s1s",
                           "1m1",
                           "0x1s",
                           "1d",
                           "1e3s",
                           "99999999999h",
                           "9223372036854775808ns",
                           "9223372036854775807ns1ns"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  EXPECT_EQ(parse_duration("9223372036854775807ns"), Duration::max());
}

TEST(ConfigUnits, DurationsAreWrittenWithTheWidestUnitThatIsExact) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(300s), "5m");
  EXPECT_EQ(format_duration(24h), "24h");
  EXPECT_EQ(format_duration(1500us), "1500us");
}

TEST(ConfigUnits, SizesAreBytesOrBinaryUnits) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1000"), 1000U);
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("1MiB"), 1048576U);
  EXPECT_EQ(parse_size("2GiB"), 2147483648U);
  EXPECT_EQ(parse_size("1TiB"), 1099511627776U);
  EXPECT_EQ(parse_size("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
}

TEST(ConfigUnits, EverythingElseIsNoSize) {
  for (const char* text : {"", "KiB", "64KB", "64k", "64 KiB", "64kib", "-1", "1.5MiB", "1MiB1KiB",
                           "18446744073709551616", "16777216TiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

RC_GTEST_PROP(ConfigUnits, DurationsRoundTrip, ()) {
  const auto count = *rc::gen::inRange<std::int64_t>(0, std::numeric_limits<std::int64_t>::max());
  const auto zeros = *rc::gen::inRange(0, 15);  // so that wide units occur
  std::int64_t factor = 1;
  for (int i = 0; i < zeros; ++i) factor *= 10;
  const Duration value(count / factor * factor);
  RC_ASSERT(parse_duration(format_duration(value)) == value);
}

RC_GTEST_PROP(ConfigUnits, SizesRoundTrip, ()) {
  const auto value = *rc::gen::arbitrary<std::uint64_t>() << *rc::gen::inRange(0U, 50U);
  RC_ASSERT(parse_size(format_size(value)) == value);
}

}  // namespace
}  // namespace evenkeel::core
