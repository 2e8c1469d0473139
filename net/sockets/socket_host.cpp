// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/sockets/socket_host.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "evenkeel/net/sockets/clock.h"

namespace evenkeel::net {

core::Result<BackendAddresses, std::string> resolve_backends(const core::Config& config) {
  BackendAddresses all;
  for (const core::PoolPolicy& pool : config.pools) {
    auto& addresses = all.emplace_back();
    for (const core::BackendPolicy& backend : pool.backends) {
      auto found = resolve(backend.endpoint);
      if (!found) {
        return core::Unexpected{"backend " + backend.id + " of pool " + pool.name + ": " +
                                found.error()};
      }
      addresses.push_back(std::move(*found));
    }
  }
  return all;
}

SocketHost::SocketHost(Reactor& reactor, BackendAddresses addresses) : reactor_(reactor) {
  for (auto& pool : addresses) {
    auto& backends = pools_.emplace_back();
    for (auto& backend : pool) {
      backends.emplace_back();
      backends.back().addresses = std::move(backend);
    }
  }
}

std::unique_ptr<Stream> SocketHost::connect(core::BackendRef ref) {
  Backend& backend = pools_[core::index(ref.pool)][core::index(ref.backend)];
  const auto at = backend.peer.connect_failures % backend.addresses.size();
  return SocketStream::connect(reactor_, backend.addresses[at], backend.peer);
}

std::int64_t SocketHost::wall_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(wall_now()).count();
}

void SocketHost::entropy(std::span<unsigned char, 16> into) {
  if (random_used_ + into.size() > random_.size()) {
    std::size_t have = 0;
    while (have < random_.size()) {
      const ssize_t n = ::getrandom(random_.data() + have, random_.size() - have, 0);
      if (n > 0) {
        have += static_cast<std::size_t>(n);
      } else if (errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "getrandom");
      }
    }
    random_used_ = 0;
  }
  const auto from = random_.begin() + static_cast<std::ptrdiff_t>(random_used_);
  std::copy_n(from, into.size(), into.begin());
  std::fill_n(from, into.size(), static_cast<unsigned char>(0));  // used once, kept nowhere
  random_used_ += into.size();
}

const Peer& SocketHost::peer(core::BackendRef backend) const {
  return pools_[core::index(backend.pool)][core::index(backend.backend)].peer;
}

}  // namespace evenkeel::net
