// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/client_address.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace evenkeel::net {

namespace {

using Bytes = core::Address;
constexpr auto kNone = std::string_view::npos;

// Takes the part before the separator, and the separator, off the text.
std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == kNone ? text.size() : end + 1);
  return part;
}

std::optional<std::uint16_t> number(std::string_view text, int base, std::size_t max_digits,
                                    unsigned max) {
  std::uint16_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value, base);
  const bool whole = end.ec == std::errc{} && end.ptr == text.data() + text.size();
  if (!whole || text.size() > max_digits || value > max) return std::nullopt;
  return value;
}

bool parse_v4(std::string_view text, std::uint8_t* out) {
  if (std::count(text.begin(), text.end(), '.') != 3) return false;
  for (int i = 0; i < 4; ++i) {
    const std::string_view part = take_part(text, '.');
    const auto byte = number(part, 10, 3, 255);
    const bool octal = part.size() > 1 && part.front() == '0';  // to some who read it
    if (!byte || octal) return false;
    out[i] = static_cast<std::uint8_t>(*byte);
  }
  return true;
}

// Groups of 16 bits, the last two perhaps as IPv4; how many bytes they fill, 0 when they are wrong.
std::size_t parse_groups(std::string_view text, Bytes& out) {
  std::size_t size = 0;
  while (!text.empty()) {
    const bool last = text.find(':') == kNone;
    if (!last && text.back() == ':') return 0;
    if (last && text.find('.') != kNone) {
      return size <= 12 && parse_v4(text, out.data() + size) ? size + 4 : 0;
    }
    const auto group = number(take_part(text, ':'), 16, 4, 0xffff);
    if (!group || size == out.size()) return 0;
    out[size++] = static_cast<std::uint8_t>(*group >> 8U);
    out[size++] = static_cast<std::uint8_t>(*group & 0xffU);
  }
  return size;
}

std::optional<Bytes> parse_v6(std::string_view text) {
  Bytes front{};
  const std::size_t gap = text.find("::");
  const std::string_view before = text.substr(0, gap);
  const std::size_t front_size = parse_groups(before, front);
  if (front_size == 0 && !before.empty()) return std::nullopt;
  if (gap == kNone) return front_size == front.size() ? std::optional(front) : std::nullopt;
  Bytes back{};
  const std::string_view after = text.substr(gap + 2);
  const std::size_t back_size = parse_groups(after, back);
  if (back_size == 0 && !after.empty()) return std::nullopt;
  if (front_size + back_size >= front.size()) return std::nullopt;  // the gap is of something
  std::copy_n(back.begin(), back_size, front.end() - static_cast<std::ptrdiff_t>(back_size));
  return front;
}

}  // namespace

core::Address address_from(std::string_view text) {
  text = text.substr(0, text.find('%'));  // the zone of a link-local address is the machine's
  if (text.find(':') != kNone) return parse_v6(text).value_or(Bytes{});
  Bytes mapped{};
  mapped[10] = mapped[11] = 0xff;
  return parse_v4(text, mapped.data() + 12) ? mapped : Bytes{};
}

}  // namespace evenkeel::net
