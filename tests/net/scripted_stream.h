// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "evenkeel/net/stream.h"

namespace evenkeel::net::testing {

// A stream without a world behind it: gives what it is told to, keeps count of what it takes, and
// is ready exactly when the test says so.
class ScriptedStream final : public Stream {
 public:
  ~ScriptedStream() override {
    if (gone_ != nullptr) *gone_ = true;
  }
  IoResult try_read(std::span<char> into) override {
    const std::size_t n = std::min(into.size(), input.size());
    if (n == 0) return {ended ? Io::end : Io::would_block, 0};
    std::memcpy(into.data(), input.data(), n);
    input.remove_prefix(n);
    return {Io::done, n};
  }
  IoResult try_write(std::span<const char> from) override {
    const std::size_t n = std::min(from.size(), window);
    if (n == 0) return {Io::would_block, 0};
    window -= n;
    written += n;
    return {Io::done, n};
  }
  void wake() override { woken_ = true; }
  void shutdown() override {}
  void abort() override { over = true; }
  void close() override { over = true; }
  [[nodiscard]] bool connecting() const override { return false; }

  // Something arrives, or there is room again. May end with the stream gone.
  void ready(core::Instant now) {
    bool gone = false;
    gone_ = &gone;
    do {
      woken_ = false;
      if (owner() != nullptr) owner()->on_ready(now);
    } while (!gone && woken_);
    if (!gone) gone_ = nullptr;
  }

  std::string_view input;
  std::size_t window = SIZE_MAX / 2;
  bool ended = false;  // after the input
  std::uint64_t written = 0;
  bool over = false;

 private:
  bool woken_ = false;
  bool* gone_ = nullptr;
};

}  // namespace evenkeel::net::testing
