// SPDX-License-Identifier: Apache-2.0
//
// From a configuration to the state that serves it, at the start and at every reload.
#include <algorithm>
#include <utility>

#include "evenkeel/core/balancer.h"
#include "evenkeel/core/check.h"

namespace evenkeel::core {
namespace {

// Whoever is configured may be in use by a request that has just begun, at any worker. Who is no
// longer is in use by those of `in_use`, and nobody comes anew.
InUse all_or(InUse in_use, const Config& config) {
  in_use.resize(config.pools.size());
  for (std::size_t pool = 0; pool < config.pools.size(); ++pool) {
    const std::vector<BackendPolicy>& backends = config.pools[pool].backends;
    in_use[pool].resize(std::max<std::size_t>(1, backends.size()));
    if (!config.pools[pool].removed) in_use[pool][0] = true;
    for (std::size_t i = 0; i < backends.size(); ++i) {
      if (!backends[i].removed) in_use[pool][i] = true;
    }
  }
  return in_use;
}

}  // namespace

// Workers that drew the same numbers would all ask the same backend.
Stream Balancer::own_stream(std::string_view name) const {
  const Stream all(options_.seed, name);
  return index(options_.worker) == 0 ? all : all.of(index(options_.worker));
}

void Balancer::add_pool(Instant now, PoolIndex pool) {
  const PoolPolicy& policy = config_->pools[index(pool)];
  EVENKEEL_CHECK(policy.retry.max_attempts <= kMaxAttempts);
  const Stream phase = own_stream("balance phase").of(index(pool));
  const Stream health = Stream(options_.seed, "health").of(index(pool));
  PoolAdmission admission(policy, now);
  const std::uint32_t max_pending = admission.max_pending();
  pools_.push_back(PoolState{Pool(policy, config_->zone, phase, now),
                             HomeLink(pool, policy, health, options_.worker, options_.workers, now),
                             PendingQueue(policy.limits, max_pending),
                             admission,
                             ResponseTimes(now),
                             Affinity(policy.session, config_->redis, policy.backends.size()),
                             {}});
  settle(now, pool);
}

void Balancer::set_timers() {
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    const PoolPolicy& policy = config_->pools[i];
    PoolTimers& timers = pools_[i].timers;
    timers.connect = deadlines_.add_class(
        std::min(policy.connection_pool.connect_timeout, policy.retry.attempt_timeout));
    timers.attempt = deadlines_.add_class(policy.retry.attempt_timeout);
    timers.queue = deadlines_.add_class(policy.limits.queue_timeout, Deadlines::kFineQuantum);
    if (policy.retry.hedge.enabled && policy.retry.hedge.delay > Duration::zero()) {
      timers.hedge = deadlines_.add_class(policy.retry.hedge.delay, Deadlines::kFineQuantum);
    }
  }
}

void Balancer::set_routes(Instant now, const Config* before) {
  std::vector<RouteState> old = std::exchange(routes_, {});
  for (std::size_t i = 0; i < config_->routes.size(); ++i) {
    const RoutePolicy& route = config_->routes[i];
    RouteState state;
    state.timeout = deadlines_.add_class(route.timeout);
    if (route.rate_limit.requests_per_second > Decimal{}) {
      // A route goes by its name: its clients keep the tokens that they are missing.
      for (std::size_t j = 0; before != nullptr && j < before->routes.size(); ++j) {
        if (before->routes[j].name != route.name || !old[j].limiter) continue;
        state.limiter = std::move(old[j].limiter);
        state.limiter->apply(route.rate_limit, now);
        break;
      }
      if (!state.limiter) state.limiter.emplace(route.rate_limit);
      // Its home is the same worker whatever place the route has.
      if (route.rate_limit.key == ClientKey::route) state.bucket = mix(hash_name(route.name)) | 1U;
    }
    routes_.push_back(std::move(state));
  }
}

InUse Balancer::places_in_use(const InUse& by_driver) const {
  InUse in_use = by_driver;
  in_use.resize(pools_.size());
  const auto mark = [&in_use, this](PoolIndex pool, BackendIndex backend) {
    if (index(backend) >= pools_[index(pool)].pool.size()) return;
    auto& places = in_use[index(pool)];
    if (places.size() <= index(backend)) places.resize(index(backend) + 1);
    places[index(backend)] = true;
  };
  for (std::uint32_t pool = 0; pool < pools_.size(); ++pool) {
    for (std::uint32_t i = 0; i < pools_[pool].pool.size(); ++i) {
      if (pools_[pool].pool.load(BackendIndex{i}).in_flight > 0) {
        mark(PoolIndex{pool}, BackendIndex{i});
      }
    }
  }
  // A pool with requests on their way to it, and backends that a record will name.
  for (const Exchange& exchange : exchanges_) {
    if (exchange.phase == Exchange::Phase::free) continue;
    mark(exchange.pool, BackendIndex{0});
    if (exchange.session.wanted) mark(exchange.pool, *exchange.session.wanted);
    if (exchange.session.shown.signed_backend) {
      mark(exchange.pool, *exchange.session.shown.signed_backend);
    }
    if (exchange.record.backend) mark(exchange.record.pool, *exchange.record.backend);
    if (exchange.phase != Exchange::Phase::metering) continue;
    const Held& held = held_[slot_of(exchange)];
    if (held.mirror) mark(*held.mirror, BackendIndex{0});
    if (held.facts.signed_backend) mark(exchange.pool, *held.facts.signed_backend);
  }
  return in_use;
}

void Balancer::apply(Instant now, const Config& config, const InUse& in_use) {
  begin(now);
  const std::shared_ptr<const Config> before = config_;
  const InUse taken = options_.workers == 1 ? places_in_use(in_use) : all_or(in_use, *before);
  config_ = std::make_shared<const Config>(merge(*before, config, taken));
  ++generation_;
  journal_.record(now, EntryKind::reload, 0, static_cast<std::uint32_t>(generation_));
  for (std::uint32_t i = 0; i < config_->pools.size(); ++i) {
    if (i >= before->pools.size()) {
      add_pool(now, PoolIndex{i});
      continue;
    }
    const PoolPolicy& policy = config_->pools[i];
    PoolState& state = pools_[i];
    for (std::uint32_t b = 0; b < before->pools[i].backends.size(); ++b) {
      if (!same_backend(before->pools[i].backends[b], policy.backends[b])) {
        state.affinity.forget(BackendIndex{b});
      }
    }
    state.pool.apply(policy, now);
    state.home.apply(policy, now);
    state.admission.apply(policy, now);
    state.queue.apply(policy.limits, state.admission.max_pending());
    state.affinity.apply(policy.session, config_->redis, policy.backends.size());
    settle(now, PoolIndex{i});
  }
  overload_.apply(config_->overload, config_->least_important());
  store_gate_.apply(config_->redis);
  deadlines_.retire_classes();
  set_timers();
  set_routes(now, before.get());
  if (!early_.empty()) take_early(now);
  serve_queues(now);
}

}  // namespace evenkeel::core
