// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "evenkeel/net/buffer.h"
#include "evenkeel/net/stream.h"
#include "evenkeel/net/tls/closing_streams.h"

struct ssl_ctx_st;
struct ssl_st;
struct bio_st;
struct bio_method_st;

namespace evenkeel::net {

// TLS over any Stream: an SSL object between the port above and the same port below. It never sees
// a socket, so it runs over simulated transports as well.
//
// OpenSSL reads ciphertext straight from the transport. What it writes is collected in one buffer
// and handed down in one call, so that a large write is one system call and not one per 16 KiB
// record; the buffer has memory only while the transport does not take everything. try_write()
// takes nothing while ciphertext waits, which bounds the buffer and passes back-pressure up.
//
// An end of the transport without the peer's close_notify is reported as failed: somebody may have
// cut the message short.
class TlsStream final : public Stream, private StreamOwner {
 public:
  enum class Role { server, client };
  // Plaintext taken per try_write().
  static constexpr std::size_t kMaxWrite = 65536;

  // nullptr when there is no memory. `buffers` and `closing` must outlive the stream.
  [[nodiscard]] static std::unique_ptr<TlsStream> create(ssl_ctx_st* context, Role role,
                                                         std::unique_ptr<Stream> transport,
                                                         BufferPool& buffers,
                                                         ClosingStreams& closing);
  ~TlsStream() override;

  [[nodiscard]] IoResult try_read(std::span<char> into) override;
  [[nodiscard]] IoResult try_write(std::span<const char> from) override;
  void wake() override;
  void shutdown() override;
  void abort() override;
  void close() override;
  // The handshake belongs to the connect.
  [[nodiscard]] bool connecting() const override { return state_ == State::handshake; }

  // For tests: the SSL object, e.g. to set the server name.
  [[nodiscard]] ssl_st* ssl() const { return ssl_; }

 private:
  enum class State {
    handshake,  // reads and writes answer would_block
    open,
    failed,  // bad bytes, a cut, or a dead transport: every call answers failed
  };
  // Ciphertext waiting for the transport: one try_write() with its overhead, or what a peer that
  // reads nothing can make OpenSSL answer by itself.
  static constexpr std::size_t kMaxPending = 128 * 1024;

  TlsStream(std::unique_ptr<Stream> transport, BufferPool& buffers, ClosingStreams& closing);

  // OpenSSL's way to the transport.
  static const bio_method_st* bio_method();
  static int bio_read(bio_st* bio, char* into, std::size_t size, std::size_t* read);
  static int bio_write(bio_st* bio, const char* from, std::size_t size, std::size_t* written);
  static long bio_control(bio_st* bio, int command, long number, void* pointer);

  void on_ready(core::Instant now) override;
  void shake_hands();
  // Hands ciphertext down; false when the transport is dead.
  bool flush();
  // What an SSL call without success means.
  Io explain(int result);
  void fail();
  // Gives the transport away: closed now, or when it took what is pending.
  void part();

  std::unique_ptr<Stream> transport_;  // nullptr after close() or a failure
  BufferPool& buffers_;
  ClosingStreams& closing_;
  ssl_st* ssl_ = nullptr;
  Buffer pending_;
  State state_ = State::handshake;
  bool transport_ended_ = false;
  bool shut_ = false;  // close_notify was written
};

}  // namespace evenkeel::net
