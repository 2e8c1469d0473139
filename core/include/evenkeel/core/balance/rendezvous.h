// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "evenkeel/core/balance/candidates.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/shared_value.h"

namespace evenkeel::core {

// Consistent hashing without a table (Thaler and Ravishankar, "highest random weight"): every
// candidate draws a lot from the key and its own id, and the best wins. So a key has an order over
// all backends that depends on nobody else: who leaves loses its keys evenly to all others, no
// other key ever moves, and the shares are the weights exactly. The price is that a pick asks every
// candidate: for small pools.
//
// The lot is -ln(u) / weight, u uniform, and the smallest wins: an exponential race, in which the
// chances are the weights. With weights all equal this is the largest u.
class Rendezvous {
 public:
  Rendezvous(const HashPolicy& policy, std::span<const BackendPolicy> backends);

  // The key's best candidate or, with the policy's balance_factor, the best within its bound.
  // Linear in the candidates.
  [[nodiscard]] BackendIndex pick(const Candidates& candidates, Draws& draws) const;

  friend bool operator==(const Rendezvous&, const Rendezvous&) = default;

 private:
  struct Member {
    std::uint64_t key = 0;  // hash of the id
    std::uint64_t weight = 0;
    friend bool operator==(Member, Member) = default;
  };
  static std::vector<Member> make_members(std::span<const BackendPolicy> backends);

  SharedValue<std::vector<Member>> members_;  // by BackendIndex
  bool equal_weights_;
  std::uint32_t balance_factor_;
};

}  // namespace evenkeel::core
