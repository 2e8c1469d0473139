// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::core {

// `text` in lines of at most `width` bytes, broken at blanks.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width);
// The lines of a text, without their ends.
[[nodiscard]] std::vector<std::string> split_lines(std::string_view text);

}  // namespace evenkeel::core
