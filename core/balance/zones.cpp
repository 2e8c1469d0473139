// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/zones.h"

#include <algorithm>

namespace evenkeel::core {

std::uint32_t local_share(const ZonePolicy& policy, Decimal overprovisioning, LevelHealth local,
                          LevelHealth elsewhere) {
  if (!policy.spill || elsewhere.healthy == 0) return kWholeLoad;
  const std::uint64_t percent = std::min<std::uint32_t>(policy.local_percent, 100);
  return static_cast<std::uint32_t>(capacity(local, overprovisioning) * percent / 100);
}

}  // namespace evenkeel::core
