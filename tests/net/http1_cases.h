// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/method.h"
#include "evenkeel/net/http1/chunked.h"
#include "evenkeel/net/http1/head.h"

// HTTP/1 as one table of bytes and meaning. The same cases are fed to the parsers, and to whole
// connections over memory and over sockets, in one piece and split anywhere.
namespace evenkeel::net::http1::testing {

// What a client sends: a complete message, or as much as it takes to refuse it.
struct RequestCase {
  std::string name;   // unique, an identifier
  std::string bytes;  // the head and, where it announces one, a complete body
  // describe() of the head; "error STATUS: CAUSE"; or "incomplete" when the bytes decide nothing
  std::string meaning;

  [[nodiscard]] bool accepted() const { return error_status() == 0 && meaning != "incomplete"; }
  // What a client is answered; 0 when the request is accepted or not complete.
  [[nodiscard]] unsigned error_status() const;
};

// What a backend sends in answer to a request with that method. A body without length ends where
// the bytes end.
struct ResponseCase {
  std::string name;
  core::Method request_method;
  std::string bytes;
  std::string meaning;  // as above; every error is 502

  [[nodiscard]] bool accepted() const { return meaning.compare(0, 5, "error") != 0; }
};

// A body in the chunked coding.
struct ChunkCase {
  std::string name;
  ChunkDecoder::Padding padding;
  std::string bytes;
  std::string payload;
  // "end", "end leftover=N" with the bytes after the body, "more" when it is cut, "error: CAUSE"
  std::string meaning;
};

[[nodiscard]] const std::vector<RequestCase>& request_cases();
[[nodiscard]] const std::vector<ResponseCase>& response_cases();
[[nodiscard]] const std::vector<ChunkCase>& chunk_cases();

// A head in words: "POST /x host=a framing=length:3 keep".
[[nodiscard]] std::string describe(const RequestHead& head);
[[nodiscard]] std::string describe(const ResponseHead& head);
[[nodiscard]] std::string describe(const HeadError& error);

}  // namespace evenkeel::net::http1::testing
