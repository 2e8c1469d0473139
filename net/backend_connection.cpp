// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/backend_connection.h"

#include <utility>

#include "evenkeel/net/context.h"

namespace evenkeel::net {

BackendConnection::BackendConnection(Context& context, core::BackendRef backend,
                                     std::unique_ptr<Stream> stream)
    : context_(context),
      backend_(backend),
      stream_(std::move(stream)),
      timer_(context.timers.add(this)) {
  stream_->set_owner(this);
  ++context_.counts.backend_connections;
}

BackendConnection::~BackendConnection() {
  forget_exchange();
  context_.timers.remove(timer_);
  --context_.counts.backend_connections;
}

void BackendConnection::on_ready(core::Instant now) {
  if (user_ == nullptr) return;
  const Turn turn(context_, now);
  user_->on_backend_ready(now, *this);
}

void BackendConnection::on_timer(core::Instant now) {
  if (user_ != nullptr) user_->on_backend_timer(now, *this);
}

void BackendConnection::assign(BackendUser& user, core::AttemptId attempt) {
  user_ = &user;
  attempt_ = attempt;
  ++uses_;
}

void BackendConnection::detach() {
  user_ = nullptr;
  context_.timers.disarm(timer_);
}

void BackendConnection::forget_exchange() {
  context_.buffers.release(tail);
  context_.buffers.release(in);
  image_sent = 0;
  sent_reported = write_failed = false;
  reading = Reading::head;
  any_bytes = keep_alive = false;
  interims = 0;
  framing = http1::BodyFraming::none;
  remaining = 0;
  decoder = http1::ChunkDecoder(http1::ChunkDecoder::Padding::accepted);
  scanned = 0;
}

}  // namespace evenkeel::net
