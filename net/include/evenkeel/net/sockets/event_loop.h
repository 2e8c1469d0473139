// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evenkeel/core/time.h"
#include "evenkeel/net/pipeline.h"
#include "evenkeel/net/sockets/listener.h"
#include "evenkeel/net/sockets/reactor.h"
#include "evenkeel/net/tls/tls_context.h"

namespace evenkeel::net {

// Drives one pipeline over sockets inside an Asio loop: readiness, deadlines, new connections.
//
//   io_context ──▶ epoll of the data path readable ──▶ Reactor::turn() ──▶ streams' owners
//              ──▶ deadline timer                   ──▶ Pipeline::on_deadline()
//              ──▶ tick, every 50 ms                ──▶ retries of accept, the owner's work
//
// Everything runs on the thread that runs the io_context. After any call on the pipeline that did
// not come from here, call settle().
class EventLoop final : public Acceptor::Handler {
 public:
  // Work that wants doing about every kTick.
  class Ticking {
   public:
    virtual void on_tick(core::Instant now) = 0;

   protected:
    ~Ticking() = default;
  };
  static constexpr core::Duration kTick = std::chrono::milliseconds(50);

  EventLoop(boost::asio::io_context& io, Reactor& reactor, Pipeline& pipeline, Ticking& ticking);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  // Accepts connections for a listener of the configuration. `clients` counts them; it and `tls`
  // (nullptr: plaintext) must outlive the loop and the pipeline.
  void listen(std::uint32_t listener, ListeningSocket socket, std::uint32_t max_connections,
              Peer& clients, TlsServer* tls);
  // Begins to wait. The io_context runs until stop().
  void start();
  // Whether new connections are accepted; off, they wait in the system's backlog.
  void set_accepting(core::Instant now, bool accepting);
  // Closes the listening sockets; connections stay.
  void stop_listening();
  // Waits for nothing any more, so that the io_context can run out of work.
  void stop();
  // Takes note of what the pipeline wants after a call from outside: its next deadline, its wakes.
  void settle();

  // Nothing is connected, running, or waiting for its last bytes to be taken.
  [[nodiscard]] bool quiet() const;
  // Sum over the listeners, closed ones included.
  [[nodiscard]] AcceptCounts accept_counts() const;

 private:
  struct Listening {
    std::unique_ptr<Acceptor> acceptor;
    TlsServer* tls;
  };
  // Rounds of events before Asio has its turn: enough to spare most of its waits under load, few
  // enough that timers and the admin endpoint are not kept waiting.
  static constexpr int kRounds = 8;

  void on_connection(core::Instant now, std::uint32_t listener, std::unique_ptr<Stream> stream,
                     const Address& client) override;
  void wait_for_events();
  void run_events();
  void wait_for_tick();
  void wait_for_deadline();

  boost::asio::io_context& io_;
  Reactor& reactor_;
  Pipeline& pipeline_;
  Ticking& ticking_;
  boost::asio::posix::stream_descriptor events_;
  boost::asio::steady_timer tick_;
  boost::asio::steady_timer deadline_;
  core::Instant armed_ = core::kNever;  // when deadline_ fires
  bool turn_posted_ = false;
  bool stopped_ = false;
  std::vector<Listening> listening_;      // in the order of listen()
  std::vector<std::size_t> by_listener_;  // index of the configuration to index of listening_
};

}  // namespace evenkeel::net
