// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "evenkeel/sim/histogram.h"
#include "metric_makers.h"

namespace evenkeel::sim {
namespace {

constexpr core::Duration kBucket = std::chrono::seconds(1);
constexpr std::size_t kGoodSeconds = 10;

// The first instant after a fault's end from which on ten seconds in a row are good: 99 % of first
// attempts succeed, and p99 is at most twice what it was before the first fault. Seconds are
// counted from the fault's end. One histogram a second, of the few octaves that occur.
class RecoveryTime final : public Accumulator {
 public:
  explicit RecoveryTime(const MeasureContext& context)
      : end_(fault_of(context.scenario, context.where, context.window)->until) {
    core::Instant first_fault = core::kNever;
    for (const Fault& fault : context.scenario.faults) {
      first_fault = std::min(first_fault, fault.at);
    }
    baseline_window_ = {context.graded_from, first_fault};
    const core::Instant until = core::Instant(context.scenario.duration);
    if (end_ < until) seconds_.resize(static_cast<std::size_t>((until - end_) / kBucket));
  }

  void on_request(const RequestSample& sample) override {
    const core::Duration latency = sample.ended - sample.scheduled;
    const bool counts = sample.ending != Ending::rejected;
    if (baseline_window_.contains(sample.scheduled) && counts) baseline_.add(latency);
    if (sample.scheduled < end_) return;
    const auto index = static_cast<std::size_t>((sample.scheduled - end_) / kBucket);
    if (index >= seconds_.size()) return;
    Second& second = seconds_[index];
    if (sample.attempts > 0) ++second.attempted;
    if (sample.ending == Ending::success) ++second.succeeded;
    if (counts) second.latencies.add(latency);
  }

  [[nodiscard]] Figure value(const RunResult&) const override {
    if (baseline_.empty()) return std::nullopt;
    const core::Duration bound = 2 * baseline_.quantile(99, 100);
    std::size_t good = 0;
    for (std::size_t i = 0; i < seconds_.size(); ++i) {
      good = is_good(seconds_[i], bound) ? good + 1 : 0;
      if (good < kGoodSeconds) continue;
      return static_cast<double>(
          (static_cast<std::int64_t>(i + 1 - kGoodSeconds) * kBucket).count());
    }
    return std::nullopt;
  }

 private:
  struct Second {
    std::uint64_t attempted = 0;
    std::uint64_t succeeded = 0;
    Histogram latencies;
  };

  static bool is_good(const Second& second, core::Duration bound) {
    return second.attempted > 0 && second.succeeded * 100 >= second.attempted * 99 &&
           second.latencies.quantile(99, 100) <= bound;
  }

  core::Instant end_;
  Window baseline_window_;
  Histogram baseline_;
  std::vector<Second> seconds_;
};

}  // namespace

std::unique_ptr<Accumulator> make_recovery_time(const MeasureContext& context) {
  return std::make_unique<RecoveryTime>(context);
}

}  // namespace evenkeel::sim
