// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "evenkeel/core/balance/roster.h"

namespace evenkeel::core {
namespace {

bool contains(std::span<const BackendIndex> list, BackendIndex backend) {
  return std::find(list.begin(), list.end(), backend) != list.end();
}

}  // namespace

std::size_t Roster::draw_level(Draws& draws) const {
  if (loaded_levels_ <= 1) return loaded_level_;
  auto rest = static_cast<std::uint32_t>(draws.below(kWholeLoad));
  std::size_t level = 0;
  while (rest >= shares_[level].load) rest -= shares_[level++].load;
  return level;
}

Roster::Selection Roster::select_with_care(std::span<const BackendIndex> tried, Draws& draws) {
  if (loaded_levels_ == 0) return Selection{};
  const std::size_t drawn = draw_level(draws);
  Selection selection = select_in(drawn, tried, draws);
  for (std::size_t i = 0; i < levels_.size() && selection.backends.empty(); ++i) {
    if (i != drawn) selection = select_in(i, tried, draws);
  }
  if (selection.backends.empty()) selection.saturated = saturated(tried);
  return selection;
}

Roster::Selection Roster::select_in(std::size_t level, std::span<const BackendIndex> tried,
                                    Draws& draws) {
  const Level& asked = levels_[level];
  Selection selection;
  selection.level = level;
  selection.panic = shares_[level].panic;
  if (selection.panic) {
    selection.backends = untried(asked.everyone, tried);
    return selection;
  }
  bool local = true;
  if (asked.zoned && asked.local_share < kWholeLoad) {
    local = asked.local_share != 0 && draws.below(kWholeLoad) < asked.local_share;
  }
  selection.backends = untried(local ? asked.local : asked.elsewhere, tried);
  if (selection.backends.empty() && asked.zoned) {
    selection.backends = untried(local ? asked.elsewhere : asked.local, tried);
  }
  return selection;
}

std::span<const BackendIndex> Roster::untried(const List& list,
                                              std::span<const BackendIndex> tried) {
  bool concerned = false;
  for (const BackendIndex backend : tried) {
    const std::span<const BackendIndex> rest = concerned ? untried_.items : list;
    const auto place = std::lower_bound(rest.begin(), rest.end(), backend);
    if (place == rest.end() || *place != backend) continue;
    if (concerned) {
      untried_.items.erase(untried_.items.begin() + (place - rest.begin()));
    } else {
      untried_.items.assign(rest.begin(), place);
      untried_.items.insert(untried_.items.end(), place + 1, rest.end());
      concerned = true;
    }
  }
  if (concerned) return untried_.items;
  return list;
}

bool Roster::saturated(std::span<const BackendIndex> tried) const {
  std::uint64_t full = 0;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    full += shares_[i].panic ? levels_[i].full_everyone : levels_[i].full_eligible;
  }
  for (std::size_t i = 0; i < tried.size() && full != 0; ++i) {
    const Backend& about = backends_[index(tried[i])];
    if (about.place != Place::member || !about.full || contains(tried.first(i), tried[i])) continue;
    const bool wanted =
        shares_[about.level].panic ? counts(about.standing) : about.standing == Standing::eligible;
    if (wanted) --full;
  }
  return full != 0;
}

bool Roster::has_untried(std::span<const BackendIndex> tried) const {
  if (loaded_levels_ == 0) return false;
  const auto has = [tried](const List& list) {
    return std::any_of(list.begin(), list.end(),
                       [tried](BackendIndex backend) { return !contains(tried, backend); });
  };
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const Level& level = levels_[i];
    if (shares_[i].panic ? has(level.everyone) : has(level.local) || has(level.elsewhere))
      return true;
  }
  return false;
}

}  // namespace evenkeel::core
