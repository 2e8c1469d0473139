// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "evenkeel/net/http1/head.h"
#include "field_lines.h"
#include "message_facts.h"
#include "octets.h"
#include "start_line.h"

namespace evenkeel::net::http1 {
namespace {

// Whatever is wrong with a response is the backend's fault.
std::optional<HeadError> bad_gateway(const char* cause) { return HeadError{502, cause}; }

bool has_no_body(unsigned status, core::Method request_method) {
  return request_method == core::Method::head || status < 200 || status == 204 || status == 304;
}

BodyFraming framing_of(const MessageFacts& facts, unsigned status, core::Method request_method) {
  if (has_no_body(status, request_method)) return BodyFraming::none;
  if (facts.chunked) return BodyFraming::chunked;
  return facts.content_length ? BodyFraming::length : BodyFraming::until_close;
}

void read_retry_after(ResponseHead& out) {
  out.retry_after_seconds.reset();
  const Field* field = out.fields.find(FieldId::retry_after);
  out.has_retry_after = field != nullptr;
  if (field == nullptr) return;
  const auto seconds = parse_decimal(field->value, std::numeric_limits<std::int32_t>::max());
  if (seconds) out.retry_after_seconds = static_cast<unsigned>(*seconds);
}

}  // namespace

std::optional<HeadError> parse_response_head(std::string_view head, const HeadLimits& limits,
                                             core::Method request_method, ResponseHead& out) {
  if (head.size() > limits.max_head_bytes) return bad_gateway("the head is too large");
  StatusLine line;
  switch (scan_status_line(head, line)) {
    case LineScan::complete:
      break;
    case LineScan::incomplete:
      return bad_gateway("the head is cut short");
    case LineScan::wrong:
      return bad_gateway(line.error.cause);
  }
  if (const auto error = scan_field_lines(head.substr(line.size), limits.max_fields, out.fields)) {
    return bad_gateway(error->cause);
  }
  MessageFacts facts;
  if (const auto error = read_message_facts(out.fields, line.minor_version, facts)) {
    return bad_gateway(error->cause);
  }
  out.status = line.status;
  out.reason = line.reason;
  out.minor_version = line.minor_version;
  out.framing = framing_of(facts, line.status, request_method);
  out.length = facts.content_length.value_or(0);
  out.has_content_length = facts.content_length.has_value();
  out.keep_alive = !facts.close && (out.minor_version > 0 || facts.keep_alive) &&
                   out.framing != BodyFraming::until_close;
  out.switches_protocol = line.status == 101;
  read_retry_after(out);
  return std::nullopt;
}

}  // namespace evenkeel::net::http1
