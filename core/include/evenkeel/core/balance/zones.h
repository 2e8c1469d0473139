// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/balance/levels.h"
#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// How much of a level's load stays in the replica's own zone, in parts of kWholeLoad.
//
// Another zone is a network apart: slower, and often paid for. But a zone that lost half of its
// backends would crush the rest if it kept everything. So `local_percent` stay while the zone can
// carry it, and in proportion less as its healthy share falls below 1 / overprovisioning; the rest
// goes to the other zones, as long as anybody there is healthy. Without `spill` everything stays,
// also when there is nobody left to take it.
[[nodiscard]] std::uint32_t local_share(const ZonePolicy& policy, Decimal overprovisioning,
                                        LevelHealth local, LevelHealth elsewhere);

}  // namespace evenkeel::core
