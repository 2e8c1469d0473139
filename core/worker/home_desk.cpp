// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/home_desk.h"

#include <algorithm>

#include "evenkeel/core/worker/remote_home.h"

namespace evenkeel::core {

HomeDesk::HomeDesk(PoolIndex pool, const PoolPolicy& policy, WorkerIndex self,
                   std::uint32_t workers, PoolHome& home, Instant now)
    : pool_(pool), self_(self), workers_(workers), peers_(workers) {
  adopt(policy);
  for (std::uint32_t i = 0; i < told_.size(); ++i) refresh(now, BackendIndex{i}, home);
  for (Peer& peer : peers_) lease(now, peer, home);  // for a failure among the first requests
}

// What a worker believes that was told nothing yet.
void HomeDesk::adopt(const PoolPolicy& policy) {
  retries_limited_ = policy.retry.budget.enabled;
  hedges_limited_ = policy.retry.hedge.enabled && retries_limited_;
  lease_ = policy.retry.budget.interval;
  permit_lease_ = policy.circuit_breaker.open_duration;
  const auto count = static_cast<std::uint32_t>(policy.backends.size());
  for (auto i = static_cast<std::uint32_t>(told_.size()); i < count; ++i) {
    VerdictChange unsaid;
    unsaid.backend = BackendIndex{i};
    unsaid.standing = initial_standing(policy, BackendIndex{i});
    told_.push_back(unsaid);
  }
  for (Peer& peer : peers_) peer.verdicts.resize(count);
}

void HomeDesk::apply(Instant now, const PoolPolicy& policy, PoolHome& home) {
  adopt(policy);
  for (std::uint32_t i = 0; i < told_.size(); ++i) refresh(now, BackendIndex{i}, home);
}

// ---- messages in --------------------------------------------------------------------------------

void HomeDesk::on_message(Instant now, WorkerIndex from, const UsageReport& usage, PoolHome& home) {
  for (std::uint32_t i = 0; i < usage.requests; ++i) home.on_request(now);
  Peer& peer = peers_[index(from)];
  peer.retries_out -= std::min(peer.retries_out, usage.retries);
  peer.hedges_out -= std::min(peer.hedges_out, usage.hedges);
  lease(now, peer, home);
}

void HomeDesk::on_message(Instant now, WorkerIndex /*from*/, const SuccessReport& report,
                          PoolHome& home) {
  if (index(report.backend) >= told_.size()) return;
  report.successes.for_each([&](const Feedback& feedback, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      home.on_evidence(now, Evidence{report.backend, feedback, report.ticket});
    }
  });
}

void HomeDesk::on_message(Instant now, WorkerIndex /*from*/, const FailureReport& report,
                          PoolHome& home) {
  if (index(report.backend) >= told_.size()) return;
  for (std::uint32_t i = 0; i < report.count; ++i) {
    home.on_evidence(now, Evidence{report.backend, report.last, report.ticket});
  }
}

void HomeDesk::on_message(Instant now, WorkerIndex from, const PermitRequest& request,
                          PoolHome& home) {
  PermitGrant grant{request.backend, CircuitBreaker::kNoTicket, now};
  const bool known = index(request.backend) < told_.size();
  if (known && home.standing(request.backend) == Standing::eligible) {
    grant.ticket = home.admit(now, request.backend);
    grant.until = later(now, permit_lease_);
  }
  peers_[index(from)].permits.push(grant);
}

void HomeDesk::on_message(Instant now, WorkerIndex /*from*/, const PermitReturn& given_back,
                          PoolHome& home) {
  if (index(given_back.backend) >= told_.size()) return;
  home.on_evidence(now, Evidence{given_back.backend, given_back.feedback, given_back.ticket});
}

void HomeDesk::on_message(Instant /*now*/, WorkerIndex from, const Resync& /*resync*/,
                          PoolHome& /*home*/) {
  for (std::uint32_t i = 0; i < told_.size(); ++i) peers_[index(from)].verdicts.add(i);
}

// ---- messages out -------------------------------------------------------------------------------

void HomeDesk::publish(Instant now, PoolHome& home) {
  for (const Verdict& verdict : home.verdicts()) refresh(now, verdict.backend, home);
  // A breaker may change without a change of standing: a half-open one that closes was eligible
  // while it had permits.
  for (const Transition& transition : home.transitions()) {
    if (transition.kind == TransitionKind::breaker) refresh(now, transition.backend.backend, home);
  }
}

std::optional<Posted> HomeDesk::poll_message() {
  for (std::uint32_t w = 0; w < workers_; ++w) {
    Peer& peer = peers_[w];
    const WorkerIndex to{w};
    if (to == self_) continue;
    // A permit after the verdict that says half-open, or it would be taken for an old one.
    if (const auto backend = peer.verdicts.pop())
      return Posted{to, Message{pool_, told_[*backend]}};
    if (const auto permit = peer.permits.pop()) return Posted{to, Message{pool_, *permit}};
    if (peer.grant.retries != 0 || peer.grant.hedges != 0) {
      const TokenGrant grant = peer.grant;
      peer.grant = TokenGrant{};
      return Posted{to, Message{pool_, grant}};
    }
  }
  return std::nullopt;
}

// ---- inside -------------------------------------------------------------------------------------

void HomeDesk::refresh(Instant now, BackendIndex backend, PoolHome& home) {
  VerdictChange& told = told_[index(backend)];
  VerdictChange next = told;
  next.standing = home.standing(backend);
  next.suspect = home.suspect(backend);
  next.breaker = home.breaker(backend);
  // Of a closed breaker this takes nothing; of any other, others have no use for its ticket.
  next.ticket =
      next.breaker == BreakerState::closed ? home.admit(now, backend) : CircuitBreaker::kNoTicket;
  if (next == told) return;
  told = next;
  for (Peer& peer : peers_) peer.verdicts.add(index(backend));
}

void HomeDesk::lease(Instant now, Peer& peer, PoolHome& home) {
  if (!retries_limited_ || &peer == &peers_[index(self_)]) return;
  const bool first = peer.grant.retries == 0 && peer.grant.hedges == 0;
  std::uint32_t retries = part_of(home.retry_allowance(now), peer.retries_out);
  for (; retries > 0 && home.try_retry(now); --retries) {
    ++peer.grant.retries;
    ++peer.retries_out;
  }
  std::uint32_t hedges = hedges_limited_ ? part_of(home.hedge_allowance(now), peer.hedges_out) : 0;
  for (; hedges > 0 && home.try_hedge(now); --hedges) {
    ++peer.grant.hedges;
    ++peer.hedges_out;
  }
  // Of several grants that have not been posted yet, the end of the first holds for all.
  if (first) peer.grant.until = later(now, lease_);
}

std::uint32_t HomeDesk::part_of(std::uint64_t allowance, std::uint32_t out) const {
  const std::uint64_t part = std::max<std::uint64_t>(allowance / (2 * std::uint64_t{workers_}), 1);
  return part > out ? static_cast<std::uint32_t>(std::min<std::uint64_t>(part - out, 0xffffffff))
                    : 0;
}

}  // namespace evenkeel::core
