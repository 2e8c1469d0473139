// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "evenkeel/net/connection.h"
#include "evenkeel/net/context.h"
#include "evenkeel/net/recode.h"

// The request's bytes on their way from the client to the backends.
namespace evenkeel::net {

// Moves what can be moved, for every live attempt.
void ClientConnection::pump_upload(core::Instant now) {
  if (!transaction_->upload.streamed) {
    const bool rest_streams = !transaction_->upload.complete && fill_image(now);
    if (!exchanging()) return;
    for (std::size_t i = 0; i < transaction_->attempts.size(); ++i) {
      if (BackendConnection* connection = transaction_->attempts[i].get()) {
        send_image(now, *connection);
        if (!exchanging()) return;
      }
    }
    if (rest_streams) {
      if (BackendConnection* connection = only_attempt()) {
        stream_upload(now, *connection);
      } else if (transaction_->attempts[1]) {
        // A body that outgrew its image can go to one backend only: the hedge, begun later, gives way.
        BackendConnection& hedge = *transaction_->attempts[1];
        attempt_failed(now, hedge, core::AttemptFailure::local);
      }
    }
  } else if (BackendConnection* connection = only_attempt()) {
    stream_upload(now, *connection);
  }
  if (exchanging()) watch_client(now);
}

bool ClientConnection::fill_image(core::Instant now) {
  Transaction& t = *transaction_;
  while (!t.upload.complete) {
    const std::size_t room = t.image_limit - std::min(t.image_limit, t.image.size());
    const bool fits = t.upload.framing == http1::BodyFraming::length ? t.upload.remaining <= room
                                                                      : room > kRecodeSlack;
    if (!fits) return true;
    std::string_view bytes = in_.view();
    const bool from_inbox = in_.empty();
    if (from_inbox) {
      const std::size_t want =
          t.upload.framing == http1::BodyFraming::length ? kReadBytes : room - kRecodeSlack;
      const IoResult read = stream_->try_read(
          std::span<char>(context_.inbox).first(std::min(want, kReadBytes)));
      if (read.io == Io::would_block) {
        context_.timers.arm(timer_, context_.listener_timers[listener_].body_idle, now);
        return false;
      }
      if (read.io != Io::done) {
        client_gone(now);
        return false;
      }
      bytes = {context_.inbox.data(), read.bytes};
    } else {
      bytes = bytes.substr(0, std::min(bytes.size(), room));
    }
    const auto taken = append_to_image(bytes);
    if (!taken) {
      bad_upload(now, 400, "the chunked request body is malformed");
      return false;
    }
    if (from_inbox) {
      context_.buffers.append(in_, std::span<const char>(bytes).subspan(*taken));
    } else {
      in_.consume(*taken);
      if (in_.empty()) context_.buffers.release(in_);
    }
    if (body_too_large()) {
      bad_upload(now, 413, "the request body is larger than this listener allows");
      return false;
    }
  }
  context_.timers.disarm(timer_);
  return false;
}

std::optional<std::size_t> ClientConnection::append_to_image(std::string_view bytes) {
  Transaction& t = *transaction_;
  Upload& upload = t.upload;
  if (upload.framing == http1::BodyFraming::length) {
    const std::size_t taken = std::min<std::uint64_t>(bytes.size(), upload.remaining);
    context_.buffers.append(t.image, std::span<const char>(bytes).first(taken));
    upload.remaining -= taken;
    upload.received += taken;
    upload.complete = upload.remaining == 0;
    return taken;
  }
  const std::span<char> room = context_.buffers.room(t.image, bytes.size() + kRecodeSlack);
  const Recoded recoded = recode(upload.decoder, bytes, true, room);
  if (recoded.error != nullptr) return std::nullopt;
  context_.buffers.extend(t.image, recoded.written);
  upload.received += recoded.payload;
  upload.complete = recoded.ended;
  return recoded.taken;
}

bool ClientConnection::body_too_large() const {
  const std::uint64_t limit = context_.listener(listener_).limits.max_body_bytes;
  return limit != 0 && transaction_->upload.received > limit;
}

void ClientConnection::send_image(core::Instant now, BackendConnection& connection) {
  Stream& stream = connection.stream();
  if (stream.connecting() || connection.write_failed) return;
  const std::span<const char> image = transaction_->image.span();
  while (connection.image_sent < image.size()) {
    const IoResult written = stream.try_write(image.subspan(connection.image_sent));
    if (written.io == Io::would_block) return;
    if (written.io != Io::done) {
      write_broke(now, connection);
      return;
    }
    connection.image_sent += written.bytes;
    if (!connection.sent_reported) {
      connection.sent_reported = true;
      context_.balancer.on_attempt_sent(now, connection.attempt());
    }
  }
}

// A backend that answers early and closes breaks our write while its answer waits to be read.
void ClientConnection::write_broke(core::Instant now, BackendConnection& connection) {
  connection.write_failed = true;
  if (!connection.sent_reported && connection.uses() <= 1) {
    attempt_failed(now, connection, core::AttemptFailure::connect_refused);
    return;
  }
  // Reading tells what happened: an answer, or the end. It must wait for its turn: we may be inside
  // one of the core's actions.
  connection.stream().wake();
}

void ClientConnection::stream_upload(core::Instant now, BackendConnection& connection) {
  Transaction& t = *transaction_;
  if (connection.write_failed) return;
  if (!t.upload.streamed) {
    if (connection.stream().connecting() || connection.image_sent < t.image.size()) return;
    t.upload.streamed = true;
    context_.buffers.release(t.image);
    context_.balancer.on_replay_lost(now, t.request);
  }
  bool moved = false;
  while (flush_backend(now, connection) && !t.upload.complete) {
    const bool more = t.upload.framing == http1::BodyFraming::length
                          ? stream_length(now, connection)
                          : stream_chunked(now, connection);
    if (!exchanging() || !uses(connection)) return;
    if (!more) break;
    moved = true;
    if (body_too_large()) {
      bad_upload(now, 413, "the request body is larger than this listener allows");
      return;
    }
  }
  if (!exchanging() || !uses(connection)) return;
  if (moved) context_.balancer.on_upload_progress(now, t.request);
  if (t.upload.complete) {
    context_.timers.disarm(timer_);
  } else if (moved || !context_.timers.armed(timer_)) {
    context_.timers.arm(timer_, context_.listener_timers[listener_].body_idle, now);
  }
}

bool ClientConnection::stream_length(core::Instant now, BackendConnection& connection) {
  Upload& upload = transaction_->upload;
  if (!in_.empty()) {
    const std::size_t size = std::min<std::uint64_t>(in_.size(), upload.remaining);
    if (!write_backend(now, connection, in_.span().first(size))) return false;
    in_.consume(size);
    if (in_.empty()) context_.buffers.release(in_);
    upload.remaining -= size;
    upload.received += size;
    upload.complete = upload.remaining == 0;
    return true;
  }
  const RelayResult relayed =
      stream_->relay(connection.stream(), upload.remaining,
                     std::span<char>(context_.inbox).first(kReadBytes), connection.tail,
                     context_.buffers);
  upload.remaining -= relayed.moved;
  upload.received += relayed.moved;
  upload.complete = upload.remaining == 0;
  if (relayed.write == Io::failed) {
    write_broke(now, connection);
    return false;
  }
  if (relayed.read == Io::end || relayed.read == Io::failed) {
    if (!upload.complete) client_gone(now);
    return false;
  }
  if (relayed.read == Io::done && relayed.write == Io::done && !upload.complete) {
    stream_->wake();  // its turn is over, its bytes are not
    context_.balancer.on_upload_progress(now, transaction_->request);
    return false;
  }
  return relayed.moved > 0;
}

bool ClientConnection::stream_chunked(core::Instant now, BackendConnection& connection) {
  Upload& upload = transaction_->upload;
  if (in_.empty()) {
    const IoResult read = stream_->try_read(std::span<char>(context_.inbox).first(kReadBytes));
    if (read.io == Io::would_block) return false;
    if (read.io != Io::done) {
      client_gone(now);
      return false;
    }
    context_.buffers.append(in_, std::span<const char>(context_.inbox).first(read.bytes));
  }
  const Recoded recoded = recode(upload.decoder, in_.view(), true, context_.outbox);
  if (recoded.error != nullptr) {
    bad_upload(now, 400, "the chunked request body is malformed");
    return false;
  }
  in_.consume(recoded.taken);
  if (in_.empty()) context_.buffers.release(in_);
  upload.received += recoded.payload;
  upload.complete = recoded.ended;
  return recoded.written == 0 ||
         write_backend(now, connection,
                       std::span<const char>(context_.outbox).first(recoded.written));
}

// Takes all of `bytes`, into the tail if need be. False when the backend is gone.
bool ClientConnection::write_backend(core::Instant now, BackendConnection& connection,
                                     std::span<const char> bytes) {
  const IoResult written = connection.stream().try_write(bytes);
  if (written.io == Io::failed) {
    write_broke(now, connection);
    return false;
  }
  context_.buffers.append(connection.tail, bytes.subspan(written.bytes));
  return true;
}

// True when nothing is left over from a short write.
bool ClientConnection::flush_backend(core::Instant now, BackendConnection& connection) {
  while (!connection.tail.empty()) {
    const IoResult written = connection.stream().try_write(connection.tail.span());
    if (written.io == Io::would_block) return false;
    if (written.io != Io::done) {
      write_broke(now, connection);
      return false;
    }
    connection.tail.consume(written.bytes);
  }
  context_.buffers.release(connection.tail);
  return true;
}

// The request is complete and we wait: anything the client sends now is the next request, and its
// end means that nobody waits for this answer.
void ClientConnection::watch_client(core::Instant now) {
  Transaction& t = *transaction_;
  if (!t.upload.complete || in_ended_) return;
  while (in_.size() < kMaxPipelinedBytes) {
    const IoResult read = stream_->try_read(
        std::span<char>(context_.inbox).first(kMaxPipelinedBytes - in_.size()));
    if (read.io == Io::would_block) return;
    if (read.io == Io::done) {
      context_.buffers.append(in_, std::span<const char>(context_.inbox).first(read.bytes));
      continue;
    }
    in_ended_ = true;
    // Once the answer flows, a client that only finished sending still gets all of it.
    if (read.io == Io::failed || (!t.committed && !t.response_done)) client_gone(now);
    return;
  }
}

// The client's body is not one: the backend must see it cut, the client an error if still possible.
void ClientConnection::bad_upload(core::Instant now, unsigned status, std::string_view cause) {
  Transaction& t = *transaction_;
  if (t.committed || t.response_done) {
    client_gone(now);
    return;
  }
  const bool begun = t.begun;
  if (begun) {
    context_.balancer.on_client_gone(now, t.request);
    finish(now);
  }
  refuse(now, status, cause);
}

}  // namespace evenkeel::net
