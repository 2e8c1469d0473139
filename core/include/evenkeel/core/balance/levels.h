// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "evenkeel/core/policies.h"

// Which priority level of a pool takes how much, and when health stops counting.
//
// Why not simply the first level until it is empty? Its last backend would get the whole load and
// fall over. A level is taken to be good for `overprovisioning` times its healthy share; what that
// leaves over goes to the next level.
//
// Why panic? When few are healthy, the few cannot carry everybody's requests, and the checks may
// well be what is wrong. Better that all take their part, and some requests fail, than that the
// last healthy ones are felled as well.
namespace evenkeel::core {

// Shares are parts of this.
inline constexpr std::uint32_t kWholeLoad = 1'000'000;

// Backends that count: not in maintenance, not draining, not waiting for their first check, not of
// weight 0. Healthy are those that checks and outlier detection have nothing against.
struct LevelHealth {
  std::uint32_t healthy = 0;
  std::uint32_t total = 0;
  friend bool operator==(LevelHealth, LevelHealth) = default;
};

struct LevelShare {
  std::uint32_t load = 0;  // of the pool's requests, in parts of kWholeLoad
  bool panic = false;      // all of the level's backends are picked alike, whatever their health
  friend bool operator==(LevelShare, LevelShare) = default;
};

// What these can carry: min(1, overprovisioning * healthy / total) in parts of kWholeLoad, rounded
// down but never to 0 while anybody is healthy; 0 without any backend.
[[nodiscard]] std::uint32_t capacity(LevelHealth health, Decimal overprovisioning);

// Fills `shares`, of which there is one for every level. The loads add up to kWholeLoad, or are all
// 0 when nobody may be picked.
//
// A level panics when the share of its healthy is below `panic_threshold` percent (0: never) and
// the levels together cannot carry everything; a level that is alone does not need the latter. One
// where nobody is healthy takes no load, and so no part in a panic, while another level has some;
// when nobody at all is healthy, load follows the number of backends.
void share_load(std::span<const LevelHealth> levels, Decimal overprovisioning,
                std::uint32_t panic_threshold, std::span<LevelShare> shares);

}  // namespace evenkeel::core
