// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"
#include "evenkeel/net/stream.h"
#include "evenkeel/sim/event_queue.h"
#include "evenkeel/sim/scenario.h"

// Virtual byte streams in virtual time: what sockets and the kernels behind them do, as far as a
// proxy can tell.
//
//     SimStream ──try_write──► [ in flight ……… | delivered, unread ] ──try_read──► SimStream
//                              └────────── at most `window` bytes ──┘
//
// A write is cut into segments; each arrives after the link's delay and never overtakes another of
// its connection. Readiness is an event like any other: it never comes from inside a call.
namespace evenkeel::sim {

inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// The way to a host, the same in both directions.
struct Link {
  LinkModel delay;
  std::size_t window = kNoLimit;   // bytes per direction, written and not yet read; ≥ 1
  std::size_t segment = kNoLimit;  // largest piece that arrives at once; ≥ 1
};

// How a host meets packets.
enum class Reach : std::uint8_t {
  up,
  refusing,    // connects are refused; established connections are its process's to reset
  black_hole,  // nothing gets in or out. A connection that lost a packet stays mute for good: no
               // retransmission outlasts the deadlines of those who wait
};

// A party that can be connected to.
enum class HostId : std::uint32_t {};

class Listener {
 public:
  // The stream is the listener's. `connection` numbers the network's connections from 0.
  virtual void on_accept(core::Instant now, std::uint64_t connection,
                         std::unique_ptr<net::Stream> stream) = 0;

 protected:
  ~Listener() = default;
};

class SimStream;

// All hosts, links and connections of one world. Must outlive its streams.
class Network {
 public:
  struct Options {
    core::Seed seed{};
    // Reads and writes move fewer bytes than they could, at points the seed decides. A legal
    // network that finds state machines which count on whole messages.
    bool cut = false;
    // A reset takes away what had arrived and was not yet read. RFC 9293 allows it; Linux leaves
    // it.
    bool reset_discards = false;
  };

  Network(EventQueue& queue, const Options& options);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  [[nodiscard]] HostId add_host(Listener& listener, const Link& link);
  void set_reach(HostId host, Reach reach) {
    hosts_[static_cast<std::uint32_t>(host)].reach = reach;
  }
  [[nodiscard]] Reach reach(HostId host) const {
    return hosts_[static_cast<std::uint32_t>(host)].reach;
  }

  // Begins to connect. Over a link without delay, to a host that is up, the connection exists at
  // once, as it does over loopback; on_ready() follows in any case.
  [[nodiscard]] std::unique_ptr<net::Stream> connect(HostId to);
  // The slot of the connection made last: small numbers, reused after a connection's end.
  [[nodiscard]] std::uint32_t last_slot() const { return last_slot_; }

  // Events of the network, all in Phase::network.
  [[nodiscard]] static bool owns(const Note& note) { return (note.kind & kKindMask) == kKindBase; }
  void on_event(const Event& event);
  // The connection an event concerns, and the host it leads to.
  [[nodiscard]] static std::uint32_t slot_of(const Event& event) { return event.note.a; }
  [[nodiscard]] HostId host_of(const Event& event) const {
    return static_cast<HostId>(connections_[slot_of(event)]->host);
  }

  // Connections of which an end, or a packet, is left.
  [[nodiscard]] std::size_t connections() const { return live_; }
  // Bytes written and not yet read, in all connections.
  [[nodiscard]] std::uint64_t bytes_held() const { return bytes_held_; }

 private:
  friend class SimStream;

  static constexpr std::uint16_t kKindBase = 0x100;
  static constexpr std::uint16_t kKindMask = 0xff00;
  enum class Kind : std::uint16_t {
    syn = kKindBase,  // reaches the host
    connected,        // reaches the initiator
    refused,          // reaches the initiator
    segment,          // `b` bytes
    fin,
    reset,
    writable,  // the window has room again
    wake,      // asked for
  };

  // Bytes one way: a queue in one block, of which the first `readable` have arrived.
  struct Direction {
    std::vector<char> block;
    std::size_t first = 0;
    std::size_t size = 0;
    std::size_t readable = 0;
    core::Instant last_arrival{};  // nothing may arrive before it
    std::uint64_t packets = 0;
    bool ended = false;  // the writer's end was written
    bool end_arrived = false;
    bool lost = false;     // a packet vanished: so does everything after it
    bool blocked = false;  // the writer waits for room
  };
  enum class State : std::uint8_t {
    connecting,
    open,
    reset,  // by the peer, or refused
    gone,   // closed or aborted by its owner
  };
  struct End {
    SimStream* stream = nullptr;
    State state = State::connecting;
    bool waking = false;
    std::uint64_t calls = 0;  // numbers the cuts
  };
  // Side 0 is the initiator; direction 0 carries its bytes.
  struct Connection {
    std::uint64_t id = 0;
    std::uint32_t host = 0;
    std::uint32_t events = 0;  // on their way: the slot lives at least until they have arrived
    bool used = false;
    std::array<Direction, 2> directions;
    std::array<End, 2> ends;
  };
  struct Host {
    Listener* listener;
    Link link;
    Reach reach = Reach::up;
  };

  // What the streams do (network_streams.cpp).
  net::IoResult read(std::uint32_t slot, unsigned side, std::span<char> into);
  net::IoResult write(std::uint32_t slot, unsigned side, std::span<const char> from);
  void wake(std::uint32_t slot, unsigned side);
  void shutdown(std::uint32_t slot, unsigned side);
  void leave(std::uint32_t slot, unsigned side, bool in_order);
  [[nodiscard]] std::size_t cut(Connection& connection, unsigned side, std::size_t bytes);

  // What happens on the way.
  std::uint32_t take_slot(HostId host);
  void free_if_over(std::uint32_t slot);
  void accept(std::uint32_t slot);
  void arrive(Kind kind, std::uint32_t slot, unsigned side, std::uint64_t bytes);
  void send(std::uint32_t slot, unsigned from, Kind kind, std::uint64_t bytes);
  void push(core::Instant at, Kind kind, std::uint32_t slot, unsigned side, std::uint64_t bytes);
  void notify(std::uint32_t slot, unsigned side);
  void discard(Direction& direction);
  [[nodiscard]] core::Duration delay(const Connection& connection, unsigned from,
                                     std::uint64_t packet) const;

  EventQueue& queue_;
  Options options_;
  core::Stream jitter_;
  core::Stream cuts_;
  std::vector<Host> hosts_;
  std::vector<std::unique_ptr<Connection>> connections_;  // slots, stable in memory
  std::vector<std::uint32_t> free_;
  std::uint64_t next_id_ = 0;
  std::uint32_t last_slot_ = 0;
  std::size_t live_ = 0;
  std::uint64_t bytes_held_ = 0;
};

}  // namespace evenkeel::sim
