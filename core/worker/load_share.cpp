// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/load_share.h"

#include <algorithm>

#include "evenkeel/core/check.h"
#include "evenkeel/core/limit/bounds.h"

namespace evenkeel::core {

std::uint32_t first_share(std::uint32_t limit, WorkerIndex w, WorkerIndex home,
                          std::uint32_t workers) {
  if (limit == 0) return LoadShare::kNoLimit;
  return limit / workers + (w == home ? limit % workers : 0);
}

std::vector<std::uint32_t> limits_of(const PoolPolicy& policy) {
  std::vector<std::uint32_t> limits = {max_in_flight(policy.limits.pool)};
  for (const BackendPolicy& backend : policy.backends) {
    limits.push_back(max_in_flight(policy.limits, backend.max_requests));
  }
  return limits;
}

LoadShare::LoadShare(PoolIndex pool, const PoolPolicy& policy, WorkerIndex self,
                     std::uint32_t workers)
    : pool_(pool) {
  for (const std::uint32_t limit : limits_of(policy)) {
    places_.push_back(
        Place{first_share(limit, self, home_of(pool, workers), workers), 0, 0, false});
  }
  reserve();
}

void LoadShare::apply(const PoolPolicy& policy) {
  const std::vector<std::uint32_t> limits = limits_of(policy);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (i == places_.size()) places_.emplace_back();
    Place& place = places_[i];
    if (limits[i] == 0) {
      place.share = kNoLimit;
    } else if (place.share == kNoLimit) {
      place.share = 0;
    }
  }
  reserve();
  ++generation_;
  ready_ = true;
}

// All limits are news at the beginning and after a reload.
void LoadShare::reserve() {
  const auto slots = static_cast<std::uint32_t>(places_.size());
  changed_.resize(slots);
  asks_.resize(slots);
  returns_.resize(slots);
  given_up_.resize(slots);
  new_limits_.reserve(slots);
  new_others_.reserve(slots);
  new_limits_.clear();
  for (std::uint32_t i = 0; i < slots; ++i) new_limits_.push_back(Slot{i});
}

void LoadShare::on_started(Instant now, BackendIndex backend) {
  const Slot slot = slot_of(backend);
  ++places_[index(slot)].in_flight;
  ++places_[index(kPoolSlot)].in_flight;
  changed_.add(index(backend));
  report_later(now);
  // Asked before the next one needs it.
  for (const Slot maybe : {slot, kPoolSlot}) {
    if (!full(maybe)) continue;
    wanting_until_ = later(now, kWanting);
    ask(maybe);
  }
}

void LoadShare::on_ended(Instant now, BackendIndex backend) {
  Place& place = places_[index(slot_of(backend))];
  EVENKEEL_CHECK(place.in_flight > 0);
  --place.in_flight;
  --places_[index(kPoolSlot)].in_flight;
  changed_.add(index(backend));
  report_later(now);
}

void LoadShare::on_saturated(Instant now) {
  const bool long_ago = wanting_until_ <= now;
  wanting_until_ = later(now, kWanting);
  if (!long_ago) return;  // asked lately, and the next report asks again
  ask_for_all_full();
  report_later(now);
}

void LoadShare::on_message(Instant /*now*/, const LoadSums& sums) {
  for (std::uint32_t i = 0; i < sums.loads.count; ++i) {
    const LoadReport::Load& load = sums.loads.loads[i];
    if (index(slot_of(load.backend)) >= places_.size()) continue;
    places_[index(slot_of(load.backend))].others = load.in_flight;
    new_others_.push_back(load.backend);
  }
}

void LoadShare::on_message(Instant now, const ShareGrant& grant) {
  if (index(grant.slot) >= places_.size()) return;
  Place& place = places_[index(grant.slot)];
  place.asked = false;
  if (place.share == kNoLimit) return;
  place.share += grant.count;
  if (grant.count != 0) new_limits_.push_back(grant.slot);
  if (full(grant.slot)) report_later(now);  // to ask again
}

void LoadShare::on_message(Instant /*now*/, const ShareRecall& recall) {
  Place& place = places_[index(recall.slot)];
  const bool limited = place.share != kNoLimit;
  const std::uint32_t idle = limited ? place.share - std::min(place.share, place.in_flight) : 0;
  const std::uint32_t given_up = std::min(recall.count, idle);
  place.share -= given_up;
  given_up_[index(recall.slot)] += given_up;
  returns_.add(index(recall.slot));
  if (given_up != 0) new_limits_.push_back(recall.slot);
}

void LoadShare::on_deadline(Instant now) {
  if (now < report_at_) return;
  report_at_ = kNever;
  reporting_ = true;
  if (now >= wanting_until_) return;
  ask_for_all_full();
}

std::optional<Message> LoadShare::poll_message() {
  if (ready_) {
    ready_ = false;
    return Message{pool_, SharesReady{generation_}};
  }
  if (const auto slot = returns_.pop()) {
    const ShareReturn given_up{Slot{*slot}, given_up_[*slot]};
    given_up_[*slot] = 0;
    return Message{pool_, given_up};
  }
  if (const auto slot = asks_.pop()) {
    return Message{pool_, ShareRequest{Slot{*slot}, places_[*slot].share / 4 + 1}};
  }
  if (!reporting_) return std::nullopt;
  LoadReport report;
  while (report.count < LoadReport::kMost) {
    const auto backend = changed_.pop();
    if (!backend) break;
    report.loads[report.count++] =
        LoadReport::Load{BackendIndex{*backend}, in_flight(slot_of(BackendIndex{*backend}))};
  }
  reporting_ = !changed_.empty();
  if (report.count == 0) return std::nullopt;
  return Message{pool_, report};
}

void LoadShare::clear_news() {
  new_limits_.clear();
  new_others_.clear();
}

void LoadShare::ask(Slot slot) {
  Place& place = places_[index(slot)];
  if (place.asked) return;
  place.asked = true;
  asks_.add(index(slot));
}

void LoadShare::ask_for_all_full() {
  for (std::uint32_t i = 0; i < places_.size(); ++i) {
    if (full(Slot{i})) ask(Slot{i});
  }
}

void LoadShare::report_later(Instant now) {
  if (report_at_ == kNever) report_at_ = later(now, kReportInterval);
}

}  // namespace evenkeel::core
