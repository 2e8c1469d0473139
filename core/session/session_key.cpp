// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/session/session_key.h"

#include <cstdint>

namespace evenkeel::core {
namespace {

constexpr unsigned kBitsPerDigit = 4;
constexpr std::size_t kDigitsPerHalf = kSessionKeyTextLength / 2;

// One way to write a name: upper case would let two texts mean one session.
constexpr std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_half(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    const std::optional<unsigned> bits = digit(c);
    if (!bits) return std::nullopt;
    value = value << kBitsPerDigit | *bits;
  }
  return value;
}

void append_half(std::string& out, std::uint64_t value) {
  for (std::size_t i = kDigitsPerHalf; i-- > 0;) {
    out += "0123456789abcdef"[value >> (i * kBitsPerDigit) & 0xfU];
  }
}

}  // namespace

std::optional<SessionKey> parse_session_key(std::string_view text) {
  if (text.size() != kSessionKeyTextLength) return std::nullopt;
  const auto high = parse_half(text.substr(0, kDigitsPerHalf));
  const auto low = parse_half(text.substr(kDigitsPerHalf));
  if (!high || !low) return std::nullopt;
  return SessionKey{*high, *low};
}

void append_text(std::string& out, SessionKey key) {
  append_half(out, key.high);
  append_half(out, key.low);
}

std::string to_text(SessionKey key) {
  std::string text;
  text.reserve(kSessionKeyTextLength);
  append_text(text, key);
  return text;
}

}  // namespace evenkeel::core
