// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/balancer.h"

namespace evenkeel::core {

// One route to one pool of backends 0, 1, 2 … that take turns. Nobody judges the backends, retries
// follow at once: a test turns on what it is about.
[[nodiscard]] inline Config plain_config(std::uint32_t backends) {
  PoolPolicy pool;
  pool.name = "main";
  pool.backends.resize(backends);
  for (std::uint32_t i = 0; i < backends; ++i) pool.backends[i].id = std::to_string(i);
  pool.balance.panic_threshold = 0;
  pool.balance.algorithm = Algorithm::round_robin;
  pool.health_check.type = CheckType::off;
  pool.outlier_detection.enabled = false;
  pool.circuit_breaker.enabled = false;
  pool.retry.backoff = {0ms, 0ms};
  Config config;
  config.pools = {pool};
  config.routes.resize(1);
  return config;
}

// A balancer and its time: says facts, and reads actions and transitions as text.
class TestBalancer {
 public:
  explicit TestBalancer(const Config& config, Balancer::Options options = {},
                        Instant start = at(0s))
      : now_(start), seed_(seed_for(config, options)), balancer_(make(config, options)) {}

  // ---- facts ------------------------------------------------------------------------------------

  RequestId request(Method method = Method::get, bool replayable = true) {
    return balancer_.on_request(now_, RequestFacts{RouteIndex{0}, method, replayable});
  }
  RequestId request_on(RouteIndex route) {
    return balancer_.on_request(now_, RequestFacts{route, Method::get, true});
  }
  void sent(RequestId request, std::uint32_t attempt) {
    balancer_.on_attempt_sent(now_, AttemptId{request, attempt});
  }
  void head(RequestId request, std::uint32_t attempt, std::uint16_t status = 200,
            bool retry_after = false) {
    balancer_.on_response_head(now_, AttemptId{request, attempt}, {status, retry_after});
  }
  void end(RequestId request, std::uint32_t attempt) {
    balancer_.on_response_end(now_, AttemptId{request, attempt});
  }
  void fail(RequestId request, std::uint32_t attempt, AttemptFailure failure) {
    balancer_.on_attempt_failed(now_, AttemptId{request, attempt}, failure);
  }
  void upload_progress(RequestId request) { balancer_.on_upload_progress(now_, request); }
  void upload_waiting(RequestId request) { balancer_.on_upload_waiting(now_, request); }
  void replay_lost(RequestId request) { balancer_.on_replay_lost(now_, request); }
  void client_gone(RequestId request) { balancer_.on_client_gone(now_, request); }
  RequestRecord finish(RequestId request) { return balancer_.finish(now_, request); }
  void check_ended(std::uint32_t backend, std::uint64_t number, CheckOutcome outcome) {
    balancer_.on_check_ended(now_, CheckId{{PoolIndex{0}, BackendIndex{backend}}, number}, outcome);
  }

  // A whole request that gets this answer from its only attempt.
  RequestRecord serve(std::uint16_t status = 200) {
    const RequestId id = request();
    sent(id, 0);
    head(id, 0, status);
    end(id, 0);
    return finish(id);
  }

  // ---- time -------------------------------------------------------------------------------------

  // Fires every deadline of this stretch, each at its own instant.
  void pass(Duration time) {
    const Instant target = now_ + time;
    while (balancer_.next_deadline() <= target) fire_next();
    now_ = target;
  }
  // Moves on to the next deadline and fires it.
  void fire_next() {
    if (balancer_.next_deadline() > now_) now_ = balancer_.next_deadline();
    balancer_.on_deadline(now_);
    EXPECT_GT(balancer_.next_deadline(), now_) << "a deadline that fired is still due";
  }
  // One late call: everything that was due meanwhile fires together.
  void jump(Duration time) {
    now_ += time;
    balancer_.on_deadline(now_);
    EXPECT_GT(balancer_.next_deadline(), now_) << "a deadline that fired is still due";
  }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Seed seed() const { return seed_; }

  // ---- what came out ----------------------------------------------------------------------------

  // The actions since the last call.
  [[nodiscard]] std::vector<std::string> actions() {
    std::vector<std::string> lines;
    while (const auto action = balancer_.poll_action()) lines.push_back(to_text(*action));
    return lines;
  }
  [[nodiscard]] std::vector<std::string> transitions() {
    std::vector<std::string> lines;
    for (const Transition& transition : balancer_.take_transitions()) {
      lines.push_back(to_text(transition));
    }
    return lines;
  }
  // Where the next request's first attempt goes; the request is finished without evidence.
  [[nodiscard]] std::string next_pick() {
    (void)actions();
    const RequestId id = request();
    const std::string first = actions().front();
    (void)finish(id);
    (void)actions();
    return first.substr(first.find(' ', first.find(' ') + 1) + 1);
  }

  // Where the next 20 requests go.
  [[nodiscard]] std::set<std::string> picks() {
    std::set<std::string> backends;
    for (int i = 0; i < 20; ++i) backends.insert(next_pick());
    return backends;
  }

  [[nodiscard]] std::uint32_t in_flight(std::uint32_t backend) const {
    return balancer_.pool(PoolIndex{0}).load(BackendIndex{backend}).in_flight;
  }
  [[nodiscard]] bool eligible(std::uint32_t backend) const {
    return balancer_.home(PoolIndex{0}).eligible(BackendIndex{backend});
  }
  [[nodiscard]] std::uint32_t eligible_count() const {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < balancer_.home(PoolIndex{0}).size(); ++i) count += eligible(i);
    return count;
  }
  // No request is left, and none of what requests hold.
  void expect_idle() const {
    EXPECT_EQ(balancer_.requests_in_flight(), 0U);
    for (std::uint32_t pool = 0; pool < balancer_.config().pools.size(); ++pool) {
      const Pool& members = balancer_.pool(PoolIndex{pool});
      for (std::uint32_t i = 0; i < members.size(); ++i) {
        EXPECT_EQ(members.load(BackendIndex{i}).in_flight, 0U) << pool << "/" << i;
      }
    }
  }
  [[nodiscard]] Balancer& balancer() { return balancer_; }
  [[nodiscard]] const Balancer& balancer() const { return balancer_; }

 private:
  // Turns begin at a drawn place. This is the first seed that draws backend 0, so that tests can
  // name backends.
  static Seed seed_for(Config config, Balancer::Options options) {
    for (PoolPolicy& pool : config.pools) pool.health_check.type = CheckType::off;
    const auto shared = std::make_shared<const Config>(config);
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
      options.seed = Seed{seed};
      Balancer candidate(shared, options, Instant{});
      (void)candidate.on_request(Instant{}, RequestFacts{});
      const auto action = candidate.poll_action();
      const auto* start = action ? std::get_if<StartAttempt>(&*action) : nullptr;
      if (start == nullptr || start->backend.backend == BackendIndex{0}) break;
    }
    return options.seed;
  }
  [[nodiscard]] Balancer make(const Config& config, Balancer::Options options) const {
    options.seed = seed_;
    return Balancer(std::make_shared<const Config>(config), options, now_);
  }

  Instant now_;
  Seed seed_;
  Balancer balancer_;
};

// What retries and deadlines are about, for tests that turn a few of them.
[[nodiscard]] inline RetryPolicy& retry_of(Config& config) { return config.pools[0].retry; }

}  // namespace evenkeel::core
