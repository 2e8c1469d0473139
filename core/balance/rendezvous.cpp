// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/rendezvous.h"

#include "evenkeel/core/balance/bounded_load.h"
#include "evenkeel/core/balance/hashed_backends.h"
#include "evenkeel/core/hash.h"

namespace evenkeel::core {
namespace {

__extension__ using Wide = unsigned __int128;

bool all_equal(std::span<const BackendPolicy> backends) {
  const std::vector<BackendIndex> hashed = hashed_backends(backends);
  for (const BackendIndex backend : hashed) {
    if (backends[index(backend)].weight != backends[index(hashed.front())].weight) return false;
  }
  return true;
}

}  // namespace

Rendezvous::Rendezvous(const HashPolicy& policy, std::span<const BackendPolicy> backends)
    : members_(make_members(backends)),
      equal_weights_(all_equal(backends)),
      balance_factor_(policy.balance_factor) {}

std::vector<Rendezvous::Member> Rendezvous::make_members(std::span<const BackendPolicy> backends) {
  std::vector<Member> members;
  for (const BackendPolicy& backend : backends) {
    members.push_back(Member{hash_bytes(backend.id, 0), backend.weight});
  }
  return members;
}

BackendIndex Rendezvous::pick(const Candidates& candidates, Draws& /*draws*/) const {
  const std::vector<Member>& members = *members_;
  const LoadBound bound(balance_factor_, candidates);
  BackendIndex best = candidates.backends.front();
  std::uint64_t best_lot = 0;
  std::uint64_t best_weight = 0;  // until somebody is within the bound
  for (const BackendIndex backend : candidates.backends) {
    if (!bound.admits(backend)) continue;
    const Member& member = members[index(backend)];
    const std::uint64_t bits = mix(candidates.hash ^ member.key);
    const std::uint64_t lot = equal_weights_ ? ~bits : negative_log(bits);
    const bool better = best_weight == 0 ||
                        (equal_weights_ ? lot < best_lot
                                        : Wide{lot} * best_weight < Wide{best_lot} * member.weight);
    if (!better) continue;
    best = backend;
    best_lot = lot;
    best_weight = member.weight;
  }
  return best;
}

}  // namespace evenkeel::core
