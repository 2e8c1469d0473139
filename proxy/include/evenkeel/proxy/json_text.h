// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace evenkeel::proxy {

// One byte becomes at most this many in a JSON string.
inline constexpr std::size_t kJsonExpansion = 6;

// Writes `text` as the inside of a JSON string and returns the end. The result is ASCII whatever
// the bytes: those outside of printable ASCII become \u00XX, so that a log line is valid UTF-8 even
// when a client's bytes were not, and still shows them. Needs room for kJsonExpansion ·
// text.size().
[[nodiscard]] char* escape_json(char* out, std::string_view text);

// "text", with quotes.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace evenkeel::proxy
