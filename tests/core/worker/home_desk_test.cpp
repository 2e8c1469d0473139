// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/home_desk.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/at.h"
#include "core/worker/cluster.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

constexpr WorkerIndex kOther{1};

struct Desk {
  explicit Desk(const PoolPolicy& policy)
      : home(PoolIndex{0}, policy, Stream(Seed{7}, "health"), at(0s)),
        desk(PoolIndex{0}, policy, WorkerIndex{0}, 2, home, at(0s)) {}

  std::vector<std::string> posted() {
    std::vector<std::string> all;
    while (const auto message = desk.poll_message()) {
      EXPECT_EQ(message->to, kOther) << "the home's own worker needs no messages";
      all.push_back(to_text(message->message));
    }
    return all;
  }

  PoolHome home;
  HomeDesk desk;
};

TEST(HomeDesk, SaysNothingThatThePolicyHasSaid) {
  Desk desk(cluster_policy(3));
  EXPECT_EQ(desk.posted(), std::vector<std::string>{"grant_tokens 7 0 10000000000"})
      << "a quarter of 30, for a retry of the first request";
}

TEST(HomeDesk, LeasesNoMoreThanAPartAtATime) {
  Desk desk(cluster_policy(1));
  (void)desk.posted();
  desk.desk.on_message(at(1s), kOther, UsageReport{100, 0, 0}, desk.home);
  EXPECT_TRUE(desk.posted().empty()) << "it has its part";
  desk.desk.on_message(at(1s), kOther, UsageReport{100, 2, 0}, desk.home);
  EXPECT_EQ(desk.posted(), std::vector<std::string>{"grant_tokens 2 0 11000000000"});
}

// Charged at 0 s, a token of a grant that is taken late must not live as if charged later.
TEST(HomeDesk, MergesGrantsThatNobodyTookWithTheEarlierEnd) {
  Desk desk(cluster_policy(1));
  desk.desk.on_message(at(5s), kOther, UsageReport{0, 3, 0}, desk.home);
  EXPECT_EQ(desk.posted(), std::vector<std::string>{"grant_tokens 10 0 10000000000"});
}

TEST(HomeDesk, LeasesNothingWithoutABudget) {
  PoolPolicy policy = cluster_policy(1);
  policy.retry.budget.enabled = false;
  Desk desk(policy);
  desk.desk.on_message(at(0s), kOther, UsageReport{100, 0, 0}, desk.home);
  EXPECT_TRUE(desk.posted().empty());
}

TEST(HomeDesk, TellsTheNewestVerdictOnlyHoweverLongNobodyAsks) {
  PoolPolicy policy = cluster_policy(2);
  Desk desk(policy);
  (void)desk.posted();
  for (int i = 0; i < 1000; ++i) {
    const AdminState state = i % 2 == 0 ? AdminState::drain : AdminState::ready;
    desk.home.set_admin(at(0s), BackendIndex{1}, i == 999 ? AdminState::maintenance : state);
    desk.desk.publish(at(0s), desk.home);
    desk.home.clear_news();
  }
  EXPECT_EQ(desk.posted(), std::vector<std::string>{"verdict 0/1 down trusted closed ticket 0 0"});
}

TEST(HomeDesk, IgnoresReportsOfBackendsItDoesNotKnow) {
  Desk desk(cluster_policy(1));
  const BackendIndex unknown{9};
  desk.desk.on_message(at(0s), kOther, FailureReport{unknown, {}, failed(), 1}, desk.home);
  desk.desk.on_message(at(0s), kOther, SuccessReport{unknown, {}, {}}, desk.home);
  desk.desk.on_message(at(0s), kOther, PermitReturn{unknown, {}, {}}, desk.home);
  (void)desk.posted();
  desk.desk.on_message(at(0s), kOther, PermitRequest{unknown}, desk.home);
  EXPECT_EQ(desk.posted().size(), 1U) << "a question is answered";
}

}  // namespace
}  // namespace evenkeel::core
