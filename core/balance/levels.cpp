// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/levels.h"

#include <algorithm>

#include "evenkeel/core/check.h"
#include "evenkeel/core/fixed_point.h"

namespace evenkeel::core {
namespace {

// Level by level its due of the whole, as long as there is something left.
template <typename Due>
void share_out(std::span<LevelShare> shares, Due due) {
  std::uint32_t left = kWholeLoad;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    shares[i].load = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, due(i)));
    left -= shares[i].load;
  }
  // What rounding down has left over.
  const auto first = std::find_if(shares.begin(), shares.end(),
                                  [](const LevelShare& share) { return share.load != 0; });
  if (first != shares.end()) first->load += left;
}

bool few_healthy(LevelHealth level, std::uint32_t panic_threshold) {
  return std::uint64_t{level.healthy} * 100 < std::uint64_t{level.total} * panic_threshold;
}

}  // namespace

std::uint32_t capacity(LevelHealth health, Decimal overprovisioning) {
  if (health.healthy == 0) return 0;
  const std::uint64_t part =
      multiply_divide(std::uint64_t{health.healthy} * overprovisioning.thousandths,
                      kWholeLoad / 1000, health.total);
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(part, 1, kWholeLoad));
}

void share_load(std::span<const LevelHealth> levels, Decimal overprovisioning,
                std::uint32_t panic_threshold, std::span<LevelShare> shares) {
  EVENKEEL_CHECK(levels.size() == shares.size());
  std::uint64_t carried = 0;
  std::uint64_t backends = 0;
  for (const LevelHealth& level : levels) {
    carried += capacity(level, overprovisioning);
    backends += level.total;
  }
  for (std::size_t i = 0; i < levels.size(); ++i) {
    shares[i].panic =
        few_healthy(levels[i], panic_threshold) && (levels.size() == 1 || carried < kWholeLoad);
  }
  if (carried != 0) {
    const std::uint64_t norm = std::min<std::uint64_t>(carried, kWholeLoad);
    share_out(shares, [&](std::size_t i) {
      return std::uint64_t{capacity(levels[i], overprovisioning)} * kWholeLoad / norm;
    });
  } else {
    share_out(shares, [&](std::size_t i) {
      return shares[i].panic ? std::uint64_t{levels[i].total} * kWholeLoad / backends : 0;
    });
  }
  for (LevelShare& share : shares) share.panic = share.panic && share.load != 0;
}

}  // namespace evenkeel::core
