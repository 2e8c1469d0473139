// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/health/circuit_breaker.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/session/affinity.h"
#include "evenkeel/core/time.h"

namespace evenkeel::core {

// A reused connection may be closed by the backend while our request is on its way to it. One that
// dies within this time of the attempt's start, before a byte of the response, met that race: the
// request goes to a fresh connection, free of charge, and nobody is blamed. Above the round trip
// inside a data centre, below the time most backends need to fail on purpose.
inline constexpr Duration kReuseRace = 10ms;

enum class AttemptState : std::uint8_t {
  none,        // not running: never started, or over
  connecting,  // no byte of the request left yet: every method may still go elsewhere
  sent,        // the backend may be working on it
  answered,    // its response head was accepted
};

struct Attempt {
  AttemptState state = AttemptState::none;
  bool reported = false;  // its evidence was given: an attempt gives exactly one piece
  std::uint8_t number = 0;
  BackendIndex backend{};
  Instant started{};
  CircuitBreaker::Ticket ticket;
  Feedback feedback;  // what it has shown so far

  [[nodiscard]] bool live() const { return state != AttemptState::none; }
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

// What a request of a pool with sessions carries along.
struct SessionState {
  bool in_use = false;  // the pool has sessions
  bool stays = false;   // goes to its session's backend: never hedged
  ShownSession shown;
  Whereabouts where;
  SessionKey entropy;
  std::optional<BackendIndex> wanted;  // the session's backend, until it was asked
  friend bool operator==(const SessionState&, const SessionState&) = default;
};

// The life of one request, from its complete head to the client's answer.
//
//              ┌──── retry, after a backoff ────┐
//              ▼                                │
//   request ─▶ waiting ─▶ attempting ─ failure ─┴─▶ rejected ─┐
//                             │ (at most two live)             ├─▶ finished
//                             └─ response head ─▶ committed ──┘
//
// It waits for another worker's word on its rate limit, for its session's whereabouts, and for a
// backend with room. Nothing is retried once
// committed: bytes of the response may have reached the client. Transitions live in balancer*.cpp
// and nowhere else.
struct Exchange {
  enum class Phase : std::uint8_t {
    free,        // the slot is empty
    metering,    // the home of its rate limit's key was asked
    looking_up,  // the session store was asked
    queued,      // waits for a backend with room
    attempting,  // at least one attempt runs, or one is about to after a backoff
    committed,   // one attempt's response is being forwarded
    rejected,    // answered locally; waits for finish()
    aborted,     // cut after the head, or the client left; waits for finish()
  };

  Phase phase = Phase::free;
  bool replayable = true;     // the request can be sent again as a whole
  bool any_sent = false;      // some attempt left the connecting state
  bool upload_waits = false;  // for the client's bytes
  bool avoid_reuse = false;   // the last reused connection was dead
  std::uint32_t priority = 0;
  std::uint8_t tried_from = 0;  // attempts before this one were in another pool
  std::uint32_t generation = 0;
  RouteIndex route{};
  PoolIndex pool{};
  std::uint64_t affinity = 0;
  std::array<Attempt, 2> attempts;
  std::array<BackendIndex, kMaxAttempts> tried{};
  Duration timeout{};  // of the whole request
  Instant queued_since{};
  SessionState session;
  RequestRecord record;

  [[nodiscard]] bool running() const { return undecided() || phase == Phase::committed; }
  // No response head was sent yet, and one may still come.
  [[nodiscard]] bool undecided() const {
    return phase == Phase::metering || phase == Phase::looking_up || phase == Phase::queued ||
           phase == Phase::attempting;
  }
  // By attempts in the present pool.
  [[nodiscard]] std::span<const BackendIndex> tried_backends() const {
    return {tried.data() + tried_from, static_cast<std::size_t>(record.attempts - tried_from)};
  }
  // The live attempt that is not `attempt`, or nullptr.
  [[nodiscard]] Attempt* other(const Attempt& attempt) {
    Attempt& candidate = &attempt == attempts.data() ? attempts[1] : attempts[0];
    return candidate.live() ? &candidate : nullptr;
  }
  friend bool operator==(const Exchange&, const Exchange&) = default;
};

}  // namespace evenkeel::core
