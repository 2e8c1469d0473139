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

// A request as the core sees it, after routing.
struct RequestFacts {
  RouteIndex route{};
  Method method = Method::get;
  // The driver can send the whole request again. It may take that back later with
  // Balancer::on_replay_lost().
  bool replayable = true;
};

struct ResponseFacts {
  std::uint16_t status = 0;
  bool has_retry_after = false;  // a 503 or 429 with it sheds load: not retried, no evidence
};

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
};

// Forward this attempt's response. From now on nothing is retried.
struct SendResponse {
  AttemptId attempt;
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
};
inline constexpr unsigned kRejectCauseCount = 8;
[[nodiscard]] std::string_view to_text(RejectCause cause);

// Answer locally.
struct RejectRequest {
  RequestId request;
  std::uint16_t status = 0;
  RejectCause cause{};
};

// The response broke off after its head went out: the client must be able to tell.
struct AbortResponse {
  RequestId request;
  AttemptFailure failure{};
};

// Begin an active health check; its deadline is the core's, which says CancelCheck when it passes.
struct StartCheck {
  CheckId check;
};
struct CancelCheck {
  CheckId check;
};

using Action = std::variant<StartAttempt, CancelAttempt, SendResponse, RejectRequest, AbortResponse,
                            StartCheck, CancelCheck>;

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

enum class TransitionKind : std::uint8_t { health, ejection, breaker };
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
};
[[nodiscard]] std::string_view to_text(TransitionReason reason);

// A change of a verdict, for logs, metrics, reports and tests. `from` and `to` are HealthState or
// BreakerState values; for ejection 0 is in and 1 is out.
struct Transition {
  Instant at;
  BackendRef backend;
  TransitionKind kind{};
  TransitionReason reason{};
  std::uint8_t from = 0;
  std::uint8_t to = 0;
  std::uint64_t evidence = 0;  // the count that reached the threshold
  Instant until = kNever;      // end of an ejection or of the open state
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
  std::uint16_t status = 0;   // what the client was told; 0: nothing
  std::uint8_t attempts = 0;
  Flag flags = Flag::none;
  std::optional<BackendIndex> backend;    // whose response it was, or who failed last
  std::optional<RejectCause> rejection;   // when answered locally
  std::optional<AttemptFailure> failure;  // the last attempt's
};

}  // namespace evenkeel::core
