// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include "evenkeel/net/connection.h"
#include "evenkeel/net/context.h"
#include "evenkeel/net/http1/writer.h"
#include "evenkeel/net/recode.h"
#include "evenkeel/net/session_fields.h"

// The response's bytes on their way from a backend to the client.
namespace evenkeel::net {

namespace {

// Response heads have no listener to limit them.
constexpr http1::HeadLimits kResponseLimits{};

}  // namespace

void ClientConnection::on_backend_ready(core::Instant now, BackendConnection& connection) {
  if (!exchanging() || !uses(connection) || connection.stream().connecting()) return;
  if (transaction_->tunnel) {
    pump_tunnel(now);
    return;
  }
  const Transaction& t = *transaction_;
  const bool request_sent = t.upload.complete && connection.tail.empty() &&
                            (t.upload.streamed || connection.image_sent == t.image.size());
  if (!request_sent) pump_upload(now);
  if (exchanging() && uses(connection)) pump_response(now, connection);
}

void ClientConnection::on_backend_timer(core::Instant now, BackendConnection& connection) {
  if (!exchanging() || !uses(connection)) return;
  const Turn turn(context_, now);
  attempt_failed(now, connection, core::AttemptFailure::reset_in_body);
}

void ClientConnection::pump_response(core::Instant now, BackendConnection& connection) {
  while (connection.reading == BackendConnection::Reading::head) {
    if (!read_response_head(now, connection)) return;
  }
  bool moved = false;
  for (int round = 0; transaction_->out.empty() && read_body(now, connection, moved); ++round) {
    if (round == kRounds) {
      connection.stream().wake();
      break;
    }
  }
  if (!exchanging() || !uses(connection)) return;
  arm_backend_timer(now, connection, moved);
  arm_client_timer(now, moved);
}

// ---- heads -------------------------------------------------------------------------------------

// One head, interim or final; false when there is nothing more to do now.
bool ClientConnection::read_response_head(core::Instant now, BackendConnection& connection) {
  std::string_view bytes = connection.in.view();
  bool in_inbox = false;
  if (connection.in.empty() || connection.scanned == connection.in.size()) {
    const std::span<char> room = std::span<char>(context_.inbox).subspan(kHeadroom);
    const IoResult read = connection.stream().try_read(room);
    if (read.io == Io::would_block) return false;
    if (read.io != Io::done) {
      const bool reused = connection.uses() > 1;
      attempt_failed(now, connection,
                     reused && !connection.any_bytes ? core::AttemptFailure::stale_connection
                     : !connection.sent_reported     ? core::AttemptFailure::connect_refused
                                                     : core::AttemptFailure::reset_before_head);
      return false;
    }
    connection.any_bytes = true;
    in_inbox = connection.in.empty();
    if (in_inbox) {
      bytes = {room.data(), read.bytes};
    } else {
      context_.buffers.append(connection.in, room.first(read.bytes));
      bytes = connection.in.view();
    }
  }

  const std::size_t end = http1::find_head_end(bytes, connection.scanned);
  http1::ResponseHead& head = context_.response_head;
  if (end == http1::kHeadIncomplete) {
    if (http1::early_response_error(bytes, kResponseLimits)) {
      attempt_failed(now, connection, core::AttemptFailure::bad_response);
      return false;
    }
    if (in_inbox) context_.buffers.append(connection.in, bytes);
    connection.scanned = connection.in.size();
    return true;
  }
  if (http1::parse_response_head(bytes.substr(0, end), kResponseLimits, transaction_->method,
                                 head) ||
      (head.switches_protocol && !transaction_->wants_upgrade)) {
    attempt_failed(now, connection, core::AttemptFailure::bad_response);
    return false;
  }
  const std::string_view rest = bytes.substr(end);
  if (head.is_interim()) {
    if (!forward_interim(now, connection)) return false;
    if (in_inbox) {
      context_.buffers.append(connection.in, rest);
    } else {
      connection.in.consume(end);
    }
    connection.scanned = 0;
    return true;
  }

  core::ResponseFacts facts;
  facts.status = static_cast<std::uint16_t>(head.status);
  facts.has_retry_after = head.has_retry_after;
  facts.retry_after = std::chrono::seconds(head.retry_after_seconds.value_or(0));
  context_.balancer.on_response_head(now, connection.attempt(), facts);
  // The decision falls here, while the head is at hand.
  context_.act(now);
  if (!exchanging() || transaction_->committed != &connection) return false;
  deliver_head(now, connection, rest, in_inbox);
  return exchanging() && uses(connection);
}

// False when the attempt is over.
bool ClientConnection::forward_interim(core::Instant now, BackendConnection& connection) {
  Transaction& t = *transaction_;
  if (++connection.interims > kMaxInterims) {
    attempt_failed(now, connection, core::AttemptFailure::bad_response);
    return false;
  }
  const http1::ResponseHead& head = context_.response_head;
  const bool wanted = t.minor_version >= 1 && only_attempt() == &connection &&
                      (head.status != 100 || t.expects_continue);
  // A client that does not read gets no more of them: they carry nothing that it needs.
  if (!wanted || t.out.size() > kReadBytes) return true;
  http1::ResponsePlan plan;
  plan.client_minor_version = t.minor_version;
  const std::size_t length = http1::write_response_head(head, plan, context_.outbox);
  return write_client(now, std::span<const char>(context_.outbox).first(length));
}

void ClientConnection::deliver_head(core::Instant now, BackendConnection& connection,
                                    std::string_view rest, bool in_inbox) {
  Transaction& t = *transaction_;
  const http1::ResponseHead& head = context_.response_head;
  http1::ResponsePlan plan;
  plan.client_minor_version = t.minor_version;
  plan.framing = http1::client_framing(head, t.minor_version);
  plan.length = head.length;
  plan.request_was_head = t.method == core::Method::head;
  plan.date = context_.date();
  // An answer that comes before the request's end leaves the connection in doubt.
  plan.keep_alive = may_stay() && !in_ended_ && plan.framing != http1::BodyFraming::until_close;
  if (t.issued) {
    write_session_field(context_.session_field, context_.pool_policy(t.pool).session, *t.issued,
                        secure_);
    plan.own_fields = context_.session_field;
  }
  t.keep_alive = plan.keep_alive;
  t.chunked_out = plan.framing == http1::BodyFraming::chunked;
  connection.reading = BackendConnection::Reading::body;
  connection.keep_alive = head.keep_alive;
  connection.framing = head.framing;
  connection.remaining = head.framing == http1::BodyFraming::length ? head.length : 0;

  const std::span<char> out(context_.outbox);
  const std::size_t head_length = http1::write_response_head(head, plan, out);
  if (head_length == 0) {
    attempt_failed(now, connection, core::AttemptFailure::bad_response);
    return;
  }
  if (head.switches_protocol) {
    begin_tunnel(now, connection, rest, out.first(head_length));
    return;
  }
  bool sent = false;
  Taken taken;
  if (in_inbox && head.framing == http1::BodyFraming::length &&
      rest.size() <= connection.remaining &&
      static_cast<std::size_t>(rest.data() - context_.inbox.data()) >= head_length) {
    // The common case: the new head goes right in front of the body bytes, and one send takes both.
    char* start = context_.inbox.data() + (rest.data() - context_.inbox.data()) - head_length;
    std::memcpy(start, out.data(), head_length);
    connection.remaining -= rest.size();
    t.bytes_out += rest.size();
    taken.complete = connection.remaining == 0;
    sent = write_client(now, {start, head_length + rest.size()});
  } else {
    taken = take_body(connection, rest, out.subspan(head_length));
    sent = write_client(now, out.first(head_length + taken.written));
  }
  context_.buffers.release(connection.in);
  if (!sent) return;
  if (taken.error) {
    attempt_failed(now, connection, core::AttemptFailure::reset_in_body);
  } else if (taken.complete) {
    response_ended(now, connection);
  }
}

// ---- bodies ------------------------------------------------------------------------------------

// Body bytes in hand become bytes for the client in `out`. What stands beyond the response's end
// was not asked for: the connection is not used again.
ClientConnection::Taken ClientConnection::take_body(BackendConnection& connection,
                                                    std::string_view bytes, std::span<char> out) {
  Taken taken;
  Transaction& t = *transaction_;
  switch (connection.framing) {
    case http1::BodyFraming::none:
      taken.complete = true;
      if (!bytes.empty()) connection.keep_alive = false;
      break;
    case http1::BodyFraming::length: {
      const std::size_t size = std::min<std::uint64_t>(bytes.size(), connection.remaining);
      std::memcpy(out.data(), bytes.data(), size);
      connection.remaining -= size;
      t.bytes_out += size;
      taken.written = size;
      taken.complete = connection.remaining == 0;
      if (size < bytes.size()) connection.keep_alive = false;
      break;
    }
    case http1::BodyFraming::chunked: {
      const Recoded recoded = recode(connection.decoder, bytes, t.chunked_out, out);
      t.bytes_out += recoded.payload;
      taken.written = recoded.written;
      taken.complete = recoded.ended;
      taken.error = recoded.error != nullptr;
      if (recoded.ended && recoded.taken < bytes.size()) connection.keep_alive = false;
      break;
    }
    case http1::BodyFraming::until_close:
      if (bytes.empty()) break;
      t.bytes_out += bytes.size();
      if (t.chunked_out) {
        taken.written = write_chunk(bytes, out);
      } else {
        std::memcpy(out.data(), bytes.data(), bytes.size());
        taken.written = bytes.size();
      }
      break;
  }
  return taken;
}

bool ClientConnection::read_body(core::Instant now, BackendConnection& connection, bool& moved) {
  if (connection.reading != BackendConnection::Reading::body) return false;
  if (connection.framing == http1::BodyFraming::length) return relay_body(now, connection, moved);

  const std::span<char> room = read_space();
  const IoResult read = connection.stream().try_read(room);
  if (read.io == Io::would_block) return false;
  moved = true;
  if (read.io != Io::done) {
    const bool natural_end =
        read.io == Io::end && connection.framing == http1::BodyFraming::until_close;
    if (!natural_end) {
      attempt_failed(now, connection, core::AttemptFailure::reset_in_body);
      return false;
    }
    connection.keep_alive = false;
    if (transaction_->chunked_out && !write_client(now, http1::kLastChunk)) return false;
    response_ended(now, connection);
    return false;
  }
  const Taken taken = take_body(connection, {room.data(), read.bytes}, context_.outbox);
  if (taken.written > 0 &&
      !write_client(now, std::span<const char>(context_.outbox).first(taken.written))) {
    return false;
  }
  if (taken.error) {
    attempt_failed(now, connection, core::AttemptFailure::reset_in_body);
    return false;
  }
  if (taken.complete) {
    response_ended(now, connection);
    return false;
  }
  return true;
}

bool ClientConnection::relay_body(core::Instant now, BackendConnection& connection, bool& moved) {
  Transaction& t = *transaction_;
  const RelayResult relayed = connection.stream().relay(*stream_, connection.remaining,
                                                        read_space(), t.out, context_.buffers);
  connection.remaining -= relayed.moved;
  t.bytes_out += relayed.moved;
  moved = relayed.moved > 0;
  if (relayed.write == Io::failed) {
    client_gone(now);
    return false;
  }
  if (connection.remaining == 0) {
    response_ended(now, connection);
    return false;
  }
  if (relayed.read == Io::end || relayed.read == Io::failed) {
    attempt_failed(now, connection, core::AttemptFailure::reset_in_body);
    return false;
  }
  if (relayed.read == Io::done && relayed.write == Io::done) connection.stream().wake();
  return false;
}

void ClientConnection::response_ended(core::Instant now, BackendConnection& connection) {
  Transaction& t = *transaction_;
  connection.reading = BackendConnection::Reading::done;
  const bool request_sent = t.upload.complete && connection.tail.empty() &&
                            !connection.write_failed &&
                            (t.upload.streamed || connection.image_sent == t.image.size());
  std::unique_ptr<BackendConnection>& place = *place_of(connection.attempt());
  const core::AttemptId attempt = connection.attempt();
  if (request_sent && connection.keep_alive) {
    t.committed = nullptr;
    context_.keepalive.put(now, std::move(place));
  } else {
    if (request_sent) connection.stream().close();
    drop_attempt(place);
  }
  context_.balancer.on_response_end(now, attempt, t.bytes_out);
  t.response_done = true;
  if (t.out.empty()) {
    conclude(now);
  } else {
    arm_client_timer(now, true);
  }
}

void ClientConnection::attempt_failed(core::Instant now, BackendConnection& connection,
                                      core::AttemptFailure failure) {
  const core::AttemptId attempt = connection.attempt();
  drop_attempt(*place_of(attempt));
  context_.balancer.on_attempt_failed(now, attempt, failure);
}

// While something waits for the client, for its body or for it to read, it has to make progress.
void ClientConnection::arm_client_timer(core::Instant now, bool progress) {
  const Transaction& t = *transaction_;
  if (t.tunnel) return;
  const bool waits = !t.out.empty() || (t.upload.waiting && !t.upload.complete);
  if (!waits) {
    context_.timers.disarm(timer_);
  } else if (progress || !context_.timers.armed(timer_)) {
    context_.timers.arm(timer_, context_.listener_timers[listener_].body_idle, now);
  }
}

// While a body flows and the client takes it, so has the backend.
void ClientConnection::arm_backend_timer(core::Instant now, BackendConnection& connection,
                                         bool progress) {
  if (connection.reading != BackendConnection::Reading::body) return;
  if (!transaction_->out.empty()) {
    context_.timers.disarm(connection.timer());
  } else if (progress || !context_.timers.armed(connection.timer())) {
    context_.timers.arm(connection.timer(),
                        context_.pool_timers[index(connection.backend().pool)].body_idle, now);
  }
}

std::span<char> ClientConnection::read_space() const {
  const std::uint64_t limit = context_.listener(listener_).limits.max_buffered_bytes;
  return std::span<char>(context_.inbox).first(std::min<std::uint64_t>(kReadBytes, limit));
}

// ---- tunnels -----------------------------------------------------------------------------------

void ClientConnection::begin_tunnel(core::Instant now, BackendConnection& connection,
                                    std::string_view rest, std::span<const char> head) {
  Transaction& t = *transaction_;
  t.tunnel = true;
  t.keep_alive = false;
  connection.reading = BackendConnection::Reading::tunnel;
  connection.keep_alive = false;
  context_.timers.disarm(connection.timer());
  const std::string kept(rest);  // `rest` may stand in connection.in, which goes now
  context_.buffers.release(connection.in);
  if (!write_client(now, head)) return;
  t.bytes_out += kept.size();
  if (!kept.empty() && !write_client(now, kept)) return;
  pump_tunnel(now);
}

void ClientConnection::pump_tunnel(core::Instant now) {
  Transaction& t = *transaction_;
  BackendConnection& connection = *t.committed;
  context_.timers.arm(timer_, context_.tunnel_timer, now);
  if (!tunnel_up(now, connection) || !tunnel_down(now, connection)) return;
  if (!t.tunnel_in_ended || !t.tunnel_out_ended || !t.out.empty() || !connection.tail.empty()) {
    return;
  }
  const core::AttemptId attempt = connection.attempt();
  connection.stream().close();
  drop_attempt(*place_of(attempt));
  context_.balancer.on_response_end(now, attempt, t.bytes_out);
  finish(now);
  leave(now, false);
}

// Client to backend; false when the tunnel broke.
bool ClientConnection::tunnel_up(core::Instant now, BackendConnection& connection) {
  Transaction& t = *transaction_;
  if (!flush_backend(now, connection)) {
    return !connection.write_failed || break_tunnel(now, connection, false);
  }
  if (!in_.empty()) {
    if (!write_backend(now, connection, in_.span())) return break_tunnel(now, connection, false);
    context_.buffers.release(in_);
  }
  if (!connection.tail.empty() || t.tunnel_in_ended) return true;
  const RelayResult relayed =
      stream_->relay(connection.stream(), std::numeric_limits<std::uint64_t>::max(), read_space(),
                     connection.tail, context_.buffers);
  if (relayed.write == Io::failed) return break_tunnel(now, connection, false);
  if (relayed.read == Io::failed) return break_tunnel(now, connection, true);
  if (relayed.read == Io::end) {
    t.tunnel_in_ended = true;
    connection.stream().shutdown();
  } else if (relayed.read == Io::done && relayed.write == Io::done) {
    stream_->wake();
  }
  return true;
}

// Backend to client; false when the tunnel broke.
bool ClientConnection::tunnel_down(core::Instant now, BackendConnection& connection) {
  Transaction& t = *transaction_;
  if (!flush_client(now)) return false;
  if (!t.out.empty() || t.tunnel_out_ended) return true;
  const RelayResult relayed = connection.stream().relay(
      *stream_, std::numeric_limits<std::uint64_t>::max(), read_space(), t.out, context_.buffers);
  t.bytes_out += relayed.moved;
  if (relayed.write == Io::failed) return break_tunnel(now, connection, true);
  if (relayed.read == Io::failed) return break_tunnel(now, connection, false);
  if (relayed.read == Io::end) {
    t.tunnel_out_ended = true;
    stream_->shutdown();
  } else if (relayed.read == Io::done && relayed.write == Io::done) {
    connection.stream().wake();
  }
  return true;
}

bool ClientConnection::break_tunnel(core::Instant now, BackendConnection& connection,
                                    bool client_broke) {
  if (client_broke) {
    client_gone(now);
  } else {
    attempt_failed(now, connection, core::AttemptFailure::reset_in_body);
  }
  return false;
}

// ---- to the client -----------------------------------------------------------------------------

// Takes all of `bytes`, into `out` if need be; false when the client is gone, and dealt with.
bool ClientConnection::write_client(core::Instant now, std::span<const char> bytes) {
  Transaction& t = *transaction_;
  std::size_t sent = 0;
  if (t.out.empty()) {
    const IoResult written = stream_->try_write(bytes);
    if (written.io == Io::failed) {
      client_gone(now);
      return false;
    }
    sent = written.bytes;
  }
  context_.buffers.append(t.out, bytes.subspan(sent));
  return true;
}

// Sends what is left over; false when the exchange ended by it.
bool ClientConnection::flush_client(core::Instant now) {
  Transaction& t = *transaction_;
  if (t.out.empty()) return true;
  bool moved = false;
  while (!t.out.empty()) {
    const IoResult written = stream_->try_write(t.out.span());
    if (written.io == Io::failed) {
      client_gone(now);
      return false;
    }
    if (written.io == Io::would_block) break;
    t.out.consume(written.bytes);
    moved = true;
  }
  if (!t.out.empty()) {
    arm_client_timer(now, moved);
    return true;
  }
  context_.buffers.release(t.out);
  if (!t.response_done) return true;
  conclude(now);
  return false;
}

}  // namespace evenkeel::net
