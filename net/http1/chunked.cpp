// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/http1/chunked.h"

#include <charconv>
#include <limits>

#include "evenkeel/core/check.h"
#include "octets.h"

namespace evenkeel::net::http1 {
namespace {

constexpr unsigned kMaxSizeDigits = 16;
constexpr std::uint64_t kMaxChunkSize = std::numeric_limits<std::int64_t>::max();

unsigned hex_value(char digit) {
  return is(kDigit, digit) ? static_cast<unsigned>(digit - '0')
                           : static_cast<unsigned>(to_lower(digit) - 'a') + 10U;
}

}  // namespace

ChunkDecoder::Step ChunkDecoder::next(std::string_view input) {
  std::size_t used = 0;
  while (state_ != State::payload && state_ != State::done && state_ != State::failed) {
    if (used == input.size()) return {used, Kind::need_more, 0, ""};
    if (const char* wrong = take(input[used])) {
      state_ = State::failed;
      cause_ = wrong;
      break;
    }
    ++used;
  }
  if (state_ == State::payload) return {used, Kind::data, remaining_, ""};
  if (state_ == State::done) return {used, Kind::end, 0, ""};
  return {used, Kind::error, 0, cause_};
}

void ChunkDecoder::advance(std::uint64_t bytes) {
  EVENKEEL_CHECK(bytes <= remaining_);
  remaining_ -= bytes;
  if (remaining_ == 0 && state_ == State::payload) state_ = State::payload_cr;
}

// Every transition of the machine is here and in the four functions below.
const char* ChunkDecoder::take(char byte) {
  switch (state_) {
    case State::size_first:
      if (!is(kHexDigit, byte)) return "a chunk has no size";
      digits_ = 0;
      remaining_ = 0;
      state_ = State::size;
      return take_size(byte);
    case State::size:
      return is(kHexDigit, byte) ? take_size(byte) : take_after_size(byte);
    case State::padding:
      if (byte == '\r' && padding_ == Padding::refused) return "white space follows a chunk size";
      return take_after_size(byte);
    case State::extension:
      return take_extension(byte);
    case State::size_lf:
      if (byte != '\n') return "a chunk's line ends without CR and LF";
      begin_payload();
      return nullptr;
    case State::payload_cr:
      if (byte != '\r') return "a chunk is longer than its size";
      state_ = State::payload_lf;
      return nullptr;
    case State::payload_lf:
      if (byte != '\n') return "a chunk is longer than its size";
      state_ = State::size_first;
      return nullptr;
    case State::trailer_start:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
    case State::final_lf:
      return take_trailer(byte);
    case State::payload:
    case State::done:
    case State::failed:
      break;
  }
  return "a byte beyond the end";
}

const char* ChunkDecoder::take_size(char digit) {
  remaining_ = remaining_ * 16 + hex_value(digit);
  if (++digits_ > kMaxSizeDigits || remaining_ > kMaxChunkSize) return "a chunk size is too large";
  return nullptr;
}

// Blanks may stand before an extension (RFC 9112 §7.1.1), and nothing else after a size.
const char* ChunkDecoder::take_after_size(char byte) {
  if (byte == '\r') {
    state_ = State::size_lf;
    return nullptr;
  }
  if (byte != ';' && !is(kBlank, byte)) return "a chunk size is not hexadecimal";
  state_ = byte == ';' ? State::extension : State::padding;
  return count_extension_byte();
}

// Only octets are checked, so that no line can be hidden in an extension: it is not forwarded.
const char* ChunkDecoder::take_extension(char byte) {
  if (byte == '\r') {
    state_ = State::size_lf;
    return nullptr;
  }
  if (!is(kValue, byte)) return "a chunk extension has a control byte";
  return count_extension_byte();
}

const char* ChunkDecoder::count_extension_byte() {
  if (++extension_bytes_ > kMaxChunkExtensionBytes) return "chunk extensions are too long";
  return nullptr;
}

void ChunkDecoder::begin_payload() {
  if (remaining_ == 0) {
    state_ = State::trailer_start;
    return;
  }
  state_ = State::payload;
  extension_bytes_ =
      remaining_ < extension_bytes_ ? extension_bytes_ - static_cast<std::uint32_t>(remaining_) : 0;
}

const char* ChunkDecoder::take_trailer(char byte) {
  if (++trailer_bytes_ > kMaxTrailerBytes) return "trailers are too long";
  if (state_ == State::trailer_start && byte == '\r') {
    state_ = State::final_lf;
  } else if (state_ == State::trailer_start || state_ == State::trailer_name) {
    if (state_ == State::trailer_name && byte == ':') {
      state_ = State::trailer_value;
    } else if (is(kToken, byte)) {
      state_ = State::trailer_name;
    } else {
      return "a trailer has no valid name";
    }
  } else if (state_ == State::trailer_value) {
    if (byte == '\r') {
      state_ = State::trailer_lf;
    } else if (!is(kValue, byte)) {
      return "a trailer has a control byte";
    }
  } else if (byte != '\n') {
    return "a trailer line ends without CR and LF";
  } else {
    state_ = state_ == State::final_lf ? State::done : State::trailer_start;
  }
  return nullptr;
}

std::size_t write_chunk_head(std::uint64_t size, std::span<char> out) {
  EVENKEEL_CHECK(size > 0);
  char* const end = out.data() + out.size();
  const auto [digits_end, error] = std::to_chars(out.data(), end, size, 16);
  if (error != std::errc{} || end - digits_end < 2) return 0;
  digits_end[0] = '\r';
  digits_end[1] = '\n';
  return static_cast<std::size_t>(digits_end + 2 - out.data());
}

}  // namespace evenkeel::net::http1
