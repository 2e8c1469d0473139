// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "evenkeel/core/home.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/worker/home_desk.h"
#include "evenkeel/core/worker/load_book.h"
#include "evenkeel/core/worker/load_share.h"
#include "evenkeel/core/worker/message.h"
#include "evenkeel/core/worker/remote_home.h"

namespace evenkeel::core {

// A worker's way to the home of one pool, wherever it is.
//
//     the home's worker:    PoolHome, called directly; HomeDesk and LoadBook for the others
//     every other worker:   RemoteHome
//     with several workers: a LoadShare for each
//
// With one worker this is a PoolHome and nothing else: one predictable branch per call.
class HomeLink {
 public:
  HomeLink(PoolIndex pool, const PoolPolicy& policy, Stream stream, WorkerIndex self,
           std::uint32_t workers, Instant now);

  // ---- as PoolHome ------------------------------------------------------------------------------

  void on_request(Instant now) {
    if (PoolHome* home = local()) return home->on_request(now);
    remote().on_request(now);
  }
  [[nodiscard]] bool try_retry(Instant now) {
    if (PoolHome* home = local()) return home->try_retry(now);
    return remote().try_retry(now);
  }
  [[nodiscard]] bool try_hedge(Instant now) {
    if (PoolHome* home = local()) return home->try_hedge(now);
    return remote().try_hedge(now);
  }
  [[nodiscard]] CircuitBreaker::Ticket admit(Instant now, BackendIndex backend) {
    if (PoolHome* home = local()) return home->admit(now, backend);
    return remote().admit(now, backend);
  }
  void on_evidence(Instant now, const Evidence& evidence) {
    if (PoolHome* home = local()) return home->on_evidence(now, evidence);
    remote().on_evidence(now, evidence);
  }
  void on_deadline(Instant now);
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] std::span<const Verdict> verdicts() const {
    if (const PoolHome* home = local()) return home->verdicts();
    return remote().verdicts();
  }
  // Checks run, and transitions are noted, at the home.
  [[nodiscard]] std::span<const Transition> transitions() const {
    if (const PoolHome* home = local()) return home->transitions();
    return {};
  }
  [[nodiscard]] std::span<const Action> actions() const {
    if (const PoolHome* home = local()) return home->actions();
    return {};
  }
  [[nodiscard]] bool has_news() const {
    const bool news = local() != nullptr ? local()->has_news() : remote().has_news();
    return news || (share_ && share_->has_news());
  }
  // Posts the news to the other workers first.
  void clear_news(Instant now);

  [[nodiscard]] Standing standing(BackendIndex backend) const {
    if (const PoolHome* home = local()) return home->standing(backend);
    return remote().standing(backend);
  }
  [[nodiscard]] BreakerState breaker(BackendIndex backend) const {
    if (const PoolHome* home = local()) return home->breaker(backend);
    return remote().breaker(backend);
  }

  // Null unless this worker is the home: for checks, operators' words and questions.
  [[nodiscard]] PoolHome* local() { return std::get_if<PoolHome>(&home_); }
  [[nodiscard]] const PoolHome* local() const { return std::get_if<PoolHome>(&home_); }

  // ---- load and limits; nothing of it with one worker -------------------------------------------

  void on_attempt_started(Instant now, BackendIndex backend) {
    if (share_) share_->on_started(now, backend);
  }
  void on_attempt_ended(Instant now, BackendIndex backend) {
    if (share_) share_->on_ended(now, backend);
  }
  void on_saturated(Instant now) {
    if (share_) share_->on_saturated(now);
  }
  // The limits of this worker and the load of the others; nullptr with one worker, which has the
  // policy's limits to itself. Its news is part of has_news().
  [[nodiscard]] const LoadShare* share() const { return share_ ? &*share_ : nullptr; }

  // ---- messages ---------------------------------------------------------------------------------

  // Of another worker, about this pool. May bring news.
  void on_message(Instant now, WorkerIndex from, const Message& message);
  // For another worker. Ask until there is none after any call above, then look for news: what the
  // home tells its own worker is delivered here.
  [[nodiscard]] std::optional<Posted> poll_message(Instant now);

  // Another policy, in the same places (see reload.h). The news of it is to be taken as ever.
  void apply(const PoolPolicy& policy, Instant now);

  friend bool operator==(const HomeLink&, const HomeLink&) = default;

 private:
  [[nodiscard]] RemoteHome& remote() { return *std::get_if<RemoteHome>(&home_); }
  [[nodiscard]] const RemoteHome& remote() const { return *std::get_if<RemoteHome>(&home_); }
  [[nodiscard]] std::optional<Posted> poll_own_share(Instant now);

  // The home's part in a pool of several workers.
  struct Office {
    HomeDesk desk;
    LoadBook book;
    friend bool operator==(const Office&, const Office&) = default;
  };

  WorkerIndex self_;
  WorkerIndex home_worker_;
  std::variant<PoolHome, RemoteHome> home_;
  std::optional<Office> office_;
  std::optional<LoadShare> share_;
};

}  // namespace evenkeel::core
