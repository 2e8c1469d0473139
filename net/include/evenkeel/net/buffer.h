// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace evenkeel::net {

// Bytes waiting to be taken from the front: an incomplete head, a request kept for replay, the tail
// of a short write. Holds no memory while empty, so that idle connections cost none.
class Buffer {
 public:
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] const char* data() const { return block_.get() + begin_; }
  [[nodiscard]] std::string_view view() const { return {data(), size()}; }
  [[nodiscard]] std::span<const char> span() const { return {data(), size()}; }
  // Takes `n` bytes off the front; the memory stays until BufferPool::release().
  void consume(std::size_t n) { begin_ += static_cast<std::uint32_t>(n); }

 private:
  friend class BufferPool;
  std::unique_ptr<char[]> block_;
  std::uint32_t capacity_ = 0;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
};

// Gives buffers their memory: blocks of a few sizes, kept for reuse last-in first-out so that the
// next one is warm in the cache. One per worker; not shared.
class BufferPool {
 public:
  static constexpr std::array<std::uint32_t, 4> kBlockSizes = {1024, 4096, 16384, 131072};
  // Blocks kept per size when nobody uses them; the rest goes back to the system.
  static constexpr std::size_t kMaxSpare = 64;

  // Room for `n` more bytes at the end: write there, then call extend(). Moves the content
  // together, or into a larger block, when needed. Only blocks of the sizes above are kept for
  // reuse.
  [[nodiscard]] std::span<char> room(Buffer& buffer, std::size_t n);
  void extend(Buffer& buffer, std::size_t n) { buffer.end_ += static_cast<std::uint32_t>(n); }
  void append(Buffer& buffer, std::span<const char> bytes);
  // Empties the buffer and takes its memory back. Every buffer ends here.
  void release(Buffer& buffer);

 private:
  std::array<std::vector<std::unique_ptr<char[]>>, kBlockSizes.size()> spare_;
};

}  // namespace evenkeel::net
