// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/health/circuit_breaker.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/policies.h"
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
  bool hedge = false;
  bool reported = false;  // its evidence was given: an attempt gives exactly one piece
  std::uint8_t number = 0;
  BackendIndex backend{};
  Instant started{};
  CircuitBreaker::Ticket ticket;

  [[nodiscard]] bool live() const { return state != AttemptState::none; }
};

// The life of one request, from its complete head to the client's answer.
//
//            ┌── retry, after a backoff ──┐
//            ▼                            │
//   request ─▶ attempting ── failure ─────┴─▶ rejected ─┐
//                │  (at most two live: one and a hedge)  ├─▶ finished
//                └── response head ─▶ committed ─────────┘
//
// Nothing is retried once committed: bytes of the response may have reached the client. Transitions
// live in balancer.cpp and nowhere else.
struct Exchange {
  enum class Phase : std::uint8_t {
    free,        // the slot is empty
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
  std::uint32_t generation = 0;
  RouteIndex route{};
  PoolIndex pool{};
  std::array<Attempt, 2> attempts;
  std::array<BackendIndex, kMaxAttempts> tried{};
  RequestRecord record;

  [[nodiscard]] bool running() const {
    return phase == Phase::attempting || phase == Phase::committed;
  }
  [[nodiscard]] std::span<const BackendIndex> tried_backends() const {
    return {tried.data(), record.attempts};
  }
  // The live attempt that is not `attempt`, or nullptr.
  [[nodiscard]] Attempt* other(const Attempt& attempt) {
    Attempt& candidate = &attempt == attempts.data() ? attempts[1] : attempts[0];
    return candidate.live() ? &candidate : nullptr;
  }
};

}  // namespace evenkeel::core
