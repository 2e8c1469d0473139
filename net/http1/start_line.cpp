// SPDX-License-Identifier: Apache-2.0
#include "start_line.h"

#include "octets.h"

namespace evenkeel::net::http1 {
namespace {

LineScan wrong(HeadError& error, unsigned status, const char* cause) {
  error = {status, cause};
  return LineScan::wrong;
}

// "HTTP/1." and one digit at `at`, which moves past them.
LineScan scan_version(std::string_view text, std::size_t& at, unsigned& minor, HeadError& error) {
  constexpr std::string_view kName = "HTTP/";
  const std::string_view rest = text.substr(at);
  const std::string_view name = rest.substr(0, kName.size());
  if (name != kName.substr(0, name.size())) {
    return wrong(error, 400, "the start line names no HTTP version");
  }
  if (rest.size() > 5 && !is(kDigit, rest[5])) return wrong(error, 400, "malformed HTTP version");
  if (rest.size() > 6 && rest[6] != '.') return wrong(error, 400, "malformed HTTP version");
  if (rest.size() > 7 && !is(kDigit, rest[7])) return wrong(error, 400, "malformed HTTP version");
  if (rest.size() < 8) return LineScan::incomplete;
  if (rest[5] != '1') return wrong(error, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  minor = rest[7] == '0' ? 0 : 1;
  at += 8;
  return LineScan::complete;
}

LineScan scan_line_end(std::string_view text, std::size_t& at, HeadError& error) {
  if (at < text.size() && text[at] != '\r') {
    return text[at] == '\n' ? wrong(error, 400, "a line ends without CR and LF")
                            : wrong(error, 400, "the start line does not end after its last part");
  }
  if (at + 1 < text.size() && text[at + 1] != '\n') {
    return wrong(error, 400, "a line ends without CR and LF");
  }
  if (at + 2 > text.size()) return LineScan::incomplete;
  at += 2;
  return LineScan::complete;
}

LineScan scan_method(std::string_view text, std::size_t& at, RequestLine& line) {
  at = skip(kToken, text);
  if (at > kMaxMethodBytes) return wrong(line.error, 501, "the method is too long");
  if (at == text.size()) return LineScan::incomplete;
  if (text[at] == ' ' && at > 0) {
    line.method = text.substr(0, at++);
    return LineScan::complete;
  }
  if (at == 0 && text[0] == '\x16') return wrong(line.error, 400, "this port speaks no TLS");
  return wrong(line.error, 400, "the request does not begin with a method");
}

LineScan scan_target(std::string_view text, std::size_t max_bytes, std::size_t& at,
                     RequestLine& line) {
  const std::size_t begin = at;
  at = skip(kTarget, text, begin);
  if (at - begin > max_bytes) return wrong(line.error, 414, "the request target is too long");
  if (at == text.size()) return LineScan::incomplete;
  if (text[at] == ' ' && at > begin) {
    line.target = text.substr(begin, at++ - begin);
    return LineScan::complete;
  }
  if (at == begin) return wrong(line.error, 400, "the request line has no target");
  if (text[at] == '\r' || text[at] == '\n') {
    return wrong(line.error, 505, "the request line names no HTTP version");
  }
  return wrong(line.error, 400, "the request target has an octet that must be encoded");
}

}  // namespace

LineScan scan_request_line(std::string_view text, std::size_t max_target_bytes, RequestLine& line) {
  std::size_t at = 0;
  LineScan scan = scan_method(text, at, line);
  if (scan == LineScan::complete) scan = scan_target(text, max_target_bytes, at, line);
  if (scan == LineScan::complete) scan = scan_version(text, at, line.minor_version, line.error);
  if (scan == LineScan::complete) scan = scan_line_end(text, at, line.error);
  line.size = at;
  return scan;
}

LineScan scan_status_line(std::string_view text, StatusLine& line) {
  std::size_t at = 0;
  const LineScan version = scan_version(text, at, line.minor_version, line.error);
  if (version != LineScan::complete) return version;
  if (at < text.size() && text[at] != ' ') return wrong(line.error, 502, "malformed status line");
  ++at;
  unsigned status = 0;
  for (int digits = 0; digits < 3; ++digits, ++at) {
    if (at >= text.size()) return LineScan::incomplete;
    if (!is(kDigit, text[at])) return wrong(line.error, 502, "malformed status code");
    status = status * 10 + static_cast<unsigned>(text[at] - '0');
  }
  if (status < 100) return wrong(line.error, 502, "malformed status code");
  line.status = status;
  line.reason = {};
  if (at < text.size() && text[at] == ' ') {
    const std::size_t begin = ++at;
    at = skip(kValue, text, begin);
    line.reason = text.substr(begin, at - begin);
  }
  const LineScan end = scan_line_end(text, at, line.error);
  line.size = at;
  return end;
}

std::size_t empty_lines_length(std::string_view bytes) {
  std::size_t length = 0;
  while (length <= 2 * kMaxEmptyLines && bytes.substr(length, 2) == "\r\n") length += 2;
  return length;
}

}  // namespace evenkeel::net::http1
