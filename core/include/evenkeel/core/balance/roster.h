// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/balance/levels.h"
#include "evenkeel/core/facts.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// Memory that is kept only to be used again: no part of what its owner is.
template <typename T>
struct Scratch {
  std::vector<T> items;
  friend bool operator==(const Scratch&, const Scratch&) { return true; }
};

// Who among a pool's backends may be picked, sorted by priority level and by zone.
//
//     pool ─┬─ level of priority 0 ─┬─ own zone:  a, b      a share of the load each (levels.h,
//           │                       └─ elsewhere: c         zones.h), decided by a draw
//           └─ level of priority 1 ──── everyone: d, e
//
// The lists change with verdicts and with backends that become full, not with picks: a pick where
// nothing is wrong takes a list as it is. Zones do not matter where the replica has none, or no
// backend of the level has one; a backend without a zone is elsewhere otherwise.
class Roster {
 public:
  struct Level {
    std::uint32_t priority = 0;
    bool zoned = false;            // local and elsewhere are told apart; else everybody is local
    bool equal_weights = true;     // of all in the level
    std::uint32_t max_weight = 1;  // as in the policy
    LevelHealth local_health;
    LevelHealth elsewhere_health;
    std::uint32_t local_share = kWholeLoad;
    // Ascending, without those that are full.
    std::vector<BackendIndex> local;      // eligible
    std::vector<BackendIndex> elsewhere;  // eligible
    std::vector<BackendIndex> everyone;   // whatever their health: for panic
    std::uint32_t full_eligible = 0;      // who would be in `local` or `elsewhere`
    std::uint32_t full_everyone = 0;      // who would be in `everyone`
    friend bool operator==(const Level&, const Level&) = default;
  };
  // Why a backend is no candidate whatever its standing.
  enum class Place : std::uint8_t {
    member,
    weightless,  // or no longer configured
    other_zone,  // and requests do not leave their own
  };
  struct Backend {
    Standing standing = Standing::unchecked;
    Place place = Place::member;
    bool full = false;
    bool local = true;
    std::uint32_t level = 0;  // position in levels()
    friend bool operator==(const Backend&, const Backend&) = default;
  };
  // Whom the strategy may choose from; valid until the roster changes or selects again.
  struct Selection {
    std::span<const BackendIndex> backends;  // empty: nobody
    std::size_t level = 0;
    bool panic = false;
    bool saturated = false;  // nobody, because everybody who could is full
  };

  Roster(const PoolPolicy& policy, std::string_view zone);
  // A new configuration: standings and who is full stay.
  void apply(const PoolPolicy& policy);

  // Asks for no memory, like everything below.
  void set_standing(BackendIndex backend, Standing standing);
  // At its limit of requests in flight.
  void set_full(BackendIndex backend, bool full);

  // The candidates of one decision. A draw decides the level when more than one has load, another
  // one the zone when load is shared between zones. Where nobody untried has room, the other zones
  // and levels are asked in order.
  [[nodiscard]] Selection shortlist(std::span<const BackendIndex> tried, Draws& draws) {
    // Nearly always nothing is to be decided here.
    if (loaded_levels_ == 1 && tried.empty() && !panic_) {
      const Level& level = levels_[loaded_level_];
      if (!level.zoned && !level.local.empty())
        return Selection{level.local, loaded_level_, false, false};
    }
    return select_with_care(tried, draws);
  }
  // Whether shortlist() would find anybody.
  [[nodiscard]] bool has_untried(std::span<const BackendIndex> tried) const;

  // Whether some are no candidates only because they are full.
  [[nodiscard]] bool full_members() const {
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const Level& level = levels_[i];
      if ((shares_[i].panic ? level.full_everyone : level.full_eligible) > 0) return true;
    }
    return false;
  }

  [[nodiscard]] const Backend& backend(BackendIndex backend) const {
    return backends_[index(backend)];
  }
  [[nodiscard]] std::size_t size() const { return backends_.size(); }
  [[nodiscard]] std::span<const Level> levels() const { return levels_; }
  [[nodiscard]] const LevelHealth& health(std::size_t level) const { return healths_[level]; }
  [[nodiscard]] const LevelShare& share(std::size_t level) const { return shares_[level]; }
  [[nodiscard]] std::uint32_t healthy() const { return healthy_; }  // of all levels
  // Whether a level that takes requests is in panic.
  [[nodiscard]] bool panic() const { return panic_; }

  friend bool operator==(const Roster&, const Roster&) = default;

 private:
  using List = std::vector<BackendIndex>;

  void sort_into_levels(const PoolPolicy& policy);
  // Adds a backend to the lists it belongs to, or takes it away from them.
  void list(BackendIndex backend, bool listed);
  void count(BackendIndex backend, std::int32_t by);
  // Works out the shares of levels and zones.
  void share();
  [[nodiscard]] Selection select_with_care(std::span<const BackendIndex> tried, Draws& draws);
  [[nodiscard]] std::size_t draw_level(Draws& draws) const;
  [[nodiscard]] Selection select_in(std::size_t level, std::span<const BackendIndex> tried,
                                    Draws& draws);
  [[nodiscard]] std::span<const BackendIndex> untried(const List& list,
                                                      std::span<const BackendIndex> tried);
  [[nodiscard]] bool saturated(std::span<const BackendIndex> tried) const;

  std::string zone_;
  ZonePolicy zones_;
  Decimal overprovisioning_;
  std::uint32_t panic_threshold_ = 0;
  std::vector<Backend> backends_;     // by BackendIndex
  std::vector<Level> levels_;         // by priority
  std::vector<LevelHealth> healths_;  // by position in levels_, like the next
  std::vector<LevelShare> shares_;
  std::size_t loaded_level_ = 0;  // the first with load
  std::uint32_t loaded_levels_ = 0;
  std::uint32_t healthy_ = 0;
  bool panic_ = false;
  Scratch<BackendIndex> untried_;
};

// Whether this one is healthy as levels and panic see it.
[[nodiscard]] constexpr bool is_healthy(Standing standing) {
  return standing == Standing::eligible || standing == Standing::breaker_open;
}

// Whether it is part of what a level is made of. Who waits for a first check is no evidence either
// way, and nobody to send panic's requests to: its owner said to wait.
[[nodiscard]] constexpr bool counts(Standing standing) {
  return standing != Standing::down && standing != Standing::draining &&
         standing != Standing::unchecked;
}

}  // namespace evenkeel::core
