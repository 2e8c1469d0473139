// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

// The chunked coding (RFC 9112 §7.1), so that payload can be relayed without being looked at: the
// decoder sees only the bytes between payloads and says how many payload bytes follow.
namespace evenkeel::net::http1 {

// Bytes of chunk extensions a sender may be ahead of the payload it has sent. They carry nothing we
// forward, so unbounded ones would be free work for an attacker; a stream that signs every chunk
// pays for its extensions with payload and never meets the bound.
inline constexpr std::size_t kMaxChunkExtensionBytes = 8 * 1024;
// Of the whole trailer section, which is checked and dropped.
inline constexpr std::size_t kMaxTrailerBytes = 8 * 1024;

class ChunkDecoder {
 public:
  enum class Padding : std::uint8_t {
    refused,   // chunk-size is 1*HEXDIG and nothing else: requests
    accepted,  // some origins pad the size with blanks ("1f  \r\n"): responses
  };
  explicit ChunkDecoder(Padding padding = Padding::refused) : padding_(padding) {}

  enum class Kind : std::uint8_t {
    need_more,  // all of the input was framing
    data,       // `size` payload bytes follow what was consumed
    end,        // the body is complete; what follows belongs to the next message
    error,      // not a chunked body: abort, never forward a clean end
  };
  struct Step {
    std::size_t consumed;  // framing bytes at the front of the input; drop them
    Kind kind;
    std::uint64_t size;  // of `data`: what is left of the chunk, in the input or still to come
    const char* cause;   // of `error`: a static sentence
  };

  // Reads framing up to the next payload. While a chunk is unfinished it consumes nothing and
  // repeats `data`; after `end` and `error` it repeats those.
  Step next(std::string_view input);
  // `bytes` of the current chunk's payload have been taken; at most `size` of the last step.
  void advance(std::uint64_t bytes);

  // Payload bytes left of the current chunk; 0 between chunks.
  [[nodiscard]] std::uint64_t remaining() const { return remaining_; }
  [[nodiscard]] bool ended() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    size_first,     // at the first digit of a chunk-size
    size,           // after at least one digit
    padding,        // in blanks after the size
    extension,      // after the ';'
    size_lf,        // after the CR of a chunk line
    payload,        // remaining_ bytes are payload
    payload_cr,     // at the CR after the payload
    payload_lf,     // at the LF after the payload
    trailer_start,  // at the start of a trailer line or of the final empty line
    trailer_name,
    trailer_value,
    trailer_lf,
    final_lf,  // after the CR of the final empty line
    done,
    failed,
  };

  // Each takes one byte of framing and answers null, or why the byte does not fit.
  const char* take(char byte);
  const char* take_size(char digit);
  const char* take_after_size(char byte);
  const char* take_extension(char byte);
  const char* take_trailer(char byte);
  const char* count_extension_byte();
  void begin_payload();

  std::uint64_t remaining_ = 0;
  const char* cause_ = "";
  std::uint32_t extension_bytes_ = 0;  // not yet paid for by payload
  std::uint32_t trailer_bytes_ = 0;
  std::uint8_t digits_ = 0;
  State state_ = State::size_first;
  Padding padding_;
};

// Each chunk on the wire: write_chunk_head(size), payload, kChunkTail; then kLastChunk once.
inline constexpr std::string_view kChunkTail = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::size_t kMaxChunkHeadBytes = 16 + 2;

// Writes the chunk's first line and returns its length, or 0 if it does not fit. `size` must not be
// 0: an empty chunk would end the body.
[[nodiscard]] std::size_t write_chunk_head(std::uint64_t size, std::span<char> out);

}  // namespace evenkeel::net::http1
