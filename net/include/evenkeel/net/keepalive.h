// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "evenkeel/net/backend_connection.h"

namespace evenkeel::net {

// Idle backend connections, ready for reuse. Last in, first out: the one used last is the least
// likely to have been closed meanwhile, and the others can grow old and go.
//
// An idle connection must stay silent. Any byte or end on it closes it: bytes that nobody asked for
// would become the answer to somebody else's request.
class KeepAlive final : public BackendUser {
 public:
  explicit KeepAlive(Context& context);

  // An idle connection to that backend, or nullptr.
  [[nodiscard]] std::unique_ptr<BackendConnection> take(core::BackendRef backend);
  // Keeps a connection whose last response was complete, or closes it when there is no room.
  void put(core::Instant now, std::unique_ptr<BackendConnection> connection);
  // Before a new connection to this backend: idle ones go while it, or its pool, would have more
  // than it may have. Those in use are requests in flight, which the core keeps below the same
  // limits.
  void make_room(core::BackendRef backend);
  void close_all();

  [[nodiscard]] std::uint32_t size() const { return size_; }

  void on_backend_ready(core::Instant now, BackendConnection& connection) override;
  void on_backend_timer(core::Instant now, BackendConnection& connection) override;

 private:
  using Idle = std::vector<std::unique_ptr<BackendConnection>>;

  [[nodiscard]] Idle& idle_of(core::BackendRef backend);
  [[nodiscard]] static bool silent(BackendConnection& connection);
  void close(BackendConnection& connection);
  void close_oldest(Idle& idle) { close(*idle.front()); }

  Context& context_;
  std::vector<std::vector<Idle>> idle_;  // by pool and backend
  std::vector<Timers::Class> timeouts_;  // by pool
  std::uint32_t size_ = 0;
};

}  // namespace evenkeel::net
