// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "evenkeel/core/time.h"
#include "evenkeel/net/buffer.h"
#include "evenkeel/net/stream.h"

namespace evenkeel::net {

// Transports whose owner is gone, with bytes the peer has yet to take: what close() promised to
// deliver. Each is closed when it is empty, and cut when that takes too long.
class ClosingStreams {
 public:
  static constexpr core::Duration kPatience = std::chrono::seconds(10);
  // More than this and the oldest is cut.
  static constexpr std::size_t kMax = 1024;

  explicit ClosingStreams(BufferPool& buffers) : buffers_(buffers) {}
  ~ClosingStreams();
  ClosingStreams(const ClosingStreams&) = delete;
  ClosingStreams& operator=(const ClosingStreams&) = delete;

  // Takes over the transport and what is left to write.
  void add(std::unique_ptr<Stream> transport, Buffer rest);
  void on_tick(core::Instant now);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry final : StreamOwner {
    void on_ready(core::Instant now) override;
    ClosingStreams* list = nullptr;
    std::unique_ptr<Stream> transport;
    Buffer rest;
    core::Instant since = core::kNever;  // the first tick it saw
  };
  // Writes on; true when there is nothing left to wait for.
  bool advance(Entry& entry);
  void remove(std::size_t position);

  BufferPool& buffers_;
  std::vector<std::unique_ptr<Entry>> entries_;  // oldest first
};

}  // namespace evenkeel::net
