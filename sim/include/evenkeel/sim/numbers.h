// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "evenkeel/core/time.h"

// How figures are written: the same digits on every machine, in every locale, by every compiler.
namespace evenkeel::sim {

// What a figure counts. It decides how a scenario file writes it and how a report prints it.
enum class Unit : std::uint8_t {
  count,     // a number of things
  ratio,     // 0 to 1, or any quotient of two of the same
  duration,  // in the code: nanoseconds
  per_second,
};
[[nodiscard]] const char* to_text(Unit unit);

// The whole number nearest to `value`, which is not negative and below 2^63; halves go up.
[[nodiscard]] std::uint64_t nearest(double value);

// `decimals` digits after the point, never an exponent, never "-0".
[[nodiscard]] std::string fixed(double value, int decimals);
// "812ns", "20.713ms", "1.5s": three decimals of the largest unit that is not below 1, without
// trailing zeros. 0 is "0s".
[[nodiscard]] std::string duration_text(core::Duration value);
// A figure for people: a duration as above, everything else with up to six decimals.
[[nodiscard]] std::string figure(double value, Unit unit);

}  // namespace evenkeel::sim
