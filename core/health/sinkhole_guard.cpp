// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/health/sinkhole_guard.h"

#include <algorithm>

#include "evenkeel/core/fixed_point.h"
#include "evenkeel/core/health/quorum.h"
#include "evenkeel/core/health/spread.h"

namespace evenkeel::core {
namespace {

// What one answer adds to a mean at most, so that no sum overflows.
constexpr Duration kLongestAnswer = std::chrono::hours(1);
constexpr std::uint64_t kLargestBody = std::uint64_t{1} << 40U;

}  // namespace

SinkholeGuard::SinkholeGuard(const OutlierDetectionPolicy& policy, std::uint32_t backends)
    : suspects_(backends) {
  apply(policy);
}

void SinkholeGuard::apply(const OutlierDetectionPolicy& policy) {
  enabled_ = policy.enabled && policy.sinkhole_factor > Decimal{0};
  factor_ = policy.sinkhole_factor;
  latency_ = policy.latency;
  answers_.resize(enabled_ ? suspects_.size() : 0);
  if (!enabled_) std::fill(suspects_.begin(), suspects_.end(), false);
}

void SinkholeGuard::resize(std::uint32_t backends) {
  suspects_.resize(backends);
  if (enabled_) answers_.resize(backends);
}

void SinkholeGuard::clear() { std::fill(answers_.begin(), answers_.end(), Answers{}); }

void SinkholeGuard::forget(BackendIndex backend) {
  if (enabled_) answers_[index(backend)] = Answers{};
  suspects_[index(backend)] = false;
}

void SinkholeGuard::add(BackendIndex backend, const Feedback& feedback) {
  if (feedback.latency < Duration::zero()) return;
  Answers& answers = answers_[index(backend)];
  answers.latency += static_cast<std::uint64_t>(std::min(feedback.latency, kLongestAnswer).count());
  answers.body_bytes += std::min(feedback.body_bytes, kLargestBody);
  ++answers.count;
}

void SinkholeGuard::judge(std::vector<std::uint64_t>& figures) {
  const Quorum quorum = Quorum::of(latency_);
  const auto count = [&](std::uint32_t i) { return answers_[i].count; };
  const auto latency = [&](std::uint32_t i) { return answers_[i].latency / answers_[i].count; };
  const auto bytes = [&](std::uint32_t i) { return answers_[i].body_bytes / answers_[i].count; };
  quorum.collect(figures, answers_.size(), count, latency);
  const std::uint64_t usual_latency = median(figures);
  quorum.collect(figures, answers_.size(), count, bytes);
  const std::uint64_t usual_bytes = median(figures);
  for (std::uint32_t i = 0; i < answers_.size() && !figures.empty(); ++i) {
    if (count(i) < quorum.request_volume) continue;
    const std::uint64_t multiple = multiply_divide(latency(i), factor_.thousandths, 1000);
    suspects_[i] = multiple < usual_latency && bytes(i) * 2 < usual_bytes;
  }
  clear();
}

}  // namespace evenkeel::core
