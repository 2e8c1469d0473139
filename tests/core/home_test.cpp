// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/at.h"
#include "core/test_balancer.h"

namespace evenkeel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Stream kStream{Seed{3}, "home"};
constexpr BackendIndex k0{0};
constexpr BackendIndex k1{1};

// The verdicts a worker would be told, as "+0 -1", and nothing left over.
std::string take_verdicts(PoolHome& home) {
  std::string text;
  for (const Verdict& verdict : home.verdicts()) {
    if (!text.empty()) text += ' ';
    text += verdict.eligible ? '+' : '-';
    text += std::to_string(index(verdict.backend));
  }
  home.clear_news();
  EXPECT_FALSE(home.has_news());
  return text;
}

PoolPolicy breaking_policy() {
  PoolPolicy policy = plain_config(2).pools[0];
  policy.circuit_breaker.enabled = true;
  policy.circuit_breaker.consecutive_failures = 2;
  policy.circuit_breaker.open_duration = 1s;
  policy.circuit_breaker.half_open_max_requests = 2;
  return policy;
}

void give(PoolHome& home, Instant now, CircuitBreaker::Ticket ticket, Outcome outcome) {
  home.on_evidence(now, Evidence{k0, outcome, ticket});
}

TEST(Home, BeginsWithAVerdictOnEveryBackendThatMayBePicked) {
  PoolPolicy policy = plain_config(3).pools[0];
  PoolHome healthy(PoolIndex{0}, policy, kStream, at(0s));
  EXPECT_EQ(take_verdicts(healthy), "+0 +1 +2");
  policy.health_check.type = CheckType::http;
  policy.health_check.initial_state = InitialState::unhealthy;
  PoolHome unhealthy(PoolIndex{0}, policy, kStream, at(0s));
  EXPECT_EQ(take_verdicts(unhealthy), "");
}

TEST(Home, SaysAVerdictOnlyWhenItChanges) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  EXPECT_EQ(take_verdicts(home), "+0 +1");
  const auto first = home.admit(at(0s), k0);
  const auto second = home.admit(at(0s), k0);
  EXPECT_EQ(take_verdicts(home), "");
  give(home, at(0s), first, Outcome::failure);
  EXPECT_EQ(take_verdicts(home), "");
  give(home, at(0s), second, Outcome::failure);
  EXPECT_EQ(take_verdicts(home), "-0");
  EXPECT_EQ(home.breaker(k0), BreakerState::open);
  EXPECT_EQ(home.breaker(k1), BreakerState::closed);
}

TEST(Home, HandsOutAsManyProbesAsThereArePermits) {
  PoolHome home(PoolIndex{0}, breaking_policy(), kStream, at(0s));
  give(home, at(0s), home.admit(at(0s), k0), Outcome::failure);
  give(home, at(0s), home.admit(at(0s), k0), Outcome::failure);
  const Instant half_open = home.next_deadline();
  home.on_deadline(half_open);
  EXPECT_EQ(take_verdicts(home), "+0 +1 -0 +0");
  const auto first = home.admit(half_open, k0);
  EXPECT_EQ(take_verdicts(home), "");
  const auto second = home.admit(half_open, k0);
  EXPECT_EQ(take_verdicts(home), "-0");
  give(home, half_open, first, Outcome::neutral);
  EXPECT_EQ(take_verdicts(home), "+0");
  // The lease of the other one is all that is waited for, and then nothing.
  EXPECT_EQ(home.next_deadline(), half_open + 1s);
  give(home, half_open, second, Outcome::neutral);
  EXPECT_EQ(home.next_deadline(), kNever);
}

TEST(Home, ChecksAreActionsOfItsOwnPool) {
  PoolPolicy policy = plain_config(1).pools[0];
  policy.health_check.type = CheckType::tcp;
  PoolHome home(PoolIndex{7}, policy, kStream, at(0s));
  home.clear_news();
  home.on_deadline(home.next_deadline());
  ASSERT_EQ(home.actions().size(), 1U);
  EXPECT_EQ(to_text(home.actions()[0]), "check 7/0 #0");
  home.clear_news();
  home.on_deadline(home.next_deadline());
  ASSERT_EQ(home.actions().size(), 1U);
  EXPECT_EQ(to_text(home.actions()[0]), "cancel check 7/0 #0");
}

TEST(Home, HedgesHaveNoBudgetWhenTheyAreOff) {
  PoolPolicy policy = plain_config(1).pools[0];
  PoolHome off(PoolIndex{0}, policy, kStream, at(0s));
  EXPECT_FALSE(off.try_hedge(at(0s)));
  EXPECT_TRUE(off.try_retry(at(0s)));
  policy.retry.hedge.enabled = true;
  policy.retry.hedge.budget_percent = 50;
  policy.retry.budget.min_per_second = 0;
  PoolHome on(PoolIndex{0}, policy, kStream, at(0s));
  for (int i = 0; i < 20; ++i) on.on_request(at(0s));
  int hedges = 0;
  int retries = 0;
  while (on.try_hedge(at(0s))) ++hedges;
  while (on.try_retry(at(0s))) ++retries;
  EXPECT_EQ(hedges, 20 * 50 / 100);
  EXPECT_EQ(retries, 20 * static_cast<int>(policy.retry.budget.percent) / 100);
}

TEST(Home, ADeadlineCalledTooEarlyDoesNothing) {
  PoolPolicy policy = plain_config(2).pools[0];
  policy.health_check.type = CheckType::http;
  PoolHome home(PoolIndex{0}, policy, kStream, at(0s));
  home.clear_news();
  home.on_deadline(home.next_deadline() - 1ns);
  EXPECT_FALSE(home.has_news());
}

}  // namespace
}  // namespace evenkeel::core
