// SPDX-License-Identifier: Apache-2.0
//
// The far side of the network: what happens to packets on their way.
#include "evenkeel/sim/network.h"

#include <algorithm>

#include "sim_stream.h"

namespace evenkeel::sim {

Network::Network(EventQueue& queue, const Options& options)
    : queue_(queue),
      options_(options),
      jitter_(options.seed, "net/jitter"),
      cuts_(options.seed, "net/cut") {}

Network::~Network() = default;

HostId Network::add_host(Listener& listener, const Link& link) {
  hosts_.push_back(Host{&listener, link});
  return static_cast<HostId>(hosts_.size() - 1);
}

std::unique_ptr<net::Stream> Network::connect(HostId to) {
  const std::uint32_t slot = take_slot(to);
  Connection& connection = *connections_[slot];
  auto stream = std::make_unique<SimStream>(*this, slot, 0);
  connection.ends[0].stream = stream.get();
  const Host& host = hosts_[connection.host];
  const bool instant = host.link.delay.latency == core::Duration::zero() &&
                       host.link.delay.jitter == core::Duration::zero();
  if (instant && host.reach == Reach::up) {
    connection.ends[0].state = State::open;
    wake(slot, 0);
    accept(slot);
  } else {
    send(slot, 0, Kind::syn, 0);
  }
  return stream;
}

void Network::on_event(const Event& event) {
  const std::uint32_t slot = event.note.a;
  Connection& connection = *connections_[slot];
  arrive(static_cast<Kind>(event.note.kind), slot, event.note.small, event.note.b);
  --connection.events;  // only now: the slot must outlive what the arrival sets off
  free_if_over(slot);
}

// ---- slots -------------------------------------------------------------------------------------

std::uint32_t Network::take_slot(HostId host) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(connections_.size());
    connections_.push_back(std::make_unique<Connection>());
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Connection& connection = *connections_[slot];
  connection.id = next_id_++;
  last_slot_ = slot;
  connection.host = static_cast<std::uint32_t>(host);
  connection.used = true;
  connection.ends = {};
  for (Direction& direction : connection.directions) {
    std::vector<char> block = std::move(direction.block);  // its memory is worth keeping
    direction = Direction{};
    direction.block = std::move(block);
  }
  ++live_;
  return slot;
}

void Network::free_if_over(std::uint32_t slot) {
  Connection& connection = *connections_[slot];
  if (!connection.used || connection.events > 0) return;
  // Nobody accepted it: there is no second end.
  const bool unaccepted = connection.ends[1].state == State::connecting;
  if (connection.ends[0].state != State::gone) return;
  if (connection.ends[1].state != State::gone && !unaccepted) return;
  connection.used = false;
  for (Direction& direction : connection.directions) {
    discard(direction);
    bytes_held_ -= direction.size;
    direction.size = 0;
  }
  free_.push_back(slot);
  --live_;
}

void Network::accept(std::uint32_t slot) {
  Connection& connection = *connections_[slot];
  auto stream = std::make_unique<SimStream>(*this, slot, 1);
  connection.ends[1].stream = stream.get();
  connection.ends[1].state = State::open;
  hosts_[connection.host].listener->on_accept(queue_.now(), connection.id, std::move(stream));
}

// Drops what has arrived and nobody will read. What is in flight is dropped as it arrives.
void Network::discard(Direction& direction) {
  direction.first += direction.readable;
  direction.size -= direction.readable;
  bytes_held_ -= direction.readable;
  direction.readable = 0;
}

// ---- packets -----------------------------------------------------------------------------------

core::Duration Network::delay(const Connection& connection, unsigned from,
                              std::uint64_t packet) const {
  const LinkModel& link = hosts_[connection.host].link.delay;
  if (link.jitter == core::Duration::zero()) return link.latency;
  const core::Duration drawn =
      jitter_.of(connection.id * 2 + from).within(2 * link.jitter + core::Duration(1), packet);
  return link.latency - link.jitter + drawn;
}

void Network::push(core::Instant at, Kind kind, std::uint32_t slot, unsigned side,
                   std::uint64_t bytes) {
  ++connections_[slot]->events;
  queue_.push(
      at, Phase::network,
      Note{static_cast<std::uint16_t>(kind), static_cast<std::uint16_t>(side), slot, bytes});
}

// Sends a packet from one end to the other; what was sent first arrives first.
void Network::send(std::uint32_t slot, unsigned from, Kind kind, std::uint64_t bytes) {
  Connection& connection = *connections_[slot];
  Direction& direction = connection.directions[from];
  if (from == 1 && hosts_[connection.host].reach == Reach::black_hole) direction.lost = true;
  if (direction.lost) return;
  direction.last_arrival = std::max(
      direction.last_arrival, later(queue_.now(), delay(connection, from, direction.packets++)));
  push(direction.last_arrival, kind, slot, 1 - from, bytes);
}

void Network::notify(std::uint32_t slot, unsigned side) {
  SimStream* stream = connections_[slot]->ends[side].stream;
  if (stream != nullptr) stream->ready(queue_.now());
}

void Network::arrive(Kind kind, std::uint32_t slot, unsigned side, std::uint64_t bytes) {
  Connection& connection = *connections_[slot];
  End& end = connection.ends[side];
  Direction& incoming = connection.directions[1 - side];
  const Reach reach = hosts_[connection.host].reach;
  const bool packet = kind != Kind::wake && kind != Kind::writable;
  if (packet && side == 1 && reach == Reach::black_hole) incoming.lost = true;
  if (packet && incoming.lost) return;
  switch (kind) {
    case Kind::syn:
      if (connection.ends[0].state == State::gone) return;
      if (reach == Reach::refusing) {
        send(slot, 1, Kind::refused, 0);
        return;
      }
      send(slot, 1, Kind::connected, 0);
      accept(slot);
      return;
    case Kind::connected:
      if (end.state != State::connecting) {
        // Given up meanwhile: leave() had nobody to tell.
        send(slot, side, Kind::reset, 0);
        return;
      }
      end.state = State::open;
      if (connection.directions[side].ended) send(slot, side, Kind::fin, 0);
      break;
    case Kind::refused:
      if (end.state == State::connecting) end.state = State::reset;
      break;
    case Kind::segment:
      if (end.state != State::open) {  // nobody reads it any more
        incoming.first += bytes;
        incoming.size -= bytes;
        bytes_held_ -= bytes;
        if (end.state == State::gone) send(slot, side, Kind::reset, 0);
        return;
      }
      incoming.readable += bytes;
      break;
    case Kind::fin:
      incoming.end_arrived = true;
      break;
    case Kind::reset:
      if (end.state != State::open) return;
      end.state = State::reset;
      if (options_.reset_discards) discard(incoming);
      break;
    case Kind::writable:
      break;
    case Kind::wake:
      end.waking = false;
      break;
  }
  notify(slot, side);
}

}  // namespace evenkeel::sim
