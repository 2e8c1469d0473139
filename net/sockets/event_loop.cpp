// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/sockets/event_loop.h"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "evenkeel/net/sockets/clock.h"

namespace evenkeel::net {
namespace asio = boost::asio;
namespace {

// monotonic_now() is the steady clock's own count.
std::chrono::steady_clock::time_point to_steady(core::Instant at) {
  return std::chrono::steady_clock::time_point(at.time_since_epoch());
}

}  // namespace

EventLoop::EventLoop(asio::io_context& io, Reactor& reactor, Pipeline& pipeline, Ticking& ticking)
    : io_(io),
      reactor_(reactor),
      pipeline_(pipeline),
      ticking_(ticking),
      events_(io),
      tick_(io),
      deadline_(io) {}

EventLoop::~EventLoop() { stop(); }

void EventLoop::listen(std::uint32_t listener, ListeningSocket socket,
                       std::uint32_t max_connections, Peer& clients, TlsServer* tls) {
  auto acceptor = std::make_unique<Acceptor>(reactor_, std::move(socket), listener, max_connections,
                                             clients, *this);
  if (listener >= by_listener_.size()) by_listener_.resize(listener + std::size_t{1});
  by_listener_[listener] = listening_.size();
  listening_.push_back(Listening{std::move(acceptor), tls});
}

void EventLoop::start() {
  events_.assign(reactor_.fd());
  wait_for_events();
  wait_for_tick();
  settle();
}

void EventLoop::set_accepting(core::Instant now, bool accepting) {
  for (Listening& listening : listening_) listening.acceptor->set_accepting(now, accepting);
}

void EventLoop::stop_listening() {
  for (Listening& listening : listening_) listening.acceptor->close();
}

void EventLoop::stop() {
  if (stopped_) return;
  stopped_ = true;
  stop_listening();
  if (events_.is_open()) events_.release();  // the reactor owns its descriptor
  tick_.cancel();
  deadline_.cancel();
}

void EventLoop::wait_for_events() {
  events_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (error || stopped_) return;
                       run_events();
                       if (!stopped_) wait_for_events();
                     });
}

void EventLoop::run_events() {
  for (int round = 0; round < kRounds; ++round) {
    if (reactor_.turn() == 0) break;
  }
  settle();
}

void EventLoop::settle() {
  if (stopped_) return;
  const core::Instant wanted = pipeline_.next_deadline();
  if (wanted < armed_) {
    armed_ = wanted;
    wait_for_deadline();
  }
  if (reactor_.wants_turn() && !turn_posted_) {
    turn_posted_ = true;
    asio::post(io_, [this] {
      turn_posted_ = false;
      if (!stopped_) run_events();
    });
  }
}

void EventLoop::wait_for_deadline() {
  deadline_.expires_at(to_steady(armed_));
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    armed_ = core::kNever;
    pipeline_.on_deadline(monotonic_now());
    settle();
  });
}

void EventLoop::wait_for_tick() {
  tick_.expires_after(kTick);
  tick_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    const core::Instant now = monotonic_now();
    for (Listening& listening : listening_) {
      listening.acceptor->retry(now);
      if (listening.tls != nullptr) listening.tls->on_tick(now);
    }
    ticking_.on_tick(now);
    settle();
    if (!stopped_) wait_for_tick();
  });
}

void EventLoop::on_connection(core::Instant now, std::uint32_t listener,
                              std::unique_ptr<Stream> stream, const Address& client) {
  TlsServer* tls = listening_[by_listener_[listener]].tls;
  if (tls != nullptr) stream = tls->accept(std::move(stream));
  if (stream != nullptr) {
    pipeline_.on_accept(now, listener, std::move(stream), host_text(client), tls != nullptr);
  }
}

bool EventLoop::quiet() const {
  if (!pipeline_.quiet()) return false;
  for (const Listening& listening : listening_) {
    if (listening.tls != nullptr && listening.tls->closing() > 0) return false;
  }
  return true;
}

AcceptCounts EventLoop::accept_counts() const {
  AcceptCounts sum;
  for (const Listening& listening : listening_) {
    sum.over_limit += listening.acceptor->counts().over_limit;
    sum.out_of_resources += listening.acceptor->counts().out_of_resources;
  }
  return sum;
}

}  // namespace evenkeel::net
