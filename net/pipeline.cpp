// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/pipeline.h"

#include <algorithm>
#include <utility>

#include "evenkeel/net/connection.h"
#include "evenkeel/net/context.h"

namespace evenkeel::net {

class Pipeline::Impl {
 public:
  Impl(core::Balancer& balancer, Host& host, Observer& observer)
      : context(balancer, host, observer) {}

  Context context;
};

Pipeline::Pipeline(core::Balancer& balancer, Host& host, Observer& observer)
    : impl_(std::make_unique<Impl>(balancer, host, observer)) {}

Pipeline::~Pipeline() = default;

void Pipeline::on_accept(core::Instant now, std::uint32_t listener, std::unique_ptr<Stream> stream,
                         std::string_view client, bool secure) {
  Context& context = impl_->context;
  const Turn turn(context, now);
  ++context.counts.accepted;
  if (context.clients_of[listener] >= context.listener(listener).max_connections) {
    context.observer.on_refused(now, listener, client, 0, "too many connections");
    stream->abort();
    return;
  }
  auto connection =
      std::make_unique<ClientConnection>(context, listener, std::move(stream), client, secure, now);
  connection->position = static_cast<std::uint32_t>(context.clients.size());
  context.clients.push_back(std::move(connection));
  // The first request often came with the connection.
  context.clients.back()->on_ready(now);
}

void Pipeline::on_deadline(core::Instant now) {
  Context& context = impl_->context;
  const Turn turn(context, now);
  context.balancer.on_deadline(now);
  context.act(now);
  context.timers.fire(now);
}

core::Instant Pipeline::next_deadline() const {
  return core::earlier_of(impl_->context.balancer.next_deadline(), impl_->context.timers.next());
}

void Pipeline::drain(core::Instant now) {
  Context& context = impl_->context;
  const Turn turn(context, now);
  context.draining = true;
  // A connection that leaves takes its place in the list with it: the last one moves there.
  for (std::size_t i = context.clients.size(); i-- > 0;) context.clients[i]->drain(now);
  context.keepalive.close_all();
}

void Pipeline::abort_all(core::Instant now) {
  Context& context = impl_->context;
  const Turn turn(context, now);
  context.draining = true;
  for (std::size_t i = context.clients.size(); i-- > 0;) context.clients[i]->abort(now);
  context.keepalive.close_all();
}

PipelineCounts Pipeline::counts() const {
  const Context& context = impl_->context;
  PipelineCounts counts = context.counts;
  counts.idle_backend_connections = context.keepalive.size();
  for (const auto& client : context.clients) counts.buffered_bytes += client->buffered_bytes();
  return counts;
}

bool Pipeline::quiet() const {
  const Context& context = impl_->context;
  return context.clients.empty() && context.counts.backend_connections == 0 &&
         context.balancer.requests_in_flight() == 0;
}

}  // namespace evenkeel::net
