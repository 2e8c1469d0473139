// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/sockets/reactor.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "evenkeel/net/sockets/clock.h"

namespace evenkeel::net {
namespace {

std::uint64_t pack(int fd, std::uint32_t generation) {
  return (std::uint64_t{generation} << 32U) | static_cast<std::uint32_t>(fd);
}

}  // namespace

Reactor::Reactor() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Reactor::~Reactor() { ::close(epoll_); }

bool Reactor::add(int fd, EventSource& source, std::uint32_t events) {
  if (static_cast<std::size_t>(fd) >= slots_.size())
    slots_.resize(static_cast<std::size_t>(fd) + 1);
  Slot& slot = slots_[static_cast<std::size_t>(fd)];
  ++slot.generation;
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = pack(fd, slot.generation);
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return false;
  slot.source = &source;
  slot.queued = false;
  return true;
}

void Reactor::modify(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = pack(fd, slots_[static_cast<std::size_t>(fd)].generation);
  // Cannot fail: the descriptor is in the set, and nothing needs memory.
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Reactor::forget(int fd) {
  if (static_cast<std::size_t>(fd) < slots_.size()) {
    slots_[static_cast<std::size_t>(fd)].source = nullptr;
  }
}

void Reactor::run_again(int fd) {
  Slot& slot = slots_[static_cast<std::size_t>(fd)];
  if (slot.queued) return;
  slot.queued = true;
  again_.push_back(Token{fd, slot.generation});
}

std::size_t Reactor::turn(int wait_ms) {
  const int found = epoll_wait(epoll_, events_.data(), kBatch, again_.empty() ? wait_ms : 0);
  for (int i = 0; i < found; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    deliver(static_cast<int>(event.data.u64 & 0xffffffffU),
            static_cast<std::uint32_t>(event.data.u64 >> 32U), event.events);
  }
  // Only what was asked for so far: work that asks again waits for the next turn.
  running_.swap(again_);
  const std::size_t again = running_.size();
  for (const Token token : running_) {
    Slot& slot = slots_[static_cast<std::size_t>(token.fd)];
    if (slot.generation != token.generation) continue;
    slot.queued = false;
    deliver(token.fd, token.generation, 0);
  }
  running_.clear();
  return static_cast<std::size_t>(found > 0 ? found : 0) + again;
}

void Reactor::deliver(int fd, std::uint32_t generation, std::uint32_t events) {
  const Slot& slot = slots_[static_cast<std::size_t>(fd)];
  if (slot.generation != generation || slot.source == nullptr) return;
  slot.source->on_event(monotonic_now(), events);
}

}  // namespace evenkeel::net
