// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evenkeel/core/time.h"

// Durations and sizes as people write them.
namespace evenkeel::core {

// "250ms", "10s", "1m30s": whole numbers with h, m, s, ms, us or ns, each unit at most once and the
// widest first; plain 0. Nothing else, and nothing that overflows.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
// The shortest such text with one unit; "0s" for zero. `value` must not be negative.
[[nodiscard]] std::string format_duration(Duration value);

// "64KiB", "1MiB", "2GiB", "1TiB", or plain bytes. Decimal units (KB) are refused: half of all
// readers take them for the binary ones.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace evenkeel::core
