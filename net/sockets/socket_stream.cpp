// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/sockets/socket_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace evenkeel::net {
namespace {

constexpr std::uint32_t kInput = EPOLLIN | EPOLLRDHUP;
constexpr std::uint32_t kHangUp = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

// Messages leave when they are written, not when the last one was acknowledged.
void disable_nagle(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// The backend, or the way to it, refused; everything else that connect() says at once is our own
// lack of descriptors, ports or memory.
bool remote_fault(int error) {
  return error == ECONNREFUSED || error == ENETUNREACH || error == EHOSTUNREACH ||
         error == ETIMEDOUT || error == ECONNRESET || error == EACCES || error == EPERM;
}

}  // namespace

SocketStream::SocketStream(Reactor& reactor, int fd, Peer& peer, State state)
    : reactor_(reactor), peer_(peer), fd_(fd), state_(state) {
  ++peer_.open;
}

std::unique_ptr<SocketStream> SocketStream::adopt(Reactor& reactor, int fd, Peer& peer) {
  std::unique_ptr<SocketStream> stream(new SocketStream(reactor, fd, peer, State::open));
  // The send buffer of a new connection is empty: the first write that does not fit asks for the
  // edge. Asked for here, it would come at once and be of no use.
  stream->may_write_ = true;
  if (!reactor.add(fd, *stream, kInput)) return nullptr;
  return stream;
}

std::unique_ptr<SocketStream> SocketStream::connect(Reactor& reactor, const Address& address,
                                                    Peer& peer) {
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  disable_nagle(fd);
  std::unique_ptr<SocketStream> stream(new SocketStream(reactor, fd, peer, State::connecting));
  const bool begun = ::connect(fd, address.get(), address.size) == 0 || errno == EINPROGRESS;
  if (!begun && !remote_fault(errno)) return nullptr;
  stream->watches_write_ = true;
  if (!reactor.add(fd, *stream, kInput | EPOLLOUT)) return nullptr;
  if (!begun) {  // reported like any other failed connect: by readiness
    stream->state_ = State::closed;
    ++peer.connect_failures;
    reactor.run_again(fd);
  }
  return stream;
}

SocketStream::~SocketStream() { abort(); }

void SocketStream::on_event(core::Instant now, std::uint32_t events) {
  const bool useful = (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 || events == 0 ||
                      wants_write_ || state_ == State::connecting;
  if (state_ == State::connecting) finish_connect(events);
  if ((events & EPOLLOUT) != 0) may_write_ = true;
  if ((events & EPOLLIN) != 0) may_read_ = true;
  if ((events & kHangUp) != 0) may_read_ = may_write_ = hung_up_ = true;
  // Last: the owner may destroy this stream.
  if (useful && state_ != State::connecting && owner() != nullptr) owner()->on_ready(now);
}

void SocketStream::finish_connect(std::uint32_t events) {
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
  int error = 0;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  state_ = error == 0 ? State::open : State::closed;
  if (error != 0) ++peer_.connect_failures;
}

IoResult SocketStream::try_read(std::span<char> into) {
  if (state_ == State::closed) return {Io::failed, 0};
  if (ended_) return {Io::end, 0};
  if (!may_read_ || into.empty()) return {Io::would_block, 0};
  for (;;) {
    const ssize_t n = ::recv(fd_, into.data(), into.size(), 0);
    if (n > 0) {
      const auto bytes = static_cast<std::size_t>(n);
      if (bytes < into.size() && !hung_up_) may_read_ = false;
      return {Io::done, bytes};
    }
    if (n == 0) {
      if (write_failed_) return {Io::failed, 0};
      ended_ = true;
      return {Io::end, 0};
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return {Io::failed, 0};
    may_read_ = false;
    return {Io::would_block, 0};
  }
}

IoResult SocketStream::try_write(std::span<const char> from) {
  if (state_ == State::closed || write_failed_ || shut_) return {Io::failed, 0};
  wants_write_ = true;
  if (!may_write_ || state_ == State::connecting || from.empty()) return {Io::would_block, 0};
  for (;;) {
    const ssize_t n = ::send(fd_, from.data(), from.size(), MSG_NOSIGNAL);
    if (n > 0) {
      const auto bytes = static_cast<std::size_t>(n);
      wants_write_ = false;
      if (bytes < from.size()) wait_writable();
      return {Io::done, bytes};
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) {
      write_failed_ = true;
      may_read_ = hung_up_ = true;
      return {Io::failed, 0};
    }
    wait_writable();
    return {Io::would_block, 0};
  }
}

void SocketStream::wait_writable() {
  wants_write_ = true;
  may_write_ = false;
  if (watches_write_) return;
  watches_write_ = true;
  reactor_.modify(fd_, kInput | EPOLLOUT);
}

void SocketStream::wake() {
  if (fd_ >= 0) reactor_.run_again(fd_);
}

void SocketStream::shutdown() {
  if (state_ != State::open || shut_) return;
  shut_ = true;
  ::shutdown(fd_, SHUT_WR);
}

void SocketStream::abort() { release(true); }

void SocketStream::close() { release(false); }

void SocketStream::release(bool reset) {
  if (fd_ < 0) return;
  const int fd = fd_;
  const bool connected = state_ == State::open;
  fd_ = -1;
  state_ = State::closed;
  --peer_.open;
  reactor_.forget(fd);
  if (connected && reset) {
    const linger now_or_never{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now_or_never, sizeof now_or_never);
  }
  ::close(fd);
}

}  // namespace evenkeel::net
