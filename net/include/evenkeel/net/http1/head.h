// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "evenkeel/core/method.h"
#include "evenkeel/net/http1/fields.h"

// HTTP/1.x heads: bytes in, meaning out, or the reason why there is none. Framing is decided here
// from RFC 9112 §6.3 and nowhere else; whatever two readers could understand differently is an
// error. Being laxer than the grammar is a smuggling vector, being stricter breaks real peers.
//
// The order of calls for a growing buffer:
//   end = find_head_end(bytes, already_scanned)
//   npos → early_error(bytes): answer and close, or wait for more bytes
//   else → parse_request_head(bytes.substr(0, end)), and the body starts at `end`.
namespace evenkeel::net::http1 {

// How the end of a body is known.
enum class BodyFraming : std::uint8_t {
  none,         // there is no body
  length,       // exactly `length` bytes, which may be 0
  chunked,      // see chunked.h
  until_close,  // until the peer ends the connection; responses only
};

struct HeadLimits {
  std::size_t max_head_bytes = 64 * 1024;      // start line, fields and the empty line
  std::size_t max_fields = Fields::kCapacity;  // at most Fields::kCapacity
  std::size_t max_target_bytes = 8 * 1024;
};

// Why bytes are not a head. After one, the connection is not in a known state: answer and close.
struct HeadError {
  unsigned status = 400;   // what to answer; 502 for everything wrong with a response
  const char* cause = "";  // a static sentence for the answer's body and the log
};

// All views point into the bytes parsed, or to static text.
struct RequestHead {
  core::Method method = core::Method::other;
  std::string_view method_text;
  // What to ask the origin for: origin-form or `*`, as received. Of an absolute-form target it is
  // what follows the authority; when that lacks the leading slash ("http://a?q"), see below.
  std::string_view target;
  bool target_lacks_slash = false;  // the target is "" or "?…" and needs a "/" in front
  unsigned minor_version = 1;       // 0 or 1; every later HTTP/1.x counts as 1
  // The target's authority, else the Host field; empty only for HTTP/1.0 without either.
  std::string_view host;
  BodyFraming framing = BodyFraming::none;
  std::uint64_t length = 0;  // of the body, when framing is `length`
  bool keep_alive = false;   // the client would send another request after this one
  bool expects_continue = false;
  // Asks to switch to WebSocket or another protocol; never set for h2c (which is ignored) or for a
  // request with a body.
  bool wants_upgrade = false;
  // Of TRACE and OPTIONS: at 0 this proxy is the final recipient and must answer itself.
  std::optional<std::uint32_t> max_forwards;
  Fields fields;
};

struct ResponseHead {
  unsigned status = 0;      // 100..999
  std::string_view reason;  // may be empty
  unsigned minor_version = 1;
  BodyFraming framing = BodyFraming::none;
  std::uint64_t length = 0;  // what Content-Length says, also where there is no body
  bool has_content_length = false;
  bool keep_alive = false;  // the connection may be used again after the body's end
  bool has_retry_after = false;
  std::optional<unsigned> retry_after_seconds;  // absent when Retry-After is a date or unreadable
  bool switches_protocol = false;               // 101
  Fields fields;

  // 1xx other than 101: another head follows.
  [[nodiscard]] bool is_interim() const { return status < 200 && status != 101; }
};

inline constexpr std::size_t kHeadIncomplete = std::string_view::npos;

// Empty lines before a request are skipped (some clients end a body with one too many); more than
// this many are an error.
inline constexpr std::size_t kMaxEmptyLines = 4;

// Offset just past the empty line that ends the head, or kHeadIncomplete. `already_scanned` is the
// size of `bytes` at the previous call for this head (0 at first), so that a dribbling peer costs
// O(n). A line that ends in a bare LF ends the head as well: nothing valid can follow, and
// parse_*_head() refuses what there is at once instead of waiting for an end that never comes.
[[nodiscard]] std::size_t find_head_end(std::string_view bytes, std::size_t already_scanned);

// Why `prefix`, whose head has not ended yet, can never become a head that is accepted; nothing
// when it still can. Finds TLS, HTTP/2 prefaces, HTTP/0.9, overlong lines and heads without waiting
// for their end. Looks at no more than the first KiB closely.
[[nodiscard]] std::optional<HeadError> early_error(std::string_view prefix,
                                                   const HeadLimits& limits);
[[nodiscard]] std::optional<HeadError> early_response_error(std::string_view prefix,
                                                            const HeadLimits& limits);

// Parses one complete head, which is what find_head_end() delimited. On an error `out` is
// unspecified.
[[nodiscard]] std::optional<HeadError> parse_request_head(std::string_view head,
                                                          const HeadLimits& limits,
                                                          RequestHead& out);
// `request_method` decides whether a body follows: answers to HEAD, 1xx, 204 and 304 have none,
// whatever their fields claim.
[[nodiscard]] std::optional<HeadError> parse_response_head(std::string_view head,
                                                           const HeadLimits& limits,
                                                           core::Method request_method,
                                                           ResponseHead& out);

// The target's path, for routing: without query, "/" when the target has none, "*" for OPTIONS *.
[[nodiscard]] std::string_view path_of(const RequestHead& head);
// What follows the target's "?"; empty when nothing does.
[[nodiscard]] std::string_view query_of(const RequestHead& head);

}  // namespace evenkeel::net::http1
