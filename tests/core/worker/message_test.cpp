// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/message.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

std::vector<Message> one_of_each() {
  const PoolIndex pool{3};
  const BackendIndex backend{2};
  const CircuitBreaker::Ticket ticket{4, 1, false};
  const CircuitBreaker::Ticket probe{4, 1, true};
  SuccessReport successes{backend, ticket, {}};
  successes.successes.add(Feedback{Outcome::success, FailureKind::none, 5ms, {}, 10}, 0s);
  LoadReport loads;
  loads.loads[0] = LoadReport::Load{backend, 17};
  loads.count = 1;
  const Feedback failure{Outcome::failure, FailureKind::gateway, 3ms, 2s, 0};
  return {
      {pool, UsageReport{7, 2, 1}},
      {pool, successes},
      {pool, FailureReport{backend, ticket, failure, 2}},
      {pool, PermitRequest{backend}},
      {pool, PermitReturn{backend, probe, failure}},
      {pool, loads},
      {pool, ShareRequest{slot_of(backend), 9}},
      {pool, ShareReturn{slot_of(backend), 9}},
      {pool, SharesReady{1}},
      {pool, Resync{}},
      {pool, VerdictChange{backend, Standing::ejected, false, BreakerState::closed, ticket}},
      {pool, TokenGrant{3, 1, at(4s)}},
      {pool, PermitGrant{backend, probe, at(4s)}},
      {pool, LoadSums{loads}},
      {pool, ShareGrant{kPoolSlot, 9}},
      {pool, ShareRecall{kPoolSlot, 9}},
      {pool, LimitQuery{RequestId{5, 6}, RouteIndex{1}, 99}},
      {pool, LimitAnswer{RequestId{5, 6}, 20ms}},
  };
}

TEST(Message, ReadsAsASentence) {
  std::string all;
  for (const Message& message : one_of_each()) all += to_text(message) + "\n";
  EXPECT_EQ(all,
            "usage 7 2 1\n"
            "succeeded 3/2 ticket 4 1 1 5000000 10\n"
            "failed 3/2 ticket 4 1 2 failure 2 3000000 2000000000 0\n"
            "ask_permit 3/2\n"
            "return_permit 3/2 probe 4 1 failure 2 3000000 2000000000 0\n"
            "load 3/2 17\n"
            "ask_share 3 9\n"
            "return_share 3 9\n"
            "shares_ready 1\n"
            "resync\n"
            "verdict 3/2 ejected trusted closed ticket 4 1\n"
            "grant_tokens 3 1 4000000000\n"
            "grant_permit 3/2 probe 4 1 4000000000\n"
            "others 3/2 17\n"
            "grant_share 0 9\n"
            "recall_share 0 9\n"
            "may_pass 5 6 1 99\n"
            "pass_after 5 6 20000000\n");
}

TEST(Message, OfEveryKindHasAFingerprintOfItsOwn) {
  std::set<std::uint64_t> fingerprints;
  const auto messages = one_of_each();
  EXPECT_EQ(messages.size(), std::variant_size_v<MessageBody>);
  for (const Message& message : messages) fingerprints.insert(fingerprint(message));
  for (Message message : messages) {
    message.pool = PoolIndex{4};
    fingerprints.insert(fingerprint(message));
  }
  EXPECT_EQ(fingerprints.size(), 2 * messages.size());
}

TEST(Message, HasAFingerprintThatDependsOnEveryNumber) {
  const auto of = [](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return fingerprint(Message{PoolIndex{0}, UsageReport{a, b, c}});
  };
  const std::set<std::uint64_t> all = {of(1, 2, 3), of(2, 1, 3), of(1, 3, 2), of(0, 2, 3),
                                       of(1, 2, 4)};
  EXPECT_EQ(all.size(), 5U);
}

TEST(Workers, ShareOutPoolsInTurnAndKeysEvenly) {
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(home_of(PoolIndex{i}, 4), WorkerIndex{i % 4});
    EXPECT_EQ(home_of(PoolIndex{i}, 1), WorkerIndex{0});
    EXPECT_EQ(home_of_key(mix(i), 1), WorkerIndex{0});
  }
  std::vector<int> keys(4);
  for (std::uint64_t i = 1; i <= 4000; ++i) ++keys[index(home_of_key(mix(i), 4))];
  for (const int count : keys) EXPECT_NEAR(count, 1000, 120);
}

}  // namespace
}  // namespace evenkeel::core
