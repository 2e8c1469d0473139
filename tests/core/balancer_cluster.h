// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/at.h"
#include "core/test_balancer.h"
#include "evenkeel/core/balancer.h"

namespace evenkeel::core {

// Several workers' balancers in one thread, with the messages between them: those of one worker to
// another keep their order, each takes a drawn time. Keeps books of its own on what is in flight.
class BalancerCluster {
 public:
  struct Options {
    std::uint32_t workers = 1;
    Duration max_delay{};  // of a message: drawn, up to and including
    std::uint64_t seed = 0;
    JournalMode journal = JournalMode::off;
  };
  struct Attempt {
    AttemptId id;
    BackendRef backend;
    bool probe = false;
    bool live = true;
  };
  struct Request {
    std::uint32_t worker = 0;
    RequestId id;
    RequestFacts facts;
    Instant arrived;
    std::vector<Attempt> attempts{};
    std::optional<Instant> began{};  // its first attempt
    std::optional<RejectRequest> rejected{};
    bool answered = false;
    bool over = false;
  };

  BalancerCluster(const Config& config, const Options& options)
      : options_(options), delays_(Seed{options.seed}, "message delay") {
    const auto shared = std::make_shared<const Config>(config);
    for (std::uint32_t w = 0; w < options.workers; ++w) {
      Balancer::Options of_worker;
      of_worker.seed = Seed{options.seed};
      of_worker.worker = WorkerIndex{w};
      of_worker.workers = options.workers;
      of_worker.journal = options.journal;
      balancers_.emplace_back(shared, of_worker, now_);
    }
    wires_.resize(std::size_t{options.workers} * options.workers);
    for (std::uint32_t w = 0; w < options.workers; ++w) settle(w);
  }

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] std::uint32_t workers() const { return options_.workers; }
  [[nodiscard]] Balancer& balancer(std::uint32_t w) { return balancers_[w]; }
  [[nodiscard]] const Request& operator[](std::size_t request) const { return requests_[request]; }
  [[nodiscard]] std::size_t size() const { return requests_.size(); }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  [[nodiscard]] const PoolHome& home(PoolIndex pool) const {
    return balancers_[index(home_of(pool, workers()))].home(pool);
  }

  // ---- what happens -----------------------------------------------------------------------------

  std::size_t request(std::uint32_t w, const RequestFacts& facts = {}) {
    Request request;
    request.worker = w;
    request.facts = facts;
    request.arrived = now_;
    request.id = balancers_[w].on_request(now_, facts);
    requests_.push_back(request);
    settle(w);
    return requests_.size() - 1;
  }
  // The newest attempt that runs gets its whole answer.
  void answer(std::size_t number, std::uint16_t status = 200) {
    Attempt* attempt = newest(number);
    if (attempt == nullptr) return;
    const std::uint32_t w = requests_[number].worker;
    const AttemptId id = attempt->id;
    balancers_[w].on_attempt_sent(now_, id);
    balancers_[w].on_response_head(now_, id, ResponseFacts{status});
    settle(w);
    if (!requests_[number].answered) return;
    balancers_[w].on_response_end(now_, id, 100);
    for (Attempt& ended : requests_[number].attempts) ended.live = ended.live && ended.id != id;
    settle(w);
    finish(number);
  }
  void fail(std::size_t number, AttemptFailure failure = AttemptFailure::reset_before_head) {
    Attempt* attempt = newest(number);
    if (attempt == nullptr) return;
    attempt->live = false;
    balancers_[requests_[number].worker].on_attempt_failed(now_, attempt->id, failure);
    settle(requests_[number].worker);
  }
  void client_gone(std::size_t number) {
    if (requests_[number].over) return;
    balancers_[requests_[number].worker].on_client_gone(now_, requests_[number].id);
    settle(requests_[number].worker);
    finish(number);
  }
  // Once, by whoever delivers the answer or gives up; also while it runs.
  void finish(std::size_t number) {
    Request& request = requests_[number];
    if (std::exchange(request.over, true)) return;
    (void)balancers_[request.worker].finish(now_, request.id);
    settle(request.worker);
  }
  void set_admin(BackendRef backend, AdminState state) {
    const std::uint32_t w = index(home_of(backend.pool, workers()));
    balancers_[w].set_admin(now_, backend, state);
    settle(w);
  }
  void apply(std::uint32_t w, const Config& config, const InUse& in_use) {
    balancers_[w].apply(now_, config, in_use);
    settle(w);
  }
  // What all workers refer to.
  [[nodiscard]] InUse places_in_use() const {
    InUse all;
    for (const Balancer& balancer : balancers_) all = balancer.places_in_use(all);
    return all;
  }

  // ---- time -------------------------------------------------------------------------------------

  void wait(Duration length) {
    const Instant until = later(now_, length);
    while (true) {
      const Instant next = next_event();
      if (next > until) break;
      now_ = next > now_ ? next : now_;
      deliver();
      for (std::uint32_t w = 0; w < workers(); ++w) {
        if (balancers_[w].next_deadline() > now_) continue;
        balancers_[w].on_deadline(now_);
        settle(w);
      }
    }
    now_ = until;
  }
  // Ends whatever runs, and waits until nothing is under way that follows from it.
  void drain() {
    for (std::size_t i = 0; i < requests_.size(); ++i) finish(i);
    do {
      wait(10 * options_.max_delay + 500ms);
    } while (under_way() != 0);
  }
  [[nodiscard]] std::size_t under_way() const {
    std::size_t count = 0;
    for (const auto& wire : wires_) count += wire.size();
    return count;
  }

  // ---- books ------------------------------------------------------------------------------------

  // Of one worker, or of all.
  [[nodiscard]] std::uint32_t in_flight(BackendRef backend,
                                        std::optional<std::uint32_t> worker = {}) const {
    return count(backend, worker, false);
  }
  [[nodiscard]] std::uint32_t probes(BackendRef backend) const { return count(backend, {}, true); }
  [[nodiscard]] std::uint32_t retries() const { return retries_; }
  [[nodiscard]] std::uint32_t hedges() const { return hedges_; }

 private:
  struct Parcel {
    Instant arrives;
    Message message;
  };

  void settle(std::uint32_t w) {
    std::vector<std::size_t> finished;
    while (const auto posted = balancers_[w].poll_message()) send(w, *posted);
    while (const auto action = balancers_[w].poll_action()) act(w, *action, finished);
    for (const std::size_t number : finished) finish(number);
  }

  void send(std::uint32_t w, const Posted& posted) {
    EXPECT_NE(index(posted.to), w) << "nobody writes to himself";
    auto& wire = wires_[w * workers() + index(posted.to)];
    Instant arrives = now_ + delays_.within(options_.max_delay + Duration(1), messages_++);
    if (!wire.empty() && wire.back().arrives > arrives) arrives = wire.back().arrives;
    wire.push_back(Parcel{arrives, posted.message});
  }

  void act(std::uint32_t w, const Action& action, std::vector<std::size_t>& finished) {
    if (const auto* start = std::get_if<StartAttempt>(&action)) {
      Request& request = requests_[find(w, start->attempt.request)];
      const bool hedge = std::any_of(request.attempts.begin(), request.attempts.end(),
                                     [](const Attempt& attempt) { return attempt.live; });
      if (start->attempt.number > 0) ++(hedge ? hedges_ : retries_);
      const BackendRef at = start->backend;
      const bool probe = balancers_[w].link(at.pool).breaker(at.backend) == BreakerState::half_open;
      request.attempts.push_back(Attempt{start->attempt, at, probe, true});
      if (!request.began) request.began = now_;
    } else if (const auto* cancel = std::get_if<CancelAttempt>(&action)) {
      for (Attempt& attempt : requests_[find(w, cancel->attempt.request)].attempts) {
        if (attempt.id == cancel->attempt) attempt.live = false;
      }
    } else if (const auto* answer = std::get_if<SendResponse>(&action)) {
      requests_[find(w, answer->attempt.request)].answered = true;
    } else if (const auto* reject = std::get_if<RejectRequest>(&action)) {
      const std::size_t number = find(w, reject->request);
      requests_[number].rejected = *reject;
      finished.push_back(number);
    } else if (const auto* abort = std::get_if<AbortResponse>(&action)) {
      finished.push_back(find(w, abort->request));
    }
  }

  [[nodiscard]] std::size_t find(std::uint32_t w, RequestId id) const {
    for (std::size_t i = requests_.size(); i-- > 0;) {
      if (requests_[i].worker == w && requests_[i].id == id) return i;
    }
    ADD_FAILURE() << "an action about nobody";
    return 0;
  }
  [[nodiscard]] Attempt* newest(std::size_t number) {
    for (std::size_t i = requests_[number].attempts.size(); i-- > 0;) {
      if (requests_[number].attempts[i].live) return &requests_[number].attempts[i];
    }
    return nullptr;
  }
  [[nodiscard]] std::uint32_t count(BackendRef backend, std::optional<std::uint32_t> worker,
                                    bool probes) const {
    std::uint32_t count = 0;
    for (const Request& request : requests_) {
      if (request.over || (worker && request.worker != *worker)) continue;
      for (const Attempt& attempt : request.attempts) {
        if (attempt.live && attempt.backend == backend && (attempt.probe || !probes)) ++count;
      }
    }
    return count;
  }

  void deliver() {
    for (std::uint32_t pair = 0; pair < wires_.size(); ++pair) {
      auto& wire = wires_[pair];
      while (!wire.empty() && wire.front().arrives <= now_) {
        const Message message = wire.front().message;
        wire.pop_front();
        balancers_[pair % workers()].on_message(now_, WorkerIndex{pair / workers()}, message);
        settle(pair % workers());
      }
    }
  }

  [[nodiscard]] Instant next_event() const {
    Instant next = kNever;
    for (const Balancer& balancer : balancers_) next = earlier_of(next, balancer.next_deadline());
    for (const auto& wire : wires_) {
      if (!wire.empty()) next = earlier_of(next, wire.front().arrives);
    }
    return next;
  }

  Options options_;
  Stream delays_;
  Instant now_ = at(0s);
  std::vector<Balancer> balancers_;
  std::vector<std::deque<Parcel>> wires_;  // by sender, then receiver
  std::uint64_t messages_ = 0;
  std::vector<Request> requests_;
  std::uint32_t retries_ = 0;
  std::uint32_t hedges_ = 0;
};

}  // namespace evenkeel::core
