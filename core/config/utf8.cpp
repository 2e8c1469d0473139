// SPDX-License-Identifier: Apache-2.0
#include "utf8.h"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace evenkeel::core {
namespace {

// The length of the UTF-8 sequence that `text` begins with; 0 when it begins with none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // The second byte rules out overlong forms, surrogates and everything above U+10FFFF.
  const std::uint8_t second = byte(1);
  if (lead == 0xE0 && second < 0xA0) return 0;
  if (lead == 0xED && second > 0x9F) return 0;
  if (lead == 0xF0 && second < 0x90) return 0;
  if (lead == 0xF4 && second > 0x8F) return 0;
  return length;
}

bool is_control(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
}

}  // namespace

std::optional<TextFault> find_text_fault(std::string_view text) {
  int line = 1;
  int column = 1;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text.substr(i));
    if (length == 0) return TextFault{line, column, "this byte is not valid UTF-8"};
    if (is_control(text[i])) return TextFault{line, column, "control characters are not text"};
    column += static_cast<int>(length);
    if (text[i] == '\n') {
      ++line;
      column = 1;
    }
    i += length;
  }
  return std::nullopt;
}

std::string one_line(std::string text, std::size_t max_length) {
  if (text.size() > max_length) {
    std::size_t end = max_length;
    while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
    text += "…";
  }
  for (char& c : text) {
    if (is_control(c) || c == '\t' || c == '\n' || c == '\r') c = '?';
  }
  return text;
}

std::string quote(std::string_view text) {
  constexpr std::size_t kShown = 60;
  return "\"" + one_line(std::string(text), kShown) + "\"";
}

}  // namespace evenkeel::core
