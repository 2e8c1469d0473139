// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "metric_makers.h"

namespace evenkeel::sim {
namespace {

class AttemptCounter final : public Accumulator {
 public:
  AttemptCounter(const MeasureContext& context, OfAttempts figure)
      : window_(context.window), figure_(figure) {
    if (!context.where.backend.empty()) {
      backend_ = backend_named(context.scenario, context.where.backend);
    }
  }

  void on_attempt(const AttemptSample& sample) override {
    if (!window_.contains(sample.at)) return;
    ++totals_.all;
    if (backend_ && sample.backend != *backend_) return;
    ++totals_.here;
    if (sample.hedge) {
      ++totals_.hedges;
    } else if (sample.attempt > 0) {
      ++totals_.retries;
    } else {
      ++totals_.first;
    }
  }
  [[nodiscard]] Figure value(const RunResult&) const override { return figure_(totals_); }

 private:
  Window window_;
  std::optional<std::uint32_t> backend_;
  OfAttempts figure_;
  AttemptTotals totals_;
};

// Compares within a pool: the traffic of a pool is no matter of balancing.
class Imbalance final : public Accumulator {
 public:
  explicit Imbalance(const MeasureContext& context)
      : scenario_(context.scenario),
        window_(context.window),
        attempts_(context.scenario.world.backends.size()) {}

  void on_attempt(const AttemptSample& sample) override {
    if (window_.contains(sample.at)) ++attempts_[sample.backend];
  }

  [[nodiscard]] Figure value(const RunResult&) const override {
    const auto& pools = scenario_.proxy.pools;
    std::vector<std::uint64_t> pool_attempts(pools.size());
    std::vector<std::uint64_t> pool_weight(pools.size());
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
      const std::uint32_t pool = pool_of(i);
      pool_attempts[pool] += attempts_[i];
      pool_weight[pool] += weight_of(i);
    }
    Figure worst;
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
      const std::uint32_t pool = pool_of(i);
      if (pool_attempts[pool] == 0 || weight_of(i) == 0) continue;
      const double ratio = static_cast<double>(attempts_[i] * pool_weight[pool]) /
                           static_cast<double>(pool_attempts[pool] * weight_of(i));
      worst = std::max(worst.value_or(0), ratio);
    }
    return worst;
  }

 private:
  [[nodiscard]] std::uint32_t pool_of(std::size_t backend) const {
    return core::index(scenario_.world.backends[backend].ref.pool);
  }
  [[nodiscard]] std::uint64_t weight_of(std::size_t backend) const {
    const core::BackendRef ref = scenario_.world.backends[backend].ref;
    return scenario_.proxy.pools[core::index(ref.pool)].backends[core::index(ref.backend)].weight;
  }

  const Scenario& scenario_;
  Window window_;
  std::vector<std::uint64_t> attempts_;  // by backend
};

class ResumeTime final : public Accumulator {
 public:
  explicit ResumeTime(const MeasureContext& context)
      : fault_(*fault_of(context.scenario, context.where, context.window)) {}

  void on_attempt(const AttemptSample& sample) override {
    if (!first_ && sample.backend == fault_.target && sample.at >= fault_.until) {
      first_ = sample.at;
    }
  }
  [[nodiscard]] Figure value(const RunResult&) const override {
    if (!first_) return std::nullopt;
    return static_cast<double>((*first_ - fault_.until).count());
  }

 private:
  Fault fault_;
  std::optional<core::Instant> first_;
};

}  // namespace

std::unique_ptr<Accumulator> count_attempts(const MeasureContext& context, OfAttempts figure) {
  return std::make_unique<AttemptCounter>(context, figure);
}
std::unique_ptr<Accumulator> make_imbalance(const MeasureContext& context) {
  return std::make_unique<Imbalance>(context);
}
std::unique_ptr<Accumulator> make_resume_time(const MeasureContext& context) {
  return std::make_unique<ResumeTime>(context);
}

}  // namespace evenkeel::sim
