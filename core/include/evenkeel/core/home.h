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
  Feedback feedback;
  CircuitBreaker::Ticket ticket;
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

// What the home tells every worker of a backend. A suspect one answers too well to be true: its
// load counts as no less than the mean of the pool (SinkholeGuard).
struct Verdict {
  BackendIndex backend{};
  Standing standing{};
  bool suspect = false;
  bool half_open = false;  // its breaker lets only trials through
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
// Everybody who has something to say of a backend keeps to his own evidence; the standing is that
// of the first who objects:
//
//     operator (maintenance), configuration (removed)  down
//     operator (drain)                                 draining
//     active checks                                    unchecked, unhealthy
//     outlier detection                                ejected
//     circuit breaker                                  breaker_open
//     nobody                                           eligible
//
// Each goes on underneath: a backend that leaves maintenance may turn out to be ejected. Failures
// of the only backend left count for no ejection: taking out everybody cures nothing.
class PoolHome {
 public:
  // News of this many events asks for no memory; more can come of one reload, or of a pool of
  // thousands that turns bad at one moment.
  static constexpr std::uint32_t kRoomForNews = 256;

  // A verdict on every backend is the first news.
  PoolHome(PoolIndex pool, const PoolPolicy& policy, Stream stream, Instant now);

  // Another configuration of the same pool. A backend with the same id and endpoint in the same
  // place keeps everything that is known of it; parameters change in place. Whoever is marked
  // removed, or missing at the end of the list, is down for good and no longer checked; whoever
  // is new, or back, begins as the policy says. Places are only ever added. An equal configuration
  // changes nothing.
  void apply(const PoolPolicy& policy, Instant now);

  // ---- evidence and allowances ------------------------------------------------------------------

  void on_request(Instant now) {
    retries_.on_request(now);
    if (hedging_) hedges_.on_request(now);
  }
  // Charges one retry, or hedge, when the budget has one left.
  [[nodiscard]] bool try_retry(Instant now) { return retries_.try_spend(now); }
  [[nodiscard]] bool try_hedge(Instant now) { return hedging_ && hedges_.try_spend(now); }
  // What the budgets allow in all, within their interval: HomeDesk leases parts of it.
  [[nodiscard]] std::uint64_t retry_allowance(Instant now) { return retries_.allowance(now); }
  [[nodiscard]] std::uint64_t hedge_allowance(Instant now) { return hedges_.allowance(now); }

  // Takes the breaker's permit for an attempt; it comes back with the Evidence. On a backend whose
  // breaker does not admit, which panic and sessions may pick all the same, the ticket is one
  // without effect.
  [[nodiscard]] CircuitBreaker::Ticket admit(Instant now, BackendIndex backend);
  void on_evidence(Instant now, const Evidence& evidence);
  void on_check_ended(Instant now, BackendIndex backend, std::uint64_t check, CheckOutcome outcome);

  // An operator's word. Of a backend that is no longer configured, ignored.
  void set_admin(Instant now, BackendIndex backend, AdminState state);
  // Holds the breaker open or closed; half_open ends a pause now; nullopt lets it go, closed and
  // with nothing remembered.
  void force_breaker(Instant now, BackendIndex backend, std::optional<BreakerState> state);

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

  [[nodiscard]] Standing standing(BackendIndex backend) const;
  [[nodiscard]] bool eligible(BackendIndex backend) const {
    return standing(backend) == Standing::eligible;
  }
  [[nodiscard]] bool suspect(BackendIndex backend) const { return outliers_.suspect(backend); }
  // Of a backend that is no longer configured, maintenance.
  [[nodiscard]] AdminState admin(BackendIndex backend) const {
    return places_[index(backend)].admin;
  }
  [[nodiscard]] HealthState health(BackendIndex backend) const {
    return checks_[index(backend)].state();
  }
  [[nodiscard]] bool ejected(BackendIndex backend) const { return outliers_.ejected(backend); }
  [[nodiscard]] BreakerState breaker(BackendIndex backend) const {
    return breakers_[index(backend)].state();
  }
  [[nodiscard]] Instant ejected_until(BackendIndex backend) const {
    return outliers_.ejected_until(backend);
  }
  [[nodiscard]] bool breaker_forced(BackendIndex backend) const {
    return breakers_[index(backend)].forced();
  }
  // Places, removed backends included.
  [[nodiscard]] std::size_t size() const { return places_.size(); }

  friend bool operator==(const PoolHome&, const PoolHome&) = default;

 private:
  struct Place {
    std::uint64_t identity = 0;  // a hash of id and endpoint: who is in it
    AdminState admin = AdminState::ready;
    bool removed = false;
    bool weighty = true;          // not of weight 0
    bool takes_requests = false;  // told to be eligible, and weighty
    // As last told to the workers.
    Standing standing = Standing::down;
    bool suspect = false;
    bool half_open = false;
    friend bool operator==(const Place&, const Place&) = default;
  };

  [[nodiscard]] Deadlines::Node check_node(BackendIndex backend) const { return index(backend); }
  [[nodiscard]] Deadlines::Node breaker_node(BackendIndex backend) const {
    return static_cast<Deadlines::Node>(places_.size()) + index(backend);
  }
  [[nodiscard]] Deadlines::Node outlier_node() const {
    return static_cast<Deadlines::Node>(2 * places_.size());
  }
  void arm(Deadlines::Node node, Instant deadline);
  void arm_all();
  void on_check_deadline(Instant now, BackendIndex backend);
  void on_outlier_deadline(Instant now);

  // What all places share of a policy.
  struct Terms {
    explicit Terms(const PoolPolicy& policy);

    SharedValue<ActiveCheck::Terms> checks;
    SharedValue<ActiveCheck::Terms> no_checks;  // of a removed backend
    SharedValue<CircuitBreakerPolicy> breaker;
  };
  void grow(const PoolPolicy& policy, const Terms& terms, Instant now);
  void settle_place(const PoolPolicy& policy, const Terms& terms, BackendIndex backend,
                    Instant now);
  void replace(const Terms& terms, BackendIndex backend, bool removed, Instant now);

  // Tells the workers, if there is something new to tell.
  void judge(BackendIndex backend);
  void tell(BackendIndex backend);
  // Whether some other backend could take this one's requests.
  [[nodiscard]] bool others_take_requests(BackendIndex backend) const {
    return takers_ > (places_[index(backend)].takes_requests ? 1U : 0U);
  }
  void note(Instant now, BackendIndex backend, const ActiveCheck::Applied& applied);
  void note(Instant now, BackendIndex backend, const std::optional<ActiveCheck::Change>& change);
  void note(Instant now, BackendIndex backend, const std::optional<CircuitBreaker::Change>& change);
  void note(Instant now, BackendIndex backend, const OutlierDetector::Ejection& ejection);
  void note_return(Instant now, BackendIndex backend, TransitionReason reason);
  void note_admin(Instant now, BackendIndex backend, AdminState state);

  PoolIndex pool_;
  Stream stream_;
  bool hedging_ = false;
  bool relaxing_ = false;      // checks want to know of requests
  bool unejecting_ = false;    // a passed check ends an ejection
  bool sinkholes_ = false;     // suspicions may change
  std::vector<Place> places_;  // by BackendIndex, like the next two
  std::vector<ActiveCheck> checks_;
  std::vector<CircuitBreaker> breakers_;
  std::uint32_t takers_ = 0;  // places that take requests
  OutlierDetector outliers_;
  RetryBudget retries_;
  RetryBudget hedges_;
  Deadlines deadlines_;
  std::vector<BackendIndex> returned_;  // scratch of deadlines, as the next
  std::vector<Outlier> found_;

  std::vector<Verdict> verdicts_;
  std::vector<Transition> transitions_;
  std::vector<Action> actions_;
};

}  // namespace evenkeel::core
