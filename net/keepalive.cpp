// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/keepalive.h"

#include <algorithm>
#include <utility>

#include "evenkeel/net/context.h"

namespace evenkeel::net {

KeepAlive::KeepAlive(Context& context) : context_(context) {
  for (const core::PoolPolicy& pool : context.balancer.config().pools) {
    idle_.emplace_back(pool.backends.size());
    timeouts_.push_back(context.timers.add_class(pool.connection_pool.idle_timeout));
  }
}

std::unique_ptr<BackendConnection> KeepAlive::take(core::BackendRef backend) {
  Idle& idle = idle_of(backend);
  if (idle.empty()) return nullptr;
  std::unique_ptr<BackendConnection> connection = std::move(idle.back());
  idle.pop_back();
  --size_;
  context_.timers.disarm(connection->timer());
  return connection;
}

void KeepAlive::put(core::Instant now, std::unique_ptr<BackendConnection> connection) {
  const core::BackendRef backend = connection->backend();
  const core::ConnectionPoolPolicy& policy = context_.pool_policy(backend.pool).connection_pool;
  Idle& idle = idle_of(backend);
  const bool worn = policy.max_reuse != 0 && connection->uses() >= policy.max_reuse;
  // What came with the last response's end brings no readiness of its own.
  if (worn || context_.draining || idle.size() >= policy.max_idle_per_backend ||
      !silent(*connection)) {
    connection->detach();
    connection->stream().close();
    context_.doom(std::move(connection));
    return;
  }
  connection->forget_exchange();
  connection->rest(*this);
  context_.timers.arm(connection->timer(), timeouts_[index(backend.pool)], now);
  idle.push_back(std::move(connection));
  ++size_;
}

void KeepAlive::make_room(core::BackendRef backend) {
  const core::LimitsPolicy& limits = context_.pool_policy(backend.pool).limits;
  const core::Pool& pool = context_.balancer.pool(backend.pool);
  // The attempt that asks is among those in flight.
  Idle& idle = idle_of(backend);
  while (limits.max_connections != 0 && !idle.empty() &&
         pool.load(backend.backend).in_flight + idle.size() > limits.max_connections) {
    close_oldest(idle);
  }
  if (limits.pool.max_connections == 0) return;
  std::size_t open = pool.in_flight();
  for (const Idle& others : idle_[index(backend.pool)]) open += others.size();
  for (Idle& others : idle_[index(backend.pool)]) {
    for (; open > limits.pool.max_connections && !others.empty(); --open) close_oldest(others);
  }
}

void KeepAlive::close_all() {
  for (auto& pool : idle_) {
    for (Idle& idle : pool) {
      for (auto& connection : idle) {
        connection->detach();
        connection->stream().close();
        context_.doom(std::move(connection));
      }
      idle.clear();
    }
  }
  size_ = 0;
}

// Readiness may be an echo of the last exchange: only what a read finds decides.
bool KeepAlive::silent(BackendConnection& connection) {
  char byte;
  return connection.stream().try_read({&byte, 1}).io == Io::would_block;
}

void KeepAlive::on_backend_ready(core::Instant, BackendConnection& connection) {
  if (!silent(connection)) close(connection);
}

void KeepAlive::on_backend_timer(core::Instant, BackendConnection& connection) {
  close(connection);
}

KeepAlive::Idle& KeepAlive::idle_of(core::BackendRef backend) {
  return idle_[index(backend.pool)][index(backend.backend)];
}

void KeepAlive::close(BackendConnection& connection) {
  Idle& idle = idle_of(connection.backend());
  const auto place = std::find_if(idle.begin(), idle.end(), [&connection](const auto& candidate) {
    return candidate.get() == &connection;
  });
  if (place == idle.end()) return;
  connection.detach();
  connection.stream().close();
  context_.doom(std::move(*place));
  idle.erase(place);
  --size_;
}

}  // namespace evenkeel::net
