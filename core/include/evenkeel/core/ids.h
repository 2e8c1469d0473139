// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

// Dense indices and handles. Each is a type of its own, so that a backend cannot be taken for a
// pool.
namespace evenkeel::core {

enum class RouteIndex : std::uint32_t {};    // position in Config::routes
enum class PoolIndex : std::uint32_t {};     // position in Config::pools
enum class BackendIndex : std::uint32_t {};  // position in PoolPolicy::backends

[[nodiscard]] constexpr std::uint32_t index(RouteIndex i) { return static_cast<std::uint32_t>(i); }
[[nodiscard]] constexpr std::uint32_t index(PoolIndex i) { return static_cast<std::uint32_t>(i); }
[[nodiscard]] constexpr std::uint32_t index(BackendIndex i) {
  return static_cast<std::uint32_t>(i);
}

// A backend of a worker's balancer.
struct BackendRef {
  PoolIndex pool{};
  BackendIndex backend{};
  friend constexpr auto operator<=>(BackendRef, BackendRef) = default;
};

// A request in flight. The slot is reused after the request ended; the generation tells an old
// handle from the new owner of its slot, so that a late fact is ignored and not misattributed.
struct RequestId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend constexpr bool operator==(RequestId, RequestId) = default;
};

// One try of a request on one backend, counted from 0.
struct AttemptId {
  RequestId request;
  std::uint32_t number = 0;
  friend constexpr bool operator==(AttemptId, AttemptId) = default;
};

// One active health check of one backend, counted from 0.
struct CheckId {
  BackendRef backend;
  std::uint64_t number = 0;
  friend constexpr bool operator==(const CheckId&, const CheckId&) = default;
};

}  // namespace evenkeel::core
