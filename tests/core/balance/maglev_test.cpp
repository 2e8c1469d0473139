// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/maglev.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "core/balance/hash_pool.h"
#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

HashPolicy of_size(std::uint32_t table_size) {
  HashPolicy policy;
  policy.table_size = table_size;
  return policy;
}

std::vector<std::uint32_t> entries_of(const Maglev& maglev) {
  std::vector<std::uint32_t> entries;
  for (const BackendIndex owner : maglev.table()) entries.push_back(index(owner));
  return entries;
}

// The construction as the paper and Envoy write it, round by round, for backends in order of id.
std::vector<std::uint32_t> table_by_the_book(std::uint32_t size,
                                             const std::vector<BackendPolicy>& backends) {
  constexpr std::uint32_t kNobody = ~0U;
  std::vector<std::uint32_t> table(size, kNobody);
  std::vector<std::uint64_t> next(backends.size(), 0);
  std::vector<std::uint64_t> target(backends.size(), 0);
  std::uint64_t max_weight = 0;
  for (const auto& backend : backends)
    max_weight = std::max<std::uint64_t>(max_weight, backend.weight);
  std::uint32_t filled = 0;
  for (std::uint64_t round = 1; filled < size; ++round) {
    for (std::uint32_t i = 0; i < backends.size() && filled < size; ++i) {
      if (backends[i].weight == 0 || round * backends[i].weight < target[i]) continue;
      target[i] += max_weight;
      const std::uint64_t offset = hash_bytes(backends[i].id, 0) % size;
      const std::uint64_t skip = hash_bytes(backends[i].id, 1) % (size - 1) + 1;
      std::uint64_t entry = 0;
      do entry = (offset + skip * next[i]++) % size;
      while (table[entry] != kNobody);
      table[entry] = i;
      ++filled;
    }
  }
  return table;
}

TEST(Maglev, KnowsPrimes) {
  for (const std::uint32_t prime : {2U, 3U, 5U, 7U, 13U, 251U, 65537U, 5'000'011U, 4294967291U}) {
    EXPECT_TRUE(is_prime(prime)) << prime;
  }
  for (const std::uint32_t other : {0U, 1U, 4U, 9U, 49U, 65536U, 65539U * 3U, 4294967295U}) {
    EXPECT_FALSE(is_prime(other)) << other;
  }
  EXPECT_TRUE(is_prime(Maglev::kMaxTableSize));
}

TEST(MaglevDeathTest, TakesNoTableOfASizeThatIsNotPrime) {
  HashPool pool(2);
  EXPECT_DEATH(Maglev(of_size(65536), pool.policies()), "is_prime");
  EXPECT_DEATH(Maglev(of_size(5'000'077), pool.policies()), "kMaxTableSize");
}

RC_GTEST_PROP(Maglev, BuildsTheTableOfThePaper, ()) {
  const auto size = *rc::gen::element(2U, 3U, 5U, 13U, 101U, 251U);
  const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(
      *rc::gen::inRange<std::size_t>(1, 10), rc::gen::inRange<std::uint32_t>(0, 9));
  RC_PRE(std::accumulate(weights.begin(), weights.end(), 0U) > 0);
  HashPool pool(weights);
  RC_ASSERT(entries_of(Maglev(of_size(size), pool.policies())) ==
            table_by_the_book(size, pool.policies()));
}

TEST(Maglev, GivesEqualBackendsEntriesThatDifferByOneAtMost) {
  for (const std::size_t backends : {1, 7, 12, 1000, 1200}) {
    HashPool pool(backends);
    const auto counts = counts_of(entries_of(Maglev(HashPolicy{}, pool.policies())), backends);
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    EXPECT_EQ(*least, 65537 / backends);
    EXPECT_EQ(*most, (65537 + backends - 1) / backends);
  }
}

// One entry for rounding its turns, and its part of everybody else's rounding.
RC_GTEST_PROP(Maglev, GivesEveryBackendItsShareOfTheEntries, ()) {
  const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(
      *rc::gen::inRange<std::size_t>(1, 10), rc::gen::inRange<std::uint32_t>(1, 1000));
  const std::uint64_t sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
  HashPool pool(weights);
  const auto counts = counts_of(entries_of(Maglev(of_size(1009), pool.policies())), weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto off = std::llabs(static_cast<long long>(counts[i] * sum) - 1009LL * weights[i]);
    RC_ASSERT(off <= static_cast<long long>(sum + weights.size() * weights[i]));
  }
}

TEST(Maglev, GivesWhateverWeightsAtLeastOneEntry) {
  HashPool pool({4'294'967'295U, 1, 1});
  const auto counts = counts_of(entries_of(Maglev(of_size(101), pool.policies())), 3);
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{99, 1, 1}));
}

TEST(Maglev, DoesNotDependOnTheOrderInTheFile) {
  HashPool pool({1, 2, 3});
  std::vector<BackendPolicy> reversed(pool.policies().rbegin(), pool.policies().rend());
  auto mirrored = entries_of(Maglev(HashPolicy{}, reversed));
  for (std::uint32_t& owner : mirrored) owner = 2 - owner;
  EXPECT_EQ(mirrored, entries_of(Maglev(HashPolicy{}, pool.policies())));
}

// A thousand and two hundred backends, of which twelve leave the configuration.
TEST(Maglev, MovesFewKeysOfLivingBackendsWhenSomeAreRemoved) {
  HashPool pool(1200);
  const Maglev before(HashPolicy{}, pool.policies());
  for (std::uint32_t i = 0; i < 1200; i += 100) pool.policies()[i].removed = true;
  const Maglev after(HashPolicy{}, pool.policies());
  const auto old_owners = entries_of(before);
  const auto new_owners = entries_of(after);
  int needless = 0;
  for (std::size_t i = 0; i < old_owners.size(); ++i) {
    EXPECT_NE(new_owners[i] % 100, 0U);
    if (old_owners[i] % 100 != 0 && old_owners[i] != new_owners[i]) ++needless;
  }
  EXPECT_LT(needless, 65537 * 3 / 100);
}

TEST(Maglev, MovesFewKeysOfLivingBackendsWhenOneOfTwelveIsRemoved) {
  HashPool pool(12);
  const auto before = pool.owners(Maglev(HashPolicy{}, pool.policies()), 20'000);
  pool.policies()[3].removed = true;
  const auto after = pool.owners(Maglev(HashPolicy{}, pool.policies()), 20'000);
  EXPECT_EQ(counts_of(after, 12)[3], 0U);
  EXPECT_LT(moved_needlessly(before, after, 3), 20'000 / 100);
}

// What consistent hashing is for: the remainder of a division moves 11 keys of 12.
TEST(Maglev, IsNothingLikeHashingModuloTheNumberOfBackends) {
  int moved = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (HashPool::hash_of_key(i) % 12 != HashPool::hash_of_key(i) % 11) ++moved;
  }
  EXPECT_NEAR(moved, 20'000 * 11 / 12, 200);
}

TEST(Maglev, MovesOnlyTheKeysOfABackendThatIsOutAndSpreadsThem) {
  HashPool pool(12);
  const Maglev maglev(HashPolicy{}, pool.policies());
  const auto before = pool.owners(maglev, 24'000);
  pool.out(3);
  const auto after = pool.owners(maglev, 24'000);
  EXPECT_EQ(moved_needlessly(before, after, 3), 0);
  std::vector<std::uint64_t> heirs;  // of the keys that moved
  for (std::uint32_t i = 0; i < 12; ++i) {
    if (i != 3) heirs.push_back(counts_of(after, 12)[i] - counts_of(before, 12)[i]);
  }
  EXPECT_LT(chi_square_excess(heirs), 4);
  pool.back(3);
  EXPECT_EQ(pool.owners(maglev, 24'000), before);
}

TEST(Maglev, FindsTheOnlyCandidateOfManyBackends) {
  HashPool pool(1000);
  pool.only(1);
  const Maglev maglev(HashPolicy{}, pool.policies());
  EXPECT_EQ(counts_of(pool.owners(maglev, 2000), 1), std::vector<std::uint64_t>{2000});
}

// Beyond the jumps the next entry of a candidate has the key: no key moves between candidates.
TEST(Maglev, MovesNoKeyBetweenTheFewThatAreLeft) {
  HashPool pool(500);
  const Maglev maglev(HashPolicy{}, pool.policies());
  pool.only(3);
  const auto before = pool.owners(maglev, 3000);
  pool.out(0);
  EXPECT_EQ(moved_needlessly(before, pool.owners(maglev, 3000), 0), 0);
}

TEST(Maglev, PicksSomeCandidateWhenTheTableKnowsNone) {
  HashPool pool(3);
  EXPECT_LT(pool.pick(Maglev(HashPolicy{}, std::vector<BackendPolicy>{}), 5), 3U);
  for (BackendPolicy& backend : pool.policies()) backend.weight = 0;
  EXPECT_LT(pool.pick(Maglev(HashPolicy{}, pool.policies()), 5), 3U);
  HashPool others({1, 0, 0});
  const Maglev first_only(HashPolicy{}, others.policies());
  pool.out(0);
  EXPECT_EQ(counts_of(pool.owners(first_only, 1000), 3)[0], 0U);
}

TEST(Maglev, IsAValue) {
  HashPool pool(12);
  const Maglev maglev(HashPolicy{}, pool.policies());
  const Maglev copy = maglev;
  EXPECT_EQ(copy, maglev);
  EXPECT_EQ(Maglev(HashPolicy{}, pool.policies()), maglev);
  pool.policies()[0].weight = 2;
  EXPECT_NE(Maglev(HashPolicy{}, pool.policies()), maglev);
}

}  // namespace
}  // namespace evenkeel::core
