// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "evenkeel/core/config/scalar.h"
#include "evenkeel/core/policies.h"

// Values that only the configuration's table of fields uses.
namespace evenkeel::core {

// A backend without id is called by its host:port: a full name of 253 bytes, a colon, five digits.
inline constexpr std::size_t kMaxBackendId = 259;

// Of lists: more is a slip of the finger, or a search that no request should wait for.
inline constexpr std::size_t kMaxListeners = 256;
inline constexpr std::size_t kMaxPools = 1000;
inline constexpr std::size_t kMaxBackends = 10'000;  // of a pool
inline constexpr std::size_t kMaxRoutes = 1000;      // they are tried in order
inline constexpr std::size_t kMaxSplits = 16;
inline constexpr std::size_t kMaxMatchHosts = 256;
inline constexpr std::size_t kMaxMatchFields = 16;  // headers, query parameters
inline constexpr std::size_t kMaxMatchClients = 1000;
inline constexpr std::size_t kMaxRegions = 256;
inline constexpr std::size_t kMaxRegionRanges = 4096;  // of all regions

[[nodiscard]] Scalar listen_address(Endpoint& value);
[[nodiscard]] Scalar backend_url(Endpoint& value);
// Of a Redis server, or "" for none.
[[nodiscard]] Scalar redis_url(std::string& value);
[[nodiscard]] Scalar url_path(std::string& value);
// The index of the pool of that name. `pools` have their names already.
[[nodiscard]] Scalar pool_by_name(PoolIndex& value, const std::vector<PoolPolicy>& pools);
// The same, or "" for none.
[[nodiscard]] Scalar pool_by_name(std::optional<PoolIndex>& value,
                                  const std::vector<PoolPolicy>& pools);
[[nodiscard]] ScalarList match_hosts(std::vector<std::string>& values);
// A pattern of route/path_pattern.h, or "" for none.
[[nodiscard]] Scalar path_regex(std::string& value);
// The name of a header or cookie, or "" for none.
[[nodiscard]] Scalar field_name(std::string& value);
// The same of a header, turned to lower case.
[[nodiscard]] Scalar header_name(std::string& value);
// {name: value} of headers (in lower case) and of query parameters.
[[nodiscard]] ScalarMap header_matches(std::vector<FieldMatch>& values);
[[nodiscard]] ScalarMap query_matches(std::vector<FieldMatch>& values);
[[nodiscard]] ScalarList address_ranges(std::vector<AddressRange>& values);
[[nodiscard]] ScalarList region_names(std::vector<std::string>& values);
// {region: [range, …]}, the regions in the order they are first named.
[[nodiscard]] ScalarMap region_ranges(std::vector<RegionRange>& values);
// 200, "204" or "200-399".
[[nodiscard]] ScalarList status_ranges(std::vector<StatusRange>& values);
// connect_failure, reset_before_head, attempt_timeout and status codes.
[[nodiscard]] ScalarList retry_conditions(RetryConditions& value);

}  // namespace evenkeel::core
