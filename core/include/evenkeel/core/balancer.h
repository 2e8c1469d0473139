// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "evenkeel/core/check.h"
#include "evenkeel/core/deadlines.h"
#include "evenkeel/core/exchange.h"
#include "evenkeel/core/explain.h"
#include "evenkeel/core/facts.h"
#include "evenkeel/core/home.h"
#include "evenkeel/core/journal.h"
#include "evenkeel/core/limit/admission.h"
#include "evenkeel/core/limit/overload.h"
#include "evenkeel/core/limit/pending_queue.h"
#include "evenkeel/core/limit/rate_limiter.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/pool.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/reload.h"
#include "evenkeel/core/retry/deadline.h"
#include "evenkeel/core/retry/response_times.h"
#include "evenkeel/core/ring.h"
#include "evenkeel/core/session/affinity.h"
#include "evenkeel/core/session/store_gate.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/worker/home_link.h"
#include "evenkeel/core/worker/limit_link.h"
#include "evenkeel/core/worker/message.h"

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
//
// Of several workers each has a balancer of its own, in a thread of its own, and they tell each
// other what they must: see worker/message.h. The driver carries the messages, then acts:
//
//     while (auto posted = balancer.poll_message()) send(posted->to, posted->message);
//     while (auto action = balancer.poll_action()) act(*action);
//
// and in the thread of the one who gets it: other.on_message(now, from, message). Budgets,
// breakers, ejections, max_requests, max_connections and rate limits then hold for all workers
// together; queues, adaptive limits, remembered sessions and overload are each worker's own. A
// worker alone has nobody to tell.
//
// A balancer is a value. A copy is a snapshot: given the same facts it makes the same decisions,
// and equal balancers will go on being equal.
class Balancer {
 public:
  struct Options {
    Seed seed{};
    std::uint32_t capacity = 65536;  // requests in flight; more are rejected as overflow
    Duration coarse_quantum = 50ms;  // timeouts of a second or more are up to this late; above 0
    JournalMode journal = JournalMode::off;
    WorkerIndex worker{};       // below `workers`; each draws numbers of its own
    std::uint32_t workers = 1;  // of the same configuration, all with the same seed
    friend bool operator==(const Options&, const Options&) = default;
  };

  // Pools start as their policies say: first checks are spread over one interval from `now`.
  Balancer(std::shared_ptr<const Config> config, const Options& options, Instant now);

  // ---- facts about requests ---------------------------------------------------------------------

  // A complete request head. The id is valid until finish().
  [[nodiscard]] RequestId on_request(Instant now, const RequestFacts& request);
  // What the store knows of the session that LookUpSession asked for; nullopt: nothing.
  void on_session_found(Instant now, RequestId request, std::optional<BackendIndex> backend);
  // The store did not answer, or with an error.
  void on_session_store_failed(Instant now, RequestId request);
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
  // The backend's response is complete, with this many bytes of body.
  void on_response_end(Instant now, AttemptId id, std::uint64_t body_bytes = 0);
  void on_attempt_failed(Instant now, AttemptId id, AttemptFailure failure);
  // The client went away. Live attempts are cancelled; finish() is still wanted.
  void on_client_gone(Instant now, RequestId request);
  // The client has its answer, or never will. Live attempts are cancelled. Exactly once per
  // request.
  [[nodiscard]] RequestRecord finish(Instant now, RequestId request);

  // ---- facts about health and the world
  // ----------------------------------------------------------

  // These three are for the worker that is the pool's home, see home_of(); others ignore them.
  void on_check_ended(Instant now, CheckId check, CheckOutcome outcome);
  // An operator's word on a backend, and on its breaker: nullopt gives it back to its policy.
  void set_admin(Instant now, BackendRef backend, AdminState state);
  void force_breaker(Instant now, BackendRef backend, std::optional<BreakerState> state);
  // How much of what may be used is used, in thousandths: memory, say. See limit/overload.h.
  void on_pressure(Instant now, std::uint32_t thousandths);

  // Takes a new configuration into use. Everything known of unchanged pools and backends is kept,
  // requests in flight go on; see reload.h for the places. `in_use` adds what the driver still
  // refers to, such as connections. Afterwards config() is the merged one.
  //
  // Several workers must put everybody in the same place: each takes the same configurations in the
  // same order, with the same `in_use`: what places_in_use() of all workers said, added up, at a
  // time when all had the configuration before. A place that comes free is then used again one
  // reload later than with one worker.
  void apply(Instant now, const Config& config, const InUse& in_use = {});

  // Fires everything due at or before `now`. A call that comes too early does nothing.
  void on_deadline(Instant now);

  // What another worker posted to this one. Of each sender's messages, in their order.
  void on_message(Instant now, WorkerIndex from, const Message& message);

  // ---- actions and questions --------------------------------------------------------------------

  // The oldest action not yet taken. Ask again after any on_*() call and after finish().
  [[nodiscard]] std::optional<Action> poll_action();
  // The oldest message for another worker not yet taken. Ask again, until there is none, after any
  // on_*() call, finish() and apply(), and before poll_action(): actions may follow from it.
  [[nodiscard]] std::optional<Posted> poll_message();
  // When on_deadline() is next wanted. May change after any on_*() call.
  [[nodiscard]] Instant next_deadline() const;
  // Changes of verdicts since the last call, oldest first. Valid until the next on_*() or finish().
  [[nodiscard]] std::span<const Transition> take_transitions();

  [[nodiscard]] const Config& config() const { return *config_; }
  // How many configurations were applied after the first.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  [[nodiscard]] const Pool& pool(PoolIndex pool) const { return pools_[index(pool)].pool; }
  // Only of a pool whose home is this worker, as it is of every pool with one worker.
  [[nodiscard]] const PoolHome& home(PoolIndex pool) const {
    const PoolHome* home = pools_[index(pool)].home.local();
    EVENKEEL_CHECK(home != nullptr);
    return *home;
  }
  // What any worker knows of a pool.
  [[nodiscard]] const HomeLink& link(PoolIndex pool) const { return pools_[index(pool)].home; }
  // What this worker's requests refer to, and `by_driver`: for apply().
  [[nodiscard]] InUse places_in_use(const InUse& by_driver = {}) const;
  // Requests of a pool that wait for a backend.
  [[nodiscard]] std::uint32_t queue_depth(PoolIndex pool) const {
    return pools_[index(pool)].queue.size();
  }
  [[nodiscard]] const PoolAdmission& admission(PoolIndex pool) const {
    return pools_[index(pool)].admission;
  }
  // Sessions of a pool that are remembered here.
  [[nodiscard]] std::size_t sessions(PoolIndex pool) const {
    return pools_[index(pool)].affinity.size();
  }
  [[nodiscard]] const Overload& overload() const { return overload_; }
  // What the strategy would choose for the next request like this one, and why. Changes nothing.
  [[nodiscard]] Explanation explain(Instant now, const RequestFacts& request) const;
  // Bits for Router::classify(): which side of a split the next request takes, and whether it is
  // mirrored, unless its key says so.
  [[nodiscard]] std::uint64_t split_bits() const { return splits_.at(2 * next_number_); }
  [[nodiscard]] std::uint64_t mirror_bits() const { return splits_.at(2 * next_number_ + 1); }
  [[nodiscard]] const Journal& journal() const { return journal_; }
  [[nodiscard]] std::uint32_t requests_in_flight() const { return live_; }
  // Attempts made of a request so far, or 0 when it is over.
  [[nodiscard]] std::uint32_t attempts(RequestId request) const;

  // The same state, so the same decisions from here on.
  friend bool operator==(const Balancer& a, const Balancer& b);

 private:
  // An exchange's deadlines: six nodes per slot.
  enum class Timer : std::uint8_t { request, attempt_0, attempt_1, hedge, backoff, waiting };
  static constexpr std::uint32_t kTimersPerSlot = 6;

  // The timeouts of a pool, as classes of deadlines.
  struct PoolTimers {
    Deadlines::Class connect = 0;
    Deadlines::Class attempt = 0;
    Deadlines::Class hedge = 0;
    Deadlines::Class queue = 0;
    friend bool operator==(const PoolTimers&, const PoolTimers&) = default;
  };

  struct PoolState {
    Pool pool;
    HomeLink home;
    PendingQueue queue;
    PoolAdmission admission;
    ResponseTimes response_times;
    Affinity affinity;
    PoolTimers timers;
    bool panic = false;
    bool serve_queue = false;  // somebody who waits may go now
    friend bool operator==(const PoolState&, const PoolState&) = default;
  };

  struct RouteState {
    std::optional<RateLimiter> limiter;
    std::uint64_t bucket = 0;  // not 0: the one key of all its requests
    Deadlines::Class timeout = 0;
    friend bool operator==(const RouteState&, const RouteState&) = default;
  };

  // What a request came with, while it waits for another worker's word on its rate limit.
  struct Held {
    RequestFacts facts;
    std::optional<PoolIndex> mirror;  // to which a copy goes
    friend bool operator==(const Held&, const Held&) = default;
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
  [[nodiscard]] PoolState& pool_of(const Exchange& exchange) {
    return pools_[index(exchange.pool)];
  }
  [[nodiscard]] const PoolPolicy& policy_of(const Exchange& exchange) const;
  [[nodiscard]] Deadlines::Node node(const Exchange& exchange, Timer timer) const;
  [[nodiscard]] Deadlines::Node node(const Exchange& exchange, const Attempt& attempt) const;

  // ---- a request's way in (balancer_admission.cpp) ----------------------------------------------
  [[nodiscard]] Exchange& open_exchange();
  // Nullopt: the request may go on.
  [[nodiscard]] std::optional<RejectCause> refuse(Instant now, Exchange& exchange,
                                                  const RequestFacts& facts, Duration& retry_after);
  // Finds a backend for the next attempt, or lets the request wait, or answers it.
  void place(Instant now, Exchange& exchange);
  void begin_attempt(Instant now, Exchange& exchange);
  [[nodiscard]] bool may_fall_back(const Exchange& exchange) const;
  bool fall_back(Instant now, Exchange& exchange);
  // Its rate limit lets it pass: what is left of its admission.
  void enter(Instant now, Exchange& exchange, const RequestFacts& facts, Duration timeout,
             std::optional<PoolIndex> mirror_to);
  // When its time is over; false: it is, and the request was answered.
  [[nodiscard]] bool set_deadline(Instant now, Exchange& exchange, Duration timeout,
                                  Duration time_left);
  void mirror(Instant now, Exchange& exchange, PoolIndex target);
  void wait_for_backend(Instant now, Exchange& exchange);
  // It is out of the queue already.
  void end_waiting(Instant now, Exchange& exchange);
  void shed(Instant now, Exchange& exchange, RejectCause cause);
  // For a backend or the session store, if it does.
  void stop_waiting(Instant now, Exchange& exchange);
  void want_service(PoolState& state);
  // Gives room that came free to those who wait. The last thing every on_*() does.
  void serve_queues(Instant now);
  void serve_queue(Instant now, PoolIndex pool);

  // ---- other workers (balancer_workers.cpp) -----------------------------------------------------
  void hold(Instant now, Exchange& exchange, const RequestFacts& facts);
  void on_limit_query(Instant now, WorkerIndex from, const LimitQuery& query);
  void on_limit_answer(Instant now, const LimitAnswer& answer);
  // Nobody said in time whether it may pass.
  void on_limit_unknown(Instant now, Exchange& exchange);
  void take(Instant now, WorkerIndex from, const Message& message);
  // Messages about pools that this worker has only now.
  void take_early(Instant now);
  void take_share(Instant now, PoolState& state);
  void note(Instant now, EntryKind kind, WorkerIndex other, const Message& message);

  // ---- sessions (balancer_sessions.cpp) ---------------------------------------------------------
  void find_session(Instant now, Exchange& exchange, const RequestFacts& facts);
  void follow_session(Instant now, Exchange& exchange);
  void on_session_failure(Instant now, Exchange& exchange);
  // The backend answered: its session lives there now.
  void bind_session(Instant now, Exchange& exchange, BackendIndex backend);

  // ---- attempts (balancer_attempts.cpp) ---------------------------------------------------------
  enum class Start : std::uint8_t { started, saturated, nobody };
  // Picks a backend and starts an attempt on it.
  Start start_attempt(Instant now, Exchange& exchange);
  [[nodiscard]] Pick pick(Instant now, Exchange& exchange);
  // The attempt is over: its evidence is given and its backend has one less in flight.
  void end_attempt(Instant now, Exchange& exchange, Attempt& attempt, const Feedback& feedback);
  void cancel_attempt(Instant now, Exchange& exchange, Attempt& attempt, CancelReason reason,
                      const Feedback& feedback);
  void cancel_all(Instant now, Exchange& exchange, CancelReason reason);
  void fail_attempt(Instant now, Exchange& exchange, Attempt& attempt, AttemptFailure failure);
  // The backoff is over.
  void on_backoff_over(Instant now, Exchange& exchange);
  // After an attempt failed before the head: waits for the other one, retries, or gives up.
  void after_failure(Instant now, Exchange& exchange, AttemptFailure failure);
  // Whether policy, request and pool allow another attempt; may_retry() also charges the budget.
  [[nodiscard]] bool can_retry(const Exchange& exchange, bool wanted_by_policy) const;
  [[nodiscard]] bool may_retry(Instant now, Exchange& exchange, bool wanted_by_policy);
  void retry(Instant now, Exchange& exchange);
  void commit(Instant now, Exchange& exchange, Attempt& attempt, std::uint16_t status);
  void reject(Instant now, Exchange& exchange, RejectCause cause,
              Duration retry_after = Duration::zero());
  void disarm_all(const Exchange& exchange);
  void on_timer(Instant now, Deadlines::Node due);
  void on_request_late(Instant now, Exchange& exchange);
  void on_attempt_late(Instant now, Exchange& exchange, Attempt& attempt);
  void on_waited_too_long(Instant now, Exchange& exchange);
  void arm_hedge(Instant now, Exchange& exchange);
  void on_hedge_due(Instant now, Exchange& exchange);
  void report(Instant now, Exchange& exchange, Attempt& attempt, const Feedback& feedback);

  // ---- plumbing ---------------------------------------------------------------------------------
  void add_pool(Instant now, PoolIndex pool);
  void set_timers();
  void set_routes(Instant now, const Config* before);
  [[nodiscard]] Stream own_stream(std::string_view name) const;
  // Takes what a home decided: verdicts to the pool, transitions and actions out.
  void settle(Instant now, PoolIndex pool);
  void note_panic(Instant now, PoolIndex pool);
  void tell(Instant now, const Transition& transition);
  void note(Instant now, EntryKind kind, const Exchange& exchange, std::uint32_t attempt,
            std::uint32_t detail);
  void begin(Instant now);

  std::shared_ptr<const Config> config_;
  Options options_;
  std::vector<PoolState> pools_;
  std::vector<RouteState> routes_;
  Overload overload_;
  StoreGate store_gate_;
  LimitLink limit_link_;
  ArrivalDeadlines arrivals_;
  Stream picks_;
  Stream backoffs_;
  Stream splits_;
  std::uint64_t generation_ = 0;

  std::vector<Exchange> exchanges_;        // slots
  std::vector<std::uint32_t> free_slots_;  // last freed is first reused: its memory is warm
  std::uint32_t live_ = 0;
  std::uint64_t next_number_ = 0;

  Deadlines deadlines_;
  Ring<Action> actions_;
  std::vector<Transition> transitions_;
  bool transitions_taken_ = false;
  bool queues_wait_ = false;  // some pool has serve_queue set
  Journal journal_;
  Instant last_now_;

  // Nothing with one worker.
  struct Early {
    WorkerIndex from{};
    Message message;
    friend bool operator==(const Early&, const Early&) = default;
  };
  std::vector<Held> held_;  // by slot
  Ring<Early> early_;       // about pools of a configuration that is still to come
};

}  // namespace evenkeel::core
