// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/method.h"

// Reads whole HTTP/1 messages out of the bytes that a peer received, with the parsers of net/http1:
// what a strict client or origin would have understood.
namespace evenkeel::net::http1::testing {

struct Message {
  std::string head;     // with the empty line
  std::string meaning;  // describe() of the head
  unsigned status = 0;  // of a response
  std::string target;   // of a request
  std::string body;     // without its coding
  bool complete = false;
  bool keep_alive = false;
};

struct Messages {
  std::vector<Message> all;  // the last one may be incomplete
  std::string error;         // why what follows them is no message; empty: nothing does
};

[[nodiscard]] Messages read_requests(std::string_view bytes);
// `methods`: of the requests, in order; interim responses answer none. A response of which more
// come than were asked for is an error. `ended`: the stream ended in good order, which completes a
// body without length.
[[nodiscard]] Messages read_responses(std::string_view bytes,
                                      const std::vector<core::Method>& methods, bool ended);

}  // namespace evenkeel::net::http1::testing
