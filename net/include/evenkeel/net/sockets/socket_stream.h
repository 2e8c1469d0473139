// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "evenkeel/net/sockets/address.h"
#include "evenkeel/net/sockets/reactor.h"
#include "evenkeel/net/stream.h"

namespace evenkeel::net {

// Where connections come from or go to, and how they fare there. Must outlive its streams.
struct Peer {
  std::uint32_t open = 0;              // streams not yet closed
  std::uint64_t connect_failures = 0;  // refused, unreachable or timed out by the system
};

// A TCP connection behind the Stream port.
//
// It remembers what epoll's edges said. A read that fills less than the space offered has emptied
// the socket, so the next one answers would_block without asking the kernel; the same for writes.
// Only after the peer hung up does it go on reading until the end, which no further edge announces.
//
// close() with input unread makes the kernel send a reset, which can overtake what was written
// last; whoever cares shuts down first and reads to the end.
//
// The two directions fail on their own: when a write fails because the peer closed, what it sent
// before (an early response) can still be read. If it ends then, that is reported as failed, as the
// kernel no longer tells a complete answer from one that was cut.
class SocketStream final : public Stream, private EventSource {
 public:
  // An accepted connection; takes the descriptor, which must be non-blocking and without Nagle's
  // delay. nullptr when the
  // reactor cannot take it; the descriptor is closed then.
  [[nodiscard]] static std::unique_ptr<SocketStream> adopt(Reactor& reactor, int fd, Peer& peer);
  // Begins to connect. nullptr for a local reason: descriptors, ports, memory.
  [[nodiscard]] static std::unique_ptr<SocketStream> connect(Reactor& reactor,
                                                             const Address& address, Peer& peer);
  ~SocketStream() override;

  [[nodiscard]] IoResult try_read(std::span<char> into) override;
  [[nodiscard]] IoResult try_write(std::span<const char> from) override;
  void wake() override;
  void shutdown() override;
  void abort() override;
  void close() override;
  [[nodiscard]] bool connecting() const override { return state_ == State::connecting; }

 private:
  enum class State : std::uint8_t {
    connecting,  // until the first writable edge
    open,        // at least one direction works
    closed,      // aborted, closed or never connected: every call answers failed
  };

  SocketStream(Reactor& reactor, int fd, Peer& peer, State state);
  void on_event(core::Instant now, std::uint32_t events) override;
  void finish_connect(std::uint32_t events);
  void wait_writable();
  void release(bool reset);

  Reactor& reactor_;
  Peer& peer_;
  int fd_;
  State state_;
  bool may_read_ = false;
  bool may_write_ = false;
  bool wants_write_ = false;    // a write was cut short: the owner waits for the next edge
  bool watches_write_ = false;  // EPOLLOUT is asked for
  bool hung_up_ = false;        // no further edge announces what is left to read
  bool ended_ = false;          // the peer's end was read
  bool write_failed_ = false;
  bool shut_ = false;  // shutdown() was called
};

}  // namespace evenkeel::net
