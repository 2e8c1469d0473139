// SPDX-License-Identifier: Apache-2.0
#include "wire_peers.h"

#include <array>
#include <utility>

namespace evenkeel::sim {

void WirePeer::attach(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  stream_->set_owner(this);
  outgoing_.clear();
  sent_ = 0;
}

void WirePeer::flush() {
  if (!stream_) return;
  while (sent_ < outgoing_.size()) {
    const net::IoResult written =
        stream_->try_write(std::span<const char>(outgoing_).subspan(sent_));
    if (written.io != net::Io::done) return;  // a failure shows in the next read
    sent_ += written.bytes;
  }
  outgoing_.clear();
  sent_ = 0;
}

void WirePeer::abort() {
  if (stream_) stream_->abort();
  stream_.reset();
}

void WirePeer::close() {
  if (stream_) stream_->close();
  stream_.reset();
}

void WirePeer::on_ready(core::Instant now) {
  flush();
  std::array<char, 16 * 1024> bytes;
  while (stream_) {
    const net::IoResult read = stream_->try_read(bytes);
    if (read.io == net::Io::would_block) return;
    if (read.io != net::Io::done) {
      on_over(now, "");
      return;
    }
    std::string_view rest(bytes.data(), read.bytes);
    while (!rest.empty()) {
      const MessageReader::Status status = reader_.feed(rest);
      if (status == MessageReader::Status::more) break;
      if (status == MessageReader::Status::bad) {
        on_over(now, reader_.fault());
        return;
      }
      on_message(now);
      if (!stream_) return;
    }
  }
}

void WireClient::send(core::Method method, std::uint64_t number, std::uint64_t body) {
  reader().next(method == core::Method::head);
  append_request(outgoing(), method, number, body);
  flush();
}

}  // namespace evenkeel::sim
