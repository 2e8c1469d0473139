// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/worker.h"

#include <sys/random.h>

#include <string>
#include <system_error>
#include <utility>

#include "evenkeel/net/sockets/clock.h"

namespace evenkeel::proxy {
namespace {

core::Balancer::Options balancer_options() {
  core::Balancer::Options options;
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  options.seed = core::Seed(seed);
  options.coarse_quantum = net::EventLoop::kTick;
  return options;
}

}  // namespace

Worker::Worker(boost::asio::io_context& io, std::shared_ptr<const core::Config> config,
               net::BackendAddresses addresses, TlsServers tls, Events& events, LogFile* log)
    : config_(std::move(config)),
      events_(events),
      clients_(config_->listeners.size()),
      tls_(std::move(tls)),
      host_(reactor_, std::move(addresses)),
      balancer_(config_, balancer_options(), net::monotonic_now()),
      metrics_(*config_),
      access_log_(*config_, log),
      wall_offset_(net::wall_now() - net::monotonic_now().time_since_epoch()),
      memory_(config_->overload.max_memory_percent),
      pipeline_(balancer_, host_, *this),
      loop_(io, reactor_, pipeline_, *this) {}

Worker::~Worker() { stop(); }

void Worker::listen(std::uint32_t listener, net::ListeningSocket socket) {
  loop_.listen(listener, std::move(socket), config_->listeners[listener].max_connections,
               clients_[listener], tls_[listener].get());
}

void Worker::start(std::function<void(core::Instant)> on_tick) {
  tick_ = std::move(on_tick);
  loop_.start();
}

void Worker::drain() {
  loop_.stop_listening();
  pipeline_.drain(net::monotonic_now());
  loop_.settle();
}

void Worker::cut() {
  pipeline_.abort_all(net::monotonic_now());
  loop_.settle();
}

void Worker::stop() {
  loop_.stop();
  access_log_.flush();
}

MetricsView Worker::metrics() const {
  return MetricsView{*config_,
                     balancer_,
                     metrics_,
                     pipeline_.counts(),
                     loop_.accept_counts(),
                     access_log_.dropped(),
                     memory_pressure_};
}

void Worker::on_request_ended(const net::RequestEnd& end) {
  metrics_.on_request_ended(end);
  access_log_.write(end, end.ended.time_since_epoch() + wall_offset_);
}

void Worker::on_transition(const core::Transition& transition) {
  metrics_.on_transition(transition);
  events_.transition(*config_, transition);
}

void Worker::on_refused(core::Instant now, std::uint32_t listener, std::string_view client,
                        unsigned status, std::string_view cause) {
  metrics_.on_refused(listener, status);
  access_log_.write_refused(listener, client, status, cause, now.time_since_epoch() + wall_offset_);
}

void Worker::on_tick(core::Instant now) {
  wall_offset_ = net::wall_now() - now.time_since_epoch();
  access_log_.flush();
  if (now >= next_measurement_) measure_pressure(now);
  if (tick_) tick_(now);
}

void Worker::measure_pressure(core::Instant now) {
  next_measurement_ = core::later(now, config_->overload.refresh);
  memory_pressure_ = memory_.read();
  const core::Overload& overload = balancer_.overload();
  const bool closed = overload.disables_keepalive();
  const bool stopped = overload.stops_accepting();
  balancer_.on_pressure(now, memory_pressure_);
  loop_.set_accepting(now, !overload.stops_accepting());
  if (closed == overload.disables_keepalive() && stopped == overload.stops_accepting()) return;
  events_.warn("overload", {{"resource", "memory"},
                            {"pressure_thousandths", std::to_string(memory_pressure_)},
                            {"keepalive", overload.disables_keepalive() ? "off" : "on"},
                            {"accepting", overload.stops_accepting() ? "off" : "on"}});
}

}  // namespace evenkeel::proxy
