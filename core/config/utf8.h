// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace evenkeel::core {

struct TextFault {
  int line = 0;  // from 1
  int column = 0;
  std::string message;
};

// The first byte that does not belong into a text file: invalid UTF-8 (overlong forms and
// surrogates included) or a control character other than tab, line feed and carriage return.
[[nodiscard]] std::optional<TextFault> find_text_fault(std::string_view text);

// `text` with control characters replaced and cut to about `max_length` bytes (never inside a
// character): what a file says must not be able to break the line an error stands on.
[[nodiscard]] std::string one_line(std::string text, std::size_t max_length);
// The same in quotes, short enough to stand in a sentence.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace evenkeel::core
