// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/result.h"
#include "evenkeel/net/buffer.h"
#include "evenkeel/net/stream.h"
#include "evenkeel/net/tls/closing_streams.h"

struct ssl_ctx_st;
struct ssl_st;

namespace evenkeel::net {

// Terminates TLS for one listener of one worker: TLS 1.2 and 1.3, ALPN http/1.1, no renegotiation.
//
// With several certificates the one whose names match the client's server name is used, or the
// first. Must outlive the streams it made.
class TlsServer {
 public:
  // Reads the certificates. Fails, in words that name the file, when one cannot be read, does not
  // belong to its key, or is not valid at `wall_seconds` (seconds since 1970).
  [[nodiscard]] static core::Result<std::unique_ptr<TlsServer>, std::string> create(
      std::span<const core::CertificatePolicy> certificates, std::int64_t wall_seconds);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // The server's side of a connection. Answers would_block until the handshake is over, failed when
  // it fails. nullptr when there is no memory.
  [[nodiscard]] std::unique_ptr<Stream> accept(std::unique_ptr<Stream> transport);

  // Streams that were closed and still deliver what was written.
  [[nodiscard]] std::size_t closing() const { return closing_.size(); }
  // Wanted every few tens of milliseconds.
  void on_tick(core::Instant now) { closing_.on_tick(now); }

 private:
  struct FreeContext {
    void operator()(ssl_ctx_st* context) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, FreeContext>;

  TlsServer() = default;
  [[nodiscard]] static core::Result<Context, std::string> load(
      const core::CertificatePolicy& certificate, std::int64_t wall_seconds);
  static int on_server_name(ssl_st* ssl, int* alert, void* self);

  std::vector<Context> contexts_;  // by certificate
  BufferPool buffers_;
  ClosingStreams closing_{buffers_};
};

}  // namespace evenkeel::net
