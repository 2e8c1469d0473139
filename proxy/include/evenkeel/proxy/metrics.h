// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evenkeel/core/balancer.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"
#include "evenkeel/net/pipeline.h"
#include "evenkeel/net/sockets/listener.h"

namespace evenkeel::proxy {

// A histogram with fixed buckets. Counting is a short scan of integers.
class DurationHistogram {
 public:
  static constexpr std::array<core::Duration, 14> kBounds = [] {
    using namespace std::chrono_literals;
    return std::array<core::Duration, 14>{5ms,   10ms,  25ms, 50ms,   75ms, 100ms,  250ms,
                                          500ms, 750ms, 1s,   2500ms, 5s,   7500ms, 10s};
  }();

  void observe(core::Duration value);
  // Values at most kBounds[i] and above the bound before; the last: above all.
  [[nodiscard]] const std::array<std::uint64_t, kBounds.size() + 1>& buckets() const {
    return buckets_;
  }
  [[nodiscard]] core::Duration sum() const { return sum_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};
  core::Duration sum_{};
};

// What one worker counts: plain numbers found by index. Names, labels and text are made when
// somebody asks. Tables of counters appear with their first request; a steady state allocates
// nothing.
class WorkerMetrics {
 public:
  explicit WorkerMetrics(const core::Config& config);

  void on_request_ended(const net::RequestEnd& end);
  void on_transition(const core::Transition& transition);
  void on_refused(std::uint32_t listener, unsigned status);

  static constexpr std::size_t kStatuses = 1000;  // 0: the client was told nothing
  using ByStatus = std::array<std::uint64_t, kStatuses>;
  static constexpr std::size_t kClasses = 6;  // no response, 1xx … 5xx
  static constexpr std::size_t kReasons =
      static_cast<std::size_t>(core::TransitionReason::enough_healthy) + 1;

  // A route's requests that a pool took.
  struct Requests {
    std::array<std::unique_ptr<ByStatus>, core::kMethodCount> counts;
    DurationHistogram duration;
  };
  struct Route {
    std::vector<std::unique_ptr<Requests>> pools;  // by PoolIndex; nullptr: none yet
    std::uint64_t rate_limited = 0;
  };
  struct Backend {
    std::array<std::uint64_t, kClasses> requests{};
    std::array<std::uint64_t, kReasons> ejections{};     // by TransitionReason
    std::array<std::uint64_t, 3> breaker_transitions{};  // by the state entered
    std::array<std::uint64_t, 3> health_transitions{};   // by the state entered
    std::array<std::uint64_t, 3> admin_transitions{};    // by the state entered
  };
  struct Pool {
    std::vector<Backend> backends;
    std::uint64_t retries_succeeded = 0;
    std::uint64_t retries_failed = 0;
    std::uint64_t hedges = 0;
    std::uint64_t budget_exhausted = 0;
    std::uint64_t panics = 0;       // times that panic began
    std::uint64_t panic_picks = 0;  // requests sent to a backend whatever its health
    DurationHistogram queue_wait;   // of those that waited
    std::array<std::uint64_t, core::kRejectCauseCount> rejected{};
  };

  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }
  [[nodiscard]] const std::vector<Pool>& pools() const { return pools_; }
  // Requests that never reached a pool, by listener and status.
  [[nodiscard]] const std::vector<std::unique_ptr<ByStatus>>& refused() const { return refused_; }

 private:
  [[nodiscard]] Requests& requests_of(const core::RequestRecord& record);

  std::vector<Route> routes_;
  std::vector<Pool> pools_;
  std::vector<std::unique_ptr<ByStatus>> refused_;
};

// Everything that is shown of one worker.
struct MetricsView {
  const core::Config& config;
  const core::Balancer& balancer;
  const WorkerMetrics& metrics;
  net::PipelineCounts connections;
  net::AcceptCounts accepts;
  std::uint64_t access_log_dropped = 0;
  std::uint32_t memory_pressure = 0;  // thousandths of what may be used
};

// The Prometheus text format, version 0.0.4.
[[nodiscard]] std::string metrics_text(const MetricsView& view);

}  // namespace evenkeel::proxy
