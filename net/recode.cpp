// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/recode.h"

#include <algorithm>
#include <cstring>

namespace evenkeel::net {

std::size_t write_chunk(std::string_view payload, std::span<char> out) {
  std::size_t length = http1::write_chunk_head(payload.size(), out);
  std::memcpy(out.data() + length, payload.data(), payload.size());
  length += payload.size();
  std::memcpy(out.data() + length, http1::kChunkTail.data(), http1::kChunkTail.size());
  return length + http1::kChunkTail.size();
}

Recoded recode(http1::ChunkDecoder& decoder, std::string_view bytes, bool chunked_out,
               std::span<char> out) {
  using Kind = http1::ChunkDecoder::Kind;
  Recoded result;
  for (;;) {
    const http1::ChunkDecoder::Step step = decoder.next(bytes.substr(result.taken));
    result.taken += step.consumed;
    if (step.kind == Kind::need_more) return result;
    if (step.kind == Kind::error) {
      result.error = step.cause;
      return result;
    }
    if (step.kind == Kind::end) {
      result.ended = true;
      if (chunked_out) {
        std::memcpy(out.data() + result.written, http1::kLastChunk.data(),
                    http1::kLastChunk.size());
        result.written += http1::kLastChunk.size();
      }
      return result;
    }
    const std::size_t piece = std::min<std::uint64_t>(step.size, bytes.size() - result.taken);
    if (piece == 0) return result;
    const std::string_view payload = bytes.substr(result.taken, piece);
    if (chunked_out) {
      result.written += write_chunk(payload, out.subspan(result.written));
    } else {
      std::memcpy(out.data() + result.written, payload.data(), piece);
      result.written += piece;
    }
    decoder.advance(piece);
    result.taken += piece;
    result.payload += piece;
  }
}

}  // namespace evenkeel::net
