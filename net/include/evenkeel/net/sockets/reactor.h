// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "evenkeel/core/time.h"

namespace evenkeel::net {

// Something with a descriptor in a reactor's set.
class EventSource {
 public:
  // `events` are epoll's; 0 after Reactor::run_again(). Any source may be destroyed inside, this
  // one included: the reactor touches none afterwards.
  virtual void on_event(core::Instant now, std::uint32_t events) = 0;

 protected:
  ~EventSource() = default;
};

// An edge-triggered epoll set for the data path's sockets. One per worker.
//
// Why not Asio's own sockets there: Asio reads once too often before every wait, or pays an
// epoll_ctl per wait. Here a socket is registered once, when it is made, and its stream remembers
// what is ready: a small request costs two recv, two send and nothing else. Asio still runs timers,
// signals and the admin endpoint; its loop waits for fd() and calls turn() (see EventLoop).
//
// Events carry the descriptor and a generation, so that an event for a descriptor that was closed,
// and perhaps opened again by someone else, earlier in the same batch is dropped.
class Reactor {
 public:
  static constexpr int kBatch = 128;

  // Throws std::system_error when the system gives no epoll descriptor.
  Reactor();
  ~Reactor();  // every source must be gone
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Becomes readable when turn() has something to do (run_again() aside).
  [[nodiscard]] int fd() const { return epoll_; }

  // Registers a descriptor for good: `events` plus EPOLLET. False, with errno, when the system
  // refuses.
  [[nodiscard]] bool add(int fd, EventSource& source, std::uint32_t events);
  // Changes what is waited for. What is already there is announced, again.
  void modify(int fd, std::uint32_t events);
  // The source no longer wants to hear of `fd`, whose owner closes it next. Also when add() failed.
  void forget(int fd);
  // Calls the source's on_event(now, 0) after the batch of events that is being delivered, or in
  // the next turn when there is none. Asked for from such a call, it comes in the next turn.
  void run_again(int fd);

  // Delivers one batch of events, then the calls that run_again() asked for. Waits up to `wait_ms`
  // for the first event (-1: for ever). Returns how many calls were made.
  std::size_t turn(int wait_ms = 0);
  // run_again() was called since the last turn.
  [[nodiscard]] bool wants_turn() const { return !again_.empty(); }

 private:
  struct Slot {  // by descriptor
    EventSource* source = nullptr;
    std::uint32_t generation = 0;  // counts owners of the descriptor
    bool queued = false;           // in again_
  };
  struct Token {
    int fd;
    std::uint32_t generation;
  };

  void deliver(int fd, std::uint32_t generation, std::uint32_t events);

  int epoll_;
  std::vector<Slot> slots_;
  std::vector<Token> again_;
  std::vector<Token> running_;  // scratch of turn()
  std::array<epoll_event, kBatch> events_{};
};

}  // namespace evenkeel::net
