// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/journal.h"
#include "evenkeel/core/method.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"
#include "evenkeel/sim/event_queue.h"
#include "evenkeel/sim/samples.h"

// The seven invariants, each a small book-keeper that is told what happened and answers whether it
// may. A book-keeper knows nothing of how the balancer decides: it counts again, from outside.
//
// Every on_*() is false when the invariant broke with it; detail() then gives the figures.
namespace evenkeel::sim {

// I1: arrivals = success + failed + rejected + in flight, and each request ends once.
class Conservation {
 public:
  void on_arrival() { ++arrivals_; }
  // `was_live`: the request had arrived and not ended.
  [[nodiscard]] bool on_ended(bool was_live, Ending ending) {
    ++ended_[static_cast<unsigned>(ending)];
    once_ = once_ && was_live;
    return once_ && ended() <= arrivals_;
  }
  // At the end, with the requests counted one by one.
  [[nodiscard]] bool on_count(std::uint64_t in_flight) {
    in_flight_ = in_flight;
    sum_ = sum();
    return once_ && arrivals_ == ended() + in_flight;
  }
  [[nodiscard]] std::uint64_t arrivals() const { return arrivals_; }
  [[nodiscard]] std::uint64_t ended() const { return ended_[0] + ended_[1] + ended_[2]; }
  [[nodiscard]] std::string detail() const;

 private:
  std::uint64_t arrivals_ = 0;
  std::uint64_t ended_[3] = {};
  [[nodiscard]] std::string sum() const;

  std::uint64_t in_flight_ = 0;
  std::string sum_;  // as counted at the end, when more may end afterwards
  bool once_ = true;
};

// I2: no backend begins a non-idempotent request a second time.
class SingleDelivery {
 public:
  // A backend began a request that backends had begun `before` times. `resendable`: the policy's
  // `retry.methods` names its method, so the operator accepts a second delivery.
  [[nodiscard]] bool on_begun(core::Method method, std::uint32_t before, bool resendable) {
    if (is_idempotent(method)) return true;
    ++begun_;
    if (before == 0) return true;
    ++doubles_;
    return resendable;
  }
  [[nodiscard]] std::uint64_t doubles() const { return doubles_; }
  [[nodiscard]] std::string detail() const;

  // RFC 9110 §9.2.2.
  [[nodiscard]] static bool is_idempotent(core::Method method);

 private:
  std::uint64_t begun_ = 0;
  std::uint64_t doubles_ = 0;
};

// I3: of one pool, retries ≤ percent/100 · first attempts + reserve · (time + interval); hedges the
// same with their own percentage.
class RetryBound {
 public:
  RetryBound(const core::RetryPolicy& policy, core::Instant start)
      : policy_(policy), start_(start) {}
  void on_first_attempt() { ++first_; }
  [[nodiscard]] bool on_retry(core::Instant now) {
    ++retries_;
    return holds(now, retries_, policy_.budget.percent);
  }
  [[nodiscard]] bool on_hedge(core::Instant now) {
    ++hedges_;
    return holds(now, hedges_, policy_.hedge.budget_percent);
  }
  [[nodiscard]] std::uint64_t first_attempts() const { return first_; }
  [[nodiscard]] std::uint64_t retries() const { return retries_; }
  [[nodiscard]] std::uint64_t hedges() const { return hedges_; }
  [[nodiscard]] std::string detail() const;

 private:
  [[nodiscard]] bool holds(core::Instant now, std::uint64_t spent, std::uint32_t percent);

  core::RetryPolicy policy_;
  core::Instant start_;
  std::uint64_t first_ = 0;
  std::uint64_t retries_ = 0;
  std::uint64_t hedges_ = 0;
  std::string broken_;
};

// I4: no attempt starts on a backend that is unhealthy, ejected or behind an open breaker.
class Obedience {
 public:
  explicit Obedience(std::size_t backends) : backends_(backends) {}
  // In the journal's order: a verdict holds for every start that follows it.
  void on_transition(std::size_t backend, core::TransitionKind kind, std::uint8_t to);
  // In panic everybody may be asked.
  [[nodiscard]] bool on_start(std::size_t backend, bool panic) {
    ++starts_;
    if (panic) return true;
    const Verdicts& verdicts = backends_[backend];
    if (!verdicts.unhealthy && !verdicts.ejected && !verdicts.open && !verdicts.leaving) {
      return true;
    }
    offender_ = backend;
    return false;
  }
  [[nodiscard]] std::string detail() const;

 private:
  struct Verdicts {
    bool unhealthy = false;
    bool ejected = false;
    bool open = false;
    bool leaving = false;  // keeps what it has; told by an operator
  };
  std::vector<Verdicts> backends_;
  std::uint64_t starts_ = 0;
  std::optional<std::size_t> offender_;
};

// What may be left when the last request has ended and everybody was told to go: nothing.
struct Leftovers {
  std::uint64_t requests = 0;   // in the balancer
  std::uint64_t attempts = 0;   // started and neither ended nor cancelled
  std::uint64_t in_flight = 0;  // in the pools' counts, which strategies compare
  std::uint64_t client_connections = 0;
  std::uint64_t backend_connections = 0;
  std::uint64_t connections = 0;  // in the network
  std::uint64_t bytes = 0;        // in the network's buffers
  bool timers = false;            // the balancer waits for something besides health checks
};

// I5: nothing is left.
class NoLeak {
 public:
  [[nodiscard]] bool on_drained(const Leftovers& left);
  [[nodiscard]] std::string detail() const;

 private:
  Leftovers left_;
  bool checked_ = false;
};

// I6: the clock is monotone, every event is handled at its time, and equal times go by phase only
// as far as events were there to be ordered.
class Causality {
 public:
  [[nodiscard]] bool on_event(core::Instant at, core::Instant clock) {
    ++events_;
    const bool held = at == clock && at >= last_;
    if (!held) broken_at_ = at;
    last_ = at;
    return held;
  }
  [[nodiscard]] std::string detail() const;

 private:
  core::Instant last_{};
  std::optional<core::Instant> broken_at_;
  std::uint64_t events_ = 0;
};

// I7: attempts per request ≤ retry.max_attempts.
class AttemptBound {
 public:
  // `number` counts a request's attempts from 0.
  [[nodiscard]] bool on_start(std::uint32_t number, std::uint32_t max_attempts) {
    if (number + 1 > most_) most_ = number + 1;
    if (max_attempts > allowed_) allowed_ = max_attempts;
    return number < max_attempts;
  }
  [[nodiscard]] std::string detail() const;

 private:
  std::uint32_t most_ = 0;
  std::uint32_t allowed_ = 0;
};

}  // namespace evenkeel::sim
