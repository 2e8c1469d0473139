// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/maglev.h"

#include <algorithm>
#include <limits>

#include "evenkeel/core/balance/bounded_load.h"
#include "evenkeel/core/balance/hashed_backends.h"
#include "evenkeel/core/check.h"
#include "evenkeel/core/hash.h"

namespace evenkeel::core {
namespace {

// The same in every replica, or they would disagree on who has a key.
constexpr std::uint64_t kOffsetSeed = 0;
constexpr std::uint64_t kSkipSeed = 1;

// A backend while the table is built.
struct Builder {
  BackendIndex backend{};
  std::uint64_t weight = 0;
  std::uint32_t next = 0;  // the entry it looks at next
  std::uint32_t skip = 0;
  std::uint64_t turns = 0;
};

// Which builder's turn it is. Turns are in order of round, then of id: a heap of both in one word.
class Turns {
 public:
  explicit Turns(std::size_t builders) {
    for (std::size_t i = 0; i < builders; ++i) heap_.push_back(std::uint64_t{1} << 32U | i);
  }
  [[nodiscard]] std::size_t builder() const { return heap_.front() & kLow; }
  [[nodiscard]] std::uint64_t round() const { return heap_.front() >> 32U; }
  // Its next turn is in this round; a later one than a table can have counts as the last.
  void next_in(std::uint64_t round) {
    const std::uint64_t next = std::min(round, kLow) << 32U | builder();
    std::size_t hole = 0;
    for (;;) {  // the earlier child moves up until the hole is where `next` belongs
      std::size_t child = 2 * hole + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size()) child += heap_[child + 1] < heap_[child] ? 1 : 0;
      if (next < heap_[child]) break;
      heap_[hole] = heap_[child];
      hole = child;
    }
    heap_[hole] = next;
  }

 private:
  static constexpr std::uint64_t kLow = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint64_t> heap_;
};

std::vector<Builder> make_builders(std::uint32_t size, std::span<const BackendPolicy> backends) {
  std::vector<Builder> builders;
  for (const BackendIndex backend : hashed_backends(backends)) {
    const BackendPolicy& policy = backends[index(backend)];
    Builder builder;
    builder.backend = backend;
    builder.weight = policy.weight;
    builder.next = static_cast<std::uint32_t>(hash_bytes(policy.id, kOffsetSeed) % size);
    builder.skip = static_cast<std::uint32_t>(hash_bytes(policy.id, kSkipSeed) % (size - 1) + 1);
    builders.push_back(builder);
  }
  return builders;
}

std::vector<BackendIndex> make_table(std::uint32_t size, std::span<const BackendPolicy> backends) {
  EVENKEEL_CHECK(size <= Maglev::kMaxTableSize);
  EVENKEEL_CHECK(is_prime(size));
  std::vector<Builder> builders = make_builders(size, backends);
  if (builders.empty()) return {};
  std::uint64_t max_weight = 0;
  for (const Builder& builder : builders) max_weight = std::max(max_weight, builder.weight);

  std::vector<BackendIndex> table(size);
  std::vector<char> taken(size, 0);
  Turns turns(builders.size());
  for (std::uint32_t filled = 0; filled < size; ++filled) {
    Builder& builder = builders[turns.builder()];
    std::uint32_t entry = builder.next;
    const auto step = [&] {
      entry += builder.skip;
      if (entry >= size) entry -= size;
    };
    while (taken[entry] != 0) step();
    taken[entry] = 1;
    table[entry] = builder.backend;
    step();
    builder.next = entry;
    ++builder.turns;
    const std::uint64_t due = (builder.turns * max_weight + builder.weight - 1) / builder.weight;
    turns.next_in(std::max(due, turns.round() + 1));
  }
  return table;
}

}  // namespace

bool is_prime(std::uint32_t number) {
  if (number < 2) return false;
  for (std::uint64_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return true;
}

Maglev::Maglev(const HashPolicy& policy, std::span<const BackendPolicy> backends)
    : table_(make_table(policy.table_size, backends)), balance_factor_(policy.balance_factor) {}

BackendIndex Maglev::pick(const Candidates& candidates, Draws& /*draws*/) const {
  if (balance_factor_ == 0 && !table_->empty()) {
    const BackendIndex owner = (*table_)[candidates.hash % table_->size()];
    if (candidates.contains(owner)) return owner;
  }
  return pick_elsewhere(candidates);
}

BackendIndex Maglev::pick_elsewhere(const Candidates& candidates) const {
  const std::vector<BackendIndex>& table = *table_;
  if (table.empty()) return any_candidate(candidates, candidates.hash);
  const LoadBound bound(balance_factor_, candidates);
  for (std::uint32_t jump = 0; jump < kMaxJumps; ++jump) {
    const BackendIndex owner = table[jump_of(candidates.hash, jump) % table.size()];
    if (candidates.contains(owner) && bound.admits(owner)) return owner;
  }
  if (bound.bounded()) return bound.least_loaded(candidates.hash);
  std::size_t entry = candidates.hash % table.size();
  for (std::uint32_t walked = 0; walked < kMaxWalk; ++walked) {
    if (++entry == table.size()) entry = 0;
    if (candidates.contains(table[entry])) return table[entry];
  }
  return any_candidate(candidates, candidates.hash);
}

}  // namespace evenkeel::core
