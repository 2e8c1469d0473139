// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/remote_home.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/at.h"
#include "core/worker/cluster.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr BackendIndex kFirst{0};
constexpr CircuitBreaker::Ticket kClosed{0, 0, false};

std::vector<std::string> posted(RemoteHome& home) {
  std::vector<std::string> all;
  while (const auto message = home.poll_message()) all.push_back(to_text(*message));
  return all;
}

RemoteHome remote(const PoolPolicy& policy) {
  RemoteHome home(PoolIndex{0}, policy, at(0s));
  home.clear_news();
  return home;
}

VerdictChange half_open(std::uint32_t generation, Standing standing = Standing::eligible) {
  VerdictChange change{kFirst, standing, false, BreakerState::half_open, {}};
  change.ticket = CircuitBreaker::Ticket{generation, 0, false};
  return change;
}

TEST(RemoteHome, BeginsAsThePolicySays) {
  PoolPolicy policy = cluster_policy(2);
  RemoteHome eager(PoolIndex{0}, policy, at(0s));
  ASSERT_EQ(eager.verdicts().size(), 2U);
  EXPECT_EQ(eager.verdicts()[1], (Verdict{BackendIndex{1}, Standing::eligible, false}));
  policy.health_check.type = CheckType::http;
  policy.health_check.initial_state = InitialState::unchecked;
  EXPECT_EQ(remote(policy).standing(kFirst), Standing::unchecked);
  policy.health_check.initial_state = InitialState::unhealthy;
  EXPECT_EQ(remote(policy).standing(kFirst), Standing::unhealthy);
  policy.backends[0].removed = true;
  EXPECT_EQ(remote(policy).standing(kFirst), Standing::down);
}

TEST(RemoteHome, PostsFailuresAtOnceAfterTheSuccessesBeforeThem) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_evidence(at(0s), Evidence{kFirst, succeeded(5ms), kClosed});
  home.on_evidence(at(0s), Evidence{kFirst, succeeded(5ms), kClosed});
  EXPECT_TRUE(posted(home).empty()) << "successes wait";
  home.on_evidence(at(1ms), Evidence{kFirst, failed(), kClosed});
  EXPECT_EQ(posted(home), (std::vector<std::string>{
                              "succeeded 0/0 ticket 0 0 2 5000000 1000",
                              "failed 0/0 ticket 0 0 1 failure 1 3000000 0 0",
                          }));
}

TEST(RemoteHome, PostsCountsEveryTenMilliseconds) {
  RemoteHome home = remote(cluster_policy(2));
  EXPECT_EQ(home.next_deadline(), kNever);
  for (int i = 0; i < 3; ++i) {
    home.on_request(at(1ms));
    home.on_evidence(at(2ms), Evidence{kFirst, succeeded(5ms), kClosed});
  }
  EXPECT_EQ(home.next_deadline(), at(11ms));
  home.on_deadline(at(11ms) - 1ns);
  EXPECT_TRUE(posted(home).empty());
  home.on_deadline(at(11ms));
  EXPECT_EQ(posted(home),
            (std::vector<std::string>{"usage 3 0 0", "succeeded 0/0 ticket 0 0 3 5000000 1000"}));
  EXPECT_EQ(home.next_deadline(), kNever) << "nothing to report, nothing to wake for";
}

TEST(RemoteHome, SaysNothingOfWhatIsNoEvidence) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_evidence(at(0s), Evidence{kFirst, Feedback{}, kClosed});
  home.on_deadline(at(10ms));
  EXPECT_TRUE(posted(home).empty());
}

TEST(RemoteHome, PassesOnThatABackendAskedToBeLeftAlone) {
  RemoteHome home = remote(cluster_policy(1));
  Feedback shed;
  shed.retry_after = 2s;
  home.on_evidence(at(0s), Evidence{kFirst, shed, kClosed});
  EXPECT_EQ(posted(home).size(), 1U);
}

// Counted as of the present generation, an answer from before the pause would close the breaker or
// open it again.
TEST(RemoteHome, MixedGenerationsCountForNone) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_evidence(at(0s), Evidence{kFirst, succeeded(5ms), CircuitBreaker::Ticket{0, 0, false}});
  home.on_evidence(at(0s), Evidence{kFirst, succeeded(5ms), CircuitBreaker::Ticket{3, 0, false}});
  home.on_deadline(at(10ms));
  const auto message = home.poll_message();
  ASSERT_TRUE(message);
  EXPECT_EQ(std::get<SuccessReport>(message->body).ticket, CircuitBreaker::kNoTicket);
  EXPECT_EQ(std::get<SuccessReport>(message->body).successes.count(), 2U);
}

TEST(RemoteHome, HoldsOneMessagePerBackendAndKindHoweverLongNobodyAsks) {
  constexpr std::uint32_t kBackends = 3;
  PoolPolicy policy = cluster_policy(kBackends);
  RemoteHome home = remote(policy);
  std::uint32_t failures = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const BackendIndex backend{i % kBackends};
    home.on_request(at(Duration(1ms) * i));
    home.on_evidence(at(Duration(1ms) * i), Evidence{backend, succeeded(), kClosed});
    const auto kind = static_cast<FailureKind>(1 + i % 4 % 3);
    home.on_evidence(at(Duration(1ms) * i), Evidence{backend, failed(kind), kClosed});
    ++failures;
    home.on_deadline(at(Duration(1ms) * i));
  }
  std::size_t messages = 0;
  std::uint32_t counted = 0;
  while (const auto message = home.poll_message()) {
    ++messages;
    if (const auto* report = std::get_if<FailureReport>(&message->body)) counted += report->count;
  }
  EXPECT_LE(messages, kBackends * (1 + 3) + 1);
  EXPECT_EQ(counted, failures) << "and loses none";
}

TEST(RemoteHome, RetriesOnlyWithALeasedToken) {
  PoolPolicy policy = cluster_policy(1);
  policy.retry.hedge.enabled = true;
  RemoteHome home = remote(policy);
  EXPECT_FALSE(home.try_retry(at(0s)));
  home.on_message(at(0s), TokenGrant{2, 0, at(10s)});
  EXPECT_TRUE(home.try_retry(at(0s)));
  EXPECT_FALSE(home.try_hedge(at(0s))) << "hedges have tokens of their own";
  home.on_message(at(0s), TokenGrant{0, 2, at(10s)});
  EXPECT_TRUE(home.try_hedge(at(0s)));
  EXPECT_FALSE(home.try_retry(at(10s))) << "the lease is over";
  home.on_deadline(at(10s));
  EXPECT_EQ(posted(home), std::vector<std::string>{"usage 0 2 2"});
}

TEST(RemoteHome, WithoutABudgetAsksForNoToken) {
  PoolPolicy policy = cluster_policy(1);
  policy.retry.budget.enabled = false;
  policy.retry.hedge.enabled = true;
  RemoteHome home = remote(policy);
  EXPECT_TRUE(home.try_retry(at(0s)));
  EXPECT_TRUE(home.try_hedge(at(0s)));
  EXPECT_EQ(home.next_deadline(), kNever);
}

// ---- permits ------------------------------------------------------------------------------------

TEST(RemoteHome, AsksForAPermitWhenARequestComesAndOnlyOnce) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_message(at(0s), half_open(2));
  EXPECT_EQ(home.standing(kFirst), Standing::breaker_open) << "without a permit";
  EXPECT_TRUE(posted(home).empty()) << "a worker without traffic would only keep it from others";
  home.on_request(at(0s));
  home.on_request(at(0s));
  EXPECT_EQ(posted(home), std::vector<std::string>{"ask_permit 0/0"});
}

TEST(RemoteHome, AsksForNoPermitWhenThereIsNone) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_message(at(0s), half_open(2, Standing::breaker_open));
  home.on_request(at(0s));
  EXPECT_TRUE(posted(home).empty());
}

TEST(RemoteHome, SendsOneProbePerPermit) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_message(at(0s), half_open(2));
  const CircuitBreaker::Ticket probe{2, 0, true};
  home.on_message(at(0s), PermitGrant{kFirst, probe, at(30s)});
  EXPECT_EQ(home.standing(kFirst), Standing::eligible);
  EXPECT_EQ(home.admit(at(0s), kFirst), probe);
  EXPECT_EQ(home.standing(kFirst), Standing::breaker_open);
  EXPECT_EQ(home.admit(at(0s), kFirst), CircuitBreaker::kNoTicket) << "panic may still pick it";
  home.on_evidence(at(1s), Evidence{kFirst, succeeded(), probe});
  EXPECT_EQ(posted(home),
            std::vector<std::string>{"return_permit 0/0 probe 2 0 success 0 5000000 0 1000"});
}

TEST(RemoteHome, ReturnsAPermitThatNobodyUses) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_message(at(0s), half_open(2));
  home.on_message(at(1s), PermitGrant{kFirst, CircuitBreaker::Ticket{2, 0, true}, at(30s)});
  const Instant end = at(1s) + RemoteHome::kPermitUse;
  EXPECT_EQ(home.next_deadline(), end);
  EXPECT_EQ(home.admit(end, kFirst), CircuitBreaker::kNoTicket);
  home.on_deadline(end);
  EXPECT_EQ(home.standing(kFirst), Standing::breaker_open);
  EXPECT_EQ(posted(home), std::vector<std::string>{
                              "return_permit 0/0 probe 2 0 neutral 0 18446744073709551615 0 0"});
  EXPECT_EQ(home.next_deadline(), kNever);
}

// The breaker has given it to somebody else meanwhile.
TEST(RemoteHome, UsesNoPermitThatArrivesAfterItsLease) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_message(at(0s), half_open(2));
  home.on_message(at(5s), PermitGrant{kFirst, CircuitBreaker::Ticket{2, 0, true}, at(5s)});
  EXPECT_EQ(home.standing(kFirst), Standing::breaker_open);
  EXPECT_EQ(home.admit(at(5s), kFirst), CircuitBreaker::kNoTicket);
}

TEST(RemoteHome, ForgetsItsPermitWhenTheBreakerOpensAgain) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_message(at(0s), half_open(2));
  home.on_message(at(0s), PermitGrant{kFirst, CircuitBreaker::Ticket{2, 0, true}, at(30s)});
  VerdictChange open = half_open(3, Standing::breaker_open);
  open.breaker = BreakerState::open;
  home.on_message(at(0s), open);
  EXPECT_EQ(home.standing(kFirst), Standing::breaker_open);
  EXPECT_EQ(home.admit(at(0s), kFirst), CircuitBreaker::kNoTicket);
}

TEST(RemoteHome, ARefusedPermitMayBeAskedForAgain) {
  RemoteHome home = remote(cluster_policy(1));
  home.on_message(at(0s), half_open(2));
  home.on_request(at(0s));
  EXPECT_EQ(posted(home).size(), 1U);
  home.on_message(at(0s), PermitGrant{kFirst, CircuitBreaker::kNoTicket, at(0s)});
  home.on_request(at(0s));
  EXPECT_EQ(posted(home).size(), 1U);
}

TEST(RemoteHome, IgnoresABackendItDoesNotKnowYetAndAsksWhenItDoes) {
  PoolPolicy policy = cluster_policy(1);
  RemoteHome home = remote(policy);
  home.on_message(at(0s), VerdictChange{BackendIndex{1}, Standing::ejected, false, {}, {}});
  policy = cluster_policy(2);
  home.apply(policy, at(0s));
  EXPECT_EQ(home.size(), 2U);
  EXPECT_EQ(posted(home), std::vector<std::string>{"resync"});
}

}  // namespace
}  // namespace evenkeel::core
