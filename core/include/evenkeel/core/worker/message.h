// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/health/circuit_breaker.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/worker/success_summary.h"

// What the workers of one balancer tell each other, as values.
//
// Workers share nothing. Each pool has one home worker, which judges its backends and keeps its
// allowances; each key of a rate limit has one home worker, which keeps its bucket. What the others
// see goes there, what was decided comes back. Messages between two workers arrive in the order in
// which they were posted; nothing is assumed of how long they take, or of the order between pairs.
namespace evenkeel::core {

enum class WorkerIndex : std::uint32_t {};
[[nodiscard]] constexpr std::uint32_t index(WorkerIndex i) { return static_cast<std::uint32_t>(i); }

// Counts are posted this often; failures, results of probes and verdicts at once.
inline constexpr Duration kReportInterval = std::chrono::milliseconds(10);

[[nodiscard]] constexpr WorkerIndex home_of(PoolIndex pool, std::uint32_t workers) {
  return WorkerIndex{index(pool) % workers};
}
// `key` is a seeded hash already: its upper half decides, so that a table may use the lower one.
[[nodiscard]] constexpr WorkerIndex home_of_key(std::uint64_t key, std::uint32_t workers) {
  return WorkerIndex{static_cast<std::uint32_t>((key >> 32U) * workers >> 32U)};
}

// ---- to the home of a pool ----------------------------------------------------------------------

// Requests that arrived, and leased tokens that were spent or ran out, since the last one.
struct UsageReport {
  std::uint32_t requests = 0;
  std::uint32_t retries = 0;
  std::uint32_t hedges = 0;
  friend bool operator==(const UsageReport&, const UsageReport&) = default;
};

// Attempts that succeeded, all admitted with the same ticket.
struct SuccessReport {
  BackendIndex backend{};
  CircuitBreaker::Ticket ticket;
  SuccessSummary successes;
  friend bool operator==(const SuccessReport&, const SuccessReport&) = default;
};

// Attempts that failed, or were shed with a word when to come back, in the same way.
struct FailureReport {
  BackendIndex backend{};
  CircuitBreaker::Ticket ticket;
  Feedback last;
  std::uint32_t count = 0;
  friend bool operator==(const FailureReport&, const FailureReport&) = default;
};

// A request waits that could be a probe of this half-open backend.
struct PermitRequest {
  BackendIndex backend{};
  friend bool operator==(const PermitRequest&, const PermitRequest&) = default;
};

// How a probe went. A permit that was not used comes back as neutral.
struct PermitReturn {
  BackendIndex backend{};
  CircuitBreaker::Ticket ticket;
  Feedback feedback;
  friend bool operator==(const PermitReturn&, const PermitReturn&) = default;
};

// A place among the limits of a pool: first the pool's own, then the backends'.
enum class Slot : std::uint32_t {};
inline constexpr Slot kPoolSlot{0};
[[nodiscard]] constexpr std::uint32_t index(Slot i) { return static_cast<std::uint32_t>(i); }
[[nodiscard]] constexpr Slot slot_of(BackendIndex i) { return Slot{index(i) + 1}; }

// Requests in flight on some backends: the worker's own on the way to the home, the sum of all
// other workers' on the way back.
struct LoadReport {
  struct Load {
    BackendIndex backend{};
    std::uint32_t in_flight = 0;
    friend bool operator==(Load, Load) = default;
  };
  static constexpr std::uint32_t kMost = 12;
  std::array<Load, kMost> loads{};
  std::uint32_t count = 0;
  friend bool operator==(const LoadReport&, const LoadReport&) = default;
};

// Would like to have this much more of a limit.
struct ShareRequest {
  Slot slot{};
  std::uint32_t wanted = 0;
  friend bool operator==(const ShareRequest&, const ShareRequest&) = default;
};
// Gives up this much; the answer to a ShareRecall.
struct ShareReturn {
  Slot slot{};
  std::uint32_t count = 0;
  friend bool operator==(const ShareReturn&, const ShareReturn&) = default;
};

// The worker's shares are those of its configuration number `generation`, counted from 0.
struct SharesReady {
  std::uint64_t generation = 0;
  friend bool operator==(const SharesReady&, const SharesReady&) = default;
};

// The configuration has changed here: tell me of every backend again.
struct Resync {
  friend bool operator==(const Resync&, const Resync&) = default;
};

// ---- from the home of a pool --------------------------------------------------------------------

struct VerdictChange {
  BackendIndex backend{};
  Standing standing{};
  bool suspect = false;
  BreakerState breaker{};
  CircuitBreaker::Ticket ticket;  // of every attempt that is no probe
  friend bool operator==(const VerdictChange&, const VerdictChange&) = default;
};

// Tokens of the budgets. They were charged when granted, and are worth nothing from `until` on.
struct TokenGrant {
  std::uint32_t retries = 0;
  std::uint32_t hedges = 0;
  Instant until;
  friend bool operator==(const TokenGrant&, const TokenGrant&) = default;
};

// The answer to a PermitRequest. Without a probe's ticket there was no permit left. A probe must
// start before `until`, when the breaker takes the permit back.
struct PermitGrant {
  BackendIndex backend{};
  CircuitBreaker::Ticket ticket;
  Instant until;
  friend bool operator==(const PermitGrant&, const PermitGrant&) = default;
};

// What the other workers have in flight, together.
struct LoadSums {
  LoadReport loads;
  friend bool operator==(const LoadSums&, const LoadSums&) = default;
};

// The answer to a ShareRequest, 0: there is none to spare; or more, unasked, after a reload.
struct ShareGrant {
  Slot slot{};
  std::uint32_t count = 0;
  friend bool operator==(const ShareGrant&, const ShareGrant&) = default;
};
// Give up to this much of it that is not in use.
struct ShareRecall {
  Slot slot{};
  std::uint32_t count = 0;
  friend bool operator==(const ShareRecall&, const ShareRecall&) = default;
};

// ---- to and from the home of a key --------------------------------------------------------------

struct LimitQuery {
  RequestId request;
  RouteIndex route{};
  std::uint64_t key = 0;
  friend bool operator==(const LimitQuery&, const LimitQuery&) = default;
};
// `wait` is zero when the request may pass, and has been charged; else for Retry-After.
struct LimitAnswer {
  RequestId request;
  Duration wait{};
  friend bool operator==(const LimitAnswer&, const LimitAnswer&) = default;
};

using MessageBody =
    std::variant<UsageReport, SuccessReport, FailureReport, PermitRequest, PermitReturn, LoadReport,
                 ShareRequest, ShareReturn, SharesReady, Resync, VerdictChange, TokenGrant,
                 PermitGrant, LoadSums, ShareGrant, ShareRecall, LimitQuery, LimitAnswer>;

struct Message {
  PoolIndex pool{};  // of no meaning for LimitQuery and LimitAnswer
  MessageBody body;
  friend bool operator==(const Message&, const Message&) = default;
};

// A message and who is to have it. It goes with the sender's index, which the driver knows.
struct Posted {
  WorkerIndex to{};
  Message message;
  friend bool operator==(const Posted&, const Posted&) = default;
};

// "verdict 0/2 ejected trusted closed ticket 4 0", for tests and for the journal's reader.
[[nodiscard]] std::string to_text(const Message& message);

// 64 bits that stand for the whole message in a journal's digest.
[[nodiscard]] std::uint64_t fingerprint(const Message& message);

}  // namespace evenkeel::core
