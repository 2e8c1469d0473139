// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/buffer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace evenkeel::net {

std::span<char> BufferPool::room(Buffer& buffer, std::size_t n) {
  if (buffer.end_ + n > buffer.capacity_) {
    const std::size_t size = buffer.size();
    const std::size_t wanted = size + n;
    if (wanted <= buffer.capacity_) {
      std::memmove(buffer.block_.get(), buffer.data(), size);
    } else {
      std::size_t sized = 0;
      while (sized + 1 < kBlockSizes.size() && kBlockSizes[sized] < wanted) ++sized;
      // Beyond the largest block a buffer doubles, or a long body would be copied once per read.
      const auto capacity = static_cast<std::uint32_t>(
          wanted <= kBlockSizes[sized] ? kBlockSizes[sized] : std::bit_ceil(wanted));
      std::unique_ptr<char[]> block;
      if (capacity == kBlockSizes[sized] && !spare_[sized].empty()) {
        block = std::move(spare_[sized].back());
        spare_[sized].pop_back();
      } else {
        block.reset(new char[capacity]);
      }
      if (size > 0) std::memcpy(block.get(), buffer.data(), size);
      release(buffer);
      buffer.block_ = std::move(block);
      buffer.capacity_ = capacity;
    }
    buffer.begin_ = 0;
    buffer.end_ = static_cast<std::uint32_t>(size);
  }
  return {buffer.block_.get() + buffer.end_, buffer.capacity_ - buffer.end_};
}

void BufferPool::append(Buffer& buffer, std::span<const char> bytes) {
  if (bytes.empty()) return;
  const std::span<char> into = room(buffer, bytes.size());
  std::memcpy(into.data(), bytes.data(), bytes.size());
  extend(buffer, bytes.size());
}

void BufferPool::release(Buffer& buffer) {
  if (buffer.block_) {
    const auto size = std::find(kBlockSizes.begin(), kBlockSizes.end(), buffer.capacity_);
    if (size != kBlockSizes.end()) {
      auto& spare = spare_[static_cast<std::size_t>(size - kBlockSizes.begin())];
      if (spare.size() < kMaxSpare) {
        spare.push_back(std::move(buffer.block_));
      }
    }
    buffer.block_.reset();
  }
  buffer.capacity_ = buffer.begin_ = buffer.end_ = 0;
}

}  // namespace evenkeel::net
