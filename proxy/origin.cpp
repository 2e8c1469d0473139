// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/origin.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "evenkeel/core/random.h"
#include "evenkeel/net/sockets/listener.h"

namespace evenkeel::proxy {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::beast::error_code;

constexpr std::uint64_t kMaxBody = 64 * 1024 * 1024;

struct Origin {
  OriginOptions options;
  std::uint16_t port = 0;
  std::uint64_t requests = 0;
  core::Stream errors{core::Seed(1), "origin errors"};

  // Every request is an error with the configured probability, drawn by its number.
  [[nodiscard]] bool next_fails() {
    constexpr std::uint64_t kScale = 1'000'000;
    const auto failing = static_cast<std::uint64_t>(options.error_rate * kScale);
    return errors.below(kScale, requests++) < failing;
  }
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Origin& origin)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), origin_(origin) {}

  void read() {
    parser_.emplace();
    parser_->body_limit(kMaxBody);
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) {
                       if (!error) self->answer();
                     });
  }

 private:
  void answer() {
    const auto& request = parser_->get();
    const std::string port = std::to_string(origin_.port);
    response_ = {};
    response_.version(request.version());
    response_.keep_alive(request.keep_alive());
    response_.set("X-Origin", port);
    response_.set(http::field::content_type, "text/plain");
    const bool health = request.target() == "/health";
    if (health) {
      response_.body() = "healthy\n";
    } else if (origin_.next_fails()) {
      response_.result(http::status::internal_server_error);
      response_.body() = "origin " + port + " fails\n";
    } else if (request.target() == "/echo") {
      const auto type = request.find(http::field::content_type);
      if (type != request.end()) response_.set(http::field::content_type, type->value());
      response_.body() = request.body();
    } else {
      response_.body() = "origin " + port + "\n";
    }
    response_.prepare_payload();
    if (request.method() == http::verb::head) response_.body().clear();
    if (health || origin_.options.service_time == core::Duration::zero()) {
      write();
      return;
    }
    timer_.expires_after(origin_.options.service_time);
    timer_.async_wait([self = shared_from_this()](error_code) { self->write(); });
  }

  void write() {
    http::async_write(socket_, response_,
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (!error && self->response_.keep_alive()) self->read();
                      });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  Origin& origin_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

void accept(tcp::acceptor& acceptor, asio::steady_timer& pause, Origin& origin) {
  acceptor.async_accept([&](error_code error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay(true), error);
      std::make_shared<Connection>(std::move(socket), origin)->read();
      accept(acceptor, pause, origin);
      return;
    }
    pause.expires_after(std::chrono::milliseconds(100));
    pause.async_wait([&](error_code cancelled) {
      if (!cancelled) accept(acceptor, pause, origin);
    });
  });
}

}  // namespace

ExitCode run_origin(const OriginOptions& options) {
  asio::io_context io{1};
  auto socket = net::ListeningSocket::open({"127.0.0.1", options.port}, false);
  if (!socket) {
    std::cerr << "evenkeel origin: " << socket.error() << "\n";
    return kCannotBind;
  }
  std::cout << "origin listening on " << net::to_text(socket->address()) << std::endl;
  tcp::acceptor acceptor(io, tcp::v4(), socket->release());
  Origin origin;
  origin.options = options;
  origin.port = acceptor.local_endpoint().port();
  asio::steady_timer pause(io);
  accept(acceptor, pause, origin);
  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](error_code, int) { io.stop(); });
  io.run();
  return kSuccess;
}

}  // namespace evenkeel::proxy
