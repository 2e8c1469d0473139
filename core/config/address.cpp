// SPDX-License-Identifier: Apache-2.0
#include "address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <system_error>
#include <vector>

namespace evenkeel::core {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Calls `part` with each piece between separators until one answers false.
template <typename F>
bool each_part(std::string_view text, char separator, F part) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!part(text.substr(0, end))) return false;
    if (end == kNone) return true;
    text.remove_prefix(end + 1);
  }
}

// Decimal without leading zeros, which some programs read as octal.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned max) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value > max) return std::nullopt;
  return value;
}

bool is_ipv4(std::string_view text) {
  std::size_t parts = 0;
  return each_part(text, '.',
                   [&parts](std::string_view part) {
                     ++parts;
                     return parse_decimal(part, 255).has_value();
                   }) &&
         parts == 4;
}

// The number of 16-bit groups in a run without "::"; nothing when it is malformed. Only the last
// run of an address may end in an IPv4 address, which makes two groups.
std::optional<std::size_t> count_groups(std::string_view run, bool is_last) {
  if (run.empty()) return 0;
  std::size_t groups = 0;
  const std::size_t tail = run.rfind(':') == kNone ? 0 : run.rfind(':') + 1;
  if (is_last && is_ipv4(run.substr(tail))) {
    if (tail == 0) return 2;
    groups = 2;
    run = run.substr(0, tail - 1);
  }
  const bool good = each_part(run, ':', [&groups](std::string_view part) {
    ++groups;
    return !part.empty() && part.size() <= 4 && std::all_of(part.begin(), part.end(), is_hex);
  });
  if (!good) return std::nullopt;
  return groups;
}

bool is_ipv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == kNone) return count_groups(text, true) == 8;
  const auto before = count_groups(text.substr(0, gap), false);
  const auto after = count_groups(text.substr(gap + 2), true);
  return before && after && *before + *after < 8;
}

// The groups of one side of an address that is_ipv6() has accepted, two bytes each.
void append_groups(std::string_view run, std::vector<std::uint8_t>& bytes) {
  if (run.empty()) return;
  each_part(run, ':', [&bytes](std::string_view part) {
    if (part.find('.') == kNone) {
      unsigned group = 0;
      std::from_chars(part.data(), part.data() + part.size(), group, 16);
      bytes.push_back(static_cast<std::uint8_t>(group >> 8U));
      bytes.push_back(static_cast<std::uint8_t>(group & 0xFFU));
      return true;
    }
    return each_part(part, '.', [&bytes](std::string_view byte) {
      bytes.push_back(static_cast<std::uint8_t>(*parse_decimal(byte, 255)));
      return true;
    });
  });
}

// Of a text that is_ipv6() has accepted.
std::array<std::uint8_t, 16> to_bytes(std::string_view text) {
  const std::size_t gap = std::min(text.find("::"), text.size());
  std::vector<std::uint8_t> before;
  std::vector<std::uint8_t> after;
  append_groups(text.substr(0, gap), before);
  if (gap < text.size()) append_groups(text.substr(gap + 2), after);
  std::array<std::uint8_t, 16> bytes{};
  std::copy(before.begin(), before.end(), bytes.begin());
  std::copy_backward(after.begin(), after.end(), bytes.end());
  return bytes;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::string_view last;
  const bool good = each_part(text, '.', [&last](std::string_view label) {
    last = label;
    const auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; };
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(), allowed);
  });
  // A number at the end makes it a malformed address, which resolvers must not be asked for.
  return good && !std::all_of(last.begin(), last.end(), is_digit);
}

struct HostAndPort {
  std::string_view host;  // without brackets
  bool bracketed = false;
  std::optional<std::string_view> port;
};

std::optional<HostAndPort> split_port(std::string_view text) {
  HostAndPort parts;
  std::string_view rest;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == kNone) return std::nullopt;
    parts.bracketed = true;
    parts.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    parts.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (rest.empty()) return parts;
  if (rest.front() != ':') return std::nullopt;
  parts.port = rest.substr(1);
  return parts;
}

bool is_literal(const HostAndPort& parts) {
  return parts.bracketed ? is_ipv6(parts.host) : is_ipv4(parts.host);
}

Unexpected<std::string> expected(std::string what) { return {std::move(what)}; }

}  // namespace

Result<Endpoint, std::string> parse_backend_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  const std::string form = "a URL such as http://10.0.0.1:8080 or http://[::1]:8080";
  if (text.substr(0, 8) == "https://") {
    return expected("a URL that begins with http:// (TLS to backends is not available yet)");
  }
  if (text.substr(0, kScheme.size()) != kScheme) return expected(form);
  text.remove_prefix(kScheme.size());
  if (!text.empty() && text.back() == '/') text.remove_suffix(1);
  if (text.find_first_of("/?#") != kNone) {
    return expected(form + " without a path (requests keep their own)");
  }
  const auto parts = split_port(text);
  if (!parts || !(is_literal(*parts) || (!parts->bracketed && is_host_name(parts->host)))) {
    return expected(form);
  }
  const auto port = parts->port ? parse_decimal(*parts->port, 65535) : 80;
  if (!port || *port == 0) return expected(form + " with a port from 1 to 65535");
  return Endpoint{std::string(parts->host), static_cast<std::uint16_t>(*port)};
}

Result<Endpoint, std::string> parse_listen_address(std::string_view text) {
  const std::string form = "an address and port such as 0.0.0.0:8080, 127.0.0.1:8080 or [::]:8080";
  const auto parts = split_port(text);
  if (!parts || !parts->port || !is_literal(*parts)) return expected(form);
  const auto port = parse_decimal(*parts->port, 65535);
  if (!port) return expected(form + " with a port from 0 to 65535");
  return Endpoint{std::string(parts->host), static_cast<std::uint16_t>(*port)};
}

Result<std::string, std::string> parse_match_host(std::string_view text) {
  const std::string form = "a host name without port, such as api.example.com or *.example.com";
  const bool is_wild = text.substr(0, 2) == "*.";
  const auto parts = split_port(is_wild ? text.substr(2) : text);
  if (!parts || parts->port) return expected(form);
  const bool is_name = !parts->bracketed && is_host_name(parts->host);
  if (!is_name && (is_wild || !is_literal(*parts))) return expected(form);
  std::string host(text);
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return host;
}

std::optional<std::string> find_redis_url_fault(std::string_view text) {
  constexpr std::string_view kScheme = "redis://";
  const std::string form = "a URL such as redis://10.0.0.1:6379 or redis://:password@host:6379/0";
  if (text.size() > 1024 || text.substr(0, kScheme.size()) != kScheme) return form;
  text.remove_prefix(kScheme.size());
  const std::size_t at = text.rfind('@');
  if (at != kNone) text.remove_prefix(at + 1);
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view number = text.substr(std::min(slash + 1, text.size()));
  if (slash + 1 < text.size() && !parse_decimal(number, 1'000'000)) return form;
  const auto parts = split_port(text.substr(0, slash));
  if (!parts || !(is_literal(*parts) || (!parts->bracketed && is_host_name(parts->host)))) {
    return form;
  }
  const auto port = parts->port ? parse_decimal(*parts->port, 65535) : 6379;
  if (!port || *port == 0) return form + " with a port from 1 to 65535";
  return std::nullopt;
}

Result<AddressRange, std::string> parse_address_range(std::string_view text) {
  const std::string form = "an address or range such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32";
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view address = text.substr(0, slash);
  const bool is_v4 = is_ipv4(address);
  if (!is_v4 && !is_ipv6(address)) return expected(form);
  const unsigned all = is_v4 ? 32 : 128;
  const auto prefix = slash == text.size() ? all : parse_decimal(text.substr(slash + 1), all);
  if (!prefix) return expected(form + " with a prefix of at most " + std::to_string(all) + " bits");
  AddressRange range;
  range.address = is_v4 ? to_bytes("::ffff:" + std::string(address)) : to_bytes(address);
  range.prefix_bits = static_cast<std::uint8_t>(*prefix + 128 - all);
  AddressRange masked = range;
  for (unsigned bit = range.prefix_bits; bit < 128; ++bit) {
    masked.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  if (!(masked == range)) {
    return expected("a range without bits beyond its prefix, such as " + to_text(masked));
  }
  return range;
}

std::string to_text(const AddressRange& range) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  const auto& bytes = range.address;
  std::string text;
  if (range.prefix_bits >= 96 && std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    for (std::size_t i = 12; i < 16; ++i) text += (i == 12 ? "" : ".") + std::to_string(bytes[i]);
    return text + "/" + std::to_string(range.prefix_bits - 96);
  }
  for (std::size_t i = 0; i < 16; i += 2) {
    std::array<char, 4> group{};
    const auto value = static_cast<unsigned>(bytes[i] << 8U | bytes[i + 1]);
    const auto end = std::to_chars(group.data(), group.data() + group.size(), value, 16).ptr;
    text += i == 0 ? "" : ":";
    text.append(group.data(), end);
  }
  return text + "/" + std::to_string(range.prefix_bits);
}

std::string to_text(const Endpoint& endpoint) {
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

}  // namespace evenkeel::core
