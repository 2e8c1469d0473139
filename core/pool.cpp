// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/pool.h"

#include <algorithm>
#include <utility>

#include "evenkeel/core/check.h"

namespace evenkeel::core {
Pool::Pool(const PoolPolicy& policy, std::string_view zone, Stream phase, Instant now)
    : roster_(policy, zone),
      slow_start_(policy.balance.slow_start),
      phase_(phase),
      picker_(RoundRobin(0, phase)) {
  apply(policy, now);
  for (Member& member : members_) member.joined_late = false;
}

Pick Pool::pick(const PickRequest& request) {
  if (!starters_.empty()) warm_up(request.now);
  Draws draws = request.draws;
  return choose(request, roster_.shortlist(request.tried, draws), draws);
}

Pick Pool::choose(const PickRequest& request, const Roster::Selection& selection, Draws& draws) {
  const auto backends = selection.backends;
  if (backends.empty()) {
    return Pick{selection.saturated ? Pick::Result::saturated : Pick::Result::nobody, {}, false};
  }
  if (selection.panic) {
    // Whoever is dead has the least in flight and answers fastest: any comparison would prefer it.
    return Pick{Pick::Result::picked, backends[draws.below(backends.size())], true};
  }
  const Candidates candidates = candidates_of(request, selection);
  const BackendIndex backend =
      suspects_.empty() ? core::pick(picker_, candidates, draws) : choose_wary(candidates, draws);
  return Pick{Pick::Result::picked, backend, false};
}

Candidates Pool::candidates_of(const PickRequest& request,
                               const Roster::Selection& selection) const {
  Candidates candidates;
  if (selection.backends.empty()) return candidates;
  const Roster::Level& level = roster_.levels()[selection.level];
  candidates.backends = selection.backends;
  candidates.loads = loads_;
  candidates.equal_weights = level.equal_weights && !ramping_;
  candidates.max_weight = std::min(level.max_weight, SlowStart::kMaxWeight) * weight_scale();
  candidates.now = request.now;
  candidates.hash = request.hash;
  candidates.stats = stats_;
  return candidates;
}

void Pool::on_verdict(Instant now, const Verdict& verdict) {
  const BackendIndex backend = verdict.backend;
  const bool took_requests = takes_requests(backend);
  const bool first = standing(backend) == Standing::unchecked;
  roster_.set_standing(backend, verdict.standing);
  on_change(now, backend, took_requests, members_[index(backend)].joined_late || !first);
  set_suspect(backend, verdict.suspect);
  loads_[index(backend)].half_open = verdict.half_open;
}

void Pool::on_change(Instant now, BackendIndex backend, bool took_requests, bool slowly) {
  if (takes_requests(backend) == took_requests) return;
  if (took_requests) {
    end_slow_start(backend);
  } else if (slow_start_.enabled() && slowly) {
    const auto place =
        std::find_if(starters_.begin(), starters_.end(),
                     [&](const Starter& starter) { return backend < starter.backend; });
    starters_.insert(place, Starter{backend, now});
    warm_up(now);
  }
}

void Pool::end_slow_start(BackendIndex backend) {
  std::erase_if(starters_, [&](const Starter& starter) { return starter.backend == backend; });
  set_part(backend, Fraction::one());
  ramping_ = ramping_ && !starters_.empty();
}

void Pool::warm_up(Instant now) {
  for (const Starter& starter : starters_) {
    if (slow_start_.over(now - starter.since)) set_part(starter.backend, Fraction::one());
  }
  std::erase_if(starters_,
                [&](const Starter& starter) { return slow_start_.over(now - starter.since); });
  // When all are cold somebody has to do the work, and it is theirs in equal parts.
  ramping_ = !starters_.empty() && starters_.size() < roster_.healthy();
  for (const Starter& starter : starters_) {
    set_part(starter.backend, ramping_ ? slow_start_.part(now - starter.since) : Fraction::one());
  }
}

void Pool::set_part(BackendIndex backend, Fraction part) {
  const Member& member = members_[index(backend)];
  loads_[index(backend)].weight = member.weight == 0 ? 0 : SlowStart::part_of(member.weight, part);
  const std::uint32_t limit = member.max_requests;  // 0: this worker's share is nothing
  limits_[index(backend)] =
      limit == kNoLimit || limit == 0 ? limit : SlowStart::part_of(limit, part);
  if (limit != kNoLimit) limits_[index(backend)] += others(backend);
  check_limit(backend);
}

void Pool::set_limit(Instant now, BackendIndex backend, std::uint32_t limit) {
  members_[index(backend)].max_requests = limit;
  set_part(backend, Fraction::one());
  if (!starters_.empty()) warm_up(now);
}

void Pool::set_other_load(BackendIndex backend, std::uint32_t in_flight) {
  others_.resize(size());
  const std::uint32_t before = std::exchange(others_[index(backend)], in_flight);
  loads_[index(backend)].in_flight += in_flight - before;
  if (limits_[index(backend)] != kNoLimit) limits_[index(backend)] += in_flight - before;
  note_idle(backend);
}

std::uint32_t Pool::eligible_count() const {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < size(); ++i) {
    const Roster::Backend& about = roster_.backend(BackendIndex{i});
    const bool member = about.place == Roster::Place::member;
    count += member && about.standing == Standing::eligible ? 1 : 0;
  }
  return count;
}

bool Pool::may_serve(BackendIndex backend) const {
  const Standing standing = roster_.backend(backend).standing;
  return (standing == Standing::eligible || standing == Standing::draining) &&
         !roster_.backend(backend).full;
}

void Pool::on_attempt_started(Instant /*now*/, BackendIndex backend) {
  ++in_flight_;
  if (++loads_[index(backend)].in_flight == limits_[index(backend)]) check_limit(backend);
}

void Pool::on_attempt_ended(Instant now, BackendIndex backend, const Feedback& feedback) {
  if (!stats_.empty()) stats_[index(backend)].on_feedback(now, feedback, balance_.ewma);
  EVENKEEL_CHECK(loads_[index(backend)].in_flight > others(backend));
  --in_flight_;
  if (loads_[index(backend)].in_flight-- == limits_[index(backend)]) check_limit(backend);
  note_idle(backend);
}

}  // namespace evenkeel::core
