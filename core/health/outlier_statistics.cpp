// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/outlier_statistics.h"

#include <algorithm>

#include "evenkeel/core/fixed_point.h"
#include "evenkeel/core/health/quorum.h"
#include "evenkeel/core/health/spread.h"

namespace evenkeel::core {
namespace {

constexpr std::uint32_t kLatencyPercent = 90;

// Those from `first` on, the worst in front.
template <class Badness>
void sort_by(std::vector<Outlier>& outliers, std::size_t first, Badness badness) {
  std::sort(outliers.begin() + static_cast<std::ptrdiff_t>(first), outliers.end(),
            [&](const Outlier& a, const Outlier& b) {
              const auto bad_a = badness(index(a.backend));
              const auto bad_b = badness(index(b.backend));
              return bad_a != bad_b ? bad_a > bad_b : a.backend < b.backend;
            });
}

}  // namespace

OutlierStatistics::OutlierStatistics(const OutlierDetectionPolicy& policy, std::uint32_t backends)
    : rows_(backends), sinkholes_(policy, backends) {
  apply(policy);
}

void OutlierStatistics::apply(const OutlierDetectionPolicy& policy) {
  const bool had_sinkholes = sinkholes_.enabled();
  success_rate_ = policy.success_rate;
  failure_percentage_ = policy.failure_percentage;
  latency_ = policy.latency;
  sinkholes_.apply(policy);
  const bool times = policy.enabled && latency_.factor > Decimal{0};
  const bool rates =
      success_rate_.method != SuccessRateMethod::off || failure_percentage_.threshold != 0;
  const bool wanted = policy.enabled && (rates || times || sinkholes_.enabled());
  const bool same =
      wanted == wanted_ && times == times_wanted_ && had_sinkholes == sinkholes_.enabled();
  wanted_ = wanted;
  times_wanted_ = times;
  make_room();
  if (!same) clear();
}

void OutlierStatistics::resize(std::uint32_t backends) {
  rows_.resize(backends);
  sinkholes_.resize(backends);
  make_room();
}

void OutlierStatistics::make_room() {
  times_.resize(times_wanted_ ? rows_.size() * LatencyHistogram::kBuckets : 0);
  if (!wanted_) return;
  figures_.reserve(rows_.size());
  found_.resize(rows_.size());
}

void OutlierStatistics::clear() {
  std::fill(rows_.begin(), rows_.end(), Row{});
  std::fill(times_.begin(), times_.end(), 0U);
  sinkholes_.clear();
}

void OutlierStatistics::forget(BackendIndex backend) {
  rows_[index(backend)] = Row{};
  if (times_wanted_) {
    const std::size_t first = index(backend) * LatencyHistogram::kBuckets;
    std::fill_n(times_.begin() + static_cast<std::ptrdiff_t>(first), LatencyHistogram::kBuckets,
                0U);
  }
  sinkholes_.forget(backend);
}

std::uint64_t OutlierStatistics::success_rate(std::uint32_t backend) const {
  const Row& row = rows_[backend];
  return part_per_million(row.results - row.failures, row.results);
}

std::uint64_t OutlierStatistics::failure_rate(std::uint32_t backend) const {
  return part_per_million(rows_[backend].failures, rows_[backend].results);
}

std::uint64_t OutlierStatistics::slowness(std::uint32_t backend) const {
  const std::span<const std::uint32_t, LatencyHistogram::kBuckets> counts(
      times_.data() + backend * LatencyHistogram::kBuckets, LatencyHistogram::kBuckets);
  return static_cast<std::uint64_t>(LatencyHistogram::percentile(counts, kLatencyPercent).count());
}

void OutlierStatistics::judge(std::vector<Outlier>& outliers) {
  std::fill(found_.begin(), found_.end(), false);
  judge_success_rate(outliers);
  judge_failure_percentage(outliers);
  judge_latency(outliers);
  if (sinkholes_.enabled()) sinkholes_.judge(figures_);
  figures_.clear();
  std::fill(found_.begin(), found_.end(), false);
  clear();
}

void OutlierStatistics::judge_success_rate(std::vector<Outlier>& outliers) {
  const Quorum quorum = Quorum::of(success_rate_);
  quorum.collect(
      figures_, rows_.size(), [&](std::uint32_t i) { return rows_[i].results; },
      [&](std::uint32_t i) { return success_rate(i); });
  const auto threshold = success_rate_threshold(success_rate_, figures_);
  if (!threshold) return;
  const std::size_t first = outliers.size();
  for (std::uint32_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].results < quorum.request_volume || success_rate(i) >= *threshold) continue;
    found_[i] = true;
    outliers.push_back(Outlier{BackendIndex{i}, TransitionReason::success_rate,
                               success_rate(i) / (kMillion / 100)});
  }
  sort_by(outliers, first, [&](std::uint32_t i) { return failure_rate(i); });
}

void OutlierStatistics::judge_failure_percentage(std::vector<Outlier>& outliers) {
  if (failure_percentage_.threshold == 0) return;
  const Quorum quorum = Quorum::of(failure_percentage_);
  quorum.collect(
      figures_, rows_.size(), [&](std::uint32_t i) { return rows_[i].results; },
      [&](std::uint32_t i) { return failure_rate(i); });
  if (figures_.empty()) return;
  const std::size_t first = outliers.size();
  for (std::uint32_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const std::uint64_t failures = std::uint64_t{row.failures} * 100;
    const std::uint64_t most = std::uint64_t{row.results} * failure_percentage_.threshold;
    if (found_[i] || row.results < quorum.request_volume || failures < most) continue;
    found_[i] = true;
    outliers.push_back(
        Outlier{BackendIndex{i}, TransitionReason::failure_percentage, failures / row.results});
  }
  sort_by(outliers, first, [&](std::uint32_t i) { return failure_rate(i); });
}

void OutlierStatistics::judge_latency(std::vector<Outlier>& outliers) {
  if (!times_wanted_) return;
  const Quorum quorum = Quorum::of(latency_);
  quorum.collect(
      figures_, rows_.size(), [&](std::uint32_t i) { return rows_[i].results; },
      [&](std::uint32_t i) { return slowness(i); });
  if (figures_.empty()) return;
  const std::uint64_t slow = multiply_divide(median(figures_), latency_.factor.thousandths, 1000);
  const auto least =
      static_cast<std::uint64_t>(std::max(latency_.minimum, Duration::zero()).count());
  const std::size_t first = outliers.size();
  for (std::uint32_t i = 0; i < rows_.size(); ++i) {
    if (found_[i] || rows_[i].results < quorum.request_volume) continue;
    const std::uint64_t own = slowness(i);
    if (own <= slow || own <= least) continue;
    found_[i] = true;
    outliers.push_back(Outlier{BackendIndex{i}, TransitionReason::latency, own / 1'000'000});
  }
  sort_by(outliers, first, [&](std::uint32_t i) { return slowness(i); });
}

}  // namespace evenkeel::core
