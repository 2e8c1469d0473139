// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/balance/levels.h"
#include "evenkeel/core/facts.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/pool.h"

// Why a request goes where it goes: everything a pick looks at, as values that can be printed.
// Pool::explain() makes it, from the pool as it is; the choice is the one that pick() then makes.
namespace evenkeel::core {

// Why a backend is, or is not, among those the strategy chooses from. The first that holds.
enum class Candidacy : std::uint8_t {
  candidate,
  weightless,   // its weight is 0, or it is no longer configured
  zone_only,    // in another zone, and requests do not leave theirs
  standing,     // see Standing
  tried,        // by this request
  full,         // as many requests in flight as it may have
  other_level,  // another priority level takes this request
  other_zone,   // another zone takes it
};
[[nodiscard]] std::string_view to_text(Candidacy candidacy);

struct BackendExplanation {
  BackendIndex backend{};
  std::string id;
  Candidacy candidacy{};
  Standing standing{};
  std::uint32_t priority = 0;
  bool local = true;  // in the replica's zone, or zones do not matter
  bool suspect = false;
  std::uint32_t in_flight = 0;
  std::uint32_t limit = 0;               // of requests in flight at this moment; 0: none
  std::uint64_t weight_thousandths = 0;  // at this moment
  std::optional<Duration> cost;          // its response time, for strategies that ask
  // What the strategy compares, in thousandths: the least wins, for weighted_round_robin the
  // highest. Of candidates, for strategies that compare.
  std::optional<std::int64_t> score;
  std::optional<std::uint64_t> cap;  // of requests in flight, by the bound of consistent hashing
  friend bool operator==(const BackendExplanation&, const BackendExplanation&) = default;
};

struct LevelExplanation {
  std::uint32_t priority = 0;
  LevelHealth health;
  LevelShare share;
  bool zoned = false;
  std::uint32_t local_share = kWholeLoad;
  friend bool operator==(const LevelExplanation&, const LevelExplanation&) = default;
};

struct Explanation {
  Pick pick;
  Algorithm algorithm{};
  std::uint64_t hash = 0;            // of the request's key
  std::size_t level = 0;             // whose backends are the candidates, if there are any
  std::vector<std::uint64_t> draws;  // in order; each divided by 2^64 is where in [0, 1) it fell
  std::vector<LevelExplanation> levels;
  std::vector<BackendExplanation> backends;  // by BackendIndex
  friend bool operator==(const Explanation&, const Explanation&) = default;
};

// A table for people, a line for every backend.
[[nodiscard]] std::string to_text(const Explanation& explanation);
[[nodiscard]] std::string_view to_text(Algorithm algorithm);

}  // namespace evenkeel::core
