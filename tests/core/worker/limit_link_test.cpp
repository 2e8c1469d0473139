// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/limit_link.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

RateLimitPolicy policy_of(std::uint32_t thousandths_per_second, std::uint32_t burst) {
  RateLimitPolicy policy;
  policy.requests_per_second = Decimal{thousandths_per_second};
  policy.burst = burst;
  return policy;
}

// A key whose home, among `workers`, is this one.
std::uint64_t key_at(WorkerIndex home, std::uint32_t workers) {
  for (std::uint64_t i = 0;; ++i) {
    if (home_of_key(mix(i), workers) == home) return mix(i);
  }
}

TEST(LimitLink, AsksNobodyWithOneWorker) {
  LimitLink link(WorkerIndex{0}, 1);
  RateLimiter limiter(policy_of(1000, 1));
  EXPECT_EQ(link.try_take(at(0s), limiter, LimitQuery{{}, {}, 42}), Duration(0));
  EXPECT_GT(*link.try_take(at(0s), limiter, LimitQuery{{}, {}, 42}), Duration(0));
  EXPECT_FALSE(link.poll_message());
}

TEST(LimitLink, AsksTheHomeOfAKeyAndTellsTheAnswer) {
  const std::uint64_t key = key_at(WorkerIndex{1}, 2);
  const LimitQuery query{RequestId{7, 8}, RouteIndex{0}, key};
  LimitLink asker(WorkerIndex{0}, 2);
  LimitLink home(WorkerIndex{1}, 2);
  RateLimiter unused(policy_of(1000, 1));
  RateLimiter limiter(policy_of(1000, 1));
  EXPECT_FALSE(asker.try_take(at(0s), unused, query));
  EXPECT_EQ(asker.poll_message(), (Posted{WorkerIndex{1}, Message{{}, query}}));
  home.on_query(at(0s), WorkerIndex{0}, limiter, query);
  home.on_query(at(0s), WorkerIndex{0}, limiter, query);
  EXPECT_EQ(home.poll_message(),
            (Posted{WorkerIndex{0}, Message{{}, LimitAnswer{RequestId{7, 8}, 0s}}}));
  EXPECT_EQ(home.poll_message(),
            (Posted{WorkerIndex{0}, Message{{}, LimitAnswer{RequestId{7, 8}, 1s}}}));
  EXPECT_EQ(unused.size(), 0U) << "the bucket has one home";
}

// Passed in [from, to] against burst + rate · (to - from + slack).
bool bound_holds(const std::vector<Instant>& passed, const RateLimitPolicy& policy,
                 Duration slack) {
  __extension__ using Wide = __int128;
  const Wide units = 1'000'000'000'000;
  for (std::size_t i = 0; i < passed.size(); ++i) {
    for (std::size_t j = i; j < passed.size(); ++j) {
      const Wide time = (passed[j] - passed[i] + slack).count();
      const Wide most = Wide{policy.burst} * units + time * policy.requests_per_second.thousandths;
      if (Wide{static_cast<std::int64_t>(j - i + 1)} * units > most) return false;
    }
  }
  return true;
}

RC_GTEST_PROP(LimitLink, LetsNoMoreThanTheBucketThroughOverAllWorkers, ()) {
  const auto workers = *rc::gen::element<std::uint32_t>(1, 2, 4);
  const auto max_delay = *rc::gen::element<Duration>(0s, 1ms, 1s);
  const Stream delays(Seed{*rc::gen::inRange<std::uint64_t>(0, 100'000)}, "delay");
  const RateLimitPolicy policy = policy_of(*rc::gen::inRange<std::uint32_t>(300, 20'000),
                                           *rc::gen::inRange<std::uint32_t>(1, 6));
  const std::uint64_t key = mix(*rc::gen::inRange<std::uint64_t>(0, 100));
  const WorkerIndex home = home_of_key(key, workers);
  std::vector<LimitLink> links;
  std::vector<RateLimiter> limiters;
  for (std::uint32_t w = 0; w < workers; ++w) {
    links.emplace_back(WorkerIndex{w}, workers);
    limiters.emplace_back(policy, 4);
  }
  struct Parcel {
    Instant arrives;
    std::uint32_t from;
    Posted posted;
  };
  std::vector<Parcel> under_way;
  std::vector<Instant> passed;
  std::uint64_t messages = 0;
  Instant now = at(0s);
  const auto post = [&](std::uint32_t from) {
    while (const auto posted = links[from].poll_message()) {
      const Duration delay = delays.within(max_delay + Duration(1), messages++);
      under_way.push_back(Parcel{now + delay, from, *posted});
    }
  };
  const auto deliver_next = [&](Instant until) {
    const auto next =
        std::min_element(under_way.begin(), under_way.end(),
                         [](const Parcel& a, const Parcel& b) { return a.arrives < b.arrives; });
    if (next == under_way.end() || next->arrives > until) return false;
    const Parcel parcel = *next;
    under_way.erase(next);
    now = parcel.arrives;
    const std::uint32_t to = index(parcel.posted.to);
    if (const auto* query = std::get_if<LimitQuery>(&parcel.posted.message.body)) {
      links[to].on_query(now, WorkerIndex{parcel.from}, limiters[to], *query);
      post(to);
    } else if (std::get<LimitAnswer>(parcel.posted.message.body).wait == Duration(0)) {
      passed.push_back(now);
    }
    return true;
  };
  const auto steps = *rc::gen::inRange(1, 40);
  for (int i = 0; i < steps; ++i) {
    const auto w = *rc::gen::inRange<std::uint32_t>(0, workers);
    const auto answer = links[w].try_take(now, limiters[w], LimitQuery{{}, {}, key});
    if (answer && *answer == Duration(0)) passed.push_back(now);
    post(w);
    const Instant until =
        now + Duration(*rc::gen::inRange<std::int64_t>(0, 400'000'000) * (i % 3 == 0 ? 1 : 0));
    while (deliver_next(until)) continue;
    now = until;
  }
  while (deliver_next(kNever)) continue;
  std::sort(passed.begin(), passed.end());
  const bool alone = workers == 1;
  RC_ASSERT(bound_holds(passed, policy, alone ? Duration(0) : max_delay));
  for (std::uint32_t w = 0; w < workers; ++w) {
    if (WorkerIndex{w} != home) RC_ASSERT(limiters[w].size() == 0U);
  }
}

}  // namespace
}  // namespace evenkeel::core
