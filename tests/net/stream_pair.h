// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "evenkeel/net/stream.h"

namespace evenkeel::test {

// Two streams that are each other's peer, in memory. Readiness is delivered by settle().
class StreamPair {
 public:
  struct Limits {
    std::size_t piece = 1'000'000;   // bytes per read and per write
    std::size_t window = 1'000'000;  // bytes written and not yet read, per direction
  };

  explicit StreamPair(Limits limits) : limits_(limits) {
    left_ = std::make_unique<End>(*this, to_left_, to_right_);
    right_ = std::make_unique<End>(*this, to_right_, to_left_);
  }

  std::unique_ptr<net::Stream> take_left() { return std::move(left_); }
  std::unique_ptr<net::Stream> take_right() { return std::move(right_); }

  // Calls the owners until nothing moves any more.
  void settle() {
    for (std::size_t before = moves_ + 1; before != moves_;) {
      before = moves_;
      for (End* end : {left_end_, right_end_}) {
        if (end != nullptr && end->owner() != nullptr) end->owner()->on_ready(now);
      }
    }
  }

  // What a stranger on the wire would do: bytes for the right end, out of nowhere.
  void inject_right(std::string bytes) { to_right_.bytes += bytes; }
  void end_right() { to_right_.ended = true; }
  [[nodiscard]] bool left_was_aborted() const { return to_right_.reset; }

  core::Instant now{};

 private:
  struct Pipe {
    std::string bytes;
    bool ended = false;
    bool reset = false;
  };

  class End final : public net::Stream {
   public:
    using net::Stream::owner;
    End(StreamPair& pair, Pipe& in, Pipe& out) : pair_(pair), in_(in), out_(out) { slot() = this; }
    ~End() override {
      abort();
      slot() = nullptr;
    }
    net::IoResult try_read(std::span<char> into) override {
      if (gone_ || in_.reset) return {net::Io::failed, 0};
      const std::size_t n = std::min({into.size(), in_.bytes.size(), pair_.limits_.piece});
      if (n == 0) return {in_.ended && in_.bytes.empty() ? net::Io::end : net::Io::would_block, 0};
      std::copy_n(in_.bytes.begin(), n, into.begin());
      in_.bytes.erase(0, n);
      ++pair_.moves_;
      return {net::Io::done, n};
    }
    net::IoResult try_write(std::span<const char> from) override {
      if (gone_ || out_.ended || in_.reset) return {net::Io::failed, 0};
      const std::size_t room =
          pair_.limits_.window - std::min(pair_.limits_.window, out_.bytes.size());
      const std::size_t n = std::min({from.size(), room, pair_.limits_.piece});
      if (n == 0) return {net::Io::would_block, 0};
      out_.bytes.append(from.data(), n);
      ++pair_.moves_;
      return {net::Io::done, n};
    }
    void wake() override { ++pair_.moves_; }
    void shutdown() override {
      out_.ended = true;
      ++pair_.moves_;
    }
    void abort() override {
      if (!gone_) out_.reset = true;
      gone_ = true;
      ++pair_.moves_;
    }
    void close() override {
      if (!gone_) shutdown();
      gone_ = true;
    }
    [[nodiscard]] bool connecting() const override { return false; }

   private:
    End*& slot() { return &in_ == &pair_.to_left_ ? pair_.left_end_ : pair_.right_end_; }
    StreamPair& pair_;
    Pipe& in_;
    Pipe& out_;
    bool gone_ = false;
  };

  Limits limits_;
  Pipe to_left_;
  Pipe to_right_;
  std::size_t moves_ = 0;
  End* left_end_ = nullptr;
  End* right_end_ = nullptr;
  std::unique_ptr<End> left_;
  std::unique_ptr<End> right_;
};

}  // namespace evenkeel::test
