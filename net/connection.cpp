// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/connection.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "evenkeel/net/client_address.h"
#include "evenkeel/net/context.h"
#include "evenkeel/net/http1/writer.h"
#include "evenkeel/net/session_fields.h"

// Requests on a client connection: reading heads, handing them to the core, ending them.
namespace evenkeel::net {

namespace {

// What rewriting may add to a head: our own fields with the longest values.
constexpr std::size_t kHeadGrowth = 1024;  // without Host, which may be written twice

http1::HeadLimits head_limits(const core::ListenerLimits& limits) {
  http1::HeadLimits head;
  head.max_head_bytes = limits.max_header_bytes;
  head.max_fields = std::min<std::size_t>(limits.max_headers, http1::Fields::kCapacity);
  head.max_target_bytes = limits.max_uri_bytes;
  return head;
}

std::string_view text_of(core::RejectCause cause) {
  switch (cause) {
    case core::RejectCause::no_healthy_backend:
      return "no healthy backend";
    case core::RejectCause::overflow:
      return "too many requests in flight";
    case core::RejectCause::connect_failure:
      return "cannot connect to a backend";
    case core::RejectCause::upstream_reset:
      return "the backend closed the connection";
    case core::RejectCause::bad_response:
      return "the backend's answer is not valid HTTP";
    case core::RejectCause::upstream_timeout:
      return "the backend did not answer in time";
    case core::RejectCause::request_timeout:
      return "no backend answered in time";
    case core::RejectCause::local_failure:
      return "out of resources";
    case core::RejectCause::rate_limited:
      return "too many requests from this client";
    case core::RejectCause::shed:
      return "overloaded";
    case core::RejectCause::queue_full:
      return "too many requests are waiting";
    case core::RejectCause::queue_timeout:
      return "no backend had room in time";
    case core::RejectCause::session_lost:
      return "the session's backend is not available";
  }
  return "";
}

}  // namespace

ClientConnection::ClientConnection(Context& context, std::uint32_t listener,
                                   std::unique_ptr<Stream> stream, std::string_view client,
                                   bool secure, core::Instant now)
    : context_(context),
      stream_(std::move(stream)),
      listener_(listener),
      timer_(context.timers.add(this)),
      secure_(secure),
      address_(address_from(client)) {
  client_length_ = static_cast<std::uint8_t>(std::min(client.size(), client_.size()));
  std::memcpy(client_.data(), client.data(), client_length_);
  stream_->set_owner(this);
  ++context_.counts.client_connections;
  ++context_.clients_of[listener_];
  context_.timers.arm(timer_, context_.listener_timers[listener_].request_header, now);
}

ClientConnection::~ClientConnection() {
  if (transaction_) context_.give_back(std::move(transaction_));
  context_.buffers.release(in_);
  context_.timers.remove(timer_);
  --context_.counts.client_connections;
  --context_.clients_of[listener_];
}

// ---- events ------------------------------------------------------------------------------------

void ClientConnection::on_ready(core::Instant now) {
  const Turn turn(context_, now);
  drained_ = false;
  pump(now);
}

void ClientConnection::on_timer(core::Instant now) {
  const Turn turn(context_, now);
  switch (state_) {
    case State::idle:
      leave(now, false);
      return;
    case State::head:
      refuse(now, 408, "the request head took too long");
      return;
    case State::exchange:
      // Armed while the client is waited for: for its body, or to take its answer.
      if (transaction_->upload.waiting && !transaction_->upload.complete) {
        bad_upload(now, 408, "the request body stalled");
      } else {
        client_gone(now);
      }
      return;
    case State::lingering:
      leave(now, !in_.empty());
      return;
    case State::gone:
      return;
  }
}

void ClientConnection::pump(core::Instant now) {
  if (state_ == State::idle || state_ == State::head) {
    while (read_head(now)) {
    }
  } else if (state_ == State::exchange) {
    if (transaction_->tunnel) {
      pump_tunnel(now);
      return;
    }
    const bool was_blocked = !transaction_->out.empty();
    if (!flush_client(now)) return;
    pump_upload(now);
    if (was_blocked && exchanging() && transaction_->committed) {
      pump_response(now, *transaction_->committed);
    }
  } else if (state_ == State::lingering) {
    pump_linger(now);
  }
}

// ---- request heads -----------------------------------------------------------------------------

bool ClientConnection::read_head(core::Instant now) {
  // Whole heads are understood where they were read; only the rest of a partial one is kept.
  std::string_view bytes = in_.view();
  if (in_.empty() || scanned_ == in_.size()) {
    const IoResult read = stream_->try_read(context_.inbox);
    if (read.io == Io::would_block) {
      drained_ = true;
      return false;
    }
    if (read.io != Io::done) {
      leave(now, read.io == Io::failed || state_ == State::head);
      return false;
    }
    if (state_ == State::idle) {
      state_ = State::head;
      context_.timers.arm(timer_, context_.listener_timers[listener_].request_header, now);
    }
    const std::string_view fresh{context_.inbox.data(), read.bytes};
    if (in_.empty()) {
      bytes = fresh;
    } else {
      context_.buffers.append(in_, fresh);
      bytes = in_.view();
    }
  } else {
    state_ = State::head;
  }

  const http1::HeadLimits limits = head_limits(context_.listener(listener_).limits);
  const std::size_t end = http1::find_head_end(bytes, scanned_);
  if (end == http1::kHeadIncomplete) {
    if (const auto error = http1::early_error(bytes, limits)) {
      refuse(now, error->status, error->cause);
      return false;
    }
    if (in_.empty()) context_.buffers.append(in_, bytes);
    scanned_ = in_.size();
    return true;
  }
  http1::RequestHead& head = context_.request_head;
  if (const auto error = http1::parse_request_head(bytes.substr(0, end), limits, head)) {
    refuse(now, error->status, error->cause);
    return false;
  }
  begin_request(now, head, bytes.substr(end));
  return false;  // a request that follows has a turn of its own
}

void ClientConnection::begin_request(core::Instant now, http1::RequestHead& head,
                                     std::string_view rest) {
  const core::ListenerPolicy& listener = context_.listener(listener_);
  const std::uint64_t max_body = listener.limits.max_body_bytes;
  if (max_body != 0 && head.framing == http1::BodyFraming::length && head.length > max_body) {
    refuse(now, 413, "the request body is larger than this listener allows");
    return;
  }
  context_.timers.disarm(timer_);
  state_ = State::exchange;
  scanned_ = 0;
  transaction_ = context_.take_transaction();
  Transaction& t = *transaction_;
  t.begun = false;
  t.issued.reset();
  t.committed = nullptr;
  t.response_done = t.keep_alive = t.chunked_out = false;
  t.tunnel = t.tunnel_in_ended = t.tunnel_out_ended = false;
  t.bytes_out = 0;
  t.method = head.method;
  t.minor_version = head.minor_version;
  t.client_keep_alive = head.keep_alive;
  t.expects_continue = head.expects_continue;
  t.wants_upgrade = head.wants_upgrade;
  t.method_text.assign(head.method_text);
  t.target.assign(head.target);
  t.host.assign(head.host);
  context_.make_request_id(t.request_id);
  t.upload = Upload();
  t.upload.framing = head.framing;
  t.upload.remaining = head.framing == http1::BodyFraming::length ? head.length : 0;
  t.upload.complete = head.framing == http1::BodyFraming::none ||
                      (head.framing == http1::BodyFraming::length && head.length == 0);

  if (answer_locally(now, head)) return;
  const auto found = context_.classify(head, address_);
  if (!found) {
    keep_rest(rest);
    refuse(now, 404, "no route matches this request");
    return;
  }

  t.pool = found->pool;
  const core::PoolPolicy& pool = context_.pool_policy(found->pool);
  http1::Forwarding how;
  how.client_address = client();
  how.scheme = secure_ ? "https" : "http";
  how.request_id = {t.request_id.data(), t.request_id.size()};
  std::string own_host;  // for an HTTP/1.0 client that named none
  if (head.host.empty()) own_host = pool.backends.front().endpoint.authority();
  how.default_host = own_host;
  how.upgrade = head.wants_upgrade;
  std::size_t head_bytes =
      kHeadGrowth + head.target.size() + 2 * std::max(head.host.size(), how.default_host.size());
  for (const http1::Field& field : head.fields) {
    head_bytes += field.name.size() + field.value.size() + 4;
  }
  const std::span<char> room = context_.buffers.room(t.image, head_bytes);
  const std::size_t written = http1::write_request_head(head, how, room);
  if (written == 0) {
    refuse(now, 431, "the request head is too large to forward");
    return;
  }
  context_.buffers.extend(t.image, written);
  t.image_limit = written + pool.retry.buffer_limit;

  core::RequestFacts facts;
  facts.route = found->route;
  facts.pool = found->pool;
  facts.affinity = found->affinity;
  facts.limit_key = found->limit_key;
  facts.mirrored = found->mirrored;
  facts.method = head.method;
  if (pool.session.mode != core::SessionMode::none) {
    facts.session = find_session(head.fields, pool.session);
    // Also for a client that shows one: it may be one that nobody knows.
    facts.entropy = context_.make_session_key();
  }
  facts.replayable =
      head.framing != http1::BodyFraming::length || head.length <= pool.retry.buffer_limit;
  // From here on `head` may be overwritten. Body bytes that came along are taken at once.
  if (!t.upload.complete) {
    const auto taken = append_to_image(rest);
    if (!taken) {
      refuse(now, 400, "the chunked request body is malformed");
      return;
    }
    if (body_too_large()) {
      refuse(now, 413, "the request body is larger than this listener allows");
      return;
    }
    rest.remove_prefix(*taken);
  }
  keep_rest(rest);
  t.request = context_.balancer.on_request(now, facts);
  t.begun = true;
  context_.set_owner(t.request, this);
  context_.act(now);
  if (!exchanging()) return;
  if (t.upload.complete) {
    watch_client(now);
  } else {
    pump_upload(now);
  }
}

// A TRACE or OPTIONS whose Max-Forwards is used up ends here (RFC 9110 §7.6.2).
bool ClientConnection::answer_locally(core::Instant now, const http1::RequestHead& head) {
  if (!head.max_forwards || *head.max_forwards != 0) return false;
  if (head.method == core::Method::options) {
    refuse(now, 200, "Max-Forwards ended at this proxy");
  } else {
    refuse(now, 405, "this proxy does not reflect TRACE requests");
  }
  return true;
}

// What was read past the head and its body bytes. `rest` ends where the bytes in hand end, which
// are either in_ itself or the worker's inbox.
void ClientConnection::keep_rest(std::string_view rest) {
  if (in_.empty()) {
    context_.buffers.append(in_, rest);
  } else {
    in_.consume(in_.size() - rest.size());
  }
  if (in_.empty()) context_.buffers.release(in_);
}

// ---- ends --------------------------------------------------------------------------------------

// Answers a request that never reached a pool, and closes: what follows cannot be trusted.
void ClientConnection::refuse(core::Instant now, unsigned status, std::string_view cause) {
  context_.observer.on_refused(now, listener_, client(), status, cause);
  const std::size_t length = write_error(status, cause);
  if (transaction_) context_.give_back(std::move(transaction_));
  send_and_close(now, length);
}

// Into the outbox.
std::size_t ClientConnection::write_error(unsigned status, std::string_view cause) {
  http1::ErrorPlan plan;
  if (transaction_) {
    plan.minor_version = transaction_->minor_version;
    plan.head_request = transaction_->method == core::Method::head;
    plan.request_id = {transaction_->request_id.data(), transaction_->request_id.size()};
  }
  plan.date = context_.date();
  return http1::write_error_response(status, cause, plan, context_.outbox);
}

void ClientConnection::send_and_close(core::Instant now, std::size_t length) {
  const auto answer = std::span<const char>(context_.outbox).first(length);
  const IoResult written = stream_->try_write(answer);
  if (written.io == Io::failed) {
    leave(now, true);
    return;
  }
  context_.buffers.release(in_);
  context_.buffers.append(in_, answer.subspan(written.bytes));
  linger(now);
}

void ClientConnection::reject_request(core::Instant now, const core::RejectRequest& action) {
  if (!exchanging() || !(transaction_->request == action.request)) return;
  Transaction& t = *transaction_;
  http1::ErrorPlan plan;
  plan.minor_version = t.minor_version;
  plan.keep_alive = may_stay();
  plan.head_request = t.method == core::Method::head;
  plan.date = context_.date();
  if (action.retry_after > core::Duration::zero()) {
    const auto whole = std::chrono::ceil<std::chrono::seconds>(action.retry_after).count();
    plan.retry_after_seconds = static_cast<unsigned>(
        std::min<std::int64_t>(whole, std::numeric_limits<std::int32_t>::max()));
  }
  plan.request_id = {t.request_id.data(), t.request_id.size()};
  t.keep_alive = plan.keep_alive;
  const std::size_t length =
      http1::write_error_response(action.status, text_of(action.cause), plan, context_.outbox);
  t.response_done = true;
  if (!write_client(now, std::span<const char>(context_.outbox).first(length))) return;
  if (t.out.empty()) {
    conclude(now);
  } else {
    arm_client_timer(now, true);
  }
}

void ClientConnection::issue_session(const core::IssueSession& action) {
  if (exchanging() && transaction_->request == action.request) transaction_->issued = action.key;
}

bool ClientConnection::may_stay() const {
  return transaction_->client_keep_alive && transaction_->upload.complete && !draining_ &&
         !context_.draining && !context_.balancer.overload().disables_keepalive();
}

void ClientConnection::abort_response(core::Instant now, const core::AbortResponse& action) {
  if (!exchanging() || !(transaction_->request == action.request)) return;
  finish(now);
  leave(now, true);
}

// The client has its answer, or never will: the core is told, the record goes out.
void ClientConnection::finish(core::Instant now, std::uint16_t told) {
  Transaction& t = *transaction_;
  for (auto& attempt : t.attempts) {
    if (attempt) drop_attempt(attempt);
  }
  if (t.begun) {
    RequestEnd end;
    end.record = context_.balancer.finish(now, t.request);
    if (told != 0) end.record.status = told;
    end.ended = now;
    end.listener = listener_;
    end.client = client();
    end.method = t.method_text;
    end.target = t.target;
    end.host = t.host;
    end.request_id = {t.request_id.data(), t.request_id.size()};
    end.bytes_in = t.upload.received;
    end.bytes_out = t.bytes_out;
    context_.set_owner(t.request, nullptr);
    context_.observer.on_request_ended(end);
  }
  context_.timers.disarm(timer_);
  context_.give_back(std::move(transaction_));
}

// The whole answer is with the client.
void ClientConnection::conclude(core::Instant now) {
  const Transaction& t = *transaction_;
  const bool again =
      t.keep_alive && t.upload.complete && !in_ended_ && !draining_ && !context_.draining;
  // A client that asked for the end, and of which nothing is left to read, sends nothing more that
  // a reset could answer.
  const bool at_rest = !t.client_keep_alive && t.upload.complete && in_.empty() && drained_;
  finish(now);
  if (again) {
    next_request(now);
  } else if (at_rest) {
    leave(now, false);
  } else {
    context_.buffers.release(in_);
    linger(now);
  }
}

void ClientConnection::next_request(core::Instant now) {
  state_ = State::idle;
  scanned_ = 0;
  context_.timers.arm(timer_, context_.listener_timers[listener_].keepalive, now);
  // A pipelined request that was read along brings no readiness of its own.
  if (!in_.empty()) {
    state_ = State::head;
    context_.timers.arm(timer_, context_.listener_timers[listener_].request_header, now);
  }
  if (!in_.empty() || !drained_) stream_->wake();
}

// Nobody waits for the answer any more.
void ClientConnection::client_gone(core::Instant now) {
  if (!exchanging()) {
    leave(now, true);
    return;
  }
  if (transaction_->begun) context_.balancer.on_client_gone(now, transaction_->request);
  finish(now);
  leave(now, true);
}

// Closing with bytes unread resets the connection, and a reset can overtake the answer: so first
// only our side ends, and what still comes is thrown away for a while.
void ClientConnection::linger(core::Instant now) {
  state_ = State::lingering;
  lingered_ = 0;
  context_.timers.arm(timer_, context_.linger_timer, now);
  pump_linger(now);
}

void ClientConnection::pump_linger(core::Instant now) {
  while (!in_.empty()) {
    const IoResult written = stream_->try_write(in_.span());
    if (written.io == Io::would_block) break;
    if (written.io != Io::done) {
      leave(now, true);
      return;
    }
    in_.consume(written.bytes);
  }
  if (in_.empty() && !shut_) {
    shut_ = true;
    context_.buffers.release(in_);
    stream_->shutdown();
  }
  while (!in_ended_) {
    const IoResult read = stream_->try_read(context_.inbox);
    if (read.io == Io::would_block) return;
    lingered_ += read.bytes;
    in_ended_ = read.io == Io::end;
    if (read.io == Io::failed || lingered_ > kMaxLingerBytes) {
      leave(now, true);
      return;
    }
  }
  if (in_.empty()) leave(now, false);
}

void ClientConnection::leave(core::Instant now, bool abort) {
  (void)now;
  if (state_ == State::gone) return;
  state_ = State::gone;
  context_.timers.disarm(timer_);
  stream_->set_owner(nullptr);
  if (abort) {
    stream_->abort();
  } else {
    stream_->close();
  }
  std::unique_ptr<ClientConnection> self = std::move(context_.clients[position]);
  if (position + 1 < context_.clients.size()) {
    context_.clients[position] = std::move(context_.clients.back());
    context_.clients[position]->position = position;
  }
  context_.clients.pop_back();
  context_.doom(std::move(self));
}

void ClientConnection::drain(core::Instant now) {
  draining_ = true;
  if (state_ == State::idle) leave(now, false);
}

void ClientConnection::abort(core::Instant now) {
  draining_ = true;
  client_gone(now);
}

std::uint64_t ClientConnection::buffered_bytes() const {
  std::uint64_t bytes = in_.size();
  if (!transaction_) return bytes;
  bytes += transaction_->image.size() + transaction_->out.size();
  for (const auto& attempt : transaction_->attempts) {
    if (attempt) bytes += attempt->tail.size() + attempt->in.size();
  }
  return bytes;
}

// ---- attempts ----------------------------------------------------------------------------------

void ClientConnection::start_attempt(core::Instant now, const core::StartAttempt& action) {
  if (!exchanging() || !(transaction_->request == action.attempt.request)) return;
  Transaction& t = *transaction_;
  std::unique_ptr<BackendConnection>& place = t.attempts[t.attempts[0] ? 1 : 0];
  if (!action.fresh_connection) place = context_.keepalive.take(action.backend);
  if (place) {
    ++context_.counts.reuses;
  } else {
    context_.keepalive.make_room(action.backend);
    place = context_.connect(action.backend);
  }
  if (!place) {
    context_.balancer.on_attempt_failed(now, action.attempt, core::AttemptFailure::local);
    return;
  }
  place->assign(*this, action.attempt);
  send_image(now, *place);
  // On a connection that exists no event may follow: the rest of the body needs another one.
  if (!t.upload.complete) stream_->wake();
}

void ClientConnection::cancel_attempt(core::Instant now, const core::CancelAttempt& action) {
  (void)now;
  if (!transaction_) return;
  if (auto* place = place_of(action.attempt)) drop_attempt(*place);
}

void ClientConnection::send_response(core::Instant now, const core::SendResponse& action) {
  (void)now;
  if (auto* place = place_of(action.attempt)) transaction_->committed = place->get();
}

std::unique_ptr<BackendConnection>* ClientConnection::place_of(core::AttemptId attempt) {
  if (!transaction_) return nullptr;
  for (auto& place : transaction_->attempts) {
    if (place && place->attempt() == attempt) return &place;
  }
  return nullptr;
}

bool ClientConnection::uses(const BackendConnection& connection) const {
  return transaction_ && (transaction_->attempts[0].get() == &connection ||
                          transaction_->attempts[1].get() == &connection);
}

BackendConnection* ClientConnection::only_attempt() const {
  const auto& attempts = transaction_->attempts;
  if (attempts[0] && attempts[1]) return nullptr;
  return attempts[0] ? attempts[0].get() : attempts[1].get();
}

void ClientConnection::drop_attempt(std::unique_ptr<BackendConnection>& place) {
  if (transaction_->committed == place.get()) transaction_->committed = nullptr;
  place->detach();
  place->stream().set_owner(nullptr);
  place->stream().abort();
  context_.doom(std::move(place));
}

}  // namespace evenkeel::net
