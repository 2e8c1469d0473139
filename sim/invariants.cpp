// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/invariants.h"

#include <utility>

namespace evenkeel::sim {

namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }

std::string seconds(core::Duration d) {
  const std::int64_t milliseconds = d.count() / 1'000'000;
  std::string fraction = std::to_string(milliseconds % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(milliseconds / 1000) + "." + fraction + " s";
}

}  // namespace

// ---- I1 ----------------------------------------------------------------------------------------

std::string Conservation::sum() const {
  return number(arrivals_) + " = " + number(ended_[0]) + " + " + number(ended_[1]) + " + " +
         number(ended_[2]) + " + " + number(in_flight_);
}

std::string Conservation::detail() const {
  std::string text = sum_.empty() || !once_ ? sum() : sum_;
  if (!once_) text += "; a request ended twice, or without having arrived";
  return text;
}

// ---- I2 ----------------------------------------------------------------------------------------

bool SingleDelivery::is_idempotent(core::Method method) {
  switch (method) {
    case core::Method::get:
    case core::Method::head:
    case core::Method::put:
    case core::Method::delete_:
    case core::Method::options:
    case core::Method::trace:
      return true;
    case core::Method::post:
    case core::Method::patch:
    case core::Method::connect:
    case core::Method::other:
      return false;
  }
  return false;
}

std::string SingleDelivery::detail() const {
  return number(doubles_) + " of " + number(begun_) +
         " beginnings of non-idempotent requests were a second one";
}

// ---- I3 ----------------------------------------------------------------------------------------

bool RetryBound::holds(core::Instant now, std::uint64_t spent, std::uint32_t percent) {
  if (!policy_.budget.enabled) return true;
  // Both sides times 100 · 10^9, so that nothing is rounded.
  __extension__ using Wide = unsigned __int128;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto span = static_cast<std::uint64_t>((now - start_ + policy_.budget.interval).count());
  const Wide allowed = static_cast<Wide>(percent) * first_ * kSecond +
                       static_cast<Wide>(policy_.budget.min_per_second) * span * 100;
  if (static_cast<Wide>(spent) * 100 * kSecond <= allowed) return true;
  broken_ = number(spent) + " > " + number(percent) + " % of " + number(first_) + " + " +
            number(policy_.budget.min_per_second) + "/s over " + seconds(now - start_) + " and " +
            seconds(policy_.budget.interval);
  return false;
}

std::string RetryBound::detail() const {
  if (!broken_.empty()) return broken_;
  return number(retries_) + " retries and " + number(hedges_) + " hedges of " + number(first_) +
         " first attempts";
}

// ---- I4 ----------------------------------------------------------------------------------------

void Obedience::on_transition(std::size_t backend, core::TransitionKind kind, std::uint8_t to) {
  Verdicts& verdicts = backends_[backend];
  switch (kind) {
    case core::TransitionKind::health:
      // Told to wait for the first result counts as taken out, too.
      verdicts.unhealthy = static_cast<core::HealthState>(to) != core::HealthState::healthy;
      return;
    case core::TransitionKind::ejection:
      verdicts.ejected = to != 0;
      return;
    case core::TransitionKind::breaker:
      verdicts.open = static_cast<core::BreakerState>(to) == core::BreakerState::open;
      return;
    case core::TransitionKind::admin:
      verdicts.leaving = static_cast<core::AdminState>(to) != core::AdminState::ready;
      return;
    case core::TransitionKind::panic:
      return;  // a pool's
  }
}

std::string Obedience::detail() const {
  if (!offender_) return number(starts_) + " attempts, none to a backend that was taken out";
  const Verdicts& verdicts = backends_[*offender_];
  std::string why;
  if (verdicts.unhealthy) why += " unhealthy";
  if (verdicts.ejected) why += " ejected";
  if (verdicts.open) why += " behind an open breaker";
  if (verdicts.leaving) why += " draining";
  return "an attempt went to backend " + number(*offender_) + ", which was" + why;
}

// ---- I5 ----------------------------------------------------------------------------------------

bool NoLeak::on_drained(const Leftovers& left) {
  left_ = left;
  checked_ = true;
  return left.requests == 0 && left.attempts == 0 && left.in_flight == 0 &&
         left.client_connections == 0 && left.backend_connections == 0 && left.connections == 0 &&
         left.bytes == 0 && !left.timers;
}

std::string NoLeak::detail() const {
  if (!checked_) return "not drained";
  return number(left_.requests) + " requests, " + number(left_.attempts) + " attempts (" +
         number(left_.in_flight) + " counted), " + number(left_.client_connections) + " + " +
         number(left_.backend_connections) + " connections (" + number(left_.connections) +
         " in the network, " + number(left_.bytes) + " bytes), " +
         (left_.timers ? "a timer" : "no timer") + " left";
}

// ---- I6 ----------------------------------------------------------------------------------------

std::string Causality::detail() const {
  if (!broken_at_) return number(events_) + " events in order";
  return "event " + number(events_) + " of " + seconds(broken_at_->time_since_epoch()) +
         " was handled at another time, or before an earlier one";
}

// ---- I7 ----------------------------------------------------------------------------------------

std::string AttemptBound::detail() const {
  return "at most " + number(most_) + " of " + number(allowed_) + " attempts";
}

}  // namespace evenkeel::sim
