// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/health/latency_histogram.h"
#include "evenkeel/core/health/sinkhole_guard.h"
#include "evenkeel/core/ids.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// A backend that stands out, by which rule, and what was seen: failures in a row; for success_rate
// the percentage that succeeded, for failure_percentage the one that failed; for latency the 90th
// percentile in milliseconds.
struct Outlier {
  BackendIndex backend{};
  TransitionReason reason{};
  std::uint64_t evidence = 0;
  friend bool operator==(const Outlier&, const Outlier&) = default;
};

// What one interval showed of the backends of a pool, and who among them stands out.
//
// Who fails every second request never fails five times in a row for long, and who is ten times
// slower fails not at all: those are found by comparing. Comparing takes enough requests
// (request_volume) to enough backends (minimum_hosts); below that nobody is judged.
class OutlierStatistics {
 public:
  OutlierStatistics(const OutlierDetectionPolicy& policy, std::uint32_t backends);

  // Whether any rule wants statistics; without one, add() must not be called.
  [[nodiscard]] bool wanted() const { return wanted_; }
  // A success or a failure.
  void add(BackendIndex backend, const Feedback& feedback) {
    Row& row = rows_[index(backend)];
    if (row.results == std::numeric_limits<std::uint32_t>::max()) return;
    ++row.results;
    const bool failed = feedback.outcome == Outcome::failure;
    row.failures += failed ? 1 : 0;
    if (times_wanted_) add_time(backend, feedback);
    if (sinkholes_.enabled() && !failed) sinkholes_.add(backend, feedback);
  }

  // Appends the outliers of the interval, each once: by success rate, by failure percentage, by
  // latency, the worst of each first, equal ones by index. Renews the suspicions, and begins the
  // next interval.
  void judge(std::vector<Outlier>& outliers);

  [[nodiscard]] bool suspect(BackendIndex backend) const { return sinkholes_.suspect(backend); }

  // What the interval showed of this backend counts no more, nor does any suspicion.
  void forget(BackendIndex backend);
  // Begins the interval anew when other things are to be counted.
  void apply(const OutlierDetectionPolicy& policy);
  void resize(std::uint32_t backends);

  friend bool operator==(const OutlierStatistics&, const OutlierStatistics&) = default;

 private:
  struct Row {
    std::uint32_t results = 0;
    std::uint32_t failures = 0;
    friend bool operator==(const Row&, const Row&) = default;
  };

  void add_time(BackendIndex backend, const Feedback& feedback) {
    if (feedback.latency < Duration::zero()) return;
    ++times_[index(backend) * LatencyHistogram::kBuckets +
             LatencyHistogram::bucket_of(feedback.latency)];
  }
  void make_room();
  void clear();
  [[nodiscard]] std::uint64_t success_rate(std::uint32_t backend) const;
  [[nodiscard]] std::uint64_t failure_rate(std::uint32_t backend) const;
  [[nodiscard]] std::uint64_t slowness(std::uint32_t backend) const;
  void judge_success_rate(std::vector<Outlier>& outliers);
  void judge_failure_percentage(std::vector<Outlier>& outliers);
  void judge_latency(std::vector<Outlier>& outliers);

  SuccessRatePolicy success_rate_;
  FailurePercentagePolicy failure_percentage_;
  LatencyOutlierPolicy latency_;
  bool wanted_ = false;
  bool times_wanted_ = false;
  std::vector<Row> rows_;             // by BackendIndex
  std::vector<std::uint32_t> times_;  // kBuckets of each backend; empty unless latency counts
  SinkholeGuard sinkholes_;
  // Scratch of judge(), with room for every backend while statistics are wanted.
  std::vector<bool> found_;  // already among the outliers
  std::vector<std::uint64_t> figures_;
};

}  // namespace evenkeel::core
