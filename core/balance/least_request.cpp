// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/least_request.h"

#include <algorithm>

#include "evenkeel/core/balance/random_pick.h"
#include "evenkeel/core/fixed_point.h"

namespace evenkeel::core {
namespace {

constexpr Decimal kNoBias{0};
constexpr Decimal kPlainBias{1000};

struct ByLoad {
  Load load;
  friend bool operator<(const ByLoad& a, const ByLoad& b) { return less_loaded(a.load, b.load); }
};

// bias * ln(in flight + 1) - ln(weight), in thousandths: the order of (in flight + 1)^bias /
// weight.
struct ByBiasedLoad {
  Wide requests;  // bias * ln(in flight + 1)
  Wide weight;    // 1000 * ln(weight)
  Wide error;     // of these together: what differs by less is equal

  static ByBiasedLoad of(const Load& load, Decimal bias) {
    constexpr unsigned kErrorBits = kLogFractionBits - 51 + 1;  // of two logarithms, see there
    return {static_cast<Wide>(natural_log(std::uint64_t{load.in_flight} + 1)) * bias.thousandths,
            static_cast<Wide>(natural_log(load.weight)) * kPlainBias.thousandths,
            (Wide{bias.thousandths} + kPlainBias.thousandths) << kErrorBits};
  }
  friend bool operator<(const ByBiasedLoad& a, const ByBiasedLoad& b) {
    return a.requests + b.weight + a.error < b.requests + a.weight;
  }
};

}  // namespace

LeastRequest::LeastRequest(std::uint32_t choices, Decimal active_request_bias)
    : choices_(std::clamp<std::uint32_t>(choices, 1, kMaxChoices)), bias_(active_request_bias) {}

BackendIndex LeastRequest::pick(const Candidates& candidates, Draws& draws) const {
  if (bias_ == kNoBias) return RandomPick{}.pick(candidates, draws);
  // For equal weights every bias gives the same order.
  if (bias_ != kPlainBias && !candidates.equal_weights) return pick_with_bias(candidates, draws);
  return least_of_choices(candidates, choices_, draws,
                          [&](BackendIndex backend) { return ByLoad{candidates.load(backend)}; });
}

BackendIndex LeastRequest::pick_with_bias(const Candidates& candidates, Draws& draws) const {
  return least_of_choices(candidates, choices_, draws, [&](BackendIndex backend) {
    return ByBiasedLoad::of(candidates.load(backend), bias_);
  });
}

}  // namespace evenkeel::core
