// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// The octet classes of RFC 9110 §5.6 and RFC 3986 as one table, and what is built from them.
// Private to net/http1.
namespace evenkeel::net::http1 {

inline constexpr std::uint8_t kToken = 1;    // tchar: methods, field names, options
inline constexpr std::uint8_t kValue = 2;    // field values: HTAB, SP, VCHAR, obs-text
inline constexpr std::uint8_t kTarget = 4;   // VCHAR without '#': a fragment is never sent
inline constexpr std::uint8_t kRegName = 8;  // unreserved and sub-delims, without '%'
inline constexpr std::uint8_t kDigit = 16;
inline constexpr std::uint8_t kBlank = 32;  // SP and HTAB
inline constexpr std::uint8_t kHexDigit = 64;

namespace detail {
constexpr bool contains(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}
constexpr std::array<std::uint8_t, 256> make_octets() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool visible = i > 0x20 && i < 0x7f;
    const bool hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    std::uint8_t bits = 0;
    if (digit || alpha || (visible && contains("!#$%&'*+-.^_`|~", c))) bits |= kToken;
    if (visible || c == ' ' || c == '\t' || i >= 0x80) bits |= kValue;
    if (visible && c != '#') bits |= kTarget;
    if (digit || alpha || (visible && contains("-._~!$&'()*+,;=", c))) bits |= kRegName;
    if (digit) bits |= kDigit;
    if (c == ' ' || c == '\t') bits |= kBlank;
    if (hex) bits |= kHexDigit;
    table[i] = bits;
  }
  return table;
}
}  // namespace detail

inline constexpr std::array<std::uint8_t, 256> kOctets = detail::make_octets();

[[nodiscard]] constexpr bool is(std::uint8_t classes, char c) {
  return (kOctets[static_cast<unsigned char>(c)] & classes) != 0;
}

// The first offset from `at` on whose octet is not of the classes; text.size() when all are.
[[nodiscard]] constexpr std::size_t skip(std::uint8_t classes, std::string_view text,
                                         std::size_t at = 0) {
  while (at < text.size() && is(classes, text[at])) ++at;
  return at;
}

[[nodiscard]] constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// `lower` must be lower case already.
[[nodiscard]] constexpr bool equals_lower(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != lower[i]) return false;
  }
  return true;
}

[[nodiscard]] constexpr std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is(kBlank, text.front())) text.remove_prefix(1);
  while (!text.empty() && is(kBlank, text.back())) text.remove_suffix(1);
  return text;
}

// 1*DIGIT up to `max`; nothing for anything else.
[[nodiscard]] constexpr std::optional<std::uint64_t> parse_decimal(std::string_view text,
                                                                   std::uint64_t max) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is(kDigit, c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (max - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

// Calls `use(element)` for each non-empty element of a comma-separated list, trimmed, as long as it
// returns true. False when it did not.
template <typename Use>
constexpr bool for_each_element(std::string_view list, Use use) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view element = trim_blanks(list.substr(0, comma));
    if (!element.empty() && !use(element)) return false;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return true;
}

// Whether this is uri-host [":" port] of RFC 3986 with a host; no user information.
[[nodiscard]] bool is_authority(std::string_view text);

}  // namespace evenkeel::net::http1
