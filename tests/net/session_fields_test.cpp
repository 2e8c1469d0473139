// SPDX-License-Identifier: Apache-2.0
//
// Sessions as they stand in heads, and addresses as routes compare them.
#include "evenkeel/net/session_fields.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <chrono>
#include <string>

#include "evenkeel/core/session/session_key.h"
#include "evenkeel/net/client_address.h"

namespace evenkeel::net {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kKeyText = "00112233445566778899aabbccddeeff";
constexpr core::SessionKey kKey{0x0011223344556677, 0x8899aabbccddeeff};

core::SessionPolicy by_cookie() {
  core::SessionPolicy policy;
  policy.mode = core::SessionMode::cookie;
  policy.cookie = "S";
  return policy;
}

std::optional<core::SessionKey> shown(const core::SessionPolicy& policy,
                                      const std::vector<std::string_view>& values,
                                      std::string_view name = "Cookie") {
  http1::Fields fields;
  for (const std::string_view value : values) fields.add(name, value, http1::FieldId::other);
  return find_session(fields, policy);
}

std::string written(const core::SessionPolicy& policy, bool secure = false) {
  std::string line = "what stood there before";
  write_session_field(line, policy, kKey, secure);
  return line;
}

TEST(SessionFields, TheFirstCookieOfTheNameCounts) {
  const std::string cookie = "S=" + std::string(kKeyText);
  const std::string other = "S=ffffffffffffffffffffffffffffffff";
  EXPECT_EQ(shown(by_cookie(), {cookie}), kKey);
  EXPECT_EQ(shown(by_cookie(), {"a=b; " + cookie + "; c=d"}), kKey);
  EXPECT_EQ(shown(by_cookie(), {cookie + "; " + other}), kKey);
  EXPECT_EQ(shown(by_cookie(), {"a=b", cookie, other}), kKey);
  EXPECT_EQ(shown(by_cookie(), {"S=no; " + cookie}), std::nullopt);
}

TEST(SessionFields, WhatIsNotExactlyANameOfOursIsNone) {
  for (const std::string_view value :
       {"", "S", "S=", "S=0011", "T=00112233445566778899aabbccddeeff",
        "XS=00112233445566778899aabbccddeeff", "s=00112233445566778899aabbccddeeff",
        "S=00112233445566778899AABBCCDDEEFF", "S=00112233445566778899aabbccddeeff0",
        "S=0x112233445566778899aabbccddeeff", "S=00112233445566778899aabbccddee f"}) {
    EXPECT_EQ(shown(by_cookie(), {value}), std::nullopt) << value;
  }
  EXPECT_EQ(shown(by_cookie(), {}), std::nullopt);
}

TEST(SessionFields, AHeaderCarriesTheNameAlone) {
  core::SessionPolicy policy = by_cookie();
  policy.mode = core::SessionMode::header;
  policy.header = "x-session";
  EXPECT_EQ(shown(policy, {kKeyText}, "X-Session"), kKey);
  EXPECT_EQ(shown(policy, {"S=00112233445566778899aabbccddeeff"}), std::nullopt);
  EXPECT_EQ(written(policy), "x-session: " + std::string(kKeyText) + "\r\n");
}

TEST(SessionFields, TheCookieSaysHowItMayBeUsed) {
  core::SessionPolicy policy = by_cookie();
  const std::string start = "Set-Cookie: S=" + std::string(kKeyText) + "; Path=/; Max-Age=";
  EXPECT_EQ(written(policy), start + "3600; HttpOnly; SameSite=Lax\r\n");
  EXPECT_EQ(written(policy, true), start + "3600; HttpOnly; SameSite=Lax; Secure\r\n");
  policy.secure = core::SecureCookie::never;
  policy.http_only = false;
  policy.same_site = core::SameSite::strict;
  policy.ttl = 1500ms;
  EXPECT_EQ(written(policy, true), start + "2; SameSite=Strict\r\n");
  policy.secure = core::SecureCookie::always;
  policy.same_site = core::SameSite::none;
  EXPECT_EQ(written(policy), start + "2; SameSite=None; Secure\r\n");
}

TEST(SessionFields, NothingIsReadWithoutSessions) {
  core::SessionPolicy policy = by_cookie();
  policy.mode = core::SessionMode::none;
  EXPECT_EQ(shown(policy, {"S=" + std::string(kKeyText)}), std::nullopt);
}

TEST(ClientAddress, IsSixteenBytesInEitherFamily) {
  core::Address v4{};
  v4[10] = v4[11] = 0xff;
  v4[12] = 192;
  v4[14] = 2;
  v4[15] = 1;
  EXPECT_EQ(address_from("192.0.2.1"), v4);
  EXPECT_EQ(address_from("::ffff:192.0.2.1"), v4);
  core::Address v6{};
  v6[0] = 0xfe;
  v6[1] = 0x80;
  v6[15] = 1;
  EXPECT_EQ(address_from("fe80::1"), v6);
  EXPECT_EQ(address_from("fe80::1%eth0"), v6);
}

// What the system makes of the same text.
core::Address by_the_system(const std::string& text) {
  core::Address address{};
  if (::inet_pton(AF_INET, text.c_str(), address.data() + 12) == 1) {
    address[10] = address[11] = 0xff;
  } else if (::inet_pton(AF_INET6, text.c_str(), address.data()) != 1) {
    address.fill(0);
  }
  return address;
}

TEST(ClientAddress, IsReadAsTheSystemReadsIt) {
  for (const std::string text : {"0.0.0.0",
                                 "255.255.255.255",
                                 "::",
                                 "::1",
                                 "1::",
                                 "2001:db8::a:b",
                                 "1:2:3:4:5:6:7:8",
                                 "1:2:3:4:5:6:7::",
                                 "::2:3:4:5:6:7:8",
                                 "1:2:3:4:5:6:1.2.3.4",
                                 "::1.2.3.4",
                                 "64:ff9b::192.0.2.33",
                                 "ABCD:ef01::",
                                 "1:2:3:4:5:6:7",
                                 "1:2:3:4:5:6:7:8:9",
                                 "1::2::3",
                                 ":::",
                                 ":1::2",
                                 "1::2:",
                                 "12345::",
                                 "g::",
                                 "::1.2.3",
                                 "1.2.3.256",
                                 "1.2.3.4.5",
                                 "1..2.3",
                                 "01.2.3.4",
                                 "::01.2.3.4",
                                 "0.00.0.0",
                                 "1.2.3.",
                                 ".1.2.3",
                                 "1:2:3:4:5:6:7:1.2.3.4",
                                 "::1.2.3.4:5",
                                 "+1.2.3.4",
                                 "-1::",
                                 ":",
                                 "."}) {
    EXPECT_EQ(address_from(text), by_the_system(text)) << text;
  }
}

RC_GTEST_PROP(ClientAddress, ReadsAnyAddressThatTheSystemWrites, (const core::Address& bytes)) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  RC_ASSERT(::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size()) != nullptr);
  RC_ASSERT(address_from(text.data()) == bytes);
}

RC_GTEST_PROP(ClientAddress, NoTextIsTakenThatTheSystemRefuses, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("01af:.:.")));
  RC_ASSERT(address_from(text) == by_the_system(text));
}

TEST(ClientAddress, WhatIsNoAddressIsAllZero) {
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("1.2.3"), std::string("1.2.3.4:80"),
        std::string("[::1]"), std::string(200, '1')}) {
    EXPECT_EQ(address_from(text), core::Address{}) << text;
  }
}

}  // namespace
}  // namespace evenkeel::net
