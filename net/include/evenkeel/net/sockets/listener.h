// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "evenkeel/core/result.h"
#include "evenkeel/net/sockets/address.h"
#include "evenkeel/net/sockets/reactor.h"
#include "evenkeel/net/sockets/socket_stream.h"

namespace evenkeel::net {

// A bound, listening socket that nobody accepts from yet. Owns its descriptor.
class ListeningSocket {
 public:
  static constexpr int kBacklog = 4096;

  // Binds and listens. `shared`: several workers each open their own (SO_REUSEPORT); without it a
  // second process on the same port is refused. Fails with words that name the address and what to
  // do.
  [[nodiscard]] static core::Result<ListeningSocket, std::string> open(
      const core::Endpoint& endpoint, bool shared);
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket();

  // Where it listens: a configured port 0 shows as the one that the system picked.
  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] int release();  // the descriptor; the caller owns it then

 private:
  ListeningSocket(int fd, const Address& address) : fd_(fd), address_(address) {}
  int fd_;
  Address address_;
};

struct AcceptCounts {
  std::uint64_t over_limit = 0;        // connections closed at once: max_connections reached
  std::uint64_t out_of_resources = 0;  // times accepting paused for want of descriptors or memory
};

// Accepts connections within a limit.
//
// Connections beyond `max_connections` are accepted and closed at once, and counted: a client
// learns quickly that it must go elsewhere, where a full backlog would leave it waiting in the
// dark. When the system is out of descriptors or memory, accepting pauses until retry(), called
// from the tick: connections wait in the backlog meanwhile, and the loop does not spin.
class Acceptor final : private EventSource {
 public:
  class Handler {
   public:
    virtual void on_connection(core::Instant now, std::uint32_t listener,
                               std::unique_ptr<Stream> stream, const Address& client) = 0;

   protected:
    ~Handler() = default;
  };

  // Starts at the reactor's next turn. Throws std::system_error when the reactor cannot take it.
  // `clients` counts the connections and must outlive them.
  Acceptor(Reactor& reactor, ListeningSocket socket, std::uint32_t listener,
           std::uint32_t max_connections, Peer& clients, Handler& handler);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Stops listening; what waits in the backlog is refused by the system. Connections stay.
  void close();
  // Tries again after a pause.
  void retry(core::Instant now);
  // Off: connections wait in the backlog, which the system bounds, until it is on again.
  void set_accepting(core::Instant now, bool accepting);
  [[nodiscard]] const AcceptCounts& counts() const { return counts_; }

 private:
  // Connections per turn: a flood of them must not starve those that are being served.
  static constexpr int kPerTurn = 64;

  void on_event(core::Instant now, std::uint32_t events) override;
  // False when there is nothing more to accept now.
  bool accept_one(core::Instant now);

  Reactor& reactor_;
  Peer& clients_;
  Handler& handler_;
  int fd_;
  std::uint32_t listener_;
  std::uint32_t max_connections_;
  bool paused_ = false;  // for want of resources
  bool held_ = false;    // told not to accept
  AcceptCounts counts_;
};

}  // namespace evenkeel::net
