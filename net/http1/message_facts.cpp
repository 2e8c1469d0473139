// SPDX-License-Identifier: Apache-2.0
#include "message_facts.h"

#include <limits>

#include "octets.h"

namespace evenkeel::net::http1 {
namespace {

// 63 bits, so that no reader's signed arithmetic sees another length.
constexpr std::uint64_t kMaxLength = std::numeric_limits<std::int64_t>::max();

// Adds one Content-Length field. Equal repetitions, as lines or as a list, are one length.
const char* add_content_length(std::string_view value, MessageFacts& facts) {
  while (true) {
    const std::size_t comma = value.find(',');
    const auto length = parse_decimal(trim_blanks(value.substr(0, comma)), kMaxLength);
    if (!length) return "Content-Length is not a number in range";
    if (facts.content_length && *facts.content_length != *length) {
      return "Content-Length has different values";
    }
    facts.content_length = length;
    if (comma == std::string_view::npos) return nullptr;
    value.remove_prefix(comma + 1);
  }
}

// Anything but one `chunked` either hides where the body ends or needs a decoder we do not have.
std::optional<HeadError> add_transfer_encoding(std::string_view value, MessageFacts& facts) {
  if (facts.chunked) return HeadError{400, "Transfer-Encoding is repeated"};
  if (equals_lower(value, "chunked")) {
    facts.chunked = true;
    return std::nullopt;
  }
  bool unknown = false;
  const bool tokens = for_each_element(value, [&unknown](std::string_view coding) {
    unknown |= !equals_lower(coding, "chunked");
    return skip(kToken, coding) == coding.size();
  });
  if (tokens && unknown) return HeadError{501, "Transfer-Encoding names an unknown coding"};
  return HeadError{400, "Transfer-Encoding is malformed"};
}

const char* add_connection_options(std::string_view value, MessageFacts& facts) {
  const char* wrong = nullptr;
  for_each_element(value, [&](std::string_view option) {
    if (skip(kToken, option) != option.size()) {
      wrong = "a Connection option is not a token";
    } else if (++facts.options > kMaxConnectionOptions) {
      wrong = "Connection has too many options";
    } else if (equals_lower(option, "close")) {
      facts.close = true;
    } else if (equals_lower(option, "keep-alive")) {
      facts.keep_alive = true;
    } else if (equals_lower(option, "upgrade")) {
      facts.upgrade = true;
    } else {
      facts.nominates = true;
    }
    return wrong == nullptr;
  });
  return wrong;
}

bool may_be_nominated(FieldId id) {
  switch (id) {
    case FieldId::other:
    case FieldId::connection:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::retry_after:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::upgrade:
      return true;
    case FieldId::content_length:
    case FieldId::date:
    case FieldId::expect:
    case FieldId::host:
    case FieldId::max_forwards:
    case FieldId::transfer_encoding:
    case FieldId::via:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_request_id:
      return false;
  }
  return false;
}

void mark_nominated(Fields& fields, std::string_view options) {
  for_each_element(options, [&fields](std::string_view option) {
    for (Field& field : fields) {
      if (equals_ignoring_case(field.name, option) && may_be_nominated(field.id)) {
        field.hop_by_hop = true;
      }
    }
    return true;
  });
}

std::optional<HeadError> read_field(Field& field, MessageFacts& facts) {
  switch (field.id) {
    case FieldId::content_length:
      if (const char* wrong = add_content_length(field.value, facts)) return HeadError{400, wrong};
      return std::nullopt;
    case FieldId::transfer_encoding:
      return add_transfer_encoding(field.value, facts);
    case FieldId::connection:
      field.hop_by_hop = true;
      if (const char* wrong = add_connection_options(field.value, facts)) {
        return HeadError{400, wrong};
      }
      return std::nullopt;
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::upgrade:
      field.hop_by_hop = true;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<HeadError> read_message_facts(Fields& fields, unsigned minor_version,
                                            MessageFacts& facts) {
  const bool has_coding = fields.has(FieldId::transfer_encoding);
  if (has_coding && fields.has(FieldId::content_length)) {
    return HeadError{400, "both Content-Length and Transfer-Encoding"};
  }
  if (has_coding && minor_version == 0) {
    return HeadError{400, "Transfer-Encoding in HTTP/1.0"};
  }
  for (Field& field : fields) {
    if (field.id == FieldId::other) continue;
    if (const auto error = read_field(field, facts)) return error;
  }
  if (facts.nominates) {
    for (const Field& field : fields) {
      if (field.id == FieldId::connection) mark_nominated(fields, field.value);
    }
  }
  return std::nullopt;
}

}  // namespace evenkeel::net::http1
