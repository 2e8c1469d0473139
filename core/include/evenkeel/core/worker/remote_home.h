// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/home.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/ring.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/worker/message.h"
#include "evenkeel/core/worker/success_summary.h"
#include "evenkeel/core/worker/token_purse.h"
#include "evenkeel/core/worker/worklist.h"

namespace evenkeel::core {

// What a worker has of a pool whose home is another worker: the last verdicts, leased tokens and
// permits, and what it has yet to report. Answers like PoolHome, at once and without waiting:
//
//     Balancer ── on_evidence(), try_retry(), admit() ──▶ RemoteHome ── Message ──▶ HomeDesk
//              ◀── verdicts() ─────────────────────────               ◀── Message ──
//
// - Evidence: failures are posted at once, each with the successes before it, so that "failures in
//   a row" are in a row at the home as well. Successes alone wait for the next report. A success or
//   failure counts for the breaker only if it was admitted in the breaker's present generation, as
//   ever.
// - Retries and hedges spend leased tokens (TokenPurse). Without any the answer is no; the next
//   report brings more if the budget has them.
// - A half-open backend is not eligible here until this worker holds a permit of its breaker, for
//   which it asks when a request arrives. An unused permit goes back after kPermitUse.
//
// A worker starts from what the policy says and learns the rest: it may be as far behind the home
// as messages take, in both directions, and errs for as long.
class RemoteHome {
 public:
  // Longer than a request needs to turn up on a worker that has just had one, far shorter than the
  // breaker's own lease: a probe that nobody sends must not keep others from probing.
  static constexpr Duration kPermitUse = std::chrono::milliseconds(100);

  RemoteHome(PoolIndex pool, const PoolPolicy& policy, Instant now);

  // ---- as PoolHome ------------------------------------------------------------------------------

  void on_request(Instant now);
  [[nodiscard]] bool try_retry(Instant now);
  [[nodiscard]] bool try_hedge(Instant now);
  [[nodiscard]] CircuitBreaker::Ticket admit(Instant now, BackendIndex backend);
  void on_evidence(Instant now, const Evidence& evidence);
  void on_deadline(Instant now);
  [[nodiscard]] Instant next_deadline() const { return earlier_of(report_at_, permits_end_); }

  [[nodiscard]] std::span<const Verdict> verdicts() const { return verdicts_; }
  [[nodiscard]] bool has_news() const { return !verdicts_.empty(); }
  void clear_news() { verdicts_.clear(); }

  [[nodiscard]] Standing standing(BackendIndex backend) const {
    return members_[index(backend)].shown.standing;
  }
  [[nodiscard]] BreakerState breaker(BackendIndex backend) const {
    return members_[index(backend)].breaker;
  }
  [[nodiscard]] std::size_t size() const { return members_.size(); }

  // Another policy, in the same places (see reload.h).
  void apply(const PoolPolicy& policy, Instant now);

  // ---- messages ---------------------------------------------------------------------------------

  void on_message(Instant now, const VerdictChange& change);
  void on_message(Instant now, const TokenGrant& grant);
  void on_message(Instant now, const PermitGrant& grant);

  // The oldest message for the home. At most: one per backend and kind, one per permit held, and
  // one UsageReport, however long nobody asks.
  [[nodiscard]] std::optional<Message> poll_message();

  friend bool operator==(const RemoteHome&, const RemoteHome&) = default;

 private:
  static constexpr std::size_t kFailureKinds = 4;

  // A breaker's permit, to be used before `until`.
  struct Permit {
    CircuitBreaker::Ticket ticket;
    Instant until = kNever;
    friend bool operator==(const Permit&, const Permit&) = default;
  };
  // Not reported yet. Attempts of two generations in one report count for neither: evidence may
  // count for less, and never for what it is not.
  struct Failures {
    Feedback last;
    std::uint32_t count = 0;
    friend bool operator==(const Failures&, const Failures&) = default;
  };
  struct Pending {
    CircuitBreaker::Ticket ticket;
    SuccessSummary successes;
    std::array<Failures, kFailureKinds> failures{};  // by FailureKind; none: was shed
    friend bool operator==(const Pending&, const Pending&) = default;
  };
  struct Member {
    // As the home last said.
    Standing standing{};
    bool suspect = false;
    BreakerState breaker{};
    CircuitBreaker::Ticket ticket;

    Verdict shown;  // as last told to this worker's pool
    std::optional<Permit> permit;
    bool asked = false;  // for a permit
    bool half_open_listed = false;
    Pending pending;
    friend bool operator==(const Member&, const Member&) = default;
  };

  static Member member_of(BackendIndex backend, const PoolPolicy& policy);
  void adopt(const PoolPolicy& policy);
  [[nodiscard]] Standing own_standing(const Member& member) const;
  void judge(BackendIndex backend);
  void report_later(Instant now);
  void ask_for_permits();
  void give_back(BackendIndex backend);
  void find_permits_end();
  void join(Pending& pending, CircuitBreaker::Ticket ticket) const;
  [[nodiscard]] std::optional<Message> poll_failure();

  PoolIndex pool_;
  bool retries_limited_ = true;
  bool hedging_ = false;
  Duration slow_call_{};
  std::vector<Member> members_;  // by BackendIndex
  std::vector<BackendIndex> half_open_;
  TokenPurse retries_;
  TokenPurse hedges_;
  std::uint32_t requests_ = 0;  // not reported yet
  bool short_of_tokens_ = false;

  bool resync_ = false;
  Ring<PermitReturn> returns_;  // of permits this worker holds: at most that many
  Worklist failed_;             // backends with failures to report, at once
  Worklist succeeded_;          // with successes, at the next report
  Worklist asks_;               // for a permit
  bool reporting_ = false;      // the time has come
  Instant report_at_ = kNever;
  Instant permits_end_ = kNever;  // the first unused one's
  std::vector<Verdict> verdicts_;
};

// How a backend stands before anything is known of it.
[[nodiscard]] Standing initial_standing(const PoolPolicy& policy, BackendIndex backend);

}  // namespace evenkeel::core
