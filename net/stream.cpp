// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/stream.h"

#include <algorithm>

namespace evenkeel::net {

RelayResult Stream::relay(Stream& to, std::uint64_t limit, std::span<char> scratch, Buffer& tail,
                          BufferPool& buffers) {
  // Rounds per turn: a fast pair of peers must not keep everybody else waiting.
  constexpr int kRounds = 16;
  RelayResult result;
  for (int round = 0; round < kRounds && result.moved < limit; ++round) {
    const std::size_t want = std::min<std::uint64_t>(limit - result.moved, scratch.size());
    const IoResult read = try_read(scratch.first(want));
    result.read = read.io;
    if (read.io != Io::done) return result;
    result.moved += read.bytes;
    const IoResult written = to.try_write(scratch.first(read.bytes));
    if (written.io == Io::failed) {
      result.write = Io::failed;
      return result;
    }
    if (written.bytes < read.bytes) {
      buffers.append(tail, scratch.subspan(written.bytes, read.bytes - written.bytes));
      result.write = Io::would_block;
      return result;
    }
  }
  return result;
}

}  // namespace evenkeel::net
