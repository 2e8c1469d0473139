// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/bounded_load.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "core/balance/hash_pool.h"
#include "core/chi_square.h"
#include "evenkeel/core/balance/maglev.h"
#include "evenkeel/core/balance/rendezvous.h"
#include "evenkeel/core/balance/ring_hash.h"

namespace evenkeel::core {
namespace {

HashPolicy bounded(std::uint32_t factor) {
  HashPolicy policy;
  policy.table_size = 1009;
  policy.minimum_ring_size = 1;
  policy.balance_factor = factor;
  return policy;
}

// ceil(factor / 100 · (total + 1) · weight / Σ weight), as the sentence has it.
std::uint64_t cap_of(const HashPool& pool, std::uint32_t backend, std::uint64_t factor) {
  const Candidates all = pool.candidates(0);
  std::uint64_t in_flight = 0;
  std::uint64_t weight = 0;
  for (const BackendIndex candidate : all.backends) {
    in_flight += all.load(candidate).in_flight;
    weight += all.load(candidate).weight;
  }
  const std::uint64_t share = factor * (in_flight + 1) * all.loads[backend].weight;
  return (share + 100 * weight - 1) / (100 * weight);
}

HashPool drawn_pool() {
  const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(
      *rc::gen::inRange<std::size_t>(1, 6), rc::gen::inRange<std::uint32_t>(1, 5));
  HashPool pool(weights);
  for (Load& load : pool.loads()) load.in_flight = *rc::gen::inRange<std::uint32_t>(0, 6);
  return pool;
}

TEST(BoundedLoad, AdmitsUpToTheCapAndNotAbove) {
  HashPool pool(4);
  // ceil(1.25 * (3 + 1) / 4) = 2
  pool.loads()[0].in_flight = 1;
  pool.loads()[1].in_flight = 2;
  const Candidates all = pool.candidates(0);
  const LoadBound bound(125, all);
  EXPECT_TRUE(bound.admits(BackendIndex{0}));
  EXPECT_FALSE(bound.admits(BackendIndex{1}));
}

// ceil(1.5 * (7 + 1) / 4) = 3 exactly: no rounding may let a fourth in.
TEST(BoundedLoad, TakesACapThatIsWholeAsItIs) {
  HashPool pool(4);
  pool.loads()[0].in_flight = 2;
  pool.loads()[1].in_flight = 3;
  pool.loads()[2].in_flight = 2;
  const Candidates all = pool.candidates(0);
  const LoadBound bound(150, all);
  EXPECT_TRUE(bound.admits(BackendIndex{0}));
  EXPECT_FALSE(bound.admits(BackendIndex{1}));
}

TEST(BoundedLoad, CountsAFactorBelowAHundredAsAHundred) {
  HashPool pool(1);
  pool.loads()[0].in_flight = 9;
  const Candidates all = pool.candidates(0);
  EXPECT_TRUE(LoadBound(1, all).admits(BackendIndex{0}));
}

RC_GTEST_PROP(BoundedLoad, AdmitsExactlyTheCap, ()) {
  const HashPool pool = drawn_pool();
  const auto factor = *rc::gen::inRange<std::uint32_t>(100, 300);
  const Candidates all = pool.candidates(0);
  const LoadBound bound(factor, all);
  for (const BackendIndex backend : all.backends) {
    RC_ASSERT(bound.admits(backend) ==
              (all.load(backend).in_flight + 1 <= cap_of(pool, index(backend), factor)));
  }
}

RC_GTEST_PROP(BoundedLoad, TakesTheTotalsOfTheCandidatesWhenTheyCome, ()) {
  const HashPool pool = drawn_pool();
  const auto factor = *rc::gen::inRange<std::uint32_t>(100, 300);
  const Candidates bare = pool.candidates(0);
  Candidates with_totals = bare;
  for (const Load& load : bare.loads) {
    with_totals.total_weight += load.weight;
    with_totals.total_in_flight += load.in_flight;
  }
  const LoadBound summed(factor, bare);
  const LoadBound given(factor, with_totals);
  for (const BackendIndex backend : bare.backends) {
    RC_ASSERT(summed.admits(backend) == given.admits(backend));
  }
}

// There always is one, and the least loaded for its weight is.
RC_GTEST_PROP(BoundedLoad, AlwaysAdmitsTheLeastLoaded, ()) {
  HashPool pool = drawn_pool();
  const Candidates all = pool.candidates(0);
  const LoadBound bound(100, all);
  RC_ASSERT(bound.admits(bound.least_loaded(*rc::gen::arbitrary<std::uint64_t>())));
}

TEST(BoundedLoad, SpreadsWhatNobodyWasFoundForOverTheLeastLoaded) {
  HashPool pool(6);
  pool.loads()[0].in_flight = 1;
  pool.loads()[5].in_flight = 1;
  std::vector<std::uint64_t> counts(6);
  for (int i = 0; i < 8000; ++i) {
    const Candidates all = pool.candidates(HashPool::hash_of_key(i));
    ++counts[index(LoadBound(125, all).least_loaded(all.hash))];
  }
  EXPECT_EQ(counts[0] + counts[5], 0U);
  for (int i = 1; i < 5; ++i) EXPECT_GT(counts[i], 500U);
}

template <typename Strategy>
class Bounded : public testing::Test {};
using Strategies = testing::Types<Maglev, RingHash, Rendezvous>;
TYPED_TEST_SUITE(Bounded, Strategies);

// Requests of a few hot keys come, and go in any order; some backends are out.
TYPED_TEST(Bounded, NoPickTakesABackendAboveItsCap) {
  for (const std::uint32_t factor : {101U, 125U, 200U}) {
    HashPool pool({1, 2, 3, 1, 1, 1, 2, 1});
    const TypeParam strategy(bounded(factor), pool.policies());
    pool.out(4);
    const Stream stream(Seed{factor}, "test");
    for (std::uint64_t i = 0; i < 3000; ++i) {
      const auto key = static_cast<int>(stream.below(3, 3 * i));
      const std::uint32_t backend = pool.pick(strategy, HashPool::hash_of_key(key));
      ASSERT_NE(backend, 4U);
      ASSERT_LE(pool.loads()[backend].in_flight + 1, cap_of(pool, backend, factor));
      ++pool.loads()[backend].in_flight;
      Load& done = pool.loads()[stream.below(8, 3 * i + 1)];
      if (done.in_flight != 0 && stream.below(4, 3 * i + 2) != 0) --done.in_flight;
    }
  }
}

TYPED_TEST(Bounded, KeepsEveryKeyWhereItBelongsWhileNobodyIsFull) {
  HashPool pool(12);
  for (Load& load : pool.loads()) load.in_flight = 7;
  const TypeParam plain(bounded(0), pool.policies());
  const TypeParam strategy(bounded(125), pool.policies());
  EXPECT_EQ(pool.owners(strategy, 2000), pool.owners(plain, 2000));
}

// Next to each other on a ring the heirs of one full backend would be few.
TYPED_TEST(Bounded, SpreadsTheKeysOfAFullBackendOverAllOthers) {
  HashPool pool(12);
  const TypeParam plain(bounded(0), pool.policies());
  const TypeParam strategy(bounded(125), pool.policies());
  for (Load& load : pool.loads()) load.in_flight = 1;
  pool.loads()[3].in_flight = 100;
  const auto before = counts_of(pool.owners(plain, 24'000), 12);
  const auto after = counts_of(pool.owners(strategy, 24'000), 12);
  EXPECT_EQ(after[3], 0U);
  for (std::uint32_t i = 0; i < 12; ++i) {
    if (i == 3) continue;
    const auto inherited = static_cast<double>(after[i] - before[i]);
    const auto orphans = static_cast<double>(before[3]);
    EXPECT_NEAR(inherited, orphans / 11, orphans / 22);
  }
}

TYPED_TEST(Bounded, SpreadsOneHotKeyOverSeveralBackends) {
  HashPool pool(12);
  const TypeParam strategy(bounded(125), pool.policies());
  for (int i = 0; i < 100; ++i) ++pool.loads()[pool.pick(strategy, 5)].in_flight;
  for (const Load& load : pool.loads()) EXPECT_LE(load.in_flight, 11U);
}

TYPED_TEST(Bounded, FindsTheOneThatIsNotFull) {
  HashPool pool(100);
  const TypeParam strategy(bounded(101), pool.policies());
  for (Load& load : pool.loads()) load.in_flight = 200;
  pool.loads()[77].in_flight = 0;
  const auto counts = counts_of(pool.owners(strategy, 300), 100);
  EXPECT_EQ(counts[77], 300U);
}

}  // namespace
}  // namespace evenkeel::core
