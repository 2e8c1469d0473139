// SPDX-License-Identifier: Apache-2.0
//
// A balancer is a value: a copy is a snapshot, and goes on exactly as the original does.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

// Everything that keeps state.
Config rich_config(Algorithm algorithm) {
  Config config = plain_config(5);
  PoolPolicy& pool = config.pools[0];
  pool.balance.algorithm = algorithm;
  pool.balance.slow_start.window = 10s;
  pool.health_check.type = CheckType::http;
  pool.health_check.interval = 50ms;
  pool.health_check.unhealthy_interval = 50ms;
  pool.health_check.timeout = 20ms;
  pool.outlier_detection = OutlierDetectionPolicy{};
  pool.outlier_detection.consecutive_failures = 2;
  pool.outlier_detection.base_ejection_time = 100ms;
  pool.circuit_breaker = CircuitBreakerPolicy{};
  pool.circuit_breaker.consecutive_failures = 3;
  pool.circuit_breaker.open_duration = 100ms;
  pool.limits.max_requests = 2;
  pool.limits.queue_timeout = 30ms;
  pool.retry.backoff = {2ms, 8ms};
  pool.retry.hedge.enabled = true;
  pool.retry.hedge.delay = 3ms;
  pool.adaptive_concurrency.enabled = true;
  pool.session.mode = SessionMode::cookie;
  config.routes[0].rate_limit = {Decimal{500'000}, 20, ClientKey::client_ip, "", false};
  return config;
}

// What can happen, as numbers.
struct Event {
  int kind = 0;
  std::uint32_t which = 0;
};

// Plays events against a balancer and tells everything that came out.
class Player {
 public:
  explicit Player(const Balancer& balancer) : balancer_(balancer) {}

  void play(const Event& event) {
    now_ += 1ms;
    balancer_.on_deadline(now_);
    collect();
    switch (event.kind) {
      case 0:
      case 1: {
        RequestFacts facts;
        facts.limit_key = event.which % 3;
        facts.affinity = event.which;
        facts.entropy = SessionKey{event.which, 1};
        if (event.which % 2 == 0) facts.session = SessionKey{event.which / 2, 1};
        open_.push_back(balancer_.on_request(now_, facts));
        break;
      }
      case 2:
      case 3:
        if (running_.empty()) break;
        answer(running_[event.which % running_.size()], event);
        break;
      case 4:
        if (checks_.empty()) break;
        balancer_.on_check_ended(
            now_, checks_.back(),
            event.which % 3 == 0 ? CheckOutcome::refused : CheckOutcome::passed);
        checks_.pop_back();
        break;
      default:
        if (open_.empty()) break;
        if (event.which % 2 == 0) {
          balancer_.on_client_gone(now_, open_[event.which % open_.size()]);
        } else {
          const RequestId over = open_[event.which % open_.size()];
          story_.push_back(std::to_string(balancer_.finish(now_, over).status));
          std::erase(open_, over);
        }
        break;
    }
    collect();
  }

  Balancer balancer_;
  std::vector<std::string> story_;

 private:
  void answer(AttemptId attempt, const Event& event) {
    balancer_.on_attempt_sent(now_, attempt);
    if (event.kind == 2) {
      balancer_.on_response_head(now_, attempt, {200, false});
      balancer_.on_response_end(now_, attempt, event.which);
    } else if (event.which % 2 == 0) {
      balancer_.on_response_head(now_, attempt, {500, false});
      balancer_.on_response_end(now_, attempt);
    } else {
      balancer_.on_attempt_failed(now_, attempt, AttemptFailure::reset_before_head);
    }
    std::erase(running_, attempt);
  }
  void collect() {
    while (const auto action = balancer_.poll_action()) {
      story_.push_back(to_text(*action));
      if (const auto* start = std::get_if<StartAttempt>(&*action)) {
        running_.push_back(start->attempt);
      }
      if (const auto* start = std::get_if<StartCheck>(&*action)) checks_.push_back(start->check);
    }
    for (const Transition& transition : balancer_.take_transitions()) {
      story_.push_back(to_text(transition));
    }
  }

  Instant now_ = at(0s);
  std::vector<RequestId> open_;
  std::vector<AttemptId> running_;
  std::vector<CheckId> checks_;
};

std::vector<Event> any_events(int most) {
  return *rc::gen::resize(
      most, rc::gen::container<std::vector<Event>>(rc::gen::map(
                rc::gen::pair(rc::gen::inRange(0, 6), rc::gen::inRange<std::uint32_t>(0, 50)),
                [](const std::pair<int, std::uint32_t>& pair) {
                  return Event{pair.first, pair.second};
                })));
}

Player player_for(Algorithm algorithm) {
  Balancer::Options options;
  options.journal = JournalMode::digest;
  return Player(Balancer(std::make_shared<const Config>(rich_config(algorithm)), options, at(0s)));
}

constexpr Algorithm kAll[] = {Algorithm::round_robin, Algorithm::weighted_round_robin,
                              Algorithm::least_conn,  Algorithm::least_request,
                              Algorithm::random,      Algorithm::peak_ewma,
                              Algorithm::score,       Algorithm::join_idle_queue,
                              Algorithm::ring_hash,   Algorithm::maglev,
                              Algorithm::rendezvous,  Algorithm::first};

RC_GTEST_PROP(BalancerSnapshot, ARestoredSnapshotMakesTheSameDecisions, ()) {
  Player original =
      player_for(*rc::gen::elementOf(std::vector<Algorithm>(std::begin(kAll), std::end(kAll))));
  for (const Event& event : any_events(60)) original.play(event);
  Player restored = original;
  RC_ASSERT(restored.balancer_ == original.balancer_);
  const auto rest = any_events(60);
  for (const Event& event : rest) original.play(event);
  const Balancer after = original.balancer_;
  for (const Event& event : rest) restored.play(event);
  RC_ASSERT(restored.story_ == original.story_);
  RC_ASSERT(restored.balancer_ == after);
  RC_ASSERT(restored.balancer_.journal().digest() == after.journal().digest());
}

TEST(BalancerSnapshot, OneMoreFactIsAnotherState) {
  Player player = player_for(Algorithm::least_request);
  const Balancer before = player.balancer_;
  player.play({0, 1});
  EXPECT_FALSE(player.balancer_ == before);
}

}  // namespace
}  // namespace evenkeel::core
