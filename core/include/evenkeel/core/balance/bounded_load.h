// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

// Keeps consistent hashing from filling one backend because a few keys are most of the traffic: at
// every pick a backend may hold at most
//     cap = ceil(factor / 100 * (total in flight + 1) * weight / total weight)
// requests, the one about to be placed included; totals are over the candidates. A factor of 125
// gives each a quarter more than its fair share. Since the caps add up to more than what is in
// flight, there always is a candidate below its own.
//
// A key whose backend is full jumps to an unrelated place (arXiv 1908.08762). The next place along
// the ring would be simpler, but would heap all that one backend sheds on one neighbour, and then
// on the next.
class LoadBound {
 public:
  // `factor` in percent, not below 100; 0: nobody is ever full. Adds up the candidates' totals,
  // linear in their number, when they come without.
  LoadBound(std::uint32_t factor, const Candidates& candidates);

  // Whether one more request keeps the backend within its cap.
  [[nodiscard]] bool admits(BackendIndex backend) const {
    if (factor_ == 0) return true;
    const Load& load = candidates_.load(backend);
    // in_flight + 1 <= ceil(x) is in_flight < x, for whole numbers.
    return Wide{load.in_flight} * 100 * total_weight_ <
           Wide{factor_} * (total_in_flight_ + 1) * load.weight;
  }

  [[nodiscard]] bool bounded() const { return factor_ != 0; }

  // The candidate with the least in flight for its weight: it is within its cap if anybody is. Of
  // equals the first from a place that the hash says.
  [[nodiscard]] BackendIndex least_loaded(std::uint64_t hash) const;

 private:
  __extension__ using Wide = unsigned __int128;

  const Candidates& candidates_;
  std::uint64_t factor_;
  std::uint64_t total_weight_;
  std::uint64_t total_in_flight_;
};

// After this many places in vain a pick stops jumping. With half of the pool out, one pick in 65536
// comes this far.
inline constexpr std::uint32_t kMaxJumps = 16;
// And so many entries of a table or ring are looked at in turn, before any candidate will do.
inline constexpr std::uint32_t kMaxWalk = 4096;

// Where the hash jumps on try `jump`; try 0 is the hash itself.
[[nodiscard]] constexpr std::uint64_t jump_of(std::uint64_t hash, std::uint64_t jump) {
  return jump == 0 ? hash : mix(hash + jump * 0x9e3779b97f4a7c15ULL);
}

// The candidate that a hash says when nothing else does.
[[nodiscard]] BackendIndex any_candidate(const Candidates& candidates, std::uint64_t hash);

}  // namespace evenkeel::core
