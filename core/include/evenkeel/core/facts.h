// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "evenkeel/core/ids.h"
#include "evenkeel/core/method.h"
#include "evenkeel/core/time.h"

// What goes into the core and what comes out of it, as values.
namespace evenkeel::core {

// ---- facts in -----------------------------------------------------------------------------------

// The name of a session: 128 bits from the operating system's entropy, so that nobody guesses one.
struct SessionKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(SessionKey, SessionKey) = default;
};

// A request as the core sees it, after Router::classify().
struct RequestFacts {
  RouteIndex route{};
  Method method = Method::get;
  // The driver can send the whole request again. It may take that back later with
  // Balancer::on_replay_lost().
  bool replayable = true;
  // The side of the route's split; nullopt: its first.
  std::optional<PoolIndex> pool = std::nullopt;
  std::uint64_t affinity = 0;   // hash of what the pool's balance.hash.on names
  std::uint64_t limit_key = 0;  // hash of what the route's rate_limit.key names
  bool mirrored = false;        // a copy goes to the route's mirror pool
  // The session the client showed, if any, and where a signature of ours says it lives.
  std::optional<SessionKey> session = std::nullopt;
  std::optional<BackendIndex> signed_backend = std::nullopt;
  bool signature_ageing = false;  // past half of its time
  SessionKey entropy{};  // names the session if a new one begins; only for pools with sessions
  Duration time_left = Duration::max();  // until the client's own deadline, if it said one
  friend bool operator==(const RequestFacts&, const RequestFacts&) = default;
};

struct ResponseFacts {
  std::uint16_t status = 0;
  bool has_retry_after = false;  // a 503 or 429 with it sheds load: not retried, no evidence
  Duration retry_after = Duration::zero();  // what it says, at most kMaxRetryAfter
  friend bool operator==(const ResponseFacts&, const ResponseFacts&) = default;
};
inline constexpr Duration kMaxRetryAfter = std::chrono::seconds(30);

// How an attempt ended without a complete response.
enum class AttemptFailure : std::uint8_t {
  connect_refused,    // or unreachable: no byte of the request left
  connect_timeout,    // decided by the core
  stale_connection,   // a reused connection was found closed before a byte of the response
  reset_before_head,  // closed or reset before a complete response head
  bad_response,       // an answer that is not HTTP, or not one we may forward
  attempt_timeout,    // decided by the core: no response head in time
  reset_in_body,      // cut, reset or stalled after the head
  local,              // our own lack of descriptors, ports or memory: says nothing of the backend
};
inline constexpr unsigned kAttemptFailureCount = 8;
[[nodiscard]] std::string_view to_text(AttemptFailure failure);

enum class CheckOutcome : std::uint8_t {
  passed,
  refused,     // connect failed
  reset,       // closed before a complete answer
  bad_status,  // answered with an unexpected status
  bad_answer,  // answered with something that is not HTTP
  timeout,     // decided by the core
  local,       // our own lack of resources: no evidence either way
};
[[nodiscard]] std::string_view to_text(CheckOutcome outcome);

// ---- actions out --------------------------------------------------------------------------------

// Send the request to the backend. Every StartAttempt is answered by exactly one of
// on_response_end(), on_attempt_failed() or a CancelAttempt from the core.
struct StartAttempt {
  AttemptId attempt;
  BackendRef backend;
  bool fresh_connection = false;  // do not reuse an idle one: the last reused one was dead
  Duration time_left{};  // what it may take: its own limit, or less when the request has less left
  friend bool operator==(const StartAttempt&, const StartAttempt&) = default;
};

enum class CancelReason : std::uint8_t {
  retried,      // its failing response is not forwarded: another attempt follows
  hedge_lost,   // the other attempt answered first
  timed_out,    // connect, attempt or request deadline
  client_gone,  // nobody waits for it any more
};
[[nodiscard]] std::string_view to_text(CancelReason reason);

// Forget the attempt and drop its stream; nothing more is to be reported for it.
struct CancelAttempt {
  AttemptId attempt;
  CancelReason reason{};
  friend bool operator==(const CancelAttempt&, const CancelAttempt&) = default;
};

// Forward this attempt's response. From now on nothing is retried.
struct SendResponse {
  AttemptId attempt;
  friend bool operator==(const SendResponse&, const SendResponse&) = default;
};

enum class RejectCause : std::uint8_t {
  no_healthy_backend,  // 503
  overflow,            // 503: more requests than the balancer has room for
  connect_failure,     // 502
  upstream_reset,      // 502
  bad_response,        // 502
  upstream_timeout,    // 504: the last attempt's deadline
  request_timeout,     // 504: the route's deadline
  local_failure,       // 503
  rate_limited,        // 429 with Retry-After
  shed,                // 503 with Retry-After: overload, the lowest priority first
  queue_full,          // 503 with Retry-After: more wait than max_pending
  queue_timeout,       // 503 with Retry-After: waited too long for a backend
  session_lost,        // 503: a strict session's backend may not serve
};
inline constexpr unsigned kRejectCauseCount = 13;
[[nodiscard]] std::string_view to_text(RejectCause cause);
// What the client is told.
[[nodiscard]] std::uint16_t status_of(RejectCause cause);
// What ends a request whose last attempt ended so.
[[nodiscard]] RejectCause cause_of(AttemptFailure failure);

// Answer locally.
struct RejectRequest {
  RequestId request;
  std::uint16_t status = 0;
  RejectCause cause{};
  Duration retry_after =
      Duration::zero();  // above 0: say Retry-After, in whole seconds, rounded up
  friend bool operator==(const RejectRequest&, const RejectRequest&) = default;
};

// Ask the session store where this session lives; answer with on_session_found() or
// on_session_store_failed(). Its deadline is the core's, which goes on without an answer.
struct LookUpSession {
  RequestId request;
  PoolIndex pool{};
  SessionKey key;
  friend bool operator==(const LookUpSession&, const LookUpSession&) = default;
};

// Tell the store; nobody waits for it.
struct StoreSession {
  PoolIndex pool{};
  SessionKey key;
  BackendIndex backend{};
  friend bool operator==(const StoreSession&, const StoreSession&) = default;
};

// The response that goes out next for this request must carry its session: a cookie of this name,
// or, while the store does not answer, a signed cookie that says the backend.
struct IssueSession {
  RequestId request;
  SessionKey key;
  BackendIndex backend{};
  bool is_signed = false;
  friend bool operator==(const IssueSession&, const IssueSession&) = default;
};

// Send a copy of the request to this backend and throw the answer away.
struct MirrorRequest {
  RequestId request;
  BackendRef backend;
  friend bool operator==(const MirrorRequest&, const MirrorRequest&) = default;
};

// The response broke off after its head went out: the client must be able to tell.
struct AbortResponse {
  RequestId request;
  AttemptFailure failure{};
  friend bool operator==(const AbortResponse&, const AbortResponse&) = default;
};

// Begin an active health check; its deadline is the core's, which says CancelCheck when it passes.
struct StartCheck {
  CheckId check;
  friend bool operator==(const StartCheck&, const StartCheck&) = default;
};
struct CancelCheck {
  CheckId check;
  friend bool operator==(const CancelCheck&, const CancelCheck&) = default;
};

using Action =
    std::variant<StartAttempt, CancelAttempt, SendResponse, RejectRequest, AbortResponse,
                 StartCheck, CancelCheck, LookUpSession, StoreSession, IssueSession, MirrorRequest>;

// "start r3 a1 on 0/2", for tests and for the journal's reader. A request goes by its slot.
[[nodiscard]] std::string to_text(const Action& action);

// ---- records ------------------------------------------------------------------------------------

enum class HealthState : std::uint8_t {
  unchecked,  // no result yet, and told to wait for one
  healthy,
  unhealthy,
};
[[nodiscard]] std::string_view to_text(HealthState state);

enum class BreakerState : std::uint8_t {
  closed,     // lets everything through
  open,       // lets nothing through
  half_open,  // lets a bounded number of probes through
};
[[nodiscard]] std::string_view to_text(BreakerState state);

// Who has the last word on a backend, strongest first. An operator's word stands above discovery,
// discovery above checks, checks above what requests show, ejection above the breaker.
enum class Standing : std::uint8_t {
  down,          // in maintenance, or no longer configured: nobody goes there
  draining,      // finishes what it has; sessions that live there may go on
  unchecked,     // its checks have not spoken yet
  unhealthy,     // its checks fail
  ejected,       // outlier detection took it out
  breaker_open,  // its breaker lets nothing through at this moment
  eligible,      // takes requests
};
[[nodiscard]] std::string_view to_text(Standing standing);

// What an operator, or a scenario, says of a backend.
enum class AdminState : std::uint8_t { ready, drain, maintenance };
[[nodiscard]] std::string_view to_text(AdminState state);

enum class TransitionKind : std::uint8_t { health, ejection, breaker, admin, panic };
[[nodiscard]] std::string_view to_text(TransitionKind kind);

// Why a verdict on a backend changed.
enum class TransitionReason : std::uint8_t {
  checks_passed,         // healthy_threshold in a row
  checks_failed,         // unhealthy_threshold in a row
  never_checked,         // no result within one interval of start: taken for healthy
  consecutive_failures,  // outlier detection, or the breaker's own streak
  ejection_over,
  failure_count,
  failure_rate,
  open_duration_over,
  probes_succeeded,
  probe_failed,
  gateway_failures,    // outlier detection: 502, 503, 504 or no answer, in a row
  success_rate,        // outlier detection: far below the others
  failure_percentage,  // outlier detection
  latency,             // outlier detection: far slower than the median
  check_passed,        // ends an ejection
  slow_call_rate,      // breaker
  forced,              // by an operator
  requested,           // by an operator: ready, drain, maintenance
  few_healthy,         // panic begins
  enough_healthy,      // panic ends
};
[[nodiscard]] std::string_view to_text(TransitionReason reason);

// A change of a verdict, for logs, metrics, reports and tests. `from` and `to` are HealthState,
// BreakerState or AdminState values; for ejection 0 is in and 1 is out; panic is a pool's (backend
// 0 stands for all), 0 is off and 1 is on.
struct Transition {
  Instant at;
  BackendRef backend;
  TransitionKind kind{};
  TransitionReason reason{};
  std::uint8_t from = 0;
  std::uint8_t to = 0;
  std::uint64_t evidence = 0;  // the count that reached the threshold
  Instant until = kNever;      // end of an ejection or of the open state
  friend bool operator==(const Transition&, const Transition&) = default;
};
// "health 0/2 healthy>unhealthy checks_failed 3"; the instants are left out.
[[nodiscard]] std::string to_text(const Transition& transition);

// Words for RequestRecord::flags.
enum class Flag : std::uint16_t {
  none = 0,
  retried = 1U << 0U,
  hedged = 1U << 1U,
  budget_exhausted = 1U << 2U,
  client_gone = 1U << 3U,
  response_aborted = 1U << 4U,
  rejected = 1U << 5U,
  panic = 1U << 6U,          // picked whatever the checks say
  queued = 1U << 7U,         // waited for a backend
  sticky = 1U << 8U,         // went where its session lives
  fallback_pool = 1U << 9U,  // its own pool took nothing
};
[[nodiscard]] constexpr Flag operator|(Flag a, Flag b) {
  return static_cast<Flag>(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}
[[nodiscard]] constexpr bool has(Flag set, Flag flag) {
  return (static_cast<std::uint16_t>(set) & static_cast<std::uint16_t>(flag)) != 0;
}

// The whole story of one request, handed over when it ends.
struct RequestRecord {
  std::uint64_t number = 0;  // this balancer's requests, counted from 0
  RouteIndex route{};
  PoolIndex pool{};
  Method method{};
  Instant arrived;
  Instant answered = kNever;  // response head chosen, or local answer decided
  Duration queued{};          // waited for a backend
  std::uint16_t status = 0;   // what the client was told; 0: nothing
  std::uint8_t attempts = 0;
  Flag flags = Flag::none;
  std::optional<BackendIndex> backend;    // whose response it was, or who failed last
  std::optional<RejectCause> rejection;   // when answered locally
  std::optional<AttemptFailure> failure;  // the last attempt's
  friend bool operator==(const RequestRecord&, const RequestRecord&) = default;
};

}  // namespace evenkeel::core
