// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/json_text.h"

#include <array>

namespace evenkeel::proxy {
namespace {

constexpr bool plain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = plain(static_cast<unsigned char>(c));
  return table;
}();

}  // namespace

char* escape_json(char* out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain[byte]) {
      *out++ = c;
    } else if (c == '"' || c == '\\') {
      *out++ = '\\';
      *out++ = c;
    } else {
      for (const char piece : {'\\', 'u', '0', '0', kHex[byte >> 4U], kHex[byte & 15U]}) {
        *out++ = piece;
      }
    }
  }
  return out;
}

std::string json_quoted(std::string_view text) {
  std::string quoted(text.size() * kJsonExpansion + 2, '"');
  char* end = escape_json(quoted.data() + 1, text);
  *end++ = '"';
  quoted.resize(static_cast<std::size_t>(end - quoted.data()));
  return quoted;
}

}  // namespace evenkeel::proxy
