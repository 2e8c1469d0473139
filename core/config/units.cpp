// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/units.h"

#include <charconv>
#include <limits>
#include <system_error>

namespace evenkeel::core {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Widest first: the order in which a text may use them.
constexpr Unit kDurations[] = {
    {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000},
    {"ms", 1'000'000},        {"us", 1'000},         {"ns", 1},
};
constexpr Unit kSizes[] = {
    {"TiB", 1ULL << 40U},
    {"GiB", 1ULL << 30U},
    {"MiB", 1ULL << 20U},
    {"KiB", 1ULL << 10U},
};

// Takes the digits that `text` begins with.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<std::uint64_t> multiply(std::uint64_t a, std::uint64_t b, std::uint64_t limit) {
  if (a > limit / b) return std::nullopt;
  return a * b;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  constexpr std::uint64_t kLimit = std::numeric_limits<Duration::rep>::max();
  std::uint64_t total = 0;
  const Unit* unit = std::begin(kDurations);
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    while (unit != std::end(kDurations) && unit->name != name) ++unit;
    if (unit == std::end(kDurations)) return std::nullopt;
    const auto part = multiply(*number, unit->factor, kLimit - total);
    if (!part) return std::nullopt;
    total += *part;
    text.remove_prefix(name.size());
    ++unit;
  }
  return Duration(static_cast<Duration::rep>(total));
}

std::string format_duration(Duration value) {
  const auto count = static_cast<std::uint64_t>(value.count());
  if (count == 0) return "0s";
  for (const Unit& unit : kDurations) {
    if (count % unit.factor == 0) {
      return std::to_string(count / unit.factor) + std::string(unit.name);
    }
  }
  return "";  // not reached: everything is a multiple of 1ns
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number || text.empty()) return number;
  for (const Unit& unit : kSizes) {
    if (text == unit.name) {
      return multiply(*number, unit.factor, std::numeric_limits<std::uint64_t>::max());
    }
  }
  return std::nullopt;
}

std::string format_size(std::uint64_t bytes) {
  for (const Unit& unit : kSizes) {
    if (bytes != 0 && bytes % unit.factor == 0) {
      return std::to_string(bytes / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(bytes);
}

}  // namespace evenkeel::core
