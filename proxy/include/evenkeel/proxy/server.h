// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "evenkeel/core/config/errors.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/result.h"
#include "evenkeel/net/sockets/listener.h"
#include "evenkeel/net/sockets/socket_host.h"
#include "evenkeel/proxy/command_line.h"
#include "evenkeel/proxy/events.h"
#include "evenkeel/proxy/exit_code.h"
#include "evenkeel/proxy/log_file.h"
#include "evenkeel/proxy/worker.h"

namespace evenkeel::proxy {

// Why something could not start.
struct Failure {
  ExitCode code = kRuntimeFailure;
  std::string text;  // one line, or several for a configuration
};

// Reads, overrides and validates the configuration, its certificates included. `warnings` is what
// is valid there but hardly meant.
[[nodiscard]] core::Result<std::shared_ptr<const core::Config>, Failure> load_configuration(
    const ProxyOptions& options, core::ConfigErrors& warnings);

// The running proxy: everything is acquired by prepare() and bind(), so that a start that fails has
// served nobody.
class Server {
 public:
  explicit Server(std::shared_ptr<const core::Config> config);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void log_warnings(const core::ConfigErrors& warnings);
  // Certificates, names of backends, log file.
  [[nodiscard]] std::optional<Failure> prepare();
  // Every listener and the admin endpoint, and says where they listen.
  [[nodiscard]] std::optional<Failure> bind();
  // Serves until a signal says otherwise and the drain is over.
  [[nodiscard]] ExitCode run();

 private:
  std::shared_ptr<const core::Config> config_;
  Events events_;
  std::unique_ptr<LogFile> access_file_;
  TlsServers tls_;
  net::BackendAddresses addresses_;
  std::vector<net::ListeningSocket> sockets_;
  std::optional<net::ListeningSocket> admin_socket_;
};

}  // namespace evenkeel::proxy
