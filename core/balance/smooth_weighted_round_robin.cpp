// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/smooth_weighted_round_robin.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace evenkeel::core {
namespace {

// Balances touched on the way to the first place of the sequence: some milliseconds at most.
constexpr std::uint64_t kRotationWork = 1U << 22U;

// Picks until the sequence repeats.
std::uint64_t period(std::span<const Load> loads) {
  std::uint64_t sum = 0;
  std::uint64_t divisor = 0;
  for (const Load& load : loads) {
    sum += load.weight;
    divisor = std::gcd(divisor, std::uint64_t{load.weight});
  }
  return divisor == 0 ? 1 : sum / divisor;
}

}  // namespace

SmoothWeightedRoundRobin::SmoothWeightedRoundRobin(std::span<const BackendPolicy> backends,
                                                   Stream phase)
    : balance_(backends.size(), 0) {
  if (backends.empty()) return;
  std::vector<Load> loads;
  std::vector<BackendIndex> all;  // a weight of 0 gains nothing, and is never the highest
  for (const BackendPolicy& backend : backends) {
    all.push_back(BackendIndex{static_cast<std::uint32_t>(loads.size())});
    loads.push_back(Load{backend.weight, 0});
  }
  const std::uint64_t affordable = std::max<std::uint64_t>(1, kRotationWork / all.size());
  rotate(Candidates{all, loads, false}, phase.below(std::min(period(loads), affordable), 0));
}

BackendIndex SmoothWeightedRoundRobin::pick(const Candidates& candidates, Draws& /*draws*/) {
  return next(candidates);
}

void SmoothWeightedRoundRobin::apply(std::span<const BackendPolicy> backends) {
  if (backends.size() > balance_.size()) balance_.resize(backends.size(), 0);
  std::int64_t total = 0;
  for (const BackendPolicy& backend : backends) total += backend.weight;
  for (std::int64_t& balance : balance_) balance = std::clamp(balance, -total, total);
}

void SmoothWeightedRoundRobin::rotate(const Candidates& candidates, std::uint64_t picks) {
  for (std::uint64_t i = 0; i < picks; ++i) next(candidates);
}

BackendIndex SmoothWeightedRoundRobin::next(const Candidates& candidates) {
  BackendIndex best = candidates.backends.front();
  std::int64_t best_balance = std::numeric_limits<std::int64_t>::min();
  std::int64_t total = 0;
  for (const BackendIndex backend : candidates.backends) {
    const std::int64_t weight = candidates.load(backend).weight;
    std::int64_t& balance = balance_[index(backend)];
    balance += weight;
    total += weight;
    if (balance > best_balance) {
      best = backend;
      best_balance = balance;
    }
  }
  balance_[index(best)] -= total;
  return best;
}

}  // namespace evenkeel::core
