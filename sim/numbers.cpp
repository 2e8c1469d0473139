// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace evenkeel::sim {
namespace {

std::string without_trailing_zeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

const char* to_text(Unit unit) {
  switch (unit) {
    case Unit::count:
      return "count";
    case Unit::ratio:
      return "ratio";
    case Unit::duration:
      return "duration";
    case Unit::per_second:
      return "per_second";
  }
  return "";
}

std::uint64_t nearest(double value) {
  const auto whole = static_cast<std::uint64_t>(value);
  return value - static_cast<double>(whole) >= 0.5 ? whole + 1 : whole;
}

std::string fixed(double value, int decimals) {
  std::array<char, 400> buffer{};  // the longest double has 309 digits before the point
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::fixed, decimals);
  std::string text(buffer.data(), end.ptr);
  const bool negative_zero =
      text.front() == '-' && text.find_first_not_of("-0.") == std::string::npos;
  return negative_zero ? text.substr(1) : text;
}

std::string duration_text(core::Duration value) {
  if (value == core::Duration::zero()) return "0s";
  const std::int64_t ns = value.count();
  const double size = ns < 0 ? -static_cast<double>(ns) : static_cast<double>(ns);
  struct Step {
    double length;
    std::string_view name;
  };
  // A little below each unit, so that 999.9996ms is written "1s" and not "1000ms".
  constexpr std::array<Step, 3> kSteps = {{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}}};
  for (const Step& step : kSteps) {
    if (size < step.length * 0.9999995) continue;
    return without_trailing_zeros(fixed(static_cast<double>(ns) / step.length, 3)) +
           std::string(step.name);
  }
  return std::to_string(ns) + "ns";
}

std::string figure(double value, Unit unit) {
  if (unit == Unit::duration) {
    // Durations are whole nanoseconds except where a bound was computed; that may be any multiple.
    constexpr double kMost = 9e18;
    return duration_text(
        core::Duration(static_cast<std::int64_t>(std::clamp(value, -kMost, kMost))));
  }
  return without_trailing_zeros(fixed(value, 6));
}

}  // namespace evenkeel::sim
