// SPDX-License-Identifier: Apache-2.0
#include "support/memory_world.h"

#include <algorithm>
#include <array>
#include <utility>

namespace evenkeel::test {

using core::Instant;

// ---- Peer --------------------------------------------------------------------------------------

void Peer::attach(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  stream_->set_owner(this);
}

void Peer::send(std::string_view bytes) {
  outgoing_.append(bytes);
  flush();
}

void Peer::finish() {
  finish_ = true;
  flush();
}

void Peer::abort() {
  if (stream_) stream_->abort();
}

void Peer::close() {
  if (stream_) stream_->close();
}

void Peer::resume() {
  reading_ = true;
  if (stream_) stream_->wake();
}

std::string Peer::take() { return std::exchange(received, {}); }

void Peer::flush() {
  if (!stream_) return;
  while (!outgoing_.empty()) {
    const net::IoResult written = stream_->try_write(outgoing_);
    if (written.io == net::Io::failed) {
      outgoing_.clear();
      return;
    }
    if (written.io != net::Io::done) return;
    outgoing_.erase(0, written.bytes);
  }
  if (finish_) stream_->shutdown();
}

void Peer::on_ready(Instant) {
  flush();
  std::array<char, 4096> bytes;
  while (reading_ && !over()) {
    const net::IoResult read = stream_->try_read(bytes);
    if (read.io == net::Io::would_block) return;
    if (read.io == net::Io::end) ended = true;
    if (read.io == net::Io::failed) failed = true;
    received.append(bytes.data(), read.bytes);
  }
}

// ---- MemoryWorld -------------------------------------------------------------------------------

core::Config MemoryWorld::plain_config(std::uint32_t backends) {
  core::Config config;
  config.listeners.emplace_back();
  config.listeners[0].name = "main";
  core::PoolPolicy pool;
  pool.name = "main";
  pool.balance.algorithm = core::Algorithm::round_robin;
  pool.health_check.type = core::CheckType::off;
  pool.outlier_detection.enabled = false;
  pool.circuit_breaker.enabled = false;
  pool.retry.backoff.initial = core::Duration::zero();
  for (std::uint32_t i = 0; i < backends; ++i) {
    core::BackendPolicy backend;
    backend.id = "b" + std::to_string(i);
    backend.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(9000 + i)};
    pool.backends.push_back(backend);
  }
  config.pools.push_back(pool);
  core::RoutePolicy route;
  route.name = "main";
  config.routes.push_back(route);
  return config;
}

MemoryWorld::MemoryWorld(const Options& options)
    : MemoryWorld(options, plain_config(options.backends)) {}

MemoryWorld::MemoryWorld(const Options& options, core::Config config)
    : network_(queue_, {core::Seed{options.seed}, options.cut, options.reset_discards}) {
  const auto add_door = [&](std::uint32_t who, const sim::Link& link) {
    doors_.push_back(std::make_unique<Door>(*this, who));
    return network_.add_host(*doors_.back(), link);
  };
  balancer_host_ = add_door(kBalancer, options.client_link);
  for (std::uint32_t i = 0; i < config.pools[0].backends.size(); ++i) {
    hosts_.push_back(add_door(i, options.backend_link));
  }
  core::Balancer::Options balancer_options;
  balancer_options.seed = core::Seed{options.seed};
  balancer_options.journal = core::JournalMode::keep;
  balancer_ = std::make_unique<core::Balancer>(
      std::make_shared<const core::Config>(std::move(config)), balancer_options, queue_.now());
  net::Host& host = *this;
  net::Observer& observer = *this;
  pipeline_ = std::make_unique<net::Pipeline>(*balancer_, host, observer);
}

MemoryWorld::~MemoryWorld() {
  pipeline_.reset();  // its streams and the peers' live in network_
  clients_.clear();
  origins_.clear();
}

Peer& MemoryWorld::connect() {
  clients_.push_back(std::make_unique<Peer>());
  clients_.back()->connection = clients_.size() + origins_.size() - 1;
  clients_.back()->attach(network_.connect(balancer_host_));
  return *clients_.back();
}

void MemoryWorld::set_reach(std::uint32_t backend, sim::Reach reach) {
  network_.set_reach(hosts_.at(backend), reach);
}

void MemoryWorld::abort_peers() {
  for (auto& peer : clients_) peer->abort();
  for (auto& peer : origins_) peer->abort();
}

// An event for the next deadline. One that was overtaken by a sooner deadline is stale when it
// comes.
void MemoryWorld::arm() {
  const Instant next = std::max(pipeline_->next_deadline(), queue_.now());
  if (next >= armed_) return;
  armed_ = next;
  queue_.push(next, sim::Phase::timer, {kTimer, 0, 0, 0});
}

void MemoryWorld::advance(core::Duration by) { advance_to(later(queue_.now(), by)); }

void MemoryWorld::advance_to(Instant at) {
  arm();
  queue_.push(at, sim::Phase::sample, {kStop, 0, 0, 0});
  while (const auto event = queue_.pop()) {
    if (sim::Network::owns(event->note)) {
      network_.on_event(*event);
    } else if (event->note.kind == kTimer) {
      if (event->at != armed_) continue;
      armed_ = core::kNever;
      pipeline_->on_deadline(queue_.now());
    } else {
      return;
    }
    arm();
  }
}

void MemoryWorld::Door::on_accept(Instant now, std::uint64_t connection,
                                  std::unique_ptr<net::Stream> stream) {
  if (backend == kBalancer) {
    world.pipeline_->on_accept(now, 0, std::move(stream), "192.0.2.1", false);
    return;
  }
  world.origins_.push_back(std::make_unique<Peer>());
  world.origins_.back()->backend = backend;
  world.origins_.back()->connection = connection;
  world.origins_.back()->attach(std::move(stream));
}

std::unique_ptr<net::Stream> MemoryWorld::connect(core::BackendRef backend) {
  if (local_failures_ > 0) {
    --local_failures_;
    return nullptr;
  }
  return network_.connect(hosts_.at(index(backend.backend)));
}

std::int64_t MemoryWorld::wall_seconds() {
  // 2026-01-01T00:00:00Z and what has passed since.
  return 1767225600 +
         std::chrono::duration_cast<std::chrono::seconds>(queue_.now().time_since_epoch()).count();
}

void MemoryWorld::entropy(std::span<unsigned char, 16> into) {
  ++entropy_calls_;
  for (std::size_t i = 0; i < into.size(); ++i) {
    into[i] = static_cast<unsigned char>(core::mix(entropy_calls_ * 16 + i));
  }
}

void MemoryWorld::on_request_ended(const net::RequestEnd& end) {
  Ended copy;
  copy.record = end.record;
  copy.at = end.ended;
  copy.method = end.method;
  copy.target = end.target;
  copy.client = end.client;
  copy.bytes_in = end.bytes_in;
  copy.bytes_out = end.bytes_out;
  ended.push_back(std::move(copy));
}

void MemoryWorld::on_transition(const core::Transition& transition) {
  transitions.push_back(transition);
}

void MemoryWorld::on_refused(Instant, std::uint32_t, std::string_view, unsigned status,
                             std::string_view cause) {
  refused.push_back(Refused{status, std::string(cause)});
}

}  // namespace evenkeel::test
