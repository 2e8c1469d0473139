// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/random.h"
#include "evenkeel/core/time.h"
#include "evenkeel/sim/event_queue.h"
#include "evenkeel/sim/scenario.h"

namespace evenkeel::sim {

// One simulated backend at work: a FIFO queue in front of `workers` servers. Both fidelities put
// requests into it; it knows neither connections nor HTTP.
//
//     offer() ──▶ [ waiting … queue_limit ] ──▶ { in service × workers } ──▶ on_done()
//
// A request's work on this backend is one draw at (request · 16 + how often it was here), whatever
// else happened before: policies are compared on the same demands. A change of speed concerns what
// begins after it.
class Server {
 public:
  enum class Admission : std::uint8_t { begun, waiting, full };
  using JobId = std::uint64_t;
  static constexpr JobId kNoJob = ~JobId{0};

  struct Offer {
    Admission admission{};
    JobId job = kNoJob;  // valid until it is done, abandoned with `cancel`, or killed
  };
  // A job that ended, or was put into service.
  struct Job {
    std::uint64_t owner = 0;  // as told to offer()
    std::uint64_t request = 0;
    core::Instant admitted;
    bool abandoned = false;  // nobody waits for the answer
  };
  struct Done {
    Job job;
    std::optional<Job> begun;  // who took the worker
  };

  // `index` is the backend's in the world: it names the stream of service times. Completions are
  // events of kind kDone.
  static constexpr std::uint16_t kDone = 0x200;
  Server(const BackendModel& model, std::uint32_t index, core::Seed seed, EventQueue& queue);

  // A request arrived; `seen` is how often this backend saw it before.
  [[nodiscard]] Offer offer(core::Instant now, std::uint64_t request, std::uint32_t seen,
                            std::uint64_t owner);
  // A completion came up; nullopt when its job is gone.
  [[nodiscard]] std::optional<Done> on_done(core::Instant now, const Note& note);
  // Nobody waits for this job any more. With `cancel` it leaves, and whoever takes its worker is
  // returned; else it is done all the same.
  [[nodiscard]] std::optional<Job> abandon(core::Instant now, JobId job);
  // Everything in hand is lost. Returns those that somebody waited for, in order of admission.
  [[nodiscard]] std::vector<Job> crash();
  // Service takes this many times as long.
  void set_slowness(Millionths factor) { slowness_ = factor; }

  [[nodiscard]] std::uint32_t in_service() const { return in_service_; }
  [[nodiscard]] std::uint32_t waiting() const { return waiting_; }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  enum class State : std::uint8_t { free, waiting, in_service };
  struct Slot {
    Job job;
    std::uint64_t draw = 0;
    std::uint32_t generation = 0;
    std::uint32_t previous = kNone;  // in the list of all, in order of admission
    std::uint32_t next = kNone;
    State state = State::free;
  };

  [[nodiscard]] std::uint32_t find(JobId job) const;
  [[nodiscard]] std::uint32_t admit(const Job& job, std::uint64_t draw);
  void remove(std::uint32_t index);
  Job begin(core::Instant now, std::uint32_t index);
  std::optional<Job> begin_next(core::Instant now);
  [[nodiscard]] core::Duration service_time(std::uint64_t draw) const;

  const BackendModel& model_;
  std::uint32_t index_;
  core::Stream service_;
  EventQueue& queue_;
  Millionths slowness_ = kOne;
  std::uint32_t in_service_ = 0;
  std::uint32_t waiting_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  // Whoever waits was admitted after everyone in service: the queue is the end of the list.
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
  std::uint32_t first_waiting_ = kNone;
};

}  // namespace evenkeel::sim
