// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "evenkeel/core/balancer.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/net/pipeline.h"
#include "evenkeel/net/sockets/event_loop.h"
#include "evenkeel/net/sockets/listener.h"
#include "evenkeel/net/sockets/reactor.h"
#include "evenkeel/net/sockets/socket_host.h"
#include "evenkeel/net/tls/tls_context.h"
#include "evenkeel/proxy/access_log.h"
#include "evenkeel/proxy/events.h"
#include "evenkeel/proxy/log_file.h"
#include "evenkeel/proxy/memory_pressure.h"
#include "evenkeel/proxy/metrics.h"

namespace evenkeel::proxy {

// One by one for the listeners of the configuration; nullptr: plaintext.
using TlsServers = std::vector<std::unique_ptr<net::TlsServer>>;

// One thread's share of the proxy: sockets, pipeline, decisions, counters, log. Shares nothing with
// other workers.
class Worker final : private net::Observer, private net::EventLoop::Ticking {
 public:
  // `events` and `log` (nullptr: no access log) must outlive the worker.
  Worker(boost::asio::io_context& io, std::shared_ptr<const core::Config> config,
         net::BackendAddresses addresses, TlsServers tls, Events& events, LogFile* log);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void listen(std::uint32_t listener, net::ListeningSocket socket);
  // Begins to serve; `on_tick` is called about every 50 ms.
  void start(std::function<void(core::Instant)> on_tick);

  // Stops listening; connections close when their request is done.
  void drain();
  // Drops every connection.
  void cut();
  // Ends the loop and writes the log.
  void stop();

  // Connections or requests are left that cut() would drop.
  [[nodiscard]] bool busy() const { return !pipeline_.quiet(); }
  // Clients have not yet taken the last bytes.
  [[nodiscard]] bool lingering() const { return !loop_.quiet(); }

  [[nodiscard]] const core::Balancer& balancer() const { return balancer_; }
  [[nodiscard]] const net::Pipeline& pipeline() const { return pipeline_; }
  [[nodiscard]] MetricsView metrics() const;

 private:
  void on_request_ended(const net::RequestEnd& end) override;
  void on_transition(const core::Transition& transition) override;
  void on_refused(core::Instant now, std::uint32_t listener, std::string_view client,
                  unsigned status, std::string_view cause) override;
  void on_tick(core::Instant now) override;
  void measure_pressure(core::Instant now);

  // Members that streams refer to come before the pipeline that owns the streams.
  std::shared_ptr<const core::Config> config_;
  Events& events_;
  net::Reactor reactor_;
  std::vector<net::Peer> clients_;  // by listener
  TlsServers tls_;
  net::SocketHost host_;
  core::Balancer balancer_;
  WorkerMetrics metrics_;
  AccessLog access_log_;
  core::Duration wall_offset_;  // wall clock minus monotonic clock, as of the last tick
  std::function<void(core::Instant)> tick_;
  MemoryGauge memory_;
  std::uint32_t memory_pressure_ = 0;
  core::Instant next_measurement_{};
  net::Pipeline pipeline_;
  net::EventLoop loop_;
};

}  // namespace evenkeel::proxy
