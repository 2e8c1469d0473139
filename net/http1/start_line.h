// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "evenkeel/net/http1/head.h"

// Private to net/http1. Both scanners work on any prefix of a line, so that the early checks and
// the parsers cannot disagree.
namespace evenkeel::net::http1 {

enum class LineScan : std::uint8_t {
  complete,    // the line with its CRLF is there and right
  incomplete,  // right so far
  wrong,       // no continuation makes it right; `error` says why
};

// Longest method that is looked at; extension methods in use are far shorter.
inline constexpr std::size_t kMaxMethodBytes = 64;

struct RequestLine {
  std::string_view method;
  std::string_view target;
  unsigned minor_version = 1;
  std::size_t size = 0;  // with its CRLF
  HeadError error;
};
[[nodiscard]] LineScan scan_request_line(std::string_view text, std::size_t max_target_bytes,
                                         RequestLine& line);

struct StatusLine {
  unsigned status = 0;
  std::string_view reason;
  unsigned minor_version = 1;
  std::size_t size = 0;
  HeadError error;
};
// Also without reason phrase, and then with or without the blank before it, as real origins send.
[[nodiscard]] LineScan scan_status_line(std::string_view text, StatusLine& line);

// Length of the empty lines in front of a request: at most one more than kMaxEmptyLines, which is
// one too many.
[[nodiscard]] std::size_t empty_lines_length(std::string_view bytes);

}  // namespace evenkeel::net::http1
