// SPDX-License-Identifier: Apache-2.0
//
// The near side of the network: what a call on a stream does at once.
#include <algorithm>
#include <cstring>

#include "evenkeel/sim/network.h"

namespace evenkeel::sim {

net::IoResult Network::read(std::uint32_t slot, unsigned side, std::span<char> into) {
  Connection& connection = *connections_[slot];
  Direction& incoming = connection.directions[1 - side];
  if (connection.ends[side].state == State::connecting) return {net::Io::would_block, 0};
  if (incoming.readable == 0) {
    if (connection.ends[side].state == State::reset) return {net::Io::failed, 0};
    if (incoming.end_arrived) return {net::Io::end, 0};
    return {net::Io::would_block, 0};
  }
  const std::size_t n = cut(connection, side, std::min(incoming.readable, into.size()));
  if (n == 0) return {net::Io::would_block, 0};  // nothing was asked for
  std::memcpy(into.data(), incoming.block.data() + incoming.first, n);
  incoming.first += n;
  incoming.size -= n;
  incoming.readable -= n;
  bytes_held_ -= n;
  if (incoming.size == 0) incoming.first = 0;
  // Half a window of room is worth telling; less would make many small segments of one large one.
  const std::size_t window = hosts_[connection.host].link.window;
  if (incoming.blocked && incoming.size <= window / 2) {
    incoming.blocked = false;
    push(later(queue_.now(), delay(connection, side, incoming.packets++)), Kind::writable, slot,
         1 - side, 0);
  }
  return {net::Io::done, n};
}

net::IoResult Network::write(std::uint32_t slot, unsigned side, std::span<const char> from) {
  Connection& connection = *connections_[slot];
  End& end = connection.ends[side];
  Direction& outgoing = connection.directions[side];
  if (end.state == State::connecting) return {net::Io::would_block, 0};
  if (end.state == State::reset || outgoing.ended) return {net::Io::failed, 0};
  if (from.empty()) return {net::Io::would_block, 0};
  const Link& link = hosts_[connection.host].link;
  const std::size_t room = link.window - outgoing.size;
  if (room == 0) {
    outgoing.blocked = true;
    return {net::Io::would_block, 0};
  }
  const std::size_t possible = std::min(room, from.size());
  const std::size_t n = cut(connection, side, possible);
  if (n < possible) {
    wake(slot, side);  // there is room: say so, as a kernel does after a short write
  } else if (n < from.size()) {
    outgoing.blocked = true;
  }
  if (outgoing.first > outgoing.size && outgoing.first > 4096) {
    std::memmove(outgoing.block.data(), outgoing.block.data() + outgoing.first, outgoing.size);
    outgoing.first = 0;
  }
  const std::size_t end_of_bytes = outgoing.first + outgoing.size;
  if (outgoing.block.size() < end_of_bytes + n) {
    outgoing.block.resize(std::max(end_of_bytes + n, 2 * outgoing.block.size()));
  }
  std::memcpy(outgoing.block.data() + end_of_bytes, from.data(), n);
  outgoing.size += n;
  bytes_held_ += n;
  for (std::size_t sent = 0; sent < n;) {
    const std::size_t piece = std::min(link.segment, n - sent);
    send(slot, side, Kind::segment, piece);
    sent += piece;
  }
  return {net::Io::done, n};
}

void Network::wake(std::uint32_t slot, unsigned side) {
  End& end = connections_[slot]->ends[side];
  if (end.waking) return;
  end.waking = true;
  push(queue_.now(), Kind::wake, slot, side, 0);
}

void Network::shutdown(std::uint32_t slot, unsigned side) {
  Connection& connection = *connections_[slot];
  Direction& outgoing = connection.directions[side];
  const State state = connection.ends[side].state;
  if (outgoing.ended || state == State::reset) return;
  outgoing.ended = true;
  if (state == State::open) send(slot, side, Kind::fin, 0);
  // While connecting: accept() sends it once there is somebody to send it to.
}

void Network::leave(std::uint32_t slot, unsigned side, bool in_order) {
  Connection& connection = *connections_[slot];
  End& end = connection.ends[side];
  Direction& outgoing = connection.directions[side];
  Direction& incoming = connection.directions[1 - side];
  const State state = end.state;
  const bool unread = incoming.readable > 0;
  end.state = State::gone;
  end.stream = nullptr;
  discard(incoming);
  if (state == State::open) {
    const bool over = outgoing.ended && incoming.end_arrived && !unread;
    if (in_order && !unread) {
      if (!outgoing.ended) send(slot, side, Kind::fin, 0);
    } else if (!over) {
      // Closing with something unread is a reset, too: the peer must not believe that it was heard.
      send(slot, side, Kind::reset, 0);
    }
    outgoing.ended = true;
  }
  free_if_over(slot);
}

std::size_t Network::cut(Connection& connection, unsigned side, std::size_t bytes) {
  if (!options_.cut || bytes <= 1) return bytes;
  const core::Stream stream = cuts_.of(connection.id * 2 + side);
  const std::uint64_t call = connection.ends[side].calls++;
  // Mostly short cuts: the places where state machines break are near the ends of lines and heads.
  const std::uint64_t most =
      stream.below(4, 2 * call) == 0 ? bytes : std::min<std::size_t>(bytes, 16);
  return 1 + stream.below(most, 2 * call + 1);
}

}  // namespace evenkeel::sim
