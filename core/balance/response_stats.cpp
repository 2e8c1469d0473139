// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/response_stats.h"

#include <algorithm>

namespace evenkeel::core {
namespace {

constexpr unsigned kFractionBits = 16;
constexpr std::uint64_t kSuccessShare = 10;

constexpr std::uint64_t to_fixed(Duration time) {
  const Duration bounded = std::clamp(time, Duration::zero(), ResponseStats::kLongest);
  return static_cast<std::uint64_t>(bounded.count()) << kFractionBits;
}

constexpr Duration to_duration(std::uint64_t fixed) {
  return Duration(std::max<Duration::rep>(1, static_cast<Duration::rep>(fixed >> kFractionBits)));
}

// The policy's default, bounded as a response time is.
constexpr Duration default_of(const EwmaPolicy& policy) {
  return to_duration(to_fixed(policy.default_rtt));
}

// What an average keeps when a sample is mixed in that is a fifth of it.
constexpr Fraction four_fifths_of(Fraction part) { return Fraction::of_raw(part.raw() / 5 * 4); }

constexpr Fraction mixed(Fraction average, bool success) {
  constexpr std::uint64_t kOne = Fraction::one().raw();
  const std::uint64_t rest = average.raw() - average.raw() / kSuccessShare;
  return Fraction::of_raw(rest + (success ? kOne / kSuccessShare : 0));
}

}  // namespace

void ResponseStats::on_feedback(Instant now, const Feedback& feedback, const EwmaPolicy& policy) {
  const Duration penalty = std::max(policy.failure_penalty, feedback.retry_after);
  switch (feedback.outcome) {
    case Outcome::success:
      success_ = mixed(success_, true);
      if (feedback.latency >= Duration::zero()) on_response_time(now, feedback.latency, policy);
      return;
    case Outcome::failure:
      success_ = mixed(success_, false);
      on_response_time(now, std::max(penalty, feedback.latency), policy);
      return;
    case Outcome::neutral:
      if (feedback.retry_after > Duration::zero()) on_response_time(now, penalty, policy);
      return;
  }
}

void ResponseStats::on_response_time(Instant now, Duration time, const EwmaPolicy& policy) {
  const std::uint64_t sample = to_fixed(time);
  if (!has_history_) {
    has_history_ = true;
    peak_ = sample;
    plain_ = sample;
    updated_ = now;
    return;
  }
  const Fraction kept = exp_decay(now - updated_, policy.decay);
  peak_ = sample >= peak_ ? sample : sample + kept.part_of(peak_ - sample);
  // What was faded when the backend was tried again must not come back.
  const Fraction kept_plain = four_fifths_of(kept);
  plain_ = kept_plain.part_of(plain_) + kept_plain.complement().part_of(sample);
  updated_ = std::max(updated_, now);
}

Duration ResponseStats::faded(std::uint64_t average, Instant now, const EwmaPolicy& policy) const {
  if (!has_history_) return default_of(policy);
  return to_duration(exp_decay(now - updated_, policy.decay).part_of(average));
}

Duration ResponseStats::cost(Instant now, const EwmaPolicy& policy) const {
  return faded(peak_, now, policy);
}

Duration ResponseStats::latency(Instant now, const EwmaPolicy& policy) const {
  return faded(plain_, now, policy);
}

Fraction ResponseStats::success() const {
  constexpr Fraction kFloor = Fraction::of_raw(Fraction::one().raw() / 10);
  return std::max(success_, kFloor);
}

}  // namespace evenkeel::core
