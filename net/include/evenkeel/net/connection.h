// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/route/request_view.h"
#include "evenkeel/net/backend_connection.h"
#include "evenkeel/net/buffer.h"
#include "evenkeel/net/http1/chunked.h"
#include "evenkeel/net/http1/head.h"
#include "evenkeel/net/stream.h"
#include "evenkeel/net/timers.h"

namespace evenkeel::net {

class Context;

// The request body on its way from the client.
struct Upload {
  http1::BodyFraming framing = http1::BodyFraming::none;
  std::uint64_t remaining = 0;  // of a body with a length
  std::uint64_t received = 0;   // payload bytes so far
  std::uint64_t flushed = 0;    // bytes that a backend took late
  http1::ChunkDecoder decoder;
  bool complete = true;   // the client has sent all of it
  bool streamed = false;  // bytes went past the image: the request cannot be sent again
  bool waiting = false;   // nothing but the client's next bytes is missing
};

// One request in flight on a client connection.
//
// What goes to a backend is kept as one *image*, the rewritten head and the body as it will stand
// on the wire, until the body outgrows the replay limit. Every attempt sends the image from its
// beginning, so a retry or a hedge costs no second rewriting; after that, bytes stream past.
struct Transaction {
  core::RequestId request;
  bool begun = false;  // the core knows of it
  core::PoolIndex pool{};
  std::optional<core::SessionKey> issued;  // the session that the response gives to the client
  std::array<std::unique_ptr<BackendConnection>, 2> attempts;
  BackendConnection* committed = nullptr;  // whose response goes to the client
  Buffer image;
  std::size_t image_limit = 0;
  Upload upload;
  Buffer out;                  // bytes for the client that its stream did not take yet
  bool response_done = false;  // all of it stands in `out` or beyond
  bool keep_alive = false;     // as told to the client
  bool chunked_out = false;    // the client gets chunks
  bool tunnel = false;
  bool tunnel_in_ended = false;   // the client finished sending
  bool tunnel_out_ended = false;  // the backend did

  // Of the request head, whose bytes are gone.
  core::Method method{};
  unsigned minor_version = 1;
  bool client_keep_alive = false;
  bool expects_continue = false;
  bool wants_upgrade = false;
  std::string method_text;
  std::string target;
  std::string host;
  std::array<char, 32> request_id{};
  std::uint64_t bytes_out = 0;
};

// One client's connection: reads requests one after another, hands each to the core, and carries
// the bytes both ways for as long as the core's decisions say so.
//
//   idle ──first byte──▶ head ──complete──▶ exchange ──answered──▶ idle
//                          │                    │
//                          └──── error ─────────┴──▶ lingering ──▶ gone
class ClientConnection final : public StreamOwner, public TimerOwner, public BackendUser {
 public:
  ClientConnection(Context& context, std::uint32_t listener, std::unique_ptr<Stream> stream,
                   std::string_view client, bool secure, core::Instant now);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // ---- events ----------------------------------------------------------------------------------
  void on_ready(core::Instant now) override;
  void on_timer(core::Instant now) override;
  void on_backend_ready(core::Instant now, BackendConnection& connection) override;
  void on_backend_timer(core::Instant now, BackendConnection& connection) override;

  // ---- the core's actions ----------------------------------------------------------------------
  void start_attempt(core::Instant now, const core::StartAttempt& action);
  void cancel_attempt(core::Instant now, const core::CancelAttempt& action);
  void send_response(core::Instant now, const core::SendResponse& action);
  void reject_request(core::Instant now, const core::RejectRequest& action);
  void issue_session(const core::IssueSession& action);
  void abort_response(core::Instant now, const core::AbortResponse& action);

  // ---- the pipeline's wishes -------------------------------------------------------------------
  // Finish what runs, keep nothing.
  void drain(core::Instant now);
  void abort(core::Instant now);

  [[nodiscard]] std::uint64_t buffered_bytes() const;
  std::uint32_t position = 0;  // in Context::clients

 private:
  enum class State : std::uint8_t { idle, head, exchange, lingering, gone };
  // Pipelined requests wait in our memory up to this size; beyond it, in the client's.
  static constexpr std::size_t kMaxPipelinedBytes = 16 * 1024;
  // Read and thrown away after a final answer, so that the client sees it before a reset.
  static constexpr std::uint64_t kMaxLingerBytes = 256 * 1024;
  static constexpr std::uint8_t kMaxInterims = 16;
  // Reads per event before others get their turn.
  static constexpr int kRounds = 16;

  // ---- requests (connection.cpp) ---------------------------------------------------------------
  void pump(core::Instant now);
  // One request head, if there is one; false when there is nothing more to do now.
  bool read_head(core::Instant now);
  void begin_request(core::Instant now, http1::RequestHead& head, std::string_view rest);
  [[nodiscard]] bool answer_locally(core::Instant now, const http1::RequestHead& head);
  void keep_rest(std::string_view rest);
  void refuse(core::Instant now, unsigned status, std::string_view cause);
  [[nodiscard]] std::size_t write_error(unsigned status, std::string_view cause);
  void send_and_close(core::Instant now, std::size_t length);
  // After this answer the client may send another request. Not yet known: the answer's framing.
  [[nodiscard]] bool may_stay() const;
  // `told`: what the client was answered when the core does not know.
  void finish(core::Instant now, std::uint16_t told = 0);
  void conclude(core::Instant now);
  void next_request(core::Instant now);
  void client_gone(core::Instant now);
  void linger(core::Instant now);
  void pump_linger(core::Instant now);
  void leave(core::Instant now, bool abort);

  // ---- the request's bytes (upload.cpp) --------------------------------------------------------
  void pump_upload(core::Instant now);
  // Reads body bytes into the image while they fit; true when the rest has to stream.
  bool fill_image(core::Instant now);
  void send_image(core::Instant now, BackendConnection& connection);
  void give_way(core::Instant now);
  void stream_upload(core::Instant now, BackendConnection& connection);
  void discard_upload(core::Instant now);
  // True when more may follow at once.
  bool stream_length(core::Instant now, BackendConnection& connection);
  bool stream_chunked(core::Instant now, BackendConnection& connection);
  bool write_backend(core::Instant now, BackendConnection& connection, std::span<const char> bytes);
  bool flush_backend(core::Instant now, BackendConnection& connection);
  [[nodiscard]] bool body_too_large() const;
  // Takes body bytes from the front of `bytes` and appends their wire form to the image. Returns
  // how many it took; marks the upload complete at its end; nullopt after a bad chunk.
  [[nodiscard]] std::optional<std::size_t> append_to_image(std::string_view bytes);
  void watch_client(core::Instant now);
  void bad_upload(core::Instant now, std::uint16_t status, std::string_view cause);
  void write_broke(core::Instant now, BackendConnection& connection);

  // ---- the response's bytes (download.cpp) -----------------------------------------------------
  void pump_response(core::Instant now, BackendConnection& connection);
  bool read_response_head(core::Instant now, BackendConnection& connection);
  bool forward_interim(core::Instant now, BackendConnection& connection);
  void deliver_head(core::Instant now, BackendConnection& connection, std::string_view rest,
                    bool in_inbox);
  struct Taken {
    std::size_t written = 0;
    bool complete = false;
    bool error = false;
  };
  Taken take_body(BackendConnection& connection, std::string_view bytes, std::span<char> out);
  // True when more may follow at once. `moved`: bytes came.
  bool read_body(core::Instant now, BackendConnection& connection, bool& moved);
  bool relay_body(core::Instant now, BackendConnection& connection, bool& moved);
  void response_ended(core::Instant now, BackendConnection& connection);
  void attempt_failed(core::Instant now, BackendConnection& connection,
                      core::AttemptFailure failure);
  void begin_tunnel(core::Instant now, BackendConnection& connection, std::string_view rest,
                    std::span<const char> head);
  void pump_tunnel(core::Instant now);
  bool tunnel_up(core::Instant now, BackendConnection& connection);
  bool tunnel_down(core::Instant now, BackendConnection& connection);
  bool break_tunnel(core::Instant now, BackendConnection& connection, bool client_broke);
  // Sends to the client; false when it is gone (and dealt with).
  bool write_client(core::Instant now, std::span<const char> bytes);
  bool flush_client(core::Instant now);
  // Whom we wait for has a deadline, which progress moves.
  void arm_client_timer(core::Instant now, bool progress);
  void arm_backend_timer(core::Instant now, BackendConnection& connection, bool progress);
  // Bytes to read at once from a peer whose other side may not take them.
  [[nodiscard]] std::span<char> read_space() const;

  // ---- looking up ------------------------------------------------------------------------------
  [[nodiscard]] std::unique_ptr<BackendConnection>* place_of(core::AttemptId attempt);
  [[nodiscard]] bool uses(const BackendConnection& connection) const;
  [[nodiscard]] BackendConnection* only_attempt() const;
  void drop_attempt(std::unique_ptr<BackendConnection>& place);
  [[nodiscard]] bool exchanging() const { return state_ == State::exchange; }
  [[nodiscard]] std::string_view client() const { return {client_.data(), client_length_}; }

  Context& context_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Transaction> transaction_;
  // Bytes read and not yet understood. While lingering: what is left to send of the last answer.
  Buffer in_;
  std::size_t scanned_ = 0;  // of in_, for the head's end
  std::uint64_t lingered_ = 0;
  std::uint32_t listener_;
  std::uint32_t timer_;
  State state_ = State::idle;
  bool secure_;
  bool draining_ = false;
  bool in_ended_ = false;  // the client finished sending
  bool drained_ = false;   // everything was read: whatever comes now brings readiness
  bool shut_ = false;      // lingering: our side has ended
  std::uint8_t client_length_ = 0;
  std::array<char, 46> client_{};  // longest IPv6 text
  core::Address address_;          // the same in bytes
};

}  // namespace evenkeel::net
