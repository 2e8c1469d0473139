// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "evenkeel/core/home.h"
#include "evenkeel/core/reload.h"

// How a home begins, and how it takes another configuration.
namespace evenkeel::core {
namespace {

// Hedges have a budget of their own, with the retry budget's reserve and interval.
RetryBudgetPolicy hedge_budget(const RetryPolicy& policy) {
  RetryBudgetPolicy budget = policy.budget;
  budget.percent = policy.hedge.budget_percent;
  return budget;
}

HealthCheckPolicy without_checks() {
  HealthCheckPolicy policy;
  policy.type = CheckType::off;
  return policy;
}

}  // namespace

PoolHome::Terms::Terms(const PoolPolicy& policy)
    : checks(policy.health_check), no_checks(without_checks()), breaker(policy.circuit_breaker) {}

PoolHome::PoolHome(PoolIndex pool, const PoolPolicy& policy, Stream stream, Instant now)
    : pool_(pool),
      stream_(stream),
      outliers_(policy.outlier_detection, 0, stream.of(0)),
      retries_(policy.retry.budget, now),
      hedges_(hedge_budget(policy.retry), now),
      // Health deadlines are few and each has a length of its own: all of them go into the heap.
      deadlines_(Deadlines::kFineQuantum) {
  apply(policy, now);
}

void PoolHome::apply(const PoolPolicy& policy, Instant now) {
  hedging_ = policy.retry.hedge.enabled;
  relaxing_ = policy.health_check.relax_factor > 1;
  unejecting_ = policy.outlier_detection.uneject_on_active_success;
  sinkholes_ = policy.outlier_detection.sinkhole_factor > Decimal{0};
  retries_.apply(policy.retry.budget, now);
  hedges_.apply(hedge_budget(policy.retry), now);

  const Terms terms(policy);
  const std::size_t known = places_.size();
  const Instant outlier_deadline = outliers_.next_deadline();
  for (std::uint32_t i = 0; i < known; ++i) settle_place(policy, terms, BackendIndex{i}, now);
  if (policy.backends.size() > known) grow(policy, terms, now);

  outliers_.apply(policy.outlier_detection, now, returned_);
  for (const BackendIndex backend : returned_) {
    note_return(now, backend, TransitionReason::ejection_over);
  }
  returned_.clear();
  if (outliers_.next_deadline() != outlier_deadline) {
    arm(outlier_node(), outliers_.next_deadline());
  }
  for (std::uint32_t i = 0; i < known; ++i) judge(BackendIndex{i});
}

// Adds places for whom the policy names beyond the known ones.
void PoolHome::grow(const PoolPolicy& policy, const Terms& terms, Instant now) {
  const auto count = static_cast<std::uint32_t>(policy.backends.size());
  const auto known = static_cast<std::uint32_t>(places_.size());
  outliers_.resize(count);
  places_.reserve(count);
  checks_.reserve(count);
  breakers_.reserve(count);
  for (std::uint32_t i = known; i < count; ++i) {
    const BackendPolicy& backend = policy.backends[i];
    Place place;
    place.identity = identity_of(backend);
    place.removed = backend.removed;
    place.admin = backend.removed ? AdminState::maintenance : AdminState::ready;
    place.weighty = backend.weight != 0;
    places_.push_back(place);
    checks_.emplace_back(backend.removed ? terms.no_checks : terms.checks, stream_.of(1).of(i),
                         now);
    breakers_.emplace_back(terms.breaker, stream_.of(2).of(i), now);
    if (!backend.removed) outliers_.replace(BackendIndex{i}, true);
  }
  const std::uint32_t news = std::min(count, kRoomForNews);
  actions_.reserve(news);
  transitions_.reserve(news);
  verdicts_.reserve(news);
  returned_.reserve(news);
  found_.reserve(news);
  for (std::uint32_t i = known; i < count; ++i) tell(BackendIndex{i});
  arm_all();
}

// Every node anew: their numbers follow from the number of places.
void PoolHome::arm_all() {
  const auto count = static_cast<std::uint32_t>(places_.size());
  deadlines_ = Deadlines(Deadlines::kFineQuantum);
  deadlines_.reserve_nodes(2 * count + 1);
  for (std::uint32_t i = 0; i < count; ++i) {
    arm(check_node(BackendIndex{i}), checks_[i].next_deadline());
    arm(breaker_node(BackendIndex{i}), breakers_[i].next_deadline());
  }
  arm(outlier_node(), outliers_.next_deadline());
}

// Who is in a known place from now on.
void PoolHome::settle_place(const PoolPolicy& policy, const Terms& terms, BackendIndex backend,
                            Instant now) {
  Place& place = places_[index(backend)];
  const bool listed = index(backend) < policy.backends.size();
  const bool removed = !listed || policy.backends[index(backend)].removed;
  const std::uint64_t identity =
      listed ? identity_of(policy.backends[index(backend)]) : place.identity;
  const bool weighty = listed && policy.backends[index(backend)].weight != 0;
  const bool same = removed == place.removed && identity == place.identity;
  if (same && removed) return;

  ActiveCheck& check = checks_[index(backend)];
  CircuitBreaker& breaker = breakers_[index(backend)];
  const Instant check_deadline = check.next_deadline();
  const Instant breaker_deadline = breaker.next_deadline();
  place.identity = identity;
  if (same) {
    note(now, backend, check.apply(terms.checks, now));
    note(now, backend, breaker.apply(terms.breaker, now));
  } else {
    replace(terms, backend, removed, now);
  }
  if (check.next_deadline() != check_deadline) arm(check_node(backend), check.next_deadline());
  if (breaker.next_deadline() != breaker_deadline) {
    arm(breaker_node(backend), breaker.next_deadline());
  }
  if (weighty != place.weighty) {
    place.weighty = weighty;
    if (place.takes_requests) --takers_;
    place.takes_requests = weighty && place.standing == Standing::eligible;
    if (place.takes_requests) ++takers_;
  }
}

// Another backend in a known place, or nobody. Whoever was there goes down first, so that nobody is
// told of a standing that is half the old one's and half the new one's.
void PoolHome::replace(const Terms& terms, BackendIndex backend, bool removed, Instant now) {
  Place& place = places_[index(backend)];
  place.removed = true;
  judge(backend);
  const bool ejected = outliers_.ejected(backend);
  outliers_.replace(backend, !removed);
  if (ejected) note_return(now, backend, TransitionReason::ejection_over);
  note(now, backend, breakers_[index(backend)].restart(terms.breaker, now));
  note(now, backend,
       checks_[index(backend)].restart(removed ? terms.no_checks : terms.checks, now));
  place.removed = removed;
  note_admin(now, backend, removed ? AdminState::maintenance : AdminState::ready);
  judge(backend);
}

void PoolHome::note(Instant now, BackendIndex backend, const ActiveCheck::Applied& applied) {
  if (applied.give_up) {
    actions_.push_back(CancelCheck{CheckId{BackendRef{pool_, backend}, *applied.give_up}});
  }
  note(now, backend, applied.change);
}

}  // namespace evenkeel::core
