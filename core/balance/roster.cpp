// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/roster.h"

#include <algorithm>
#include <array>

#include "evenkeel/core/balance/zones.h"
#include "evenkeel/core/check.h"

namespace evenkeel::core {
namespace {

void insert(std::vector<BackendIndex>& list, BackendIndex backend) {
  list.insert(std::lower_bound(list.begin(), list.end(), backend), backend);
}

void erase(std::vector<BackendIndex>& list, BackendIndex backend) {
  const auto place = std::lower_bound(list.begin(), list.end(), backend);
  EVENKEEL_CHECK(place != list.end() && *place == backend);
  list.erase(place);
}

}  // namespace

Roster::Roster(const PoolPolicy& policy, std::string_view zone) : zone_(zone) { apply(policy); }

void Roster::apply(const PoolPolicy& policy) {
  zones_ = policy.balance.zones;
  overprovisioning_ = policy.balance.overprovisioning_factor;
  panic_threshold_ = policy.balance.panic_threshold;
  backends_.resize(std::max(backends_.size(), policy.backends.size()));
  sort_into_levels(policy);
  healths_.assign(levels_.size(), LevelHealth{});
  shares_.assign(levels_.size(), LevelShare{});
  healthy_ = 0;
  for (std::uint32_t i = 0; i < backends_.size(); ++i) {
    count(BackendIndex{i}, 1);
    list(BackendIndex{i}, true);
  }
  share();
}

void Roster::sort_into_levels(const PoolPolicy& policy) {
  std::vector<std::uint32_t> priorities;
  for (const BackendPolicy& backend : policy.backends) priorities.push_back(backend.priority);
  std::sort(priorities.begin(), priorities.end());
  priorities.erase(std::unique(priorities.begin(), priorities.end()), priorities.end());
  levels_.assign(priorities.size(), Level{});
  for (std::size_t i = 0; i < levels_.size(); ++i) levels_[i].priority = priorities[i];

  std::vector<std::uint32_t> sizes(levels_.size());
  for (std::size_t i = 0; i < policy.backends.size(); ++i) {
    const BackendPolicy& configured = policy.backends[i];
    const auto at = std::lower_bound(priorities.begin(), priorities.end(), configured.priority);
    backends_[i].level = static_cast<std::uint32_t>(at - priorities.begin());
    if (configured.weight == 0 || configured.removed) continue;
    Level& level = levels_[backends_[i].level];
    if (sizes[backends_[i].level]++ == 0) level.max_weight = configured.weight;
    level.equal_weights = level.equal_weights && configured.weight == level.max_weight;
    level.max_weight = std::max(level.max_weight, configured.weight);
    level.zoned = level.zoned || (!zone_.empty() && !configured.zone.empty());
  }
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    levels_[i].local.reserve(sizes[i]);
    levels_[i].everyone.reserve(sizes[i]);
    if (levels_[i].zoned) levels_[i].elsewhere.reserve(sizes[i]);
  }
  for (std::size_t i = 0; i < backends_.size(); ++i) {
    Backend& backend = backends_[i];
    backend.place = Place::weightless;
    if (i >= policy.backends.size()) continue;
    const BackendPolicy& configured = policy.backends[i];
    backend.local = !levels_[backend.level].zoned || configured.zone == zone_;
    if (configured.weight == 0 || configured.removed) continue;
    backend.place = backend.local || zones_.spill ? Place::member : Place::other_zone;
  }
  untried_.items.reserve(backends_.size());
}

void Roster::set_standing(BackendIndex backend, Standing standing) {
  if (backends_[index(backend)].standing == standing) return;
  list(backend, false);
  count(backend, -1);
  backends_[index(backend)].standing = standing;
  count(backend, 1);
  list(backend, true);
  share();
}

void Roster::set_full(BackendIndex backend, bool full) {
  if (backends_[index(backend)].full == full) return;
  list(backend, false);
  backends_[index(backend)].full = full;
  list(backend, true);
}

void Roster::list(BackendIndex backend, bool listed) {
  const Backend& about = backends_[index(backend)];
  if (about.place != Place::member || !counts(about.standing)) return;
  Level& level = levels_[about.level];
  const bool eligible = about.standing == Standing::eligible;
  if (about.full) {
    const std::uint32_t by = listed ? 1 : ~std::uint32_t{0};
    level.full_everyone += by;
    if (eligible) level.full_eligible += by;
    return;
  }
  List& zone = about.local ? level.local : level.elsewhere;
  if (listed) {
    insert(level.everyone, backend);
    if (eligible) insert(zone, backend);
  } else {
    erase(level.everyone, backend);
    if (eligible) erase(zone, backend);
  }
}

void Roster::count(BackendIndex backend, std::int32_t by) {
  const Backend& about = backends_[index(backend)];
  if (about.place != Place::member || !counts(about.standing)) return;
  Level& level = levels_[about.level];
  const std::uint32_t healthy = is_healthy(about.standing) ? static_cast<std::uint32_t>(by) : 0;
  LevelHealth& zone = about.local ? level.local_health : level.elsewhere_health;
  for (LevelHealth* health : std::array<LevelHealth*, 2>{&zone, &healths_[about.level]}) {
    health->total += static_cast<std::uint32_t>(by);
    health->healthy += healthy;
  }
  healthy_ += healthy;
}

void Roster::share() {
  share_load(healths_, overprovisioning_, panic_threshold_, shares_);
  loaded_levels_ = 0;
  panic_ = false;
  for (std::size_t i = levels_.size(); i-- > 0;) {
    Level& level = levels_[i];
    level.local_share = level.zoned ? local_share(zones_, overprovisioning_, level.local_health,
                                                  level.elsewhere_health)
                                    : kWholeLoad;
    if (shares_[i].load == 0) continue;
    loaded_level_ = i;
    ++loaded_levels_;
    panic_ = panic_ || shares_[i].panic;
  }
}

}  // namespace evenkeel::core
