// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/sockets/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace evenkeel::net {
namespace {

// The socket bound, or -1 with errno.
int bind_socket(const Address& address, bool shared) {
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  const bool ready = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                     // Accepted connections inherit it: messages leave when they are written.
                     ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
                     (!shared || ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
                     ::bind(fd, address.get(), address.size) == 0;
  if (ready) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

std::string explain(const core::Endpoint& endpoint, int error) {
  std::string text = "cannot listen on " + to_text(endpoint) + ": " + std::strerror(error);
  if (error == EADDRINUSE) {
    text +=
        "; another process has this port: stop it (ss -ltnp shows which), or choose another port";
  } else if (error == EACCES) {
    text += "; ports below 1024 need CAP_NET_BIND_SERVICE: grant it, or choose a higher port";
  } else if (error == EADDRNOTAVAIL) {
    text += "; no interface has this address: use one of this machine's, or 0.0.0.0 for all";
  }
  return text;
}

}  // namespace

core::Result<ListeningSocket, std::string> ListeningSocket::open(const core::Endpoint& endpoint,
                                                                 bool shared) {
  const auto address = literal_address(endpoint);
  if (!address) {
    return core::Unexpected{"cannot listen on " + to_text(endpoint) +
                            ": expected a literal address such as 127.0.0.1 or [::1]"};
  }
  int fd = bind_socket(*address, shared);
  if (fd < 0) return core::Unexpected{explain(endpoint, errno)};
  ListeningSocket socket(fd, *address);
  if (::listen(fd, kBacklog) != 0) return core::Unexpected{explain(endpoint, errno)};
  ::getsockname(fd, socket.address_.get(), &socket.address_.size);
  return socket;
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), address_(other.address_) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(address_, other.address_);
  return *this;
}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) ::close(fd_);
}

int ListeningSocket::release() { return std::exchange(fd_, -1); }

Acceptor::Acceptor(Reactor& reactor, ListeningSocket socket, std::uint32_t listener,
                   std::uint32_t max_connections, Peer& clients, Handler& handler)
    : reactor_(reactor),
      clients_(clients),
      handler_(handler),
      fd_(socket.release()),
      listener_(listener),
      max_connections_(max_connections) {
  if (!reactor_.add(fd_, *this, EPOLLIN)) {
    const int error = errno;
    close();
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
}

Acceptor::~Acceptor() { close(); }

void Acceptor::close() {
  if (fd_ < 0) return;
  reactor_.forget(fd_);
  ::close(std::exchange(fd_, -1));
}

void Acceptor::retry(core::Instant now) {
  if (!paused_) return;
  paused_ = false;
  on_event(now, 0);
}

void Acceptor::set_accepting(core::Instant now, bool accepting) {
  if (held_ == !accepting) return;
  held_ = !accepting;
  if (accepting) on_event(now, 0);  // no edge announces who came meanwhile
}

void Acceptor::on_event(core::Instant now, std::uint32_t) {
  if (held_) return;
  for (int i = 0; i < kPerTurn; ++i) {
    if (fd_ < 0 || !accept_one(now)) return;
  }
  reactor_.run_again(fd_);
}

bool Acceptor::accept_one(core::Instant now) {
  Address client;
  client.size = sizeof client.storage;
  const int fd = ::accept4(fd_, client.get(), &client.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      ++counts_.out_of_resources;
      paused_ = true;
      return false;
    }
    return errno != EAGAIN && errno != EBADF && errno != EINVAL;  // else one that is already gone
  }
  if (clients_.open >= max_connections_) {
    ++counts_.over_limit;
    ::close(fd);
    return true;
  }
  auto stream = SocketStream::adopt(reactor_, fd, clients_);
  if (stream != nullptr) {
    handler_.on_connection(now, listener_, std::move(stream), client);
  } else {
    ++counts_.out_of_resources;
  }
  return true;
}

}  // namespace evenkeel::net
