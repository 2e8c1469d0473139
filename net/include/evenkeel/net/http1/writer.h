// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "evenkeel/net/http1/head.h"

// Heads going out, always written anew from parsed state: framing fields and what ends at this
// proxy are never copied through, everything else keeps its bytes, order and multiplicity.
// Every writer returns the bytes written, or 0 when they do not fit into `out`.
namespace evenkeel::net::http1 {

// What this proxy calls itself in Via.
inline constexpr std::string_view kViaName = "evenkeel";
// For an "Expect: 100-continue" that this proxy answers itself.
inline constexpr std::string_view kContinueHead = "HTTP/1.1 100 Continue\r\n\r\n";

// How one request is forwarded.
struct Forwarding {
  std::string_view client_address;  // text without port, appended to X-Forwarded-For
  std::string_view scheme;          // "http" or "https", overwrites X-Forwarded-Proto
  std::string_view request_id;      // replaces X-Request-ID; empty: the client's passes
  std::string_view default_host;    // Host when the client named none (HTTP/1.0): the backend's
  bool upgrade = false;             // pass Upgrade on; only with head.wants_upgrade
};

// The request as HTTP/1.1 for a backend. Max-Forwards of TRACE and OPTIONS goes down by one: answer
// those at 0 here instead of forwarding them.
[[nodiscard]] std::size_t write_request_head(const RequestHead& head, const Forwarding& how,
                                             std::span<char> out);

// How one response is delivered.
struct ResponsePlan {
  unsigned client_minor_version = 1;
  BodyFraming framing = BodyFraming::none;  // towards the client; see client_framing()
  std::uint64_t length = 0;                 // when framing is `length`
  bool keep_alive = true;                   // the client's connection stays open
  // No body follows, but the fields are those of a GET: the backend's Content-Length passes.
  bool request_was_head = false;
  std::string_view date;  // IMF-fixdate, written when the backend sent none; empty: never
  // Whole field lines of our own, each with its CRLF. Not for interim responses.
  std::string_view own_fields;
};

// The framing that carries this response's body to a client of that version: a body that ends with
// the backend's connection becomes chunked, so that a cut one can be told from a complete one;
// HTTP/1.0 knows no chunks.
[[nodiscard]] BodyFraming client_framing(const ResponseHead& head, unsigned client_minor_version);

// The final or interim response for a client. Interim ones (1xx) keep their fields and get none.
[[nodiscard]] std::size_t write_response_head(const ResponseHead& head, const ResponsePlan& plan,
                                              std::span<char> out);

// How an answer of our own is delivered.
struct ErrorPlan {
  unsigned minor_version = 1;
  bool keep_alive = false;
  bool head_request = false;  // the answer to HEAD has no body
  std::optional<unsigned> retry_after_seconds;
  std::string_view date;        // empty: no Date field
  std::string_view request_id;  // empty: no X-Request-ID field
};

// A complete answer: head and a line of text/plain such as "503 Service Unavailable: no backend is
// available\n".
[[nodiscard]] std::size_t write_error_response(unsigned status, std::string_view cause,
                                               const ErrorPlan& plan, std::span<char> out);

// RFC 9110's phrase; "Unknown" for a status without one.
[[nodiscard]] std::string_view reason_phrase(unsigned status);

}  // namespace evenkeel::net::http1
