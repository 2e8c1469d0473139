// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "evenkeel/core/balancer.h"

namespace evenkeel::core {

// Reads a balancer's journal as it grows, keeps simple books of its own, and says the first thing
// that must never happen:
//
// - an attempt closes exactly once, by its end, its failure or a cancel; at most two of a request
//   run, at most max_attempts are made, and never on a backend that is not eligible, nor on one
//   tried before while an untried one is left;
// - a request whose bytes left and that may not be sent twice gets no further attempt;
// - a request is answered once at most, nothing starts after that, and nothing happens after its
//   finish; only a forwarded response can be aborted;
// - retries and hedges keep to the bounds of their budgets;
// - counts of what is in flight are those of the books; a half-open breaker lends no more permits
//   than it has; verdicts change from what they were;
// - actions handed out are those of the journal, in its order;
// - nothing outlives its deadline, unless it waits for its client.
class BalancerWatcher {
 public:
  struct Try {
    BackendIndex backend{};
    Instant started;
    Instant restarted;  // when its time began anew
    bool live = true;
    bool sent = false;
    bool answered = false;
    bool reported = false;
  };
  struct Request {
    RequestId id;
    Instant arrived;
    Instant restarted;  // when its time began anew
    RouteIndex route{};
    PoolIndex pool{};
    Method method{};
    bool replayable = true;
    bool upload_waits = false;
    bool any_sent = false;
    bool replays = false;  // the last attempt met a dead reused connection
    bool sent_answer = false;
    bool rejected = false;
    bool aborted = false;
    bool gone = false;
    bool finished = false;
    std::vector<Try> tries;

    [[nodiscard]] bool answered() const { return sent_answer || rejected; }
    [[nodiscard]] std::uint32_t live() const;
  };

  BalancerWatcher(const Config& config, Instant start, Duration coarse_quantum);

  // A request that on_request() has just taken.
  void on_request(Instant now, RequestId id, const RequestFacts& facts);
  void on_upload_progress(Instant now, std::size_t request);
  void on_upload_waiting(std::size_t request);
  void on_check_ended(CheckId check);
  // After every other call: reads what is new, compares counts. Call before the actions are polled.
  void read(const Balancer& balancer, Instant now);
  // The actions that were polled.
  void compare(const std::vector<Action>& actions);
  // After on_deadline(): whatever should have ended by now has.
  void on_deadlines_fired(const Balancer& balancer, Instant now);

  [[nodiscard]] const std::vector<Request>& requests() const { return requests_; }
  // What must never happen and did; empty: nothing.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  struct Member {
    HealthState health = HealthState::healthy;
    bool ejected = false;
    BreakerState breaker = BreakerState::closed;
    std::map<std::pair<std::size_t, std::size_t>, Instant> probes;  // request, try → end of lease
    std::uint32_t in_flight = 0;
  };
  struct Spending {
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
    std::uint64_t hedges = 0;
  };

  void read(const Entry& entry);
  void on_start(const Entry& entry, Request& request);
  void on_close(std::size_t number, std::size_t attempt);
  void on_transition(const Entry& entry);
  void on_response_head(const Entry& entry, Request& request);
  void check_budget(PoolIndex pool, Instant now);
  [[nodiscard]] bool may_be_picked(PoolIndex pool, BackendIndex backend, Instant now) const;
  [[nodiscard]] Member& member(PoolIndex pool, BackendIndex backend) {
    return members_[index(pool)][index(backend)];
  }
  void expect(bool condition, const Entry& entry, const char* rule);
  void complain(const std::string& what);

  const Config& config_;
  Instant start_;
  Duration coarse_quantum_;
  std::uint64_t read_ = 0;
  std::vector<Request> requests_;
  std::vector<std::vector<Member>> members_;
  std::vector<Spending> spending_;
  std::map<std::uint64_t, std::uint32_t> checks_running_;  // backend → number
  std::vector<Entry> actions_;                             // of the journal, not yet compared
  std::string complaint_;
};

}  // namespace evenkeel::core
