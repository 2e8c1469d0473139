// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evenkeel/core/deadlines.h"
#include "evenkeel/core/facts.h"
#include "evenkeel/core/health/active_check.h"
#include "evenkeel/core/health/circuit_breaker.h"
#include "evenkeel/core/health/outlier_detector.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/retry/retry_budget.h"

namespace evenkeel::core {

// What a worker tells the home of a pool: how one attempt went, under which permit.
struct Evidence {
  BackendIndex backend{};
  Outcome outcome{};
  CircuitBreaker::Ticket ticket;
};

// What the home tells every worker: whether a backend may be picked.
struct Verdict {
  BackendIndex backend{};
  bool eligible = false;
  friend bool operator==(Verdict, Verdict) = default;
};

// The one place where a pool's backends are judged and its allowances are kept: active checks,
// ejections, breakers with their half-open permits, the budgets of retries and hedges.
//
// Workers share nothing. Each pool has one home worker; the others post Evidence to it and receive
// Verdicts, so that "one half-open probe" and the bound of the retry budget hold however many
// workers there are. With one worker these messages are the direct calls below.
//
//     worker ── Evidence ──▶ PoolHome ── Verdict ──▶ every worker's Pool
//            ── admit(), try_retry() ──▶
//
// A backend is eligible when its active checks say so, it is not ejected, and its breaker admits.
// Failures of the only backend left count for no ejection: taking out everybody cures nothing.
class PoolHome {
 public:
  PoolHome(PoolIndex pool, const PoolPolicy& policy, Stream stream, Instant now);

  // ---- evidence and allowances ------------------------------------------------------------------

  void on_request(Instant now) {
    retries_.on_request(now);
    if (hedging_) hedges_.on_request(now);
  }
  // Charges one retry, or hedge, when the budget has one left.
  [[nodiscard]] bool try_retry(Instant now) { return retries_.try_spend(now); }
  [[nodiscard]] bool try_hedge(Instant now) { return hedging_ && hedges_.try_spend(now); }

  // Takes the breaker's permit for an attempt on an eligible backend; it comes back with the
  // Evidence.
  [[nodiscard]] CircuitBreaker::Ticket admit(Instant now, BackendIndex backend);
  void on_evidence(Instant now, const Evidence& evidence);
  void on_check_ended(Instant now, BackendIndex backend, std::uint64_t check, CheckOutcome outcome);

  void on_deadline(Instant now);
  [[nodiscard]] Instant next_deadline() const { return deadlines_.next(); }

  // ---- what follows from it; each list is for the owner to read and clear() ---------------------

  [[nodiscard]] std::span<const Verdict> verdicts() const { return verdicts_; }
  [[nodiscard]] std::span<const Transition> transitions() const { return transitions_; }
  // Checks to start (first) and to give up (second), in order.
  [[nodiscard]] std::span<const Action> actions() const { return actions_; }
  [[nodiscard]] bool has_news() const {
    return !verdicts_.empty() || !transitions_.empty() || !actions_.empty();
  }
  void clear_news();

  // ---- questions --------------------------------------------------------------------------------

  [[nodiscard]] bool eligible(BackendIndex backend) const;
  [[nodiscard]] HealthState health(BackendIndex backend) const {
    return checks_[index(backend)].state();
  }
  [[nodiscard]] bool ejected(BackendIndex backend) const { return outliers_.ejected(backend); }
  [[nodiscard]] BreakerState breaker(BackendIndex backend) const {
    return breakers_[index(backend)].state();
  }
  [[nodiscard]] std::size_t size() const { return checks_.size(); }

 private:
  [[nodiscard]] Deadlines::Node check_node(BackendIndex backend) const { return index(backend); }
  [[nodiscard]] Deadlines::Node breaker_node(BackendIndex backend) const {
    return static_cast<Deadlines::Node>(checks_.size()) + index(backend);
  }
  [[nodiscard]] Deadlines::Node outlier_node() const {
    return static_cast<Deadlines::Node>(2 * checks_.size());
  }
  void arm(Deadlines::Node node, Instant deadline);
  void on_check_deadline(Instant now, BackendIndex backend);
  void judge(BackendIndex backend);
  // Whether some other backend could take this one's requests.
  [[nodiscard]] bool others_take_requests(BackendIndex backend) const;
  void note(Instant now, BackendIndex backend, const ActiveCheck::Change& change);
  void note(Instant now, BackendIndex backend, const CircuitBreaker::Change& change);

  PoolIndex pool_;
  bool hedging_ = false;
  std::vector<ActiveCheck> checks_;  // by BackendIndex, like the next two
  std::vector<CircuitBreaker> breakers_;
  std::vector<bool> eligible_;  // as last told to the workers
  std::vector<bool> weighty_;   // not of weight 0: takes requests while eligible
  std::uint32_t takers_ = 0;    // eligible and weighty
  OutlierDetector outliers_;
  RetryBudget retries_;
  RetryBudget hedges_;
  Deadlines deadlines_;
  std::vector<BackendIndex> returned_;  // scratch of on_deadline()

  std::vector<Verdict> verdicts_;
  std::vector<Transition> transitions_;
  std::vector<Action> actions_;
};

}  // namespace evenkeel::core
