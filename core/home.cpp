// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/home.h"

#include <utility>

// Configurations are applied in home_apply.cpp.
namespace evenkeel::core {

CircuitBreaker::Ticket PoolHome::admit(Instant now, BackendIndex backend) {
  CircuitBreaker& breaker = breakers_[index(backend)];
  if (!breaker.admits()) return CircuitBreaker::kNoTicket;
  const CircuitBreaker::Ticket ticket = breaker.admit(now);
  if (ticket.probe) {
    // The last permit may be out now, and its lease runs.
    arm(breaker_node(backend), breaker.next_deadline());
    judge(backend);
  }
  return ticket;
}

void PoolHome::on_evidence(Instant now, const Evidence& evidence) {
  const BackendIndex backend = evidence.backend;
  if (places_[index(backend)].removed) return;
  CircuitBreaker& breaker = breakers_[index(backend)];
  const auto change = breaker.on_result(now, evidence.ticket, evidence.feedback);
  if (change || evidence.ticket.probe) {
    note(now, backend, change);
    arm(breaker_node(backend), breaker.next_deadline());
    judge(backend);
  }
  if (evidence.feedback.outcome == Outcome::neutral) return;
  const bool success = evidence.feedback.outcome == Outcome::success;
  if (relaxing_) checks_[index(backend)].on_traffic(success);
  if (!success && !others_take_requests(backend)) return;
  const Instant deadline = outliers_.next_deadline();
  const auto ejection = outliers_.on_outcome(now, backend, evidence.feedback);
  if (outliers_.next_deadline() != deadline) arm(outlier_node(), outliers_.next_deadline());
  if (ejection) note(now, backend, *ejection);
}

void PoolHome::on_check_ended(Instant now, BackendIndex backend, std::uint64_t check,
                              CheckOutcome outcome) {
  ActiveCheck& checked = checks_[index(backend)];
  if (!checked.running(check)) return;
  const auto change = checked.on_result(now, check, outcome);
  arm(check_node(backend), checked.next_deadline());
  note(now, backend, change);
  if (unejecting_ && outcome == CheckOutcome::passed && outliers_.readmit(now, backend)) {
    note_return(now, backend, TransitionReason::check_passed);
    arm(outlier_node(), outliers_.next_deadline());
  }
}

void PoolHome::set_admin(Instant now, BackendIndex backend, AdminState state) {
  if (!places_[index(backend)].removed) note_admin(now, backend, state);
}

void PoolHome::force_breaker(Instant now, BackendIndex backend, std::optional<BreakerState> state) {
  if (places_[index(backend)].removed) return;
  CircuitBreaker& breaker = breakers_[index(backend)];
  note(now, backend, breaker.force(now, state));
  arm(breaker_node(backend), breaker.next_deadline());
  judge(backend);
}

void PoolHome::on_deadline(Instant now) {
  const auto count = static_cast<Deadlines::Node>(places_.size());
  while (const auto node = deadlines_.pop_due(now)) {
    if (*node < count) {
      on_check_deadline(now, BackendIndex{*node});
    } else if (*node < 2 * count) {
      const BackendIndex backend{*node - count};
      CircuitBreaker& breaker = breakers_[index(backend)];
      note(now, backend, breaker.on_deadline(now));
      arm(*node, breaker.next_deadline());
      judge(backend);
    } else {
      on_outlier_deadline(now);
      arm(*node, outliers_.next_deadline());
    }
  }
}

void PoolHome::on_check_deadline(Instant now, BackendIndex backend) {
  ActiveCheck& check = checks_[index(backend)];
  const auto step = check.on_deadline(now);
  const CheckId id{BackendRef{pool_, backend}, step.check_number};
  note(now, backend, step.change);
  if (step.due == ActiveCheck::Due::start_check) actions_.push_back(StartCheck{id});
  if (step.due == ActiveCheck::Due::time_out_check) actions_.push_back(CancelCheck{id});
  arm(check_node(backend), check.next_deadline());
}

void PoolHome::on_outlier_deadline(Instant now) {
  outliers_.on_deadline(now, returned_, found_);
  for (const BackendIndex backend : returned_) {
    note_return(now, backend, TransitionReason::ejection_over);
  }
  for (const Outlier& outlier : found_) {
    if (!others_take_requests(outlier.backend)) continue;
    if (const auto ejection = outliers_.eject(now, outlier)) note(now, outlier.backend, *ejection);
  }
  returned_.clear();
  found_.clear();
  if (!sinkholes_) return;
  for (std::uint32_t i = 0; i < places_.size(); ++i) judge(BackendIndex{i});
}

void PoolHome::clear_news() {
  verdicts_.clear();
  transitions_.clear();
  actions_.clear();
}

Standing PoolHome::standing(BackendIndex backend) const {
  const Place& place = places_[index(backend)];
  if (place.removed || place.admin == AdminState::maintenance) return Standing::down;
  if (place.admin == AdminState::drain) return Standing::draining;
  switch (checks_[index(backend)].state()) {
    case HealthState::unchecked:
      return Standing::unchecked;
    case HealthState::unhealthy:
      return Standing::unhealthy;
    case HealthState::healthy:
      break;
  }
  if (outliers_.ejected(backend)) return Standing::ejected;
  return breakers_[index(backend)].admits() ? Standing::eligible : Standing::breaker_open;
}

void PoolHome::arm(Deadlines::Node node, Instant deadline) {
  if (deadline == kNever) {
    deadlines_.disarm(node);
  } else {
    deadlines_.arm_at(node, deadline);
  }
}

void PoolHome::judge(BackendIndex backend) {
  const Place& place = places_[index(backend)];
  const bool half_open = breaker(backend) == BreakerState::half_open;
  if (standing(backend) != place.standing || suspect(backend) != place.suspect ||
      half_open != place.half_open) {
    tell(backend);
  }
}

void PoolHome::tell(BackendIndex backend) {
  Place& place = places_[index(backend)];
  if (place.takes_requests) --takers_;
  place.standing = standing(backend);
  place.suspect = suspect(backend);
  place.half_open = breaker(backend) == BreakerState::half_open;
  place.takes_requests = place.weighty && place.standing == Standing::eligible;
  if (place.takes_requests) ++takers_;
  verdicts_.push_back(Verdict{backend, place.standing, place.suspect, place.half_open});
}

void PoolHome::note(Instant now, BackendIndex backend,
                    const std::optional<ActiveCheck::Change>& change) {
  if (!change) return;
  transitions_.push_back(Transition{now, BackendRef{pool_, backend}, TransitionKind::health,
                                    change->reason, static_cast<std::uint8_t>(change->from),
                                    static_cast<std::uint8_t>(change->to), change->evidence,
                                    kNever});
  judge(backend);
}

void PoolHome::note(Instant now, BackendIndex backend,
                    const std::optional<CircuitBreaker::Change>& change) {
  if (!change) return;
  const Instant until =
      change->to == BreakerState::open ? breakers_[index(backend)].open_until() : kNever;
  transitions_.push_back(Transition{now, BackendRef{pool_, backend}, TransitionKind::breaker,
                                    change->reason, static_cast<std::uint8_t>(change->from),
                                    static_cast<std::uint8_t>(change->to), change->evidence,
                                    until});
  judge(backend);
}

void PoolHome::note(Instant now, BackendIndex backend, const OutlierDetector::Ejection& ejection) {
  transitions_.push_back(Transition{now, BackendRef{pool_, backend}, TransitionKind::ejection,
                                    ejection.reason, 0, 1, ejection.evidence, ejection.until});
  judge(backend);
}

void PoolHome::note_return(Instant now, BackendIndex backend, TransitionReason reason) {
  transitions_.push_back(Transition{now, BackendRef{pool_, backend}, TransitionKind::ejection,
                                    reason, 1, 0, 0, kNever});
  judge(backend);
}

void PoolHome::note_admin(Instant now, BackendIndex backend, AdminState state) {
  const AdminState from = std::exchange(places_[index(backend)].admin, state);
  if (from == state) return;
  transitions_.push_back(Transition{now, BackendRef{pool_, backend}, TransitionKind::admin,
                                    TransitionReason::requested, static_cast<std::uint8_t>(from),
                                    static_cast<std::uint8_t>(state), 0, kNever});
  judge(backend);
}

}  // namespace evenkeel::core
