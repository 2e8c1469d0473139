// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "evenkeel/net/http1/head.h"
#include "start_line.h"

namespace evenkeel::net::http1 {
namespace {

// How much of a start line the early checks look at: every call looks again, so a long line that
// arrives byte by byte must not cost its length each time.
constexpr std::size_t kEarlyBytes = 1024;
// A request line's version, its blanks and CRLF, and a status line's version and code.
constexpr std::size_t kLineOverhead = 16;

std::optional<HeadError> too_many_empty_lines() {
  return HeadError{400, "too many empty lines before the request"};
}

}  // namespace

std::size_t find_head_end(std::string_view bytes, std::size_t already_scanned) {
  const std::size_t begin = empty_lines_length(bytes);
  if (begin > 2 * kMaxEmptyLines) return begin;  // parse_request_head() says why that is wrong
  std::size_t at = std::max(begin, already_scanned);
  while ((at = bytes.find('\n', at)) != std::string_view::npos) {
    const bool bare = at == begin || bytes[at - 1] != '\r';
    const bool empty_line = at >= begin + 2 && bytes[at - 2] == '\n';
    ++at;
    if (bare || empty_line) return at;
  }
  return kHeadIncomplete;
}

std::optional<HeadError> early_error(std::string_view prefix, const HeadLimits& limits) {
  const std::size_t skipped = empty_lines_length(prefix);
  if (skipped > 2 * kMaxEmptyLines) return too_many_empty_lines();
  const std::string_view text = prefix.substr(skipped);
  if (text.empty() || text == "\r") return std::nullopt;

  RequestLine line;
  const LineScan scan =
      scan_request_line(text.substr(0, kEarlyBytes), limits.max_target_bytes, line);
  if (scan == LineScan::wrong) return line.error;
  const std::size_t longest = kMaxMethodBytes + limits.max_target_bytes + kLineOverhead;
  if (scan == LineScan::incomplete && text.size() > longest &&
      text.substr(0, longest).find('\n') == std::string_view::npos) {
    return HeadError{414, "the request target is too long"};
  }
  if (prefix.size() >= limits.max_head_bytes) return HeadError{431, "the head is too large"};
  return std::nullopt;
}

std::optional<HeadError> early_response_error(std::string_view prefix, const HeadLimits& limits) {
  StatusLine line;
  if (!prefix.empty() && scan_status_line(prefix.substr(0, kEarlyBytes), line) == LineScan::wrong) {
    return HeadError{502, line.error.cause};
  }
  if (prefix.size() >= limits.max_head_bytes) return HeadError{502, "the head is too large"};
  return std::nullopt;
}

}  // namespace evenkeel::net::http1
