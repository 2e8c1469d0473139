// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/retry/retry_budget.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <vector>

#include "core/at.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

// Only a share: no reserve.
RetryBudgetPolicy share(std::uint32_t percent) {
  RetryBudgetPolicy policy;
  policy.percent = percent;
  policy.min_per_second = 0;
  return policy;
}

// How many retries are allowed at this instant.
std::uint64_t spend_all(RetryBudget& budget, Instant now) {
  std::uint64_t retries = 0;
  while (retries < 100'000 && budget.try_spend(now)) ++retries;
  return retries;
}

void requests(RetryBudget& budget, Instant now, int count) {
  for (int i = 0; i < count; ++i) budget.on_request(now);
}

TEST(RetryBudget, AllowsItsShareOfTheRequests) {
  RetryBudget budget(share(10), at(0s));
  requests(budget, at(1s), 99);
  EXPECT_EQ(spend_all(budget, at(1s)), 9U);
  requests(budget, at(1s), 1);
  EXPECT_EQ(spend_all(budget, at(1s)), 1U);
}

// One that begins with a balance as if there had been traffic lets a burst through at start.
TEST(RetryBudget, BeginsWithTheReserveAndNoMore) {
  RetryBudget none(share(10), at(0s));
  EXPECT_EQ(spend_all(none, at(0s)), 0U);
  RetryBudget shipped(RetryBudgetPolicy{}, at(0s));
  EXPECT_EQ(spend_all(shipped, at(0s)), 30U) << "3/s over 10 s";
}

// The larger of the two, not their sum.
TEST(RetryBudget, TheReserveIsNoAdditionToTheShare) {
  RetryBudget budget(RetryBudgetPolicy{}, at(0s));
  requests(budget, at(1s), 200);
  EXPECT_EQ(spend_all(budget, at(1s)), 30U);
  RetryBudget busy(RetryBudgetPolicy{}, at(0s));
  requests(busy, at(1s), 1000);
  EXPECT_EQ(spend_all(busy, at(1s)), 100U);
}

// Charged after the backoff, all of these would have been allowed.
TEST(RetryBudget, AThousandFailuresOfOneMomentShareOneBudget) {
  RetryBudget budget(share(20), at(0s));
  requests(budget, at(1s), 1000);
  int allowed = 0;
  for (int i = 0; i < 1000; ++i) allowed += budget.try_spend(at(1s)) ? 1 : 0;
  EXPECT_EQ(allowed, 200);
}

// If only the requests that failed were counted, 10 % would be a tenth of the failures.
TEST(RetryBudget, CountsEveryRequest) {
  RetryBudget budget(share(10), at(0s));
  requests(budget, at(1s), 1000);  // of which few fail
  int allowed = 0;
  for (int i = 0; i < 50; ++i) allowed += budget.try_spend(at(1s)) ? 1 : 0;
  EXPECT_EQ(allowed, 50);
}

TEST(RetryBudget, ARefusalCostsNothing) {
  RetryBudget budget(share(10), at(0s));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(budget.try_spend(at(1s)));
  requests(budget, at(1s), 10);
  EXPECT_TRUE(budget.try_spend(at(1s)));
}

TEST(RetryBudget, OldRequestsAndRetriesAreForgottenTogether) {
  RetryBudget budget(share(10), at(0s));
  requests(budget, at(0s), 100);
  EXPECT_EQ(spend_all(budget, at(10s)), 10U);
  EXPECT_EQ(spend_all(budget, at(30s)), 0U) << "requests of long ago allow nothing";
  requests(budget, at(30s), 100);
  EXPECT_EQ(spend_all(budget, at(30s)), 10U) << "retries of long ago cost nothing";
}

TEST(RetryBudget, APercentageOfZeroLeavesTheReserve) {
  RetryBudgetPolicy policy;
  policy.percent = 0;
  RetryBudget budget(policy, at(0s));
  requests(budget, at(0s), 100'000);
  EXPECT_EQ(spend_all(budget, at(0s)), 30U);
}

TEST(RetryBudget, SwitchedOffItAllowsEverything) {
  RetryBudgetPolicy policy = share(0);
  policy.enabled = false;
  RetryBudget budget(policy, at(0s));
  EXPECT_EQ(spend_all(budget, at(0s)), 100'000U);
}

// ---- the bound over any stretch of time
// ----------------------------------------------------------

struct Trace {
  RetryBudgetPolicy policy;
  std::vector<Instant> requests;
  std::vector<Instant> retries;
};

// Bursts, steady traffic and silences, with far more wishes to retry than the budget has.
Trace random_trace() {
  Trace trace;
  trace.policy.percent = *rc::gen::inRange<std::uint32_t>(0, 101);
  trace.policy.min_per_second = *rc::gen::inRange<std::uint32_t>(0, 6);
  trace.policy.interval = *rc::gen::element<Duration>(1s, 3s, 10s);
  const std::int64_t interval = trace.policy.interval.count();
  RetryBudget budget(trace.policy, at(0s));
  Instant now = at(0s);
  const auto steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    // Often to the nanosecond where a bucket or the window ends.
    const Duration pause(
        *rc::gen::weightedOneOf<std::int64_t>({{3, rc::gen::just<std::int64_t>(0)},
                                               {4, rc::gen::inRange<std::int64_t>(0, interval / 5)},
                                               {2, rc::gen::inRange<std::int64_t>(0, 2 * interval)},
                                               {1, rc::gen::just(interval / 10)},
                                               {1, rc::gen::just(interval)}}));
    now += pause;
    const auto count = *rc::gen::inRange(0, 40);
    for (int j = 0; j < count; ++j) {
      budget.on_request(now);
      trace.requests.push_back(now);
    }
    const auto wishes = *rc::gen::inRange(0, 80);
    for (int j = 0; j < wishes; ++j) {
      if (budget.try_spend(now)) trace.retries.push_back(now);
    }
  }
  return trace;
}

// Retries of [from, to] against percent/100 · requests of (since, to] + min_per_second · (t +
// interval), where t = to − from. In units of 1/100 of a retry and a nanosecond.
bool bound_holds(const Trace& trace, Instant since, Instant from, Instant to) {
  const auto count = [](const std::vector<Instant>& events, Instant first, Instant last) {
    return static_cast<std::int64_t>(std::upper_bound(events.begin(), events.end(), last) -
                                     std::lower_bound(events.begin(), events.end(), first));
  };
  __extension__ using Wide = __int128;
  const Wide nanoseconds = 1'000'000'000;
  const Wide retries = count(trace.retries, from, to);
  const Wide share = Wide{count(trace.requests, since, to)} * trace.policy.percent;
  const Wide reserve =
      Wide{(to - from + trace.policy.interval).count()} * trace.policy.min_per_second * 100;
  return retries * 100 * nanoseconds <= share * nanoseconds + reserve;
}

RC_GTEST_PROP(RetryBudget, HoldsItsBoundFromTheStartToAnyTime, ()) {
  const Trace trace = random_trace();
  for (const Instant to : trace.retries) RC_ASSERT(bound_holds(trace, at(0s), at(0s), to));
}

// Between any two retries: nobody can do worse with a stretch that begins or ends elsewhere.
// Requests of one window before the stretch pay for retries within it.
RC_GTEST_PROP(RetryBudget, HoldsItsBoundOverAnyStretch, ()) {
  const Trace trace = random_trace();
  const Duration window = trace.policy.interval + trace.policy.interval / 10;
  for (const Instant from : trace.retries) {
    for (const Instant to : trace.retries) {
      if (to >= from) RC_ASSERT(bound_holds(trace, from - window, from, to));
    }
  }
}

// ---- against a model
// -----------------------------------------------------------------------------

// Everything that ever happened, and the rule as it is written.
struct Model {
  RetryBudgetPolicy policy;
  Instant now = at(0s);
  std::vector<Instant> requests;
  std::vector<Instant> retries;

  [[nodiscard]] std::uint64_t in_window(const std::vector<Instant>& events) const {
    const Duration bucket = policy.interval / 10;
    const auto current = now.time_since_epoch() / bucket;
    return static_cast<std::uint64_t>(std::count_if(
        events.begin(), events.end(),
        [&](Instant event) { return event.time_since_epoch() / bucket + 10 >= current; }));
  }
  [[nodiscard]] bool allows() const {
    const auto interval_s =
        static_cast<double>(policy.interval.count()) / static_cast<double>(Duration(1s).count());
    const double share = policy.percent / 100.0 * static_cast<double>(in_window(requests));
    const double reserve = policy.min_per_second * interval_s;
    constexpr double kRounding = 1e-9;
    return static_cast<double>(in_window(retries) + 1) <= std::max(share, reserve) + kRounding;
  }
};

using Command = rc::state::Command<Model, RetryBudget>;

struct Request : Command {
  void apply(Model& model) const override { model.requests.push_back(model.now); }
  void run(const Model& model, RetryBudget& budget) const override { budget.on_request(model.now); }
  void show(std::ostream& os) const override { os << "request"; }
};

struct Retry : Command {
  void apply(Model& model) const override {
    if (model.allows()) model.retries.push_back(model.now);
  }
  void run(const Model& model, RetryBudget& budget) const override {
    RC_ASSERT(budget.try_spend(model.now) == model.allows());
  }
  void show(std::ostream& os) const override { os << "retry"; }
};

struct Wait : Command {
  Wait() : length(*rc::gen::inRange<std::int64_t>(0, 4'000'000'000)) {}
  void apply(Model& model) const override { model.now += Duration(length); }
  void show(std::ostream& os) const override { os << "wait " << length << " ns"; }
  std::int64_t length;
};

RC_GTEST_PROP(RetryBudgetModel, AnyHistoryAgreesWithTheModel, ()) {
  Model model;
  model.policy.percent = *rc::gen::element<std::uint32_t>(0, 10, 50, 100);
  model.policy.min_per_second = *rc::gen::inRange<std::uint32_t>(0, 3);
  model.policy.interval = *rc::gen::element<Duration>(1s, 2s, 10s);
  RetryBudget budget(model.policy, at(0s));
  rc::state::check(model, budget,
                   rc::state::gen::execOneOfWithArgs<Request, Request, Retry, Retry, Wait>());
}

}  // namespace
}  // namespace evenkeel::core
