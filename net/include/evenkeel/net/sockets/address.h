// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/result.h"

namespace evenkeel::net {

// An IPv4 or IPv6 address with its port.
struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&storage);  // the sockets API's own pun
  }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// A literal address ("127.0.0.1", "::1"); nullopt for a name.
[[nodiscard]] std::optional<Address> literal_address(const core::Endpoint& endpoint);
// Every address of a name or literal, in the resolver's order; never empty. Blocks: for start-up
// only.
[[nodiscard]] core::Result<std::vector<Address>, std::string> resolve(
    const core::Endpoint& endpoint);

// "127.0.0.1:8080", "[::1]:8080".
[[nodiscard]] std::string to_text(const Address& address);
// Without the port: "127.0.0.1", "::1". An IPv4 address mapped into IPv6 is shown as IPv4.
[[nodiscard]] std::string host_text(const Address& address);
// A configured endpoint in the same form.
[[nodiscard]] std::string to_text(const core::Endpoint& endpoint);

}  // namespace evenkeel::net
