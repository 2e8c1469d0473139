// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/server.h"

#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "evenkeel/core/config/validate.h"
#include "evenkeel/net/sockets/clock.h"
#include "evenkeel/proxy/admin.h"
#include "evenkeel/proxy/drain.h"
#include "evenkeel/proxy/unsupported.h"

namespace evenkeel::proxy {
namespace {

std::int64_t wall_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(net::wall_now()).count();
}

core::Result<TlsServers, std::string> load_certificates(const core::Config& config) {
  TlsServers servers;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const core::ListenerPolicy& listener = config.listeners[i];
    auto& server = servers.emplace_back();
    if (listener.certificates.empty()) continue;
    auto made = net::TlsServer::create(listener.certificates, wall_seconds());
    if (!made) {
      return core::Unexpected{"listeners[" + std::to_string(i) + "].tls: " + made.error()};
    }
    server = std::move(*made);
  }
  return servers;
}

// Every connection takes a descriptor on each side; the usual soft limit of 1024 is soon reached.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// One run: the loop, what runs in it, and the way out.
class Run {
 public:
  Run(const std::shared_ptr<const core::Config>& config, net::BackendAddresses addresses,
      TlsServers tls, Events& events, LogFile* log)
      : events_(events),
        worker_(io_, config, std::move(addresses), std::move(tls), events, log),
        api_([this] { return worker_.metrics(); }, [this] { return drain_.ready(); }),
        signals_(io_, SIGTERM, SIGINT),
        unavailable_(io_, SIGHUP, SIGUSR1, SIGUSR2),
        drain_(config->drain) {}

  void listen(std::vector<net::ListeningSocket> sockets, net::ListeningSocket admin) {
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      worker_.listen(static_cast<std::uint32_t>(i), std::move(sockets[i]));
    }
    admin_ = std::make_unique<AdminServer>(io_, std::move(admin), api_);
  }

  ExitCode serve() {
    unavailable_.add(SIGQUIT);
    wait_for_signal();
    wait_for_unavailable();
    worker_.start([this](core::Instant now) { advance(now); });
    io_.run();
    return drain_.cut() ? kConnectionsCut : kSuccess;
  }

 private:
  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      const core::Instant now = net::monotonic_now();
      events_.info("signal", {{"name", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      take(drain_.on_signal(now));
      advance(now);
      wait_for_signal();
    });
  }

  // Signals that will mean something to this program must not end it meanwhile.
  void wait_for_unavailable() {
    unavailable_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      events_.warn("signal_ignored", {{"name", ::sigabbrev_np(signal)},
                                      {"reason", "not available yet; nothing was done"}});
      wait_for_unavailable();
    });
  }

  void advance(core::Instant now) {
    for (;;) {
      const Drain::Step step = drain_.on_tick(now, worker_.busy(), worker_.lingering());
      if (step == Drain::Step::none) return;
      take(step);
    }
  }

  void take(Drain::Step step) {
    switch (step) {
      case Drain::Step::none:
        return;
      case Drain::Step::fail_readiness:
        events_.info("drain_started");
        return;
      case Drain::Step::close_connections:
        worker_.drain();
        events_.info("listeners_closed");
        return;
      case Drain::Step::cut_connections: {
        const auto left = worker_.metrics().connections.client_connections;
        events_.warn("connections_cut", {{"count", std::to_string(left)}});
        worker_.cut();
        return;
      }
      case Drain::Step::finish:
        events_.info("stopped", {{"complete", drain_.cut() ? "false" : "true"}});
        worker_.stop();
        admin_->stop();
        signals_.cancel();
        unavailable_.cancel();
        io_.stop();
        return;
    }
  }

  boost::asio::io_context io_{1};  // one thread runs it
  Events& events_;
  Worker worker_;
  AdminApi api_;
  boost::asio::signal_set signals_;
  boost::asio::signal_set unavailable_;
  Drain drain_;
  std::unique_ptr<AdminServer> admin_;
};

}  // namespace

core::Result<std::shared_ptr<const core::Config>, Failure> load_configuration(
    const ProxyOptions& options, core::ConfigErrors& warnings) {
  auto loaded = load_supported_config(options.config_file, warnings);
  if (!loaded) return core::Unexpected{Failure{kInvalidConfig, core::to_text(loaded.error())}};
  core::Config config = std::move(*loaded);
  if (options.workers) config.workers = *options.workers;
  if (options.log_level) config.logging.level = *options.log_level;
  // The file was valid; what is wrong now was said on the command line.
  if (const core::ConfigErrors errors = core::validate(config); !errors.empty()) {
    return core::Unexpected{Failure{kUsage, core::to_text(errors)}};
  }
  const auto certificates = load_certificates(config);
  if (!certificates) {
    return core::Unexpected{
        Failure{kInvalidConfig, options.config_file + ": " + certificates.error() + "\n"}};
  }
  return std::make_shared<const core::Config>(std::move(config));
}

Server::Server(std::shared_ptr<const core::Config> config)
    : config_(std::move(config)), events_(config_->logging.level) {}

Server::~Server() = default;

void Server::log_warnings(const core::ConfigErrors& warnings) {
  for (const core::ConfigError& warning : warnings) {
    events_.warn("configuration", {{"warning", core::to_text(warning)}});
  }
}

std::optional<Failure> Server::prepare() {
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  auto tls = load_certificates(*config_);
  if (!tls) return Failure{kInvalidConfig, tls.error()};
  tls_ = std::move(*tls);
  auto addresses = net::resolve_backends(*config_);
  if (!addresses) return Failure{kRuntimeFailure, addresses.error()};
  addresses_ = std::move(*addresses);
  if (config_->logging.access) {
    auto file = LogFile::open(config_->logging.access_file);
    if (!file) return Failure{kRuntimeFailure, file.error()};
    access_file_ = std::move(*file);
  }
  return std::nullopt;
}

std::optional<Failure> Server::bind() {
  const bool shared = config_->workers > 1;
  for (const core::ListenerPolicy& listener : config_->listeners) {
    auto socket = net::ListeningSocket::open(listener.address, shared);
    if (!socket) return Failure{kCannotBind, "listener " + listener.name + ": " + socket.error()};
    sockets_.push_back(std::move(*socket));
  }
  auto admin = net::ListeningSocket::open(config_->admin.address, false);
  if (!admin) return Failure{kCannotBind, "admin: " + admin.error()};
  admin_socket_ = std::move(*admin);
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const core::ListenerPolicy& listener = config_->listeners[i];
    events_.info("listening", {{"listener", listener.name},
                               {"address", net::to_text(sockets_[i].address())},
                               {"tls", listener.certificates.empty() ? "false" : "true"}});
  }
  events_.info("admin_listening", {{"address", net::to_text(admin_socket_->address())}});
  return std::nullopt;
}

ExitCode Server::run() {
  Run run(config_, std::move(addresses_), std::move(tls_), events_, access_file_.get());
  run.listen(std::move(sockets_), std::move(*admin_socket_));
  return run.serve();
}

}  // namespace evenkeel::proxy
