// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// A few distinct candidates drawn at random, in proportion to weight: what least_request, peak_ewma
// and score compare.
//
// With replacement, the two draws of a pool of two would be the same backend half of the time,
// which is random balancing for that half. With equal weights the cost does not depend on the
// pool's size, and draw k is below(candidates - k). With other weights a small pool is walked; of a
// large one, candidates are drawn uniformly and accepted with probability weight / max_weight, and
// only when that fails too often is the pool walked.
class Choices {
 public:
  static constexpr std::uint32_t kMax = 64;         // draws
  static constexpr std::uint32_t kWalked = 16;      // candidates that are always walked
  static constexpr std::uint32_t kRejections = 32;  // of one draw, before the walk

  Choices(const Candidates& candidates, Draws& draws) : candidates_(candidates), draws_(draws) {}

  // One more. At most kMax times, and no more often than there are candidates.
  [[nodiscard]] BackendIndex next() {
    const std::uint32_t position = candidates_.equal_weights ? uniform() : by_weight();
    insert(position);
    return candidates_.backends[position];
  }

 private:
  [[nodiscard]] std::uint32_t size() const {
    return static_cast<std::uint32_t>(candidates_.backends.size());
  }
  [[nodiscard]] std::uint32_t weight(std::uint32_t position) const {
    return candidates_.load(candidates_.backends[position]).weight;
  }
  // The rank-th position that was not drawn yet.
  [[nodiscard]] std::uint32_t uniform() {
    auto position = static_cast<std::uint32_t>(draws_.below(size() - count_));
    for (std::uint32_t i = 0; i < count_ && drawn_[i] <= position; ++i) ++position;
    return position;
  }
  void insert(std::uint32_t position) {
    std::uint32_t place = count_++;
    for (; place > 0 && drawn_[place - 1] > position; --place) drawn_[place] = drawn_[place - 1];
    drawn_[place] = position;
  }
  [[nodiscard]] bool is_drawn(std::uint32_t position) const;
  [[nodiscard]] std::uint32_t by_weight();
  [[nodiscard]] std::uint32_t by_walk();

  const Candidates& candidates_;
  Draws& draws_;
  std::array<std::uint32_t, kMax> drawn_;  // positions, ascending; the first count_ are set
  std::uint32_t count_ = 0;
};

// The candidate of the least rank among `choices` distinct draws. `rank(backend)` gives a value
// with operator<; of equals the one drawn first wins. When there are no more candidates than
// choices all are compared, and one of equals is drawn: the first would get every request of a
// quiet pool. `choices` is 1 to Choices::kMax.
template <typename RankOf>
[[nodiscard]] BackendIndex least_of_choices(const Candidates& candidates, std::uint32_t choices,
                                            Draws& draws, const RankOf& rank_of) {
  const auto& backends = candidates.backends;
  if (backends.size() > choices) {
    Choices drawn(candidates, draws);
    BackendIndex best = drawn.next();
    auto least = rank_of(best);
    for (std::uint32_t i = 1; i < choices; ++i) {
      const BackendIndex other = drawn.next();
      const auto rank = rank_of(other);
      if (!(rank < least)) continue;
      best = other;
      least = rank;
    }
    return best;
  }
  std::array<BackendIndex, Choices::kMax> equals;
  equals[0] = backends.front();
  std::uint32_t count = 1;
  auto least = rank_of(backends.front());
  for (const BackendIndex backend : backends.subspan(1)) {
    const auto rank = rank_of(backend);
    if (least < rank) continue;
    if (rank < least) {
      least = rank;
      count = 0;
    }
    equals[count++] = backend;
  }
  return equals[count == 1 ? 0 : draws.below(count)];
}

}  // namespace evenkeel::core
