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
  Transaction& t = *transaction_;
  const std::uint64_t before = t.upload.received + t.upload.flushed;
  const bool was_complete = t.upload.complete;
  t.upload.waiting = false;
  if (t.response_done && !t.upload.complete) {
    discard_upload(now);
  } else if (!t.upload.streamed) {
    const bool outgrown = !t.upload.complete && fill_image(now);
    if (!exchanging()) return;
    for (auto& attempt : t.attempts) {
      if (attempt) send_image(now, *attempt);
    }
    if (outgrown) give_way(now);
    if (BackendConnection* connection = only_attempt(); outgrown && connection != nullptr) {
      stream_upload(now, *connection);
    }
  } else if (BackendConnection* connection = only_attempt()) {
    stream_upload(now, *connection);
  }
  if (!exchanging()) return;
  const bool progress =
      t.upload.received + t.upload.flushed != before || t.upload.complete != was_complete;
  if (progress) context_.balancer.on_upload_progress(now, t.request);
  if (t.upload.waiting) context_.balancer.on_upload_waiting(now, t.request);
  watch_client(now);
  if (exchanging()) arm_client_timer(now, progress);
}

// Reads body bytes into the image while they fit; true when the rest has to stream.
bool ClientConnection::fill_image(core::Instant now) {
  Transaction& t = *transaction_;
  while (!t.upload.complete) {
    const std::size_t room = t.image_limit - std::min(t.image_limit, t.image.size());
    const bool by_length = t.upload.framing == http1::BodyFraming::length;
    if (by_length ? t.upload.remaining > room : room <= kRecodeSlack) return true;
    std::string_view bytes = in_.view();
    const bool from_inbox = in_.empty();
    if (from_inbox) {
      const std::span<char> space = read_space();
      const std::size_t want = by_length ? space.size() : room - kRecodeSlack;
      const IoResult read = stream_->try_read(space.first(std::min(want, space.size())));
      if (read.io == Io::would_block) {
        t.upload.waiting = true;
        return false;
      }
      if (read.io != Io::done) {
        client_gone(now);
        return false;
      }
      bytes = {space.data(), read.bytes};
    } else {
      bytes = bytes.substr(0, room);
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

// A body that outgrew its image can go to one backend only: of two attempts the one that got less
// of it ends.
void ClientConnection::give_way(core::Instant now) {
  const auto& [first, second] = transaction_->attempts;
  if (!first || !second) return;
  const bool first_ends = first->image_sent < second->image_sent;
  attempt_failed(now, first_ends ? *first : *second, core::AttemptFailure::local);
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
  if (connection.write_failed) {
    if (t.committed != nullptr) discard_upload(now);
    return;
  }
  if (!t.upload.streamed) {
    if (connection.stream().connecting() || connection.image_sent < t.image.size()) return;
    t.upload.streamed = true;
    context_.buffers.release(t.image);
    context_.balancer.on_replay_lost(now, t.request);
  }
  for (int round = 0; flush_backend(now, connection) && !t.upload.complete; ++round) {
    if (round == kRounds) {
      stream_->wake();
      return;
    }
    const bool more = t.upload.framing == http1::BodyFraming::length
                          ? stream_length(now, connection)
                          : stream_chunked(now, connection);
    if (!exchanging() || !more) return;
  }
}

// No backend takes more of the body but the answer still flows: a client that sends everything
// before it reads must not wait for ever.
void ClientConnection::discard_upload(core::Instant now) {
  context_.buffers.release(in_);
  for (int round = 0; round < kRounds && !in_ended_; ++round) {
    const IoResult read = stream_->try_read(read_space());
    if (read.io == Io::would_block) return;
    if (read.io == Io::failed) {
      client_gone(now);
      return;
    }
    in_ended_ = read.io == Io::end;
  }
  if (!in_ended_) stream_->wake();
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
  const RelayResult relayed = stream_->relay(connection.stream(), upload.remaining, read_space(),
                                             connection.tail, context_.buffers);
  upload.remaining -= relayed.moved;
  upload.received += relayed.moved;
  upload.complete = upload.remaining == 0;
  if (relayed.write == Io::failed) {
    write_broke(now, connection);
  } else if (upload.complete) {
    return false;
  } else if (relayed.read == Io::end || relayed.read == Io::failed) {
    client_gone(now);
  } else if (relayed.read == Io::would_block) {
    upload.waiting = true;
  } else if (relayed.write == Io::done) {
    stream_->wake();  // its turn is over, its bytes are not
  }
  return false;
}

bool ClientConnection::stream_chunked(core::Instant now, BackendConnection& connection) {
  Upload& upload = transaction_->upload;
  const bool from_inbox = in_.empty();
  std::string_view bytes = in_.view();
  if (from_inbox) {
    const std::span<char> space = read_space();
    const IoResult read = stream_->try_read(space);
    if (read.io == Io::would_block) {
      upload.waiting = true;
      return false;
    }
    if (read.io != Io::done) {
      client_gone(now);
      return false;
    }
    bytes = {space.data(), read.bytes};
  }
  const Recoded recoded = recode(upload.decoder, bytes, true, context_.outbox);
  if (recoded.error != nullptr) {
    bad_upload(now, 400, "the chunked request body is malformed");
    return false;
  }
  if (from_inbox) {
    context_.buffers.append(in_, std::span<const char>(bytes).subspan(recoded.taken));
  } else {
    in_.consume(recoded.taken);
    if (in_.empty()) context_.buffers.release(in_);
  }
  upload.received += recoded.payload;
  upload.complete = recoded.ended;
  if (body_too_large()) {
    bad_upload(now, 413, "the request body is larger than this listener allows");
    return false;
  }
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
    transaction_->upload.flushed += written.bytes;
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
    const IoResult read =
        stream_->try_read(std::span<char>(context_.inbox).first(kMaxPipelinedBytes - in_.size()));
    if (read.io == Io::would_block) {
      drained_ = true;
      return;
    }
    if (read.io == Io::done) {
      context_.buffers.append(in_, std::span<const char>(context_.inbox).first(read.bytes));
      continue;
    }
    in_ended_ = true;
    // Once the answer flows, a client that only finished sending still gets all of it.
    if (read.io == Io::failed || (t.committed == nullptr && !t.response_done)) client_gone(now);
    return;
  }
}

// The client's body is not one: the backend must see it cut, the client an error if still possible.
void ClientConnection::bad_upload(core::Instant now, std::uint16_t status, std::string_view cause) {
  const Transaction& t = *transaction_;
  if (t.committed != nullptr || t.response_done || !t.out.empty()) {
    client_gone(now);
    return;
  }
  const std::size_t length = write_error(status, cause);
  finish(now, status);
  send_and_close(now, length);
}

}  // namespace evenkeel::net
