// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "evenkeel/core/deadlines.h"
#include "evenkeel/core/exchange.h"
#include "evenkeel/core/facts.h"
#include "evenkeel/core/home.h"
#include "evenkeel/core/journal.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/pool.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/ring.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// Everything one worker decides: its pools and every request in flight.
//
// Facts go in through on_*(), actions come out of poll_action(), and next_deadline() says when to
// come back. A driver reads the clock once per event, hands it in, and polls until there is nothing
// left:
//
//     balancer.on_response_head(now, attempt, head);
//     while (auto action = balancer.poll_action()) act(*action);
//
// `now` never goes backwards. A fact about a request or attempt that is over is ignored: acting on
// one event may end what the next one, already on its way, speaks of.
//
// The life of a request: on_request() → StartAttempt … → SendResponse or RejectRequest → the driver
// delivers it to the client → finish(), which hands out the record and frees the slot.
class Balancer {
 public:
  struct Options {
    Seed seed{};
    std::uint32_t capacity = 65536;  // requests in flight; more are rejected as overflow
    Duration coarse_quantum = 50ms;  // timeouts of a second or more are up to this late; above 0
    JournalMode journal = JournalMode::off;
  };

  // Pools start as their policies say: first checks are spread over one interval from `now`.
  Balancer(std::shared_ptr<const Config> config, const Options& options, Instant now);

  // ---- facts about requests ---------------------------------------------------------------------

  // A complete request head. The id is valid until finish().
  [[nodiscard]] RequestId on_request(Instant now, const RequestFacts& request);
  // The first byte of the request left for the backend; the connect phase is over.
  void on_attempt_sent(Instant now, AttemptId id);
  // The upload moves: the attempt's deadline starts anew.
  void on_upload_progress(Instant now, RequestId request);
  // Nothing but the client's next bytes is missing, which is no backend's fault: neither attempt
  // nor request is late until on_upload_progress() starts their deadlines anew. The driver bounds
  // how long a client may stall.
  void on_upload_waiting(Instant now, RequestId request);
  // Bytes of the body are gone for good: the request cannot be sent again. A retry that waits for
  // its backoff is given up when its time comes.
  void on_replay_lost(Instant now, RequestId request);
  void on_response_head(Instant now, AttemptId id, const ResponseFacts& response);
  // The backend's response is complete.
  void on_response_end(Instant now, AttemptId id);
  void on_attempt_failed(Instant now, AttemptId id, AttemptFailure failure);
  // The client went away. Live attempts are cancelled; finish() is still wanted.
  void on_client_gone(Instant now, RequestId request);
  // The client has its answer, or never will. Live attempts are cancelled. Exactly once per
  // request.
  [[nodiscard]] RequestRecord finish(Instant now, RequestId request);

  // ---- facts about health -----------------------------------------------------------------------

  void on_check_ended(Instant now, CheckId check, CheckOutcome outcome);

  // Fires everything due at or before `now`. A call that comes too early does nothing.
  void on_deadline(Instant now);

  // ---- actions and questions --------------------------------------------------------------------

  // The oldest action not yet taken. Ask again after any on_*() call and after finish().
  [[nodiscard]] std::optional<Action> poll_action();
  // When on_deadline() is next wanted. May change after any on_*() call.
  [[nodiscard]] Instant next_deadline() const;
  // Changes of verdicts since the last call, oldest first. Valid until the next on_*() or finish().
  [[nodiscard]] std::span<const Transition> take_transitions();

  [[nodiscard]] const Config& config() const { return *config_; }
  [[nodiscard]] const Pool& pool(PoolIndex pool) const { return pools_[index(pool)]; }
  [[nodiscard]] const PoolHome& home(PoolIndex pool) const { return homes_[index(pool)]; }
  [[nodiscard]] const Journal& journal() const { return journal_; }
  [[nodiscard]] std::uint32_t requests_in_flight() const { return live_; }
  // Attempts made of a request so far, or 0 when it is over.
  [[nodiscard]] std::uint32_t attempts(RequestId request) const;

 private:
  // An exchange's deadlines: five nodes per slot.
  enum class Timer : std::uint8_t { request, attempt_0, attempt_1, hedge, backoff };
  static constexpr std::uint32_t kTimersPerSlot = 5;

  // The timeouts of a pool, as classes of deadlines.
  struct PoolTimers {
    Deadlines::Class connect = 0;
    Deadlines::Class attempt = 0;
    Deadlines::Class hedge = 0;
  };

  // ---- looking up -------------------------------------------------------------------------------
  [[nodiscard]] Exchange* find(RequestId request);
  // The live attempt and its exchange, or nullptr when it is over.
  [[nodiscard]] Attempt* find(AttemptId id);
  [[nodiscard]] Exchange& exchange_of(AttemptId attempt) {
    return exchanges_[attempt.request.slot];
  }
  [[nodiscard]] std::uint32_t slot_of(const Exchange& exchange) const;
  [[nodiscard]] RequestId id_of(const Exchange& exchange) const;
  [[nodiscard]] AttemptId id_of(const Exchange& exchange, const Attempt& attempt) const;
  [[nodiscard]] const RetryPolicy& retry_policy(const Exchange& exchange) const;
  [[nodiscard]] Deadlines::Node node(const Exchange& exchange, Timer timer) const;
  [[nodiscard]] Deadlines::Node node(const Exchange& exchange, const Attempt& attempt) const;

  // ---- transitions of an exchange ---------------------------------------------------------------
  [[nodiscard]] Exchange& open_exchange();
  // Picks a backend and starts an attempt on it; false when none is eligible.
  bool start_attempt(Instant now, Exchange& exchange, bool hedge);
  // The attempt is over: its evidence is given and its backend has one less in flight.
  void end_attempt(Instant now, Exchange& exchange, Attempt& attempt, Outcome outcome);
  void cancel_attempt(Instant now, Exchange& exchange, Attempt& attempt, CancelReason reason,
                      Outcome outcome);
  void cancel_all(Instant now, Exchange& exchange, CancelReason reason);
  void fail_attempt(Instant now, Exchange& exchange, Attempt& attempt, AttemptFailure failure);
  // The backoff is over.
  void on_backoff_over(Instant now, Exchange& exchange);
  // After an attempt failed before the head: waits for the other one, retries, or gives up.
  void after_failure(Instant now, Exchange& exchange, AttemptFailure failure);
  // Whether policy, request and pool allow another attempt; may_retry() also charges the budget.
  [[nodiscard]] bool can_retry(const Exchange& exchange, bool wanted_by_policy) const;
  [[nodiscard]] bool may_retry(Instant now, Exchange& exchange, bool wanted_by_policy);
  void start_or_reject(Instant now, Exchange& exchange);
  void retry(Instant now, Exchange& exchange);
  void commit(Instant now, Exchange& exchange, Attempt& attempt, std::uint16_t status);
  void reject(Instant now, Exchange& exchange, RejectCause cause);
  void disarm_all(const Exchange& exchange);
  void on_timer(Instant now, Deadlines::Node due);
  void on_hedge_due(Instant now, Exchange& exchange);

  // ---- plumbing ---------------------------------------------------------------------------------
  void report(Instant now, Exchange& exchange, Attempt& attempt, Outcome outcome);
  // Takes what a home decided: verdicts to the pool, transitions and actions out.
  void settle(Instant now, PoolIndex pool);
  void note(Instant now, EntryKind kind, const Exchange& exchange, std::uint32_t attempt,
            std::uint32_t detail);
  void begin(Instant now);

  std::shared_ptr<const Config> config_;
  std::vector<Pool> pools_;
  std::vector<PoolHome> homes_;
  std::vector<PoolTimers> pool_timers_;
  std::vector<Deadlines::Class> route_timers_;
  Stream picks_;
  Stream backoffs_;
  std::uint32_t capacity_;

  std::vector<Exchange> exchanges_;        // slots
  std::vector<std::uint32_t> free_slots_;  // last freed is first reused: its memory is warm
  std::uint32_t live_ = 0;
  std::uint64_t next_number_ = 0;

  Deadlines deadlines_;
  Ring<Action> actions_;
  std::vector<Transition> transitions_;
  bool transitions_taken_ = false;
  Journal journal_;
  Instant last_now_;
};

}  // namespace evenkeel::core
