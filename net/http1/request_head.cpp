// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "evenkeel/net/http1/head.h"
#include "field_lines.h"
#include "message_facts.h"
#include "octets.h"
#include "start_line.h"

namespace evenkeel::net::http1 {
namespace {

using core::Method;

std::optional<HeadError> bad_request(const char* cause) { return HeadError{400, cause}; }

// The length of "http://" or "https://" at the front; 0 for anything else.
std::size_t scheme_length(std::string_view target) {
  if (equals_lower(target.substr(0, 7), "http://")) return 7;
  if (equals_lower(target.substr(0, 8), "https://")) return 8;
  return 0;
}

// Takes the target apart. An absolute-form target's authority becomes `out.host`.
std::optional<HeadError> read_target(std::string_view target, RequestHead& out) {
  out.target = target;
  out.target_lacks_slash = false;
  out.host = {};
  if (out.method == Method::connect) return HeadError{501, "CONNECT is not offered here"};
  if (target.front() == '/') return std::nullopt;
  if (target == "*") {
    if (out.method == Method::options) return std::nullopt;
    return bad_request("the target * is for OPTIONS only");
  }
  const std::size_t scheme = scheme_length(target);
  if (scheme == 0) return bad_request("the target is neither a path nor an http URI");
  const std::string_view rest = target.substr(scheme);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  out.host = rest.substr(0, end);
  if (!is_authority(out.host)) return bad_request("the target's authority is malformed");
  out.target = rest.substr(end);
  if (out.target.empty() && out.method == Method::options) {
    out.target = "*";  // RFC 9112 §3.2.4
  }
  out.target_lacks_slash = out.target.empty() || out.target.front() == '?';
  return std::nullopt;
}

// Checks the Host field, which names the host unless the target did.
std::optional<HeadError> read_host(RequestHead& out) {
  const Field* host = out.fields.find(FieldId::host);
  if (host == nullptr) {
    if (out.minor_version == 0) return std::nullopt;
    return bad_request("Host is missing");
  }
  for (const Field* other = host + 1; other != out.fields.end(); ++other) {
    if (other->id == FieldId::host) return bad_request("Host is repeated");
  }
  const bool named_by_target = !out.host.empty();
  const bool empty_beside_target = named_by_target && host->value.empty();
  if (!empty_beside_target && !is_authority(host->value)) return bad_request("Host is malformed");
  if (!named_by_target) out.host = host->value;
  return std::nullopt;
}

std::optional<HeadError> read_expect(RequestHead& out) {
  out.expects_continue = false;
  if (!out.fields.has(FieldId::expect) || out.minor_version == 0) return std::nullopt;
  for (const Field& field : out.fields) {
    if (field.id != FieldId::expect) continue;
    const bool known = for_each_element(field.value, [&out](std::string_view expectation) {
      out.expects_continue = equals_lower(expectation, "100-continue");
      return out.expects_continue;
    });
    if (!known) return HeadError{417, "Expect names an unknown expectation"};
  }
  return std::nullopt;
}

// Whether the client asks for a protocol that this proxy will tunnel. h2c is not one: behind it a
// client could speak HTTP/2 past every rule of this proxy.
bool asks_for_upgrade(const Fields& fields) {
  bool named = false;
  for (const Field& field : fields) {
    if (field.id != FieldId::upgrade) continue;
    const bool tunnelled = for_each_element(field.value, [&named](std::string_view protocol) {
      named = true;
      // Other versions of HTTP would pass unread, and TLS would hide them.
      const std::string_view name = protocol.substr(0, protocol.find('/'));
      return !equals_lower(name, "h2c") && !equals_lower(name, "h2") &&
             !equals_lower(name, "http") && !equals_lower(name, "tls");
    });
    if (!tunnelled) return false;
  }
  return named;
}

void read_max_forwards(RequestHead& out) {
  out.max_forwards.reset();
  if (out.method != Method::trace && out.method != Method::options) return;
  const Field* field = out.fields.find(FieldId::max_forwards);
  if (field == nullptr) return;
  const auto value = parse_decimal(field->value, std::numeric_limits<std::uint32_t>::max());
  if (value) out.max_forwards = static_cast<std::uint32_t>(*value);
}

void read_framing(const MessageFacts& facts, RequestHead& out) {
  out.framing = BodyFraming::none;
  out.length = facts.content_length.value_or(0);
  if (facts.content_length) out.framing = BodyFraming::length;
  if (facts.chunked) out.framing = BodyFraming::chunked;
}

}  // namespace

std::optional<HeadError> parse_request_head(std::string_view head, const HeadLimits& limits,
                                            RequestHead& out) {
  const std::size_t skipped = empty_lines_length(head);
  if (skipped > 2 * kMaxEmptyLines) return bad_request("too many empty lines before the request");
  head.remove_prefix(skipped);
  RequestLine line;
  switch (scan_request_line(head, limits.max_target_bytes, line)) {
    case LineScan::complete:
      break;
    case LineScan::incomplete:
      return bad_request("the head is cut short");
    case LineScan::wrong:
      return line.error;
  }
  if (head.size() > limits.max_head_bytes) return HeadError{431, "the head is too large"};
  if (const auto error = scan_field_lines(head.substr(line.size), limits.max_fields, out.fields)) {
    return error;
  }
  MessageFacts facts;
  if (const auto error = read_message_facts(out.fields, line.minor_version, facts)) return error;

  out.method_text = line.method;
  out.method = core::method_from(line.method);
  out.minor_version = line.minor_version;
  if (const auto error = read_target(line.target, out)) return error;
  if (const auto error = read_host(out)) return error;
  if (const auto error = read_expect(out)) return error;
  read_framing(facts, out);
  read_max_forwards(out);
  out.keep_alive = !facts.close && (out.minor_version > 0 || facts.keep_alive);
  out.wants_upgrade = facts.upgrade && out.minor_version > 0 && out.length == 0 &&
                      out.framing != BodyFraming::chunked && asks_for_upgrade(out.fields);
  return std::nullopt;
}

std::string_view path_of(const RequestHead& head) {
  if (head.target_lacks_slash) return "/";
  return head.target.substr(0, head.target.find('?'));
}

std::string_view query_of(const RequestHead& head) {
  const std::size_t mark = head.target.find('?');
  return mark == std::string_view::npos ? std::string_view{} : head.target.substr(mark + 1);
}

}  // namespace evenkeel::net::http1
