// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "evenkeel/net/http1/head.h"

// Private to net/http1.
namespace evenkeel::net::http1 {

// Connection options that one message may name: enough for any real peer, and a bound on the work
// of comparing each with every field.
inline constexpr unsigned kMaxConnectionOptions = 32;

// What the fields of a request and of a response say alike.
struct MessageFacts {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  // Connection options.
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  unsigned options = 0;
  bool nominates = false;  // an option other than those three
};

// Reads framing and connection fields, marks what is hop-by-hop, and refuses every message whose
// end two readers could see at different places (RFC 9112 §6.3).
[[nodiscard]] std::optional<HeadError> read_message_facts(Fields& fields, unsigned minor_version,
                                                          MessageFacts& facts);

}  // namespace evenkeel::net::http1
