// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/home.h"

namespace evenkeel::core {

namespace {

// Hedges have a budget of their own, with the retry budget's reserve and interval.
RetryBudgetPolicy hedge_budget(const RetryPolicy& policy) {
  RetryBudgetPolicy budget = policy.budget;
  budget.percent = policy.hedge.budget_percent;
  return budget;
}

}  // namespace

PoolHome::PoolHome(PoolIndex pool, const PoolPolicy& policy, Stream stream, Instant now)
    : pool_(pool),
      hedging_(policy.retry.hedge.enabled),
      outliers_(policy.outlier_detection, static_cast<std::uint32_t>(policy.backends.size()),
                stream.of(0)),
      retries_(policy.retry.budget, now),
      hedges_(hedge_budget(policy.retry), now),
      // Health deadlines are few and each has a length of its own: all of them go into the heap.
      deadlines_(Deadlines::kFineQuantum) {
  const auto count = static_cast<std::uint32_t>(policy.backends.size());
  const Stream checks = stream.of(1);
  const Stream breakers = stream.of(2);
  deadlines_.reserve_nodes(2 * count + 1);
  for (std::uint32_t i = 0; i < count; ++i) {
    checks_.emplace_back(policy.health_check, checks.of(i), now);
    breakers_.emplace_back(policy.circuit_breaker, breakers.of(i), now);
    weighty_.push_back(policy.backends[i].weight != 0);
  }
  // What one deadline can bring about, so that none of it asks for memory later.
  actions_.reserve(count);
  transitions_.reserve(count);
  eligible_.resize(count, false);
  for (std::uint32_t i = 0; i < count; ++i) {
    arm(check_node(BackendIndex{i}), checks_[i].next_deadline());
    judge(BackendIndex{i});
  }
}

CircuitBreaker::Ticket PoolHome::admit(Instant now, BackendIndex backend) {
  CircuitBreaker& breaker = breakers_[index(backend)];
  const CircuitBreaker::Ticket ticket = breaker.admit(now);
  if (ticket.probe) {
    // The last permit may be out now, and its lease runs.
    arm(breaker_node(backend), breaker.next_deadline());
    judge(backend);
  }
  return ticket;
}

void PoolHome::on_evidence(Instant now, const Evidence& evidence) {
  CircuitBreaker& breaker = breakers_[index(evidence.backend)];
  const auto change = breaker.on_result(now, evidence.ticket, evidence.outcome);
  if (change) note(now, evidence.backend, *change);
  if (change || evidence.ticket.probe) {
    arm(breaker_node(evidence.backend), breaker.next_deadline());
    judge(evidence.backend);
  }
  if (evidence.outcome == Outcome::neutral) return;
  if (evidence.outcome == Outcome::failure && !others_take_requests(evidence.backend)) return;
  const auto ejection =
      outliers_.on_outcome(now, evidence.backend, evidence.outcome == Outcome::success);
  if (!ejection) return;
  transitions_.push_back(Transition{
      now, BackendRef{pool_, evidence.backend}, TransitionKind::ejection,
      TransitionReason::consecutive_failures, 0, 1, ejection->evidence, ejection->until});
  arm(outlier_node(), outliers_.next_deadline());
  judge(evidence.backend);
}

void PoolHome::on_check_ended(Instant now, BackendIndex backend, std::uint64_t check,
                              CheckOutcome outcome) {
  ActiveCheck& checked = checks_[index(backend)];
  const auto change = checked.on_result(now, check, outcome);
  arm(check_node(backend), checked.next_deadline());
  if (change) note(now, backend, *change);
}

void PoolHome::on_deadline(Instant now) {
  const auto count = static_cast<Deadlines::Node>(checks_.size());
  while (const auto node = deadlines_.pop_due(now)) {
    if (*node < count) {
      on_check_deadline(now, BackendIndex{*node});
    } else if (*node < 2 * count) {
      const BackendIndex backend{*node - count};
      CircuitBreaker& breaker = breakers_[index(backend)];
      if (const auto change = breaker.on_deadline(now)) note(now, backend, *change);
      arm(*node, breaker.next_deadline());
      judge(backend);
    } else {
      returned_.clear();
      outliers_.on_deadline(now, returned_);
      for (const BackendIndex backend : returned_) {
        transitions_.push_back(Transition{now, BackendRef{pool_, backend}, TransitionKind::ejection,
                                          TransitionReason::ejection_over, 1, 0, 0, kNever});
        judge(backend);
      }
      arm(*node, outliers_.next_deadline());
    }
  }
}

void PoolHome::on_check_deadline(Instant now, BackendIndex backend) {
  ActiveCheck& check = checks_[index(backend)];
  const auto step = check.on_deadline(now);
  const CheckId id{BackendRef{pool_, backend}, step.check_number};
  if (step.change) note(now, backend, *step.change);
  if (step.due == ActiveCheck::Due::start_check) actions_.push_back(StartCheck{id});
  if (step.due == ActiveCheck::Due::time_out_check) actions_.push_back(CancelCheck{id});
  arm(check_node(backend), check.next_deadline());
}

void PoolHome::clear_news() {
  verdicts_.clear();
  transitions_.clear();
  actions_.clear();
}

bool PoolHome::eligible(BackendIndex backend) const {
  return checks_[index(backend)].up() && !outliers_.ejected(backend) &&
         breakers_[index(backend)].admits();
}

void PoolHome::arm(Deadlines::Node node, Instant deadline) {
  if (deadline == kNever) {
    deadlines_.disarm(node);
  } else {
    deadlines_.arm_at(node, deadline);
  }
}

void PoolHome::judge(BackendIndex backend) {
  const bool now_eligible = eligible(backend);
  if (now_eligible == eligible_[index(backend)]) return;
  eligible_[index(backend)] = now_eligible;
  if (weighty_[index(backend)]) now_eligible ? ++takers_ : --takers_;
  verdicts_.push_back(Verdict{backend, now_eligible});
}

bool PoolHome::others_take_requests(BackendIndex backend) const {
  const bool itself = eligible_[index(backend)] && weighty_[index(backend)];
  return takers_ > (itself ? 1U : 0U);
}

void PoolHome::note(Instant now, BackendIndex backend, const ActiveCheck::Change& change) {
  transitions_.push_back(Transition{now, BackendRef{pool_, backend}, TransitionKind::health,
                                    change.reason, static_cast<std::uint8_t>(change.from),
                                    static_cast<std::uint8_t>(change.to), change.evidence, kNever});
  judge(backend);
}

void PoolHome::note(Instant now, BackendIndex backend, const CircuitBreaker::Change& change) {
  const Instant until =
      change.to == BreakerState::open ? breakers_[index(backend)].open_until() : kNever;
  transitions_.push_back(Transition{now, BackendRef{pool_, backend}, TransitionKind::breaker,
                                    change.reason, static_cast<std::uint8_t>(change.from),
                                    static_cast<std::uint8_t>(change.to), change.evidence, until});
  judge(backend);
}

}  // namespace evenkeel::core
