// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "evenkeel/core/ids.h"
#include "evenkeel/net/buffer.h"
#include "evenkeel/net/http1/chunked.h"
#include "evenkeel/net/http1/head.h"
#include "evenkeel/net/stream.h"
#include "evenkeel/net/timers.h"

namespace evenkeel::net {

class BackendConnection;
class Context;

// Who uses a backend connection right now: the client connection whose attempt runs on it, or the
// store of idle ones.
class BackendUser {
 public:
  virtual void on_backend_ready(core::Instant now, BackendConnection& connection) = 0;
  virtual void on_backend_timer(core::Instant now, BackendConnection& connection) = 0;

 protected:
  ~BackendUser() = default;
};

// One connection to a backend, with what is known of the response being read from it.
class BackendConnection final : public StreamOwner, public TimerOwner {
 public:
  // Where the response being read is.
  enum class Reading : std::uint8_t {
    head,    // nothing or a part of the head was read
    body,    // the head was delivered
    tunnel,  // 101: bytes pass unseen
    done,    // the response is complete
  };

  BackendConnection(Context& context, core::BackendRef backend, std::unique_ptr<Stream> stream);
  ~BackendConnection();
  BackendConnection(const BackendConnection&) = delete;
  BackendConnection& operator=(const BackendConnection&) = delete;

  void on_ready(core::Instant now) override;
  void on_timer(core::Instant now) override;

  // Carries an attempt from now on.
  void assign(BackendUser& user, core::AttemptId attempt);
  // Waits for the next one.
  void rest(BackendUser& user) { user_ = &user; }
  // Nobody hears of it any more.
  void detach();
  // Frees what it holds between uses; the stream stays.
  void forget_exchange();

  [[nodiscard]] Stream& stream() { return *stream_; }
  [[nodiscard]] core::BackendRef backend() const { return backend_; }
  [[nodiscard]] core::AttemptId attempt() const { return attempt_; }
  [[nodiscard]] std::uint32_t uses() const { return uses_; }
  [[nodiscard]] std::uint32_t timer() const { return timer_; }

  // ---- the request going out -------------------------------------------------------------------
  std::size_t image_sent = 0;  // bytes of the request image that the stream took
  bool sent_reported = false;  // the core knows that bytes left
  bool write_failed = false;   // only reading may still give something
  Buffer tail;                 // of a streamed body

  // ---- the response coming in ------------------------------------------------------------------
  Reading reading = Reading::head;
  bool any_bytes = false;     // of this response
  bool keep_alive = false;    // the response allows the connection's reuse
  std::uint8_t interims = 0;  // 1xx heads before the final one
  http1::BodyFraming framing = http1::BodyFraming::none;
  std::uint64_t remaining = 0;  // of a body with a length
  http1::ChunkDecoder decoder{http1::ChunkDecoder::Padding::accepted};
  Buffer in;                // an incomplete head
  std::size_t scanned = 0;  // of `in`, for the head's end

 private:
  Context& context_;
  core::BackendRef backend_;
  std::unique_ptr<Stream> stream_;
  BackendUser* user_ = nullptr;
  core::AttemptId attempt_;
  std::uint32_t uses_ = 0;
  std::uint32_t timer_;
};

}  // namespace evenkeel::net
