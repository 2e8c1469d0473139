// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <utility>

#include "evenkeel/proxy/admin.h"

namespace evenkeel::proxy {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::beast::error_code;

constexpr std::uint32_t kMaxHead = 8 * 1024;
constexpr std::uint64_t kMaxBody = 64 * 1024;
constexpr std::chrono::seconds kPatience{10};

}  // namespace

// One admin connection: request, answer, next request, each within kPatience.
class AdminServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const AdminApi& api)
      : socket_(std::move(socket)), deadline_(socket_.get_executor()), api_(api) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHead);
    parser_->body_limit(kMaxBody);
    arm();
    http::async_read(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_request(error); });
  }

  void close() {
    deadline_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void arm() {
    deadline_.expires_after(kPatience);
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->close();
    });
  }

  void on_request(error_code error) {
    if (!socket_.is_open()) return;
    if (error == http::error::header_limit || error == http::error::body_limit) {
      respond({431, "text/plain; charset=utf-8", "request too large\n"}, 11, false, false);
    } else if (error &&
               error.category() == http::make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      respond({400, "text/plain; charset=utf-8", "malformed request\n"}, 11, false, false);
    } else if (error) {
      close();
    } else {
      const auto& request = parser_->get();
      const auto method = request.method_string();
      const auto target = request.target();
      respond(api_.answer({method.data(), method.size()}, {target.data(), target.size()}),
              request.version(), request.keep_alive(), request.method() == http::verb::head);
    }
  }

  void respond(AdminResponse answer, unsigned version, bool keep_alive, bool head) {
    response_ = {};
    response_.version(version);
    response_.result(answer.status);
    response_.set(http::field::content_type, answer.type);
    response_.set(http::field::cache_control, "no-store");
    if (answer.status == 405) response_.set(http::field::allow, "GET, HEAD");
    response_.keep_alive(keep_alive);
    response_.content_length(answer.body.size());
    if (!head) response_.body() = std::move(answer.body);
    arm();
    http::async_write(socket_, response_,
                      [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
                        if (!self->socket_.is_open()) return;
                        if (!error && keep_alive) {
                          self->read();
                          return;
                        }
                        error_code ignored;
                        self->socket_.shutdown(tcp::socket::shutdown_both, ignored);
                        self->close();
                      });
  }

  tcp::socket socket_;
  asio::steady_timer deadline_;
  const AdminApi& api_;
  boost::beast::flat_buffer buffer_{kMaxHead + kMaxBody};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

AdminServer::AdminServer(asio::io_context& io, net::ListeningSocket socket, const AdminApi& api)
    : acceptor_(io), pause_(io), api_(api) {
  const bool v6 = socket.address().storage.ss_family == AF_INET6;
  acceptor_.assign(v6 ? tcp::v6() : tcp::v4(), socket.release());
  accept();
}

void AdminServer::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {  // out of descriptors, most likely: later, and without spinning
      pause_.expires_after(std::chrono::milliseconds(100));
      pause_.async_wait([this](error_code cancelled) {
        if (!cancelled) accept();
      });
      return;
    }
    std::erase_if(sessions_, [](const auto& session) { return session.expired(); });
    if (sessions_.size() < kMaxSessions) {
      auto session = std::make_shared<Session>(std::move(socket), api_);
      sessions_.push_back(session);
      session->read();
    }
    accept();
  });
}

void AdminServer::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (const auto& weak : sessions_) {
    if (const auto session = weak.lock()) session->close();
  }
}

}  // namespace evenkeel::proxy
