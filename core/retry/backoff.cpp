// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/backoff.h"

namespace evenkeel::core {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

Duration backoff(const BackoffPolicy& policy, std::uint32_t retry, std::uint64_t bits) {
  Duration limit = policy.initial < policy.max ? policy.initial : policy.max;
  for (std::uint32_t i = 1; i < retry && limit < policy.max; ++i) {
    if (limit == Duration::zero()) break;
    limit = limit > policy.max / 2 ? policy.max : 2 * limit;
  }
  if (limit <= Duration::zero()) return Duration::zero();
  // The bias of a plain multiplication is below limit / 2^64.
  const Wide choices = static_cast<Wide>(limit.count()) + 1;
  return Duration(static_cast<Duration::rep>(choices * bits >> 64U));
}

}  // namespace evenkeel::core
