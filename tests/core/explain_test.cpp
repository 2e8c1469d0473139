// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "core/pool_driver.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<Candidacy> candidacies(const Explanation& explanation) {
  std::vector<Candidacy> list;
  for (const BackendExplanation& line : explanation.backends) list.push_back(line.candidacy);
  return list;
}

TEST(Explain, EverybodyWhoIsNoCandidateHasAReason) {
  PoolPolicy policy = pool_policy({1, 1, 1, 0, 1, 1, 1}, Algorithm::least_request);
  policy.backends[4].priority = 1;
  for (BackendPolicy& backend : policy.backends) backend.zone = "a";
  policy.backends[5].zone = "b";
  policy.limits.max_requests = 3;
  PoolDriver pool(policy, "a");
  pool.all_eligible();
  pool.verdict(6, Standing::ejected);
  for (int i = 0; i < 3; ++i) pool.start_on(2);
  const std::vector<BackendIndex> tried = {BackendIndex{1}};
  const Explanation explanation = pool.pool().explain(pool.request(tried));
  EXPECT_EQ(explanation.pick, picked(0));
  EXPECT_THAT(
      candidacies(explanation),
      ElementsAre(Candidacy::candidate, Candidacy::tried, Candidacy::full, Candidacy::weightless,
                  Candidacy::other_level, Candidacy::other_zone, Candidacy::standing));
  EXPECT_EQ(explanation.backends[2].in_flight, 3U);
  EXPECT_EQ(explanation.backends[2].limit, 3U);
}

TEST(Explain, AnotherZoneIsNoCandidateWithoutSpill) {
  PoolPolicy policy = pool_policy({1, 1});
  policy.backends[0].zone = "a";
  policy.backends[1].zone = "b";
  policy.balance.zones.spill = false;
  PoolDriver pool(policy, "a");
  pool.all_eligible();
  EXPECT_THAT(candidacies(pool.pool().explain(pool.request())),
              ElementsAre(Candidacy::candidate, Candidacy::zone_only));
}

TEST(Explain, ScoresAreWhatTheStrategyCompares) {
  PoolDriver pool(pool_policy({2, 1, 1}, Algorithm::least_conn));
  pool.all_eligible();
  for (int i = 0; i < 2; ++i) pool.start_on(0);
  pool.start_on(1);
  pool.start_on(2);
  const Explanation explanation = pool.pool().explain(pool.request());
  EXPECT_EQ(explanation.backends[0].score, 1500);  // (2 + 1) / 2
  EXPECT_EQ(explanation.backends[1].score, 2000);
  EXPECT_EQ(explanation.pick, picked(0));
}

TEST(Explain, CostsAndScoresOfResponseTimes) {
  PoolPolicy policy = pool_policy({1, 2}, Algorithm::peak_ewma);
  PoolDriver pool(policy);
  pool.all_eligible();
  for (const std::uint32_t backend : {0U, 1U}) {
    pool.start_on(backend);
    pool.end(backend, 10ms);
  }
  const Explanation explanation = pool.pool().explain(pool.request());
  EXPECT_EQ(explanation.backends[0].cost, Duration(10ms));
  EXPECT_EQ(explanation.backends[0].score, 10'000'000'000);  // ns, in thousandths
  EXPECT_EQ(explanation.backends[1].score, 5'000'000'000);
  EXPECT_EQ(explanation.pick, picked(1));
}

TEST(Explain, ShowsTheCapOfBoundedHashing) {
  PoolPolicy policy = pool_policy({1, 1, 1, 1}, Algorithm::maglev);
  policy.balance.hash.balance_factor = 150;
  PoolDriver pool(policy);
  pool.all_eligible();
  for (int i = 0; i < 7; ++i) pool.start_on(0);
  EXPECT_EQ(pool.pool().explain(pool.request()).backends[0].cap, 3U);  // 1.5 * 8 / 4
}

TEST(Explain, EffectiveWeightsAreOfThisMoment) {
  PoolPolicy policy = pool_policy({1, 4}, Algorithm::least_request);
  policy.balance.slow_start.window = 60s;
  policy.balance.panic_threshold = 0;
  PoolDriver pool(policy);
  pool.all_eligible();
  pool.verdict(1, Standing::unhealthy);
  pool.verdict(1, Standing::eligible);
  pool.advance(30s);
  const Explanation explanation = pool.pool().explain(pool.request());
  EXPECT_EQ(explanation.backends[0].weight_thousandths, 1000U);
  EXPECT_EQ(explanation.backends[1].weight_thousandths, 2000U);
}

TEST(Explain, ShowsTheDraws) {
  PoolDriver pool(pool_policy({1, 1, 1, 1}, Algorithm::least_request));
  pool.all_eligible();
  EXPECT_THAT(pool.pool().explain(pool.request()).draws, SizeIs(2));
  PoolDriver turns(pool_policy({1, 1, 1, 1}, Algorithm::round_robin));
  turns.all_eligible();
  EXPECT_THAT(turns.pool().explain(turns.request()).draws, SizeIs(0));
}

TEST(Explain, PrintsATable) {
  PoolPolicy policy = pool_policy({1, 1, 1}, Algorithm::least_conn);
  policy.limits.max_requests = 2;
  PoolDriver pool(policy);
  pool.all_eligible();
  pool.verdict(1, Standing::unhealthy);
  pool.start_on(0);
  EXPECT_EQ(to_text(pool.pool().explain(pool.request())),
            "least_conn: 2\n"
            "draws:\n"
            "level 0: 2 of 3 healthy, takes 100.000 %\n"
            "   backend  candidacy  standing   priority  zone   in flight  limit  weight  cost  "
            "score  cap\n"
            "   0        candidate  eligible   0         local  1          2      1.000   -     "
            "2.000  -\n"
            "   1        standing   unhealthy  0         local  0          2      1.000   -     "
            "-      -\n"
            ">  2        candidate  eligible   0         local  0          2      1.000   -     "
            "1.000  -\n");
}

TEST(Explain, SaysWhyNobodyIsPicked) {
  PoolPolicy policy = pool_policy({1});
  policy.limits.max_requests = 1;
  PoolDriver pool(policy);
  EXPECT_THAT(to_text(pool.pool().explain(pool.request())), HasSubstr("round_robin: nobody\n"));
  pool.all_eligible();
  pool.start_on(0);
  EXPECT_THAT(to_text(pool.pool().explain(pool.request())), HasSubstr("round_robin: saturated\n"));
  pool.end(0);
  pool.verdict(0, Standing::unhealthy);
  EXPECT_THAT(to_text(pool.pool().explain(pool.request())), HasSubstr("round_robin: 0 in panic\n"));
  PoolDriver empty(pool_policy({}));
  EXPECT_THAT(to_text(empty.pool().explain(empty.request())), HasSubstr("round_robin: nobody\n"));
}

}  // namespace
}  // namespace evenkeel::core
