// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/facts.h"

// What a world tells its judges: one value per thing that happened, in order of time.
namespace evenkeel::sim {

inline constexpr std::uint32_t kNoBackend = 0xffffffff;

// How a simulated client's request ended, as the client saw it.
enum class Ending : std::uint8_t {
  success,   // a 2xx, 3xx or intended 4xx, complete and inside the client's deadline
  failed,    // 5xx, cut response, refused, or too late
  rejected,  // 429, or 503 with Retry-After: load shed on purpose
};

// One client request, told when it ended. Requests unended at the end of a run are counted apart.
struct RequestSample {
  std::uint64_t number = 0;  // in order of scheduled arrival within the run, from 0
  core::Instant scheduled;   // when it was meant to arrive; windows and latency count from here
  core::Instant ended;       // the client had the whole answer, or gave up
  core::Duration service_latency{};  // without the network: queueing and service at the backends
  core::Method method{};
  Ending ending{};
  std::uint16_t status = 0;  // 0: none
  std::uint8_t attempts = 0;
  core::Flag flags = core::Flag::none;
  std::uint32_t backend = kNoBackend;  // index in the world of the one whose answer it was
  std::uint32_t traffic = 0;           // index in Scenario::traffic
  std::uint32_t replica = 0;
};

// An attempt reached, or failed to reach, a backend.
struct AttemptSample {
  core::Instant at;
  std::uint64_t request = 0;
  std::uint32_t attempt = 0;  // 0: the first
  std::uint32_t backend = 0;
  std::uint32_t replica = 0;
  bool hedge = false;
};

// What a backend had in hand after a change.
struct BackendSample {
  core::Instant at;
  std::uint32_t backend = 0;
  std::uint32_t in_service = 0;
  std::uint32_t waiting = 0;
};

// Receives everything. The transition's backend is translated to the world's index.
class Judge {
 public:
  virtual void on_request(const RequestSample& sample) = 0;
  virtual void on_attempt(const AttemptSample& sample) = 0;
  virtual void on_backend(const BackendSample& sample) = 0;
  virtual void on_transition(const core::Transition& transition, std::uint32_t backend,
                             std::uint32_t replica) = 0;
  virtual void on_check(core::Instant at, std::uint32_t backend, core::CheckOutcome outcome) = 0;

 protected:
  ~Judge() = default;
};

}  // namespace evenkeel::sim
