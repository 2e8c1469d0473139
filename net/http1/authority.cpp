// SPDX-License-Identifier: Apache-2.0
#include "octets.h"

namespace evenkeel::net::http1 {
namespace {

constexpr std::uint64_t kMaxPort = 65535;

bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    const std::size_t end = skip(kDigit, text);
    if (end > 3 || !parse_decimal(text.substr(0, end), 255)) return false;
    text.remove_prefix(end);
    if (part == 3) break;
    if (text.empty() || text.front() != '.') return false;
    text.remove_prefix(1);
  }
  return text.empty();
}

// Groups of up to four hex digits, eight in all, where one "::" stands for at least one group of
// zeros and the last two may be written as IPv4. Zone identifiers are not part of an authority.
bool is_ipv6(std::string_view text) {
  int groups = 0;
  bool shortened = false;
  bool after_group = false;  // at the colon's other side: a second colon makes it "::"
  if (text.substr(0, 2) == "::") {
    shortened = true;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (text.front() == ':') {
      if (shortened || !after_group) return false;
      shortened = true;
      after_group = false;
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = skip(kHexDigit, text);
    if (end < text.size() && text[end] == '.') {
      return is_ipv4(text) && (shortened ? groups <= 5 : groups == 6);
    }
    if (end == 0 || end > 4 || ++groups > 8) return false;
    text.remove_prefix(end);
    if (text.empty()) break;
    if (text.front() != ':') return false;
    text.remove_prefix(1);
    if (text.empty()) return false;  // ends in a single colon
    after_group = true;
  }
  return shortened ? groups <= 7 : groups == 8;
}

// The length of the registered name or IPv4 address at the front; 0 when there is none.
std::size_t reg_name_length(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (is(kRegName, text[at])) {
      ++at;
    } else if (text[at] == '%' && at + 2 < text.size() && is(kHexDigit, text[at + 1]) &&
               is(kHexDigit, text[at + 2])) {
      at += 3;
    } else {
      break;
    }
  }
  return at;
}

std::size_t host_length(std::string_view text) {
  if (text.empty() || text.front() != '[') return reg_name_length(text);
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos || !is_ipv6(text.substr(1, close - 1))) return 0;
  return close + 1;
}

}  // namespace

bool is_authority(std::string_view text) {
  const std::size_t host = host_length(text);
  if (host == 0) return false;
  text.remove_prefix(host);
  if (text.empty()) return true;
  if (text.front() != ':') return false;
  text.remove_prefix(1);
  // RFC 3986 allows an empty port, and it means the scheme's default.
  return text.empty() || (text.size() <= 5 && parse_decimal(text, kMaxPort).has_value());
}

}  // namespace evenkeel::net::http1
