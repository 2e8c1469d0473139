// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/balancer.h"
#include "evenkeel/core/route/router.h"
#include "evenkeel/net/buffer.h"
#include "evenkeel/net/http1/head.h"
#include "evenkeel/net/keepalive.h"
#include "evenkeel/net/pipeline.h"
#include "evenkeel/net/prober.h"
#include "evenkeel/net/timers.h"

namespace evenkeel::net {

class ClientConnection;
struct Transaction;

// Bytes read at once. On loopback 60 000 is the best size for bulk data and exactly 64 KiB the
// worst: it leaves a tiny segment behind every full one.
inline constexpr std::size_t kReadBytes = 60'000;
// In front of what is read from a backend, so that the rewritten head fits directly before the body
// bytes that came with it, and both leave in one send.
inline constexpr std::size_t kHeadroom = 8 * 1024;
// Names a connection's timeouts that are not configured.
inline constexpr core::Duration kLingerTime = std::chrono::seconds(2);
inline constexpr core::Duration kTunnelIdleTime = std::chrono::hours(1);

// What the connections of one worker share: the core, the world, buffers, timers, the idle backend
// connections, and the loop that turns the core's actions into calls. One per Pipeline.
class Context {
 public:
  Context(core::Balancer& core_balancer, Host& world, Observer& told);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Takes the core's actions until there are none. Calls from within an action return at once: the
  // outer loop goes on.
  void act(core::Instant now);

  // Whoever the actions on this request concern; nullptr: nobody any more.
  void set_owner(core::RequestId request, ClientConnection* owner);

  // Objects that end inside one of their own calls wait here until the turn is over.
  void doom(std::unique_ptr<ClientConnection> connection);
  void doom(std::unique_ptr<BackendConnection> connection);

  // Begins to connect; nullptr for a local lack of resources.
  [[nodiscard]] std::unique_ptr<BackendConnection> connect(core::BackendRef backend);

  [[nodiscard]] std::unique_ptr<Transaction> take_transaction();
  void give_back(std::unique_ptr<Transaction> transaction);

  // "Sun, 06 Nov 1994 08:49:37 GMT" for now; written anew once a second.
  [[nodiscard]] std::string_view date();
  // 32 hexadecimal digits that nobody can guess.
  void make_request_id(std::span<char, 32> out);
  // The name of a session that may begin.
  [[nodiscard]] core::SessionKey make_session_key();

  // Where a request goes; nullopt: no route takes it. No header is looked at unless a route asks.
  [[nodiscard]] std::optional<core::Classified> classify(const http1::RequestHead& head,
                                                         const core::Address& client) const;

  [[nodiscard]] const core::PoolPolicy& pool_policy(core::PoolIndex pool) const {
    return balancer.config().pools[index(pool)];
  }
  [[nodiscard]] const core::ListenerPolicy& listener(std::uint32_t index) const {
    return balancer.config().listeners[index];
  }

  core::Balancer& balancer;
  Host& host;
  Observer& observer;
  core::Router router;
  BufferPool buffers;
  Timers timers;
  KeepAlive keepalive;
  Prober prober;
  PipelineCounts counts;
  bool draining = false;

  // Classes of timeouts, by listener and by pool.
  struct ListenerTimers {
    Timers::Class request_header, body_idle, keepalive;
  };
  struct PoolTimers {
    Timers::Class body_idle;
  };
  std::vector<ListenerTimers> listener_timers;
  std::vector<PoolTimers> pool_timers;
  Timers::Class linger_timer;
  Timers::Class tunnel_timer;

  // Every client connection, in no meaningful but a reproducible order.
  std::vector<std::unique_ptr<ClientConnection>> clients;
  std::vector<std::uint32_t> clients_of;  // how many, by listener

  // Scratch memory. What stands in it is valid until the next read or write of the same kind.
  std::vector<char> inbox;   // kHeadroom + kReadBytes
  std::vector<char> outbox;  // heads and re-chunked bodies on their way out
  http1::RequestHead request_head;
  http1::ResponseHead response_head;
  std::string session_field;

 private:
  friend class Turn;

  void perform(core::Instant now, const core::Action& action);
  [[nodiscard]] ClientConnection* owner_of(core::RequestId request) const;
  void reap();

  std::vector<ClientConnection*> owners_;  // by the request's slot
  std::vector<std::unique_ptr<Transaction>> spare_transactions_;
  std::vector<std::unique_ptr<ClientConnection>> doomed_clients_;
  std::vector<std::unique_ptr<BackendConnection>> doomed_backends_;
  int depth_ = 0;
  bool acting_ = false;
  std::int64_t date_second_ = -1;
  char date_[30] = {};
};

// One event handled, from outside to outside: at its end all actions are done and what died is
// freed.
class Turn {
 public:
  Turn(Context& context, core::Instant now) : context_(context), now_(now) { ++context_.depth_; }
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Context& context_;
  core::Instant now_;
};

}  // namespace evenkeel::net
