// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/remote_home.h"

#include <algorithm>

namespace evenkeel::core {

Standing initial_standing(const PoolPolicy& policy, BackendIndex backend) {
  const bool known = index(backend) < policy.backends.size();
  if (!known || policy.backends[index(backend)].removed) return Standing::down;
  if (policy.health_check.type == CheckType::off) return Standing::eligible;
  switch (policy.health_check.initial_state) {
    case InitialState::healthy:
      return Standing::eligible;
    case InitialState::unhealthy:
      return Standing::unhealthy;
    case InitialState::unchecked:
      return Standing::unchecked;
  }
  return Standing::eligible;
}

RemoteHome::RemoteHome(PoolIndex pool, const PoolPolicy& policy, Instant /*now*/) : pool_(pool) {
  adopt(policy);
}

RemoteHome::Member RemoteHome::member_of(BackendIndex backend, const PoolPolicy& policy) {
  Member member;
  member.standing = initial_standing(policy, backend);
  member.shown = Verdict{backend, member.standing, false};
  return member;
}

void RemoteHome::adopt(const PoolPolicy& policy) {
  retries_limited_ = policy.retry.budget.enabled;
  hedging_ = policy.retry.hedge.enabled;
  slow_call_ = policy.circuit_breaker.slow_call_duration;
  const auto count = static_cast<std::uint32_t>(policy.backends.size());
  for (auto i = static_cast<std::uint32_t>(members_.size()); i < count; ++i) {
    members_.push_back(member_of(BackendIndex{i}, policy));
    verdicts_.push_back(members_.back().shown);
  }
  failed_.resize(count);
  succeeded_.resize(count);
  asks_.resize(count);
  half_open_.reserve(count);
  verdicts_.reserve(count);
}

// What has changed in a place that is known, the home says.
void RemoteHome::apply(const PoolPolicy& policy, Instant /*now*/) {
  adopt(policy);
  resync_ = true;
}

// ---- as PoolHome --------------------------------------------------------------------------------

void RemoteHome::on_request(Instant now) {
  ++requests_;
  report_later(now);
  if (!half_open_.empty()) ask_for_permits();
}

bool RemoteHome::try_retry(Instant now) {
  if (!retries_limited_) return true;
  short_of_tokens_ = true;
  report_later(now);
  return retries_.spend(now);
}

bool RemoteHome::try_hedge(Instant now) {
  if (!hedging_) return false;
  if (!retries_limited_) return true;
  short_of_tokens_ = true;
  report_later(now);
  return hedges_.spend(now);
}

CircuitBreaker::Ticket RemoteHome::admit(Instant now, BackendIndex backend) {
  Member& member = members_[index(backend)];
  if (member.breaker == BreakerState::closed) return member.ticket;
  if (!member.permit || now >= member.permit->until) return CircuitBreaker::kNoTicket;
  const CircuitBreaker::Ticket ticket = member.permit->ticket;
  member.permit.reset();
  find_permits_end();
  judge(backend);
  return ticket;
}

void RemoteHome::on_evidence(Instant now, const Evidence& evidence) {
  const Feedback& feedback = evidence.feedback;
  if (evidence.ticket.probe) {
    returns_.push(PermitReturn{evidence.backend, evidence.ticket, feedback});
    return;
  }
  // What is neither a success nor a failure matters only if it asks to be left alone.
  const bool shed = feedback.retry_after > Duration::zero();
  if (feedback.outcome == Outcome::neutral && !shed) return;
  Pending& pending = members_[index(evidence.backend)].pending;
  join(pending, evidence.ticket);
  if (feedback.outcome == Outcome::success) {
    pending.successes.add(feedback, slow_call_);
    succeeded_.add(index(evidence.backend));
    report_later(now);
    return;
  }
  Failures& failures = pending.failures[static_cast<std::size_t>(feedback.failure)];
  failures.last = feedback;
  ++failures.count;
  failed_.add(index(evidence.backend));
}

void RemoteHome::on_deadline(Instant now) {
  if (now >= report_at_) {
    report_at_ = kNever;
    reporting_ = true;
    retries_.expire(now);
    hedges_.expire(now);
  }
  if (now < permits_end_) return;
  for (const BackendIndex backend : half_open_) {
    const auto& permit = members_[index(backend)].permit;
    if (permit && permit->until <= now) give_back(backend);
  }
  find_permits_end();
}

// ---- messages -----------------------------------------------------------------------------------

void RemoteHome::on_message(Instant /*now*/, const VerdictChange& change) {
  if (index(change.backend) >= members_.size()) return;  // not configured here yet; see apply()
  Member& member = members_[index(change.backend)];
  member.standing = change.standing;
  member.suspect = change.suspect;
  member.breaker = change.breaker;
  member.ticket = change.ticket;
  if (member.breaker == BreakerState::half_open) {
    if (!member.half_open_listed) half_open_.push_back(change.backend);
  } else {
    // Its generation is over. The breaker has forgotten the permit.
    member.permit.reset();
    half_open_.erase(std::remove(half_open_.begin(), half_open_.end(), change.backend),
                     half_open_.end());
    find_permits_end();
  }
  member.half_open_listed = member.breaker == BreakerState::half_open;
  judge(change.backend);
}

void RemoteHome::on_message(Instant /*now*/, const TokenGrant& grant) {
  retries_.add(grant.retries, grant.until);
  hedges_.add(grant.hedges, grant.until);
}

void RemoteHome::on_message(Instant now, const PermitGrant& grant) {
  if (index(grant.backend) >= members_.size()) return;
  Member& member = members_[index(grant.backend)];
  member.asked = false;
  if (!grant.ticket.probe) return;
  member.permit = Permit{grant.ticket, earlier_of(grant.until, later(now, kPermitUse))};
  if (member.breaker != BreakerState::half_open || member.permit->until <= now) {
    give_back(grant.backend);
  }
  find_permits_end();
  judge(grant.backend);
}

std::optional<Message> RemoteHome::poll_message() {
  if (resync_) {
    resync_ = false;
    return Message{pool_, Resync{}};
  }
  if (const auto back = returns_.pop()) return Message{pool_, *back};
  if (auto failure = poll_failure()) return failure;
  if (const auto backend = asks_.pop())
    return Message{pool_, PermitRequest{BackendIndex{*backend}}};
  if (!reporting_) return std::nullopt;
  if (requests_ != 0 || retries_.used() != 0 || hedges_.used() != 0 || short_of_tokens_) {
    const UsageReport usage{requests_, retries_.take_used(), hedges_.take_used()};
    requests_ = 0;
    short_of_tokens_ = false;
    return Message{pool_, usage};
  }
  while (const auto backend = succeeded_.pop()) {
    Pending& pending = members_[*backend].pending;
    if (pending.successes.empty()) continue;  // went with a failure
    const SuccessReport report{BackendIndex{*backend}, pending.ticket, pending.successes};
    pending.successes.clear();
    return Message{pool_, report};
  }
  reporting_ = false;
  return std::nullopt;
}

std::optional<Message> RemoteHome::poll_failure() {
  const auto backend = failed_.pop();
  if (!backend) return std::nullopt;
  Pending& pending = members_[*backend].pending;
  if (!pending.successes.empty()) {  // they came first
    failed_.add(*backend);
    const SuccessReport report{BackendIndex{*backend}, pending.ticket, pending.successes};
    pending.successes.clear();
    return Message{pool_, report};
  }
  std::optional<Message> first;
  for (Failures& failures : pending.failures) {
    if (failures.count == 0) continue;
    if (first) {
      failed_.add(*backend);
      break;
    }
    first = Message{pool_, FailureReport{BackendIndex{*backend}, pending.ticket, failures.last,
                                         failures.count}};
    failures = Failures{};
  }
  return first;
}

// ---- inside -------------------------------------------------------------------------------------

// The home calls a half-open backend eligible while its breaker has permits: for others to ask.
Standing RemoteHome::own_standing(const Member& member) const {
  const bool admits =
      member.standing == Standing::eligible || member.standing == Standing::breaker_open;
  if (!admits || member.breaker != BreakerState::half_open) return member.standing;
  return member.permit ? Standing::eligible : Standing::breaker_open;
}

void RemoteHome::judge(BackendIndex backend) {
  Member& member = members_[index(backend)];
  const Verdict verdict{backend, own_standing(member), member.suspect,
                        member.breaker == BreakerState::half_open};
  if (verdict == member.shown) return;
  member.shown = verdict;
  verdicts_.push_back(verdict);
}

void RemoteHome::report_later(Instant now) {
  if (report_at_ == kNever) report_at_ = later(now, kReportInterval);
}

void RemoteHome::ask_for_permits() {
  for (const BackendIndex backend : half_open_) {
    Member& member = members_[index(backend)];
    if (member.standing != Standing::eligible || member.permit || member.asked) continue;
    member.asked = true;
    asks_.add(index(backend));
  }
}

void RemoteHome::give_back(BackendIndex backend) {
  Member& member = members_[index(backend)];
  returns_.push(PermitReturn{backend, member.permit->ticket, Feedback{}});
  member.permit.reset();
  judge(backend);
}

void RemoteHome::find_permits_end() {
  permits_end_ = kNever;
  for (const BackendIndex backend : half_open_) {
    const auto& permit = members_[index(backend)].permit;
    if (permit) permits_end_ = earlier_of(permits_end_, permit->until);
  }
}

void RemoteHome::join(Pending& pending, CircuitBreaker::Ticket ticket) const {
  const bool alone = pending.successes.empty() &&
                     std::all_of(pending.failures.begin(), pending.failures.end(),
                                 [](const Failures& failures) { return failures.count == 0; });
  if (alone) {
    pending.ticket = ticket;
  } else if (pending.ticket != ticket) {
    pending.ticket = CircuitBreaker::kNoTicket;
  }
}

}  // namespace evenkeel::core
