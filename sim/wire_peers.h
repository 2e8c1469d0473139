// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "evenkeel/net/stream.h"
#include "evenkeel/sim/server.h"
#include "wire_message.h"

namespace evenkeel::sim {

// One end of a simulated connection: bytes to send, messages to read.
class WirePeer : public net::StreamOwner {
 public:
  explicit WirePeer(BodyOf reads) : reader_(reads) {}
  virtual ~WirePeer() = default;
  WirePeer(const WirePeer&) = delete;
  WirePeer& operator=(const WirePeer&) = delete;

  void attach(std::unique_ptr<net::Stream> stream);
  // What append_*() put into outgoing() leaves as the window allows.
  [[nodiscard]] std::string& outgoing() { return outgoing_; }
  void flush();
  // Both end the connection; afterwards the peer is only waiting to be reused.
  void abort();
  void close();

  void on_ready(core::Instant now) final;

 protected:
  // A whole message was read; reader() has it until this returns. Afterwards more may follow.
  virtual void on_message(core::Instant now) = 0;
  // The connection is of no more use: ended, reset, refused, or what came was not HTTP (`fault`).
  virtual void on_over(core::Instant now, const char* fault) = 0;
  [[nodiscard]] MessageReader& reader() { return reader_; }
  [[nodiscard]] bool attached() const { return stream_ != nullptr; }

 private:
  std::unique_ptr<net::Stream> stream_;
  std::string outgoing_;
  std::size_t sent_ = 0;
  MessageReader reader_;
};

class WireClient;
class WireOrigin;

// What clients and origins report to.
class WireEvents {
 public:
  virtual void on_answer(core::Instant now, WireClient& client) = 0;
  virtual void on_client_cut(core::Instant now, WireClient& client, const char* fault) = 0;
  virtual void on_request(core::Instant now, WireOrigin& origin) = 0;
  virtual void on_origin_over(core::Instant now, WireOrigin& origin, const char* fault) = 0;

 protected:
  ~WireEvents() = default;
};

// A client connection: one request at a time, kept alive in between.
class WireClient final : public WirePeer {
 public:
  WireClient(WireEvents& events, std::uint32_t id)
      : WirePeer(BodyOf::response), events_(events), id(id) {}

  void send(core::Method method, std::uint64_t number, std::uint64_t body);
  [[nodiscard]] const MessageReader& answer() { return reader(); }
  [[nodiscard]] bool answering() { return reader().begun(); }

 private:
  void on_message(core::Instant now) override { events_.on_answer(now, *this); }
  void on_over(core::Instant now, const char* fault) override {
    events_.on_client_cut(now, *this, fault);
  }

  WireEvents& events_;

 public:
  const std::uint32_t id;
  std::uint32_t traffic = 0;
  std::uint64_t request = 0;  // in hand
  bool busy = false;          // a request is in hand
  bool reused = false;        // and it is not the connection's first
  bool open = false;
};

// A connection that a backend accepted.
class WireOrigin final : public WirePeer {
 public:
  WireOrigin(WireEvents& events, std::uint32_t id)
      : WirePeer(BodyOf::request), events_(events), id(id) {}

  [[nodiscard]] const MessageReader& request_read() { return reader(); }
  // Ready for the next request.
  void renew() { reader().next(false); }

 private:
  void on_message(core::Instant now) override { events_.on_request(now, *this); }
  void on_over(core::Instant now, const char* fault) override {
    events_.on_origin_over(now, *this, fault);
  }

  WireEvents& events_;

 public:
  const std::uint32_t id;
  std::uint32_t backend = 0;
  std::uint64_t connection = 0;  // the network's number
  std::uint64_t request = 0;     // in hand
  core::Method method{};         // of it
  Server::JobId job = Server::kNoJob;
  bool open = false;
};

}  // namespace evenkeel::sim
