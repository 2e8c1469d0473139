// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/ring_hash.h"

#include <algorithm>

#include "evenkeel/core/balance/bounded_load.h"
#include "evenkeel/core/balance/hashed_backends.h"
#include "evenkeel/core/hash.h"

namespace evenkeel::core {
namespace {

// Entries by weight: weight * 2^scale, at least one.
std::uint64_t entries_of(std::uint64_t weight, int scale) {
  const std::uint64_t scaled = scale >= 0 ? weight << scale : weight >> -scale;
  return std::max<std::uint64_t>(scaled, 1);
}

int scale_of(std::uint64_t minimum_size, std::span<const std::uint64_t> weights) {
  const std::uint64_t heaviest = *std::max_element(weights.begin(), weights.end());
  const auto size = [weights](int scale) {
    std::uint64_t sum = 0;
    for (const std::uint64_t weight : weights) sum += entries_of(weight, scale);
    return sum;
  };
  int scale = 0;
  while (heaviest >> -scale >= 2 * RingHash::kMinEntries) --scale;
  while (entries_of(heaviest, scale) < RingHash::kMinEntries) ++scale;
  while (size(scale) < minimum_size) ++scale;
  while (size(scale) > RingHash::kMaxRingSize && entries_of(heaviest, scale) > 1) --scale;
  return scale;
}

// While the ring is sorted. The rank among the ids decides between equal places, as it is the same
// in every replica.
struct Entry {
  std::uint64_t place = 0;
  std::uint32_t rank = 0;
};

}  // namespace

RingHash::RingHash(const HashPolicy& policy, std::span<const BackendPolicy> backends)
    : ring_(make_ring(std::min<std::uint64_t>(policy.minimum_ring_size, kMaxRingSize), backends)),
      balance_factor_(policy.balance_factor) {}

RingHash::Ring RingHash::make_ring(std::uint64_t minimum_size,
                                   std::span<const BackendPolicy> backends) {
  const std::vector<BackendIndex> hashed = hashed_backends(backends);
  if (hashed.empty()) return {};
  std::vector<std::uint64_t> weights;
  weights.reserve(hashed.size());
  for (const BackendIndex backend : hashed) weights.push_back(backends[index(backend)].weight);
  const int scale = scale_of(minimum_size, weights);

  std::vector<Entry> entries;
  for (std::uint32_t rank = 0; rank < hashed.size(); ++rank) {
    const std::string& id = backends[index(hashed[rank])].id;
    const std::uint64_t count = entries_of(weights[rank], scale);
    for (std::uint64_t k = 0; k < count; ++k) entries.push_back(Entry{hash_bytes(id, k), rank});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.place != b.place ? a.place < b.place : a.rank < b.rank;
  });
  Ring ring;
  ring.places.reserve(entries.size());
  ring.owners.reserve(entries.size());
  for (const Entry& entry : entries) {
    ring.places.push_back(entry.place);
    ring.owners.push_back(hashed[entry.rank]);
  }
  return ring;
}

BackendIndex RingHash::pick(const Candidates& candidates, Draws& /*draws*/) const {
  if (balance_factor_ == 0) return owner(candidates, candidates.hash);
  const LoadBound bound(balance_factor_, candidates);
  for (std::uint32_t jump = 0; jump < kMaxJumps; ++jump) {
    const BackendIndex backend = owner(candidates, jump_of(candidates.hash, jump));
    if (bound.admits(backend)) return backend;
  }
  return bound.least_loaded(candidates.hash);
}

BackendIndex RingHash::owner(const Candidates& candidates, std::uint64_t hash) const {
  const auto& places = ring_->places;
  const auto& owners = ring_->owners;
  auto entry = static_cast<std::size_t>(std::lower_bound(places.begin(), places.end(), hash) -
                                        places.begin());
  const std::size_t walk = std::min<std::size_t>(owners.size(), kMaxWalk);
  for (std::size_t walked = 0; walked < walk; ++walked, ++entry) {
    if (entry == owners.size()) entry = 0;
    if (candidates.contains(owners[entry])) return owners[entry];
  }
  return any_candidate(candidates, hash);
}

}  // namespace evenkeel::core
