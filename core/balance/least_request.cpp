// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/least_request.h"

#include <algorithm>
#include <array>

#include "evenkeel/core/balance/least_connections.h"
#include "evenkeel/core/check.h"

namespace evenkeel::core {
namespace {

// Positions among the candidates that were drawn, in ascending order.
class Drawn {
 public:
  [[nodiscard]] bool contains(std::size_t position) const {
    return std::binary_search(begin(), end(), position);
  }
  void insert(std::size_t position) {
    auto* at = std::upper_bound(positions_.begin(), positions_.begin() + count_, position);
    std::copy_backward(at, positions_.begin() + count_, positions_.begin() + count_ + 1);
    *at = position;
    ++count_;
  }
  // The `rank`-th position that was not drawn, counted from 0.
  [[nodiscard]] std::size_t nth_free(std::size_t rank) const {
    for (const std::size_t* taken = begin(); taken != end() && *taken <= rank; ++taken) ++rank;
    return rank;
  }

 private:
  [[nodiscard]] const std::size_t* begin() const { return positions_.data(); }
  [[nodiscard]] const std::size_t* end() const { return positions_.data() + count_; }

  std::array<std::size_t, LeastRequest::kMaxChoices> positions_;
  std::size_t count_ = 0;
};

}  // namespace

LeastRequest::LeastRequest(std::uint32_t choices)
    : choices_(std::clamp<std::uint32_t>(choices, 1, kMaxChoices)) {}

BackendIndex LeastRequest::pick(const Candidates& candidates, Draws& draws) const {
  if (candidates.backends.size() <= choices_) return LeastConnections{}.pick(candidates, draws);
  return candidates.equal_weights ? pick_of_equal_weights(candidates, draws)
                                  : pick_by_weight(candidates, draws);
}

BackendIndex LeastRequest::pick_of_equal_weights(const Candidates& candidates, Draws& draws) const {
  const auto& backends = candidates.backends;
  const std::size_t first = draws.below(backends.size());
  BackendIndex best = backends[first];
  if (choices_ == 2) {
    std::size_t second = draws.below(backends.size() - 1);
    second += second >= first ? 1 : 0;
    const BackendIndex other = backends[second];
    return candidates.load(other).in_flight < candidates.load(best).in_flight ? other : best;
  }
  Drawn drawn;
  drawn.insert(first);
  for (std::uint32_t i = 1; i < choices_; ++i) {
    const std::size_t position = drawn.nth_free(draws.below(backends.size() - i));
    drawn.insert(position);
    const BackendIndex other = backends[position];
    if (candidates.load(other).in_flight < candidates.load(best).in_flight) best = other;
  }
  return best;
}

BackendIndex LeastRequest::pick_by_weight(const Candidates& candidates, Draws& draws) const {
  const auto& backends = candidates.backends;
  std::uint64_t undrawn_weight = 0;
  for (const BackendIndex backend : backends) undrawn_weight += candidates.load(backend).weight;

  Drawn drawn;
  BackendIndex best = backends.front();
  for (std::uint32_t i = 0; i < choices_; ++i) {
    EVENKEEL_CHECK(undrawn_weight != 0);
    std::uint64_t rest = draws.below(undrawn_weight);
    std::size_t position = 0;
    while (drawn.contains(position) || rest >= candidates.load(backends[position]).weight) {
      if (!drawn.contains(position)) rest -= candidates.load(backends[position]).weight;
      ++position;
    }
    drawn.insert(position);
    const BackendIndex other = backends[position];
    undrawn_weight -= candidates.load(other).weight;
    if (i == 0 || less_loaded(candidates.load(other), candidates.load(best))) best = other;
  }
  return best;
}

}  // namespace evenkeel::core
