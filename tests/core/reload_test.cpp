// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/reload.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>

#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

BackendPolicy backend(const std::string& id) {
  BackendPolicy policy;
  policy.id = id;
  policy.endpoint.host = id + ".example";
  return policy;
}

Config config_of(const std::vector<std::string>& ids) {
  Config config = plain_config(0);
  for (const std::string& id : ids) config.pools[0].backends.push_back(backend(id));
  return config;
}

// "a b -c": a removed one with a minus.
std::string places(const Config& config, std::size_t pool = 0) {
  std::string text;
  for (const BackendPolicy& policy : config.pools[pool].backends) {
    if (!text.empty()) text += ' ';
    text += (policy.removed ? "-" : "") + policy.id;
  }
  return text;
}

TEST(Reload, NobodyMovesWhenTheFileIsReordered) {
  EXPECT_EQ(places(merge(config_of({"a", "b", "c"}), config_of({"c", "a", "b"}), {})), "a b c");
}

TEST(Reload, WhoIsNewIsAppended) {
  EXPECT_EQ(places(merge(config_of({"a", "b"}), config_of({"x", "a", "b"}), {})), "a b x");
}

TEST(Reload, WhoIsGoneKeepsHisPlaceWhileInUse) {
  const InUse in_use = {{true, false}};
  EXPECT_EQ(places(merge(config_of({"a", "b"}), config_of({"b", "x"}), in_use)), "-a b x");
}

TEST(Reload, AFreePlaceGoesToSomebodyNew) {
  EXPECT_EQ(places(merge(config_of({"a", "b"}), config_of({"b", "x"}), {})), "x b");
}

TEST(Reload, ThePlaceOfWhoIsGoneStaysAMarkWhenNobodyNeedsIt) {
  EXPECT_EQ(places(merge(config_of({"a", "b"}), config_of({"b"}), {})), "-a b");
}

TEST(Reload, WhoComesBackFindsHisPlace) {
  const Config without = merge(config_of({"a", "b"}), config_of({"b"}), {});
  EXPECT_EQ(places(merge(without, config_of({"b", "a"}), {})), "a b");
}

TEST(Reload, TheSameIdElsewhereIsSomebodyElse) {
  Config next = config_of({"a"});
  next.pools[0].backends[0].endpoint.port = 81;
  EXPECT_FALSE(same_backend(config_of({"a"}).pools[0].backends[0], next.pools[0].backends[0]));
  const InUse in_use = {{true}};
  EXPECT_EQ(places(merge(config_of({"a"}), next, in_use)), "-a a");
}

TEST(Reload, PoolsGoByNameAndRoutesFollowThem) {
  Config running = config_of({"a"});
  running.pools.push_back(running.pools[0]);
  running.pools[1].name = "canary";
  Config next = running;
  std::swap(next.pools[0], next.pools[1]);
  next.routes[0].split = {SplitPolicy{PoolIndex{0}, 1, {}, ""}};  // the canary
  next.routes[0].mirror.pool = PoolIndex{1};
  next.pools[0].circuit_breaker.fallback_pool = PoolIndex{1};
  const Config merged = merge(running, next, {});
  EXPECT_EQ(merged.pools[0].name, "main");
  EXPECT_EQ(merged.pools[1].name, "canary");
  EXPECT_EQ(merged.routes[0].split[0].pool, PoolIndex{1});
  EXPECT_EQ(merged.routes[0].mirror.pool, PoolIndex{0});
  EXPECT_EQ(merged.pools[1].circuit_breaker.fallback_pool, PoolIndex{0});
}

TEST(Reload, APoolThatIsGoneStaysAsAMarkWithoutBackends) {
  Config running = config_of({"a"});
  running.pools.push_back(running.pools[0]);
  running.pools[1].name = "canary";
  const Config merged = merge(running, config_of({"a"}), {});
  ASSERT_EQ(merged.pools.size(), 2U);
  EXPECT_TRUE(merged.pools[1].removed);
  EXPECT_EQ(places(merged, 1), "-a");
}

std::vector<std::string> names(const std::set<int>& ids) {
  std::vector<std::string> names;
  for (const int id : ids) names.push_back("b" + std::to_string(id));
  return names;
}

RC_GTEST_PROP(ReloadProperty, MergingTheSameChangesNothing, ()) {
  const auto drawn =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 30)));
  const std::set<int> ids(drawn.begin(), drawn.end());
  const Config config = config_of(names(ids));
  RC_ASSERT(merge(config, config, {}) == config);
}

// Over any number of reloads: whoever stays keeps his place, nobody is there twice, everybody
// wanted is there, and a place in use goes to nobody else.
RC_GTEST_PROP(ReloadProperty, PlacesAreStable, ()) {
  Config running = config_of({"b0"});
  const int reloads = *rc::gen::inRange(1, 6);
  for (int i = 0; i < reloads; ++i) {
    const auto drawn =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12)));
    const std::set<int> ids(drawn.begin(), drawn.end());
    InUse in_use = {{}};
    for (std::size_t b = 0; b < running.pools[0].backends.size(); ++b) {
      in_use[0].push_back(*rc::gen::arbitrary<bool>());
    }
    const Config next = config_of(names(ids));
    const Config merged = merge(running, next, in_use);
    const auto& before = running.pools[0].backends;
    const auto& after = merged.pools[0].backends;
    RC_ASSERT(after.size() >= before.size());
    std::set<std::string> present;
    for (std::size_t b = 0; b < after.size(); ++b) {
      if (!after[b].removed) RC_ASSERT(present.insert(after[b].id).second);
      if (b >= before.size()) continue;
      const bool stays = ids.count(std::stoi(before[b].id.substr(1))) != 0;
      if (stays && !before[b].removed) RC_ASSERT(same_backend(before[b], after[b]));
      if (in_use[0][b]) RC_ASSERT(same_backend(before[b], after[b]));
    }
    RC_ASSERT(present.size() == ids.size());
    running = merged;
  }
}

// However the pool changes, the list is as long as the most that was needed at once.
RC_GTEST_PROP(ReloadProperty, ReloadsWithoutEndNeedNoMorePlaces, ()) {
  Config running = config_of({"b0"});
  for (int i = 0; i < 50; ++i) {
    std::set<int> ids;
    for (int k = 0; k < 3; ++k) ids.insert(3 * i + k);
    running = merge(running, config_of(names(ids)), {});
  }
  RC_ASSERT(running.pools[0].backends.size() == 3U);
}

}  // namespace
}  // namespace evenkeel::core
