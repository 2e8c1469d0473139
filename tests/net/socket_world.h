// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/balancer.h"
#include "evenkeel/net/pipeline.h"
#include "evenkeel/net/sockets/clock.h"
#include "evenkeel/net/sockets/event_loop.h"
#include "evenkeel/net/sockets/socket_host.h"

namespace evenkeel::test {

// A socket of the test's own, non-blocking, on loopback.
class RawSocket {
 public:
  explicit RawSocket(int fd = -1) : fd_(fd) {}
  ~RawSocket() { close(); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  static std::unique_ptr<RawSocket> connect(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return std::make_unique<RawSocket>(fd);
  }

  // Sends what fits; the rest is lost, which no test wants.
  void send(std::string_view bytes) {
    if (bytes.empty() || over()) return;
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) {
      failed = true;
    } else {
      EXPECT_EQ(static_cast<std::size_t>(n), bytes.size());
    }
  }
  // Takes what has arrived.
  void step() {
    char buffer[65536];
    while (fd_ >= 0 && !over()) {
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (n > 0) {
        received.append(buffer, static_cast<std::size_t>(n));
      } else if (n == 0) {
        ended = true;
      } else {
        failed = errno != EAGAIN;
        return;
      }
    }
  }
  void shutdown() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  [[nodiscard]] bool over() const { return ended || failed; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

  std::string received;
  bool ended = false;
  bool failed = false;

 private:
  int fd_;
};

// The port of an address on loopback.
inline std::uint16_t port_of(const net::Address& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

// A listening socket that the test accepts from.
class RawListener {
 public:
  RawListener() : socket_(std::move(*net::ListeningSocket::open({"127.0.0.1", 0}, false))) {
    port = port_of(socket_.address());
    fd_ = socket_.release();
  }
  ~RawListener() { ::close(fd_); }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  // nullptr when nobody came.
  std::unique_ptr<RawSocket> accept() {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    return fd < 0 ? nullptr : std::make_unique<RawSocket>(fd);
  }
  std::uint16_t port = 0;

 private:
  net::ListeningSocket socket_;
  int fd_;
};

// A real pipeline over real sockets on loopback, with clients and one origin played by the test,
// all in one thread:
//
//     SocketWorld world;
//     RawSocket& client = world.connect();
//     client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
//     world.run_until([&] { return world.origins.size() == 1; });
class SocketWorld final : public net::Observer, public net::EventLoop::Ticking {
 public:
  // One listener, one pool with one backend, no checks; change it before start().
  SocketWorld() {
    config.listeners.emplace_back();
    config.listeners[0].address = {"127.0.0.1", 0};
    core::PoolPolicy pool;
    pool.name = "main";
    core::BackendPolicy backend;
    backend.id = "origin";
    backend.endpoint = {"127.0.0.1", listener_.port};
    pool.backends.push_back(backend);
    pool.health_check.type = core::CheckType::off;
    pool.outlier_detection.enabled = false;
    pool.circuit_breaker.enabled = false;
    pool.retry.max_attempts = 1;
    config.pools.push_back(pool);
    core::RoutePolicy route;
    route.name = "all";
    config.routes.push_back(route);
  }
  ~SocketWorld() {
    clients_.clear();
    origins.clear();
    if (loop_) loop_->stop();
  }
  SocketWorld(const SocketWorld&) = delete;
  SocketWorld& operator=(const SocketWorld&) = delete;

  void start() {
    auto shared = std::make_shared<const core::Config>(config);
    host_ = std::make_unique<net::SocketHost>(reactor_, *net::resolve_backends(config));
    balancer_ =
        std::make_unique<core::Balancer>(shared, core::Balancer::Options{}, net::monotonic_now());
    pipeline_ = std::make_unique<net::Pipeline>(*balancer_, *host_, *this);
    loop_ = std::make_unique<net::EventLoop>(io_, reactor_, *pipeline_, *this);
    auto socket = net::ListeningSocket::open(config.listeners[0].address, false);
    ASSERT_TRUE(socket.has_value());
    port_ = port_of(socket->address());
    loop_->listen(0, std::move(*socket), config.listeners[0].max_connections, listened_, nullptr);
    loop_->start();
  }

  RawSocket& connect() {
    if (!loop_) start();
    clients_.push_back(RawSocket::connect(port_));
    return *clients_.back();
  }

  // Everything that can happen without waiting; loopback delivers at once.
  void run() {
    for (int idle = 0; idle < 2; ++idle) {
      if (io_.poll() > 0) idle = 0;
      while (auto origin = listener_.accept()) {
        origins.push_back(std::move(origin));
        idle = 0;
      }
      for (auto& socket : origins) socket->step();
      for (auto& socket : clients_) socket->step();
    }
  }
  // Until the condition holds; false when that takes absurdly long.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
      run();
      if (condition()) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      io_.run_one_for(std::chrono::milliseconds(5));
    }
  }
  void forget_peers() {
    clients_.clear();
    origins.clear();
  }

  [[nodiscard]] net::Pipeline& pipeline() { return *pipeline_; }
  [[nodiscard]] net::EventLoop& loop() { return *loop_; }
  [[nodiscard]] const net::Peer& listened() const { return listened_; }
  [[nodiscard]] const net::Peer& backend() const { return host_->peer({}); }

  core::Config config;
  std::vector<std::unique_ptr<RawSocket>> origins;  // in order of accepting
  std::vector<unsigned> refused;
  std::vector<core::RequestRecord> ended;

 private:
  void on_request_ended(const net::RequestEnd& end) override { ended.push_back(end.record); }
  void on_transition(const core::Transition&) override {}
  void on_refused(core::Instant, std::uint32_t, std::string_view, unsigned status,
                  std::string_view) override {
    refused.push_back(status);
  }
  void on_tick(core::Instant) override {}

  boost::asio::io_context io_{1};
  net::Reactor reactor_;
  net::Peer listened_;
  RawListener listener_;
  std::unique_ptr<net::SocketHost> host_;
  std::unique_ptr<core::Balancer> balancer_;
  std::unique_ptr<net::Pipeline> pipeline_;
  std::unique_ptr<net::EventLoop> loop_;
  std::vector<std::unique_ptr<RawSocket>> clients_;
  std::uint16_t port_ = 0;
};

}  // namespace evenkeel::test
