// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "evenkeel/net/sockets/listener.h"
#include "evenkeel/proxy/metrics.h"

namespace evenkeel::proxy {

struct AdminResponse {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

// What operators may ask, and the answers.
//
//   GET /livez              the process runs; says nothing of backends
//   GET /readyz             503 once draining has begun
//   GET /health             the pools as JSON; with ?strict=1 503 when a pool has no eligible
//   backend GET /metrics            Prometheus text; also /prometheus GET /admin/v1/backends  every
//   backend and the verdicts on it
//
// Nothing here changes anything: other methods are answered 405.
class AdminApi {
 public:
  AdminApi(std::function<MetricsView()> view, std::function<bool()> ready)
      : view_(std::move(view)), ready_(std::move(ready)) {}
  [[nodiscard]] AdminResponse answer(std::string_view method, std::string_view target) const;

 private:
  [[nodiscard]] AdminResponse health(bool strict) const;
  [[nodiscard]] AdminResponse backends() const;

  std::function<MetricsView()> view_;
  std::function<bool()> ready_;
};

// Serves an AdminApi on a listening socket, within bounds: kMaxSessions connections, 8 KiB of head,
// 64 KiB of body (ignored), ten seconds per request.
class AdminServer {
 public:
  static constexpr std::size_t kMaxSessions = 64;

  AdminServer(boost::asio::io_context& io, net::ListeningSocket socket, const AdminApi& api);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  // Closes the listening socket and every connection.
  void stop();

 private:
  class Session;
  void accept();

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;  // after accept() ran out of descriptors
  const AdminApi& api_;
  std::vector<std::weak_ptr<Session>> sessions_;
};

}  // namespace evenkeel::proxy
