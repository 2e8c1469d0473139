// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/facts.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/at.h"

namespace evenkeel::core {
namespace {

constexpr AttemptId kAttempt{RequestId{3, 9}, 1};
constexpr BackendRef kBackend{PoolIndex{0}, BackendIndex{2}};

TEST(Facts, ActionsReadAsSentences) {
  EXPECT_EQ(to_text(Action{StartAttempt{kAttempt, kBackend, false}}), "start r3 a1 on 0/2");
  EXPECT_EQ(to_text(Action{StartAttempt{kAttempt, kBackend, true}}), "start r3 a1 on 0/2 fresh");
  EXPECT_EQ(to_text(Action{CancelAttempt{kAttempt, CancelReason::timed_out}}),
            "cancel r3 a1 timed_out");
  EXPECT_EQ(to_text(Action{SendResponse{kAttempt}}), "send r3 a1");
  EXPECT_EQ(to_text(Action{RejectRequest{kAttempt.request, 503, RejectCause::no_healthy_backend}}),
            "reject r3 503 no_healthy_backend");
  EXPECT_EQ(to_text(Action{AbortResponse{kAttempt.request, AttemptFailure::reset_in_body}}),
            "abort r3 reset_in_body");
  EXPECT_EQ(to_text(Action{StartCheck{CheckId{kBackend, 4}}}), "check 0/2 #4");
  EXPECT_EQ(to_text(Action{CancelCheck{CheckId{kBackend, 4}}}), "cancel check 0/2 #4");
}

TEST(Facts, TransitionsReadAsSentences) {
  Transition transition{at(Duration(5)), kBackend, TransitionKind::health,
                        TransitionReason::checks_failed};
  transition.from = static_cast<std::uint8_t>(HealthState::healthy);
  transition.to = static_cast<std::uint8_t>(HealthState::unhealthy);
  transition.evidence = 3;
  EXPECT_EQ(to_text(transition), "health 0/2 healthy>unhealthy checks_failed 3");

  transition.kind = TransitionKind::breaker;
  transition.reason = TransitionReason::open_duration_over;
  transition.from = static_cast<std::uint8_t>(BreakerState::open);
  transition.to = static_cast<std::uint8_t>(BreakerState::half_open);
  transition.evidence = 1;
  EXPECT_EQ(to_text(transition), "breaker 0/2 open>half_open open_duration_over 1");

  transition.kind = TransitionKind::ejection;
  transition.reason = TransitionReason::consecutive_failures;
  transition.from = 0;
  transition.to = 1;
  transition.evidence = 5;
  EXPECT_EQ(to_text(transition), "ejection 0/2 in>out consecutive_failures 5");
}

// Every value of an enumeration has a word, and no two have the same.
template <typename Enum>
void expect_distinct_words(unsigned count) {
  std::set<std::string_view> words;
  for (unsigned i = 0; i < count; ++i) {
    const std::string_view word = to_text(static_cast<Enum>(i));
    EXPECT_FALSE(word.empty());
    words.insert(word);
  }
  EXPECT_EQ(words.size(), count);
}

TEST(Facts, EveryValueHasAWordOfItsOwn) {
  expect_distinct_words<AttemptFailure>(kAttemptFailureCount);
  expect_distinct_words<RejectCause>(kRejectCauseCount);
  expect_distinct_words<CheckOutcome>(static_cast<unsigned>(CheckOutcome::local) + 1);
  expect_distinct_words<CancelReason>(static_cast<unsigned>(CancelReason::client_gone) + 1);
  expect_distinct_words<HealthState>(static_cast<unsigned>(HealthState::unhealthy) + 1);
  expect_distinct_words<BreakerState>(static_cast<unsigned>(BreakerState::half_open) + 1);
  expect_distinct_words<TransitionKind>(static_cast<unsigned>(TransitionKind::breaker) + 1);
  expect_distinct_words<TransitionReason>(static_cast<unsigned>(TransitionReason::probe_failed) +
                                          1);
}

}  // namespace
}  // namespace evenkeel::core
