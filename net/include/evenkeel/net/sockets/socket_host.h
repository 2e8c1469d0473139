// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/result.h"
#include "evenkeel/net/sockets/address.h"
#include "evenkeel/net/sockets/reactor.h"
#include "evenkeel/net/sockets/socket_stream.h"
#include "evenkeel/net/stream.h"

namespace evenkeel::net {

// Every backend's addresses, by pool and backend. Names are looked up once, before anything is
// bound.
using BackendAddresses = std::vector<std::vector<std::vector<Address>>>;
[[nodiscard]] core::Result<BackendAddresses, std::string> resolve_backends(
    const core::Config& config);

// The outside world of a pipeline over sockets.
class SocketHost final : public Host {
 public:
  SocketHost(Reactor& reactor, BackendAddresses addresses);

  // A backend whose name has several addresses is tried at one until that fails, then at the next.
  [[nodiscard]] std::unique_ptr<Stream> connect(core::BackendRef ref) override;
  [[nodiscard]] std::int64_t wall_seconds() override;
  void entropy(std::span<unsigned char, 16> into) override;

  // Connections to a backend: open ones, and connects that failed.
  [[nodiscard]] const Peer& peer(core::BackendRef backend) const;

 private:
  struct Backend {
    std::vector<Address> addresses;
    Peer peer;
  };

  Reactor& reactor_;
  std::vector<std::vector<Backend>> pools_;
  // Random bytes are fetched in blocks: one system call serves 256 requests.
  std::array<unsigned char, 4096> random_{};
  std::size_t random_used_ = random_.size();
};

}  // namespace evenkeel::net
