// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/http1/writer.h"

#include <charconv>
#include <cstring>

namespace evenkeel::net::http1 {
namespace {

// Appends to the caller's bytes; once something did not fit, size() is 0 for good.
class Output {
 public:
  explicit Output(std::span<char> out)
      : begin_(out.data()), at_(out.data()), end_(out.data() + out.size()) {}

  [[nodiscard]] std::size_t size() const {
    return overflown_ ? 0 : static_cast<std::size_t>(at_ - begin_);
  }

  void put(std::string_view text) {
    if (!fits(text.size())) return;
    copy(text);
  }
  void field(std::string_view name, std::string_view value) {
    if (!fits(name.size() + value.size() + 4)) return;
    copy(name);
    copy(": ");
    copy(value);
    copy("\r\n");
  }
  // A list field with one more element.
  void field(std::string_view name, std::string_view value, std::string_view element) {
    put(name);
    put(": ");
    put(value);
    if (!value.empty() && !element.empty()) put(", ");
    put(element);
    put("\r\n");
  }
  void number(std::uint64_t value) {
    if (!fits(0)) return;
    const auto [end, error] = std::to_chars(at_, end_, value);
    if (error != std::errc{}) {
      overflown_ = true;
    } else {
      at_ = end;
    }
  }
  void number_field(std::string_view name_and_colon, std::uint64_t value) {
    put(name_and_colon);
    number(value);
    put("\r\n");
  }

 private:
  [[nodiscard]] bool fits(std::size_t bytes) {
    overflown_ |= static_cast<std::size_t>(end_ - at_) < bytes;
    return !overflown_;
  }
  void copy(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  char* begin_;
  char* at_;
  char* end_;
  bool overflown_ = false;
};

// The last field of that id, whose list gets our element; null when there is none.
const Field* last_of(const Fields& fields, FieldId id) {
  if (!fields.has(id)) return nullptr;
  for (const Field* field = fields.end(); field-- != fields.begin();) {
    if (field->id == id) return field;
  }
  return nullptr;
}

std::string_view via_element(unsigned minor_version) {
  static_assert(kViaName == "evenkeel");
  return minor_version == 0 ? "1.0 evenkeel" : "1.1 evenkeel";
}

void write_framing(BodyFraming framing, std::uint64_t length, Output& out) {
  if (framing == BodyFraming::length) out.number_field("Content-Length: ", length);
  if (framing == BodyFraming::chunked) out.put("Transfer-Encoding: chunked\r\n");
}

void write_request_line(const RequestHead& head, Output& out) {
  out.put(head.method_text);
  out.put(head.target_lacks_slash ? " /" : " ");
  out.put(head.target);
  out.put(" HTTP/1.1\r\n");
}

// The fields of the request, each in its place, with ours where they join an existing list.
void write_request_fields(const RequestHead& head, const Forwarding& how, Output& out) {
  const Field* const last_via = last_of(head.fields, FieldId::via);
  const Field* const last_for = last_of(head.fields, FieldId::x_forwarded_for);
  for (const Field& field : head.fields) {
    switch (field.id) {
      case FieldId::content_length:
      case FieldId::transfer_encoding:
      case FieldId::x_forwarded_proto:
        break;
      case FieldId::host:
        out.field(field.name, head.host);
        break;
      case FieldId::via:
        out.field(field.name, field.value,
                  &field == last_via ? via_element(head.minor_version) : std::string_view{});
        break;
      case FieldId::x_forwarded_for:
        out.field(field.name, field.value,
                  &field == last_for ? how.client_address : std::string_view{});
        break;
      case FieldId::x_request_id:
        if (how.request_id.empty()) out.field(field.name, field.value);
        break;
      case FieldId::expect:
        if (head.expects_continue) out.field(field.name, field.value);
        break;
      case FieldId::max_forwards:
        if (!head.max_forwards) {
          out.field(field.name, field.value);
        } else {
          out.number_field("Max-Forwards: ", *head.max_forwards - (*head.max_forwards > 0));
        }
        break;
      case FieldId::upgrade:
        if (how.upgrade) out.field(field.name, field.value);
        break;
      default:
        if (!field.hop_by_hop) out.field(field.name, field.value);
        break;
    }
  }
  if (last_via == nullptr) out.field("Via", via_element(head.minor_version));
  if (last_for == nullptr && !how.client_address.empty()) {
    out.field("X-Forwarded-For", how.client_address);
  }
}

void write_date_if_absent(const ResponseHead& head, std::string_view date, Output& out) {
  if (!date.empty() && !head.fields.has(FieldId::date)) out.field("Date", date);
}

void write_connection(bool keep_alive, unsigned client_minor_version, Output& out) {
  if (!keep_alive) {
    out.put("Connection: close\r\n");
  } else if (client_minor_version == 0) {
    out.put("Connection: keep-alive\r\n");
  }
}

void write_status_line(unsigned status, std::string_view reason, Output& out) {
  out.put("HTTP/1.1 ");
  out.number(status);
  out.put(" ");
  out.put(reason);
  out.put("\r\n");
}

// What follows the fields of a final response.
void write_final_response_fields(const ResponseHead& head, const ResponsePlan& plan, Output& out) {
  const bool may_claim_length = plan.request_was_head || head.status == 304;
  if (may_claim_length && head.has_content_length) {
    write_framing(BodyFraming::length, head.length, out);
  } else {
    write_framing(plan.framing, plan.length, out);
  }
  write_date_if_absent(head, plan.date, out);
  write_connection(plan.keep_alive, plan.client_minor_version, out);
}

}  // namespace

std::size_t write_request_head(const RequestHead& head, const Forwarding& how,
                               std::span<char> out) {
  Output text(out);
  write_request_line(head, text);
  if (!head.fields.has(FieldId::host)) {
    text.field("Host", head.host.empty() ? how.default_host : head.host);
  }
  write_request_fields(head, how, text);
  if (!how.scheme.empty()) text.field("X-Forwarded-Proto", how.scheme);
  if (!head.fields.has(FieldId::x_forwarded_host) && !head.host.empty()) {
    text.field("X-Forwarded-Host", head.host);
  }
  if (!how.request_id.empty()) text.field("X-Request-ID", how.request_id);
  write_framing(head.framing, head.length, text);
  if (how.upgrade) text.put("Connection: upgrade\r\n");
  text.put("\r\n");
  return text.size();
}

BodyFraming client_framing(const ResponseHead& head, unsigned client_minor_version) {
  switch (head.framing) {
    case BodyFraming::none:
    case BodyFraming::length:
      return head.framing;
    case BodyFraming::chunked:
    case BodyFraming::until_close:
      return client_minor_version == 0 ? BodyFraming::until_close : BodyFraming::chunked;
  }
  return head.framing;
}

std::size_t write_response_head(const ResponseHead& head, const ResponsePlan& plan,
                                std::span<char> out) {
  Output text(out);
  write_status_line(head.status, head.reason, text);
  const Field* const last_via = last_of(head.fields, FieldId::via);
  for (const Field& field : head.fields) {
    if (field.id == FieldId::content_length || field.id == FieldId::transfer_encoding) continue;
    if (&field == last_via) {
      text.field(field.name, field.value, via_element(head.minor_version));
    } else if (!field.hop_by_hop || (field.id == FieldId::upgrade && head.switches_protocol)) {
      text.field(field.name, field.value);
    }
  }
  if (last_via == nullptr) text.field("Via", via_element(head.minor_version));
  if (!head.is_interim()) text.put(plan.own_fields);
  if (head.switches_protocol) {
    text.put("Connection: upgrade\r\n");
  } else if (!head.is_interim()) {
    write_final_response_fields(head, plan, text);
  }
  text.put("\r\n");
  return text.size();
}

std::size_t write_error_response(unsigned status, std::string_view cause, const ErrorPlan& plan,
                                 std::span<char> out) {
  constexpr std::string_view kSeparator = ": ";
  const std::string_view reason = reason_phrase(status);
  Output text(out);
  write_status_line(status, reason, text);
  text.put("Content-Type: text/plain; charset=utf-8\r\n");
  // The body is "<3 digits> <reason>: <cause>\n".
  text.number_field("Content-Length: ", 4 + reason.size() + kSeparator.size() + cause.size() + 1);
  if (plan.retry_after_seconds) text.number_field("Retry-After: ", *plan.retry_after_seconds);
  if (!plan.date.empty()) text.field("Date", plan.date);
  if (!plan.request_id.empty()) text.field("X-Request-ID", plan.request_id);
  write_connection(plan.keep_alive, plan.minor_version, text);
  text.put("\r\n");
  if (plan.head_request) return text.size();
  text.number(status);
  text.put(" ");
  text.put(reason);
  text.put(kSeparator);
  text.put(cause);
  text.put("\n");
  return text.size();
}

}  // namespace evenkeel::net::http1
