// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evenkeel/sim/histogram.h"
#include "evenkeel/sim/plan.h"
#include "evenkeel/sim/run.h"

namespace evenkeel::sim {

// What happened to the requests of a stretch of a run.
struct Stretch {
  Window window;
  std::string label;  // "crash b-1", "no fault", …; empty in a time series
  std::uint64_t requests = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t rejected = 0;
  std::uint64_t retries = 0;    // by the instant of the attempt
  std::uint64_t ejections = 0;  // by their own instant
  // The client's, rejected requests left out; zero without any.
  core::Duration latency_mean{};
  core::Duration latency_p50{};
  core::Duration latency_p99{};
  core::Duration latency_max{};
};

// A change of a verdict, by the world's index of its backend.
struct VerdictChange {
  core::Transition transition;
  std::uint32_t backend = 0;
};
// Enough to draw; a flapping pool must not fill the memory.
inline constexpr std::size_t kMaxVerdictChanges = 10'000;

// A run as reports show it.
struct Detail {
  std::vector<Stretch> phases;          // between the edges of faults, the warm-up first
  std::vector<Stretch> series;          // equal pieces, a second or more each
  std::vector<VerdictChange> verdicts;  // the first kMaxVerdictChanges, in order of time
};

// The judge of one run: feeds what is measured and keeps what reports show. Its memory grows with
// the length of the run in seconds, never with the number of requests.
class Recorder final : public Judge {
 public:
  // `scenario` outlives the recorder. `measures` fit it (the loader has seen to that).
  Recorder(const Scenario& scenario, core::Duration warmup, const std::vector<Measure>& measures,
           bool detailed);

  void on_request(const RequestSample& sample) override;
  void on_attempt(const AttemptSample& sample) override;
  void on_backend(const BackendSample& sample) override;
  void on_transition(const core::Transition& transition, std::uint32_t backend,
                     std::uint32_t replica) override;
  void on_check(core::Instant at, std::uint32_t backend, core::CheckOutcome outcome) override;

  // One for each measure, in their order; after the run.
  [[nodiscard]] std::vector<std::optional<double>> figures(const RunResult& result) const;
  // Everything that is graded.
  [[nodiscard]] Stretch graded() const { return graded_.settled(); }
  [[nodiscard]] Detail detail() const;

 private:
  // A stretch that still grows.
  struct Growing {
    Stretch stretch;
    Histogram latencies;

    void add(const RequestSample& sample);
    [[nodiscard]] Stretch settled() const;
  };

  [[nodiscard]] Growing* phase_at(core::Instant at);
  [[nodiscard]] Growing* piece_at(core::Instant at);
  [[nodiscard]] static std::vector<Growing> growing(std::vector<Stretch> stretches);
  // Calls `change` for every stretch that contains `at`.
  template <typename Change>
  void for_each_at(core::Instant at, Change change);

  Growing graded_;
  std::vector<Growing> phases_;
  std::vector<Growing> series_;
  std::vector<VerdictChange> verdicts_;
  core::Duration piece_{};  // length of one element of the series; zero: there is none
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
  // The accumulators by what they hear, so that nobody is called in vain.
  std::vector<Accumulator*> on_requests_;
  std::vector<Accumulator*> on_attempts_;
  std::vector<Accumulator*> on_backends_;
  std::vector<Accumulator*> on_transitions_;
  std::vector<Accumulator*> on_checks_;
};

// "crash b-1", or "no fault".
[[nodiscard]] std::string faults_text(const Scenario& scenario, const Window& window);
[[nodiscard]] const char* to_text(FaultKind kind);

}  // namespace evenkeel::sim
