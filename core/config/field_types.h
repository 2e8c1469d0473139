// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "evenkeel/core/config/scalar.h"
#include "evenkeel/core/policies.h"

// Values that only the configuration's table of fields uses.
namespace evenkeel::core {

// A backend without id is called by its host:port: a full name of 253 bytes, a colon, five digits.
inline constexpr std::size_t kMaxBackendId = 259;

[[nodiscard]] Scalar listen_address(Endpoint& value);
[[nodiscard]] Scalar backend_url(Endpoint& value);
[[nodiscard]] Scalar url_path(std::string& value);
// The index of the pool of that name. `pools` must have been read before.
[[nodiscard]] Scalar pool_by_name(PoolIndex& value, const std::vector<PoolPolicy>& pools);
[[nodiscard]] ScalarList match_hosts(std::vector<std::string>& values);
// 200, "204" or "200-399".
[[nodiscard]] ScalarList status_ranges(std::vector<StatusRange>& values);
// connect_failure, reset_before_head, attempt_timeout and status codes.
[[nodiscard]] ScalarList retry_conditions(RetryConditions& value);

}  // namespace evenkeel::core
