// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/route/match.h"

#include <algorithm>
#include <cstddef>

namespace evenkeel::core {
namespace {

constexpr auto kNone = std::string_view::npos;

bool equal_without_case(std::string_view lower, std::string_view text) {
  return std::equal(lower.begin(), lower.end(), text.begin(), text.end(), [](char a, char b) {
    return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
  });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes one decoded byte off a text that is not empty.
char take_decoded(std::string_view& text) {
  const char first = text.front();
  if (first == '%' && text.size() >= 3 && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
    const int byte = hex_digit(text[1]) * 16 + hex_digit(text[2]);
    text.remove_prefix(3);
    return static_cast<char>(byte);
  }
  text.remove_prefix(1);
  return first == '+' ? ' ' : first;
}

bool equal_decoded(std::string_view encoded, std::string_view plain) {
  for (const char c : plain) {
    if (encoded.empty() || take_decoded(encoded) != c) return false;
  }
  return encoded.empty();
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the part up to the separator, and the separator, off the text.
std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

std::string_view without_port(std::string_view host) {
  const std::size_t bracket = host.rfind(']');  // the colons of an IPv6 literal are not a port's
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != kNone && (bracket == kNone || colon > bracket);
  return has_port ? host.substr(0, colon) : host;
}

bool matches_host(std::string_view wanted, std::string_view host) {
  if (wanted.substr(0, 2) != "*.") return equal_without_case(wanted, host);
  const std::string_view tail = wanted.substr(1);  // with the dot
  return host.size() > tail.size() &&
         equal_without_case(tail, host.substr(host.size() - tail.size()));
}

bool matches_prefix(std::string_view prefix, std::string_view path) {
  if (prefix == "/") return true;
  if (path.substr(0, prefix.size()) != prefix) return false;
  return prefix.empty() || prefix.back() == '/' || path.size() == prefix.size() ||
         path[prefix.size()] == '/';
}

bool contains(const AddressRange& range, const Address& address) {
  const std::size_t whole = range.prefix_bits / 8U;
  if (!std::equal(range.address.begin(), range.address.begin() + whole, address.begin())) {
    return false;
  }
  const unsigned rest = range.prefix_bits % 8U;
  if (rest == 0) return true;
  const auto differing = static_cast<unsigned>(range.address[whole] ^ address[whole]);
  return differing >> (8U - rest) == 0;
}

bool has_parameter(std::string_view query, const FieldMatch& wanted) {
  while (!query.empty()) {
    std::string_view value = take_part(query, '&');
    const std::string_view name = take_part(value, '=');
    if (!equal_decoded(name, wanted.name)) continue;
    if (wanted.value.empty() || equal_decoded(value, wanted.value)) return true;
  }
  return false;
}

std::optional<std::string_view> find_cookie(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    std::string_view value = take_part(cookies, ';');
    if (trim(take_part(value, '=')) != name) continue;
    value = trim(value);
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    return quoted ? value.substr(1, value.size() - 2) : value;
  }
  return std::nullopt;
}

}  // namespace evenkeel::core
