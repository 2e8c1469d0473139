// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "evenkeel/net/http1/chunked.h"

namespace evenkeel::net {

// What recoding may add to the bytes it takes: a piece that begins inside a chunk gets a head of
// its own, and the body's last piece its end.
inline constexpr std::size_t kRecodeSlack = 64;

struct Recoded {
  std::size_t taken = 0;        // of the input
  std::size_t written = 0;      // to the output
  std::uint64_t payload = 0;    // body bytes among them
  bool ended = false;           // the body is complete
  const char* error = nullptr;  // what is wrong with it
};

// Takes chunked bytes and writes the same payload anew: chunked again, but without extensions and
// trailers, or bare. `out` has room for bytes.size() + kRecodeSlack.
[[nodiscard]] Recoded recode(http1::ChunkDecoder& decoder, std::string_view bytes, bool chunked_out,
                             std::span<char> out);

// Writes `payload` as one chunk. `out` has room for payload.size() + kRecodeSlack.
[[nodiscard]] std::size_t write_chunk(std::string_view payload, std::span<char> out);

}  // namespace evenkeel::net
