// SPDX-License-Identifier: Apache-2.0
//
// One, two and four workers, messages that take no time or seconds, and whatever order follows:
// what is bounded for one worker stays bounded for all of them together, in every history.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/worker/cluster.h"

namespace evenkeel::core {
namespace {

using namespace std::chrono_literals;

Layout random_layout() {
  Layout layout;
  layout.workers = *rc::gen::element<std::uint32_t>(1, 2, 4);
  layout.pool = PoolIndex{*rc::gen::inRange<std::uint32_t>(0, 4)};
  layout.max_delay = *rc::gen::element<Duration>(0s, 100us, 30ms, 3s);
  layout.seed = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
  RC_LOG() << layout << "\n";
  return layout;
}

Duration random_pause() {
  return Duration(*rc::gen::weightedOneOf<std::int64_t>(
      {{3, rc::gen::just<std::int64_t>(0)},
       {4, rc::gen::inRange<std::int64_t>(0, 20'000'000)},
       {2, rc::gen::inRange<std::int64_t>(0, 500'000'000)},
       {1, rc::gen::inRange<std::int64_t>(0, 3'000'000'000)}}));
}

// ---- budgets ------------------------------------------------------------------------------------

struct History {
  std::vector<Instant> requests;
  std::vector<Instant> spent;
};

std::int64_t count_in(const std::vector<Instant>& events, Instant first, Instant last) {
  return std::upper_bound(events.begin(), events.end(), last) -
         std::lower_bound(events.begin(), events.end(), first);
}

// Spent in [from, to] against percent/100 · requests of [since, to] + min_per_second · reserved.
bool bound_holds(const History& history, const RetryBudgetPolicy& budget, std::uint32_t percent,
                 Instant since, Instant from, Instant to, Duration reserved) {
  __extension__ using Wide = __int128;
  const Wide nanoseconds = 1'000'000'000;
  const Wide spent = count_in(history.spent, from, to);
  const Wide share = Wide{count_in(history.requests, since, to)} * percent;
  const Wide reserve = Wide{reserved.count()} * budget.min_per_second * 100;
  return spent * 100 * nanoseconds <= share * nanoseconds + reserve;
}

struct BudgetRun {
  Layout layout;
  PoolPolicy policy;
  History retries;
  History hedges;
};

BudgetRun random_budget_run() {
  BudgetRun run;
  run.layout = random_layout();
  run.policy = cluster_policy(1);
  RetryBudgetPolicy& budget = run.policy.retry.budget;
  budget.percent = *rc::gen::element<std::uint32_t>(0, 10, 50, 100);
  budget.min_per_second = *rc::gen::inRange<std::uint32_t>(0, 12);
  budget.interval = *rc::gen::element<Duration>(1s, 2s);
  run.policy.retry.hedge.enabled = true;
  run.policy.retry.hedge.budget_percent = *rc::gen::element<std::uint32_t>(5, 50);
  Cluster cluster(run.layout, run.policy);
  const auto steps = *rc::gen::inRange(1, 25);
  for (int i = 0; i < steps; ++i) {
    cluster.wait(random_pause());
    const auto w = *rc::gen::inRange<std::uint32_t>(0, cluster.workers());
    const auto requests = *rc::gen::inRange(0, 30);
    for (int j = 0; j < requests; ++j) {
      cluster.request(w);
      run.retries.requests.push_back(cluster.now());
    }
    const auto wishes = *rc::gen::inRange(0, 30);
    for (int j = 0; j < wishes; ++j) {
      if (cluster.retry(w)) run.retries.spent.push_back(cluster.now());
      if (cluster.hedge(w)) run.hedges.spent.push_back(cluster.now());
    }
  }
  run.hedges.requests = run.retries.requests;
  return run;
}

RC_GTEST_PROP(ClusterBudget, HoldsItsBoundFromTheStartHoweverLateReportsAre, ()) {
  const BudgetRun run = random_budget_run();
  const RetryBudgetPolicy& budget = run.policy.retry.budget;
  const std::uint32_t hedge_percent = run.policy.retry.hedge.budget_percent;
  for (const Instant to : run.retries.spent) {
    RC_ASSERT(bound_holds(run.retries, budget, budget.percent, at(0s), at(0s), to,
                          to - at(0s) + budget.interval));
  }
  for (const Instant to : run.hedges.spent) {
    RC_ASSERT(bound_holds(run.hedges, budget, hedge_percent, at(0s), at(0s), to,
                          to - at(0s) + budget.interval));
  }
}

// A token may be spent an interval after it was charged, so a stretch pays for one interval more;
// requests of a window before the charge, reported late, have paid for it.
RC_GTEST_PROP(ClusterBudget, HoldsItsBoundOverAnyStretchWithOneIntervalMore, ()) {
  const BudgetRun run = random_budget_run();
  const RetryBudgetPolicy& budget = run.policy.retry.budget;
  const bool leased = run.layout.workers > 1;
  const Duration lease = leased ? budget.interval : Duration(0);
  const Duration report = leased ? kReportInterval + run.layout.max_delay : Duration(0);
  const Duration window = budget.interval + budget.interval / 10;
  for (const Instant from : run.retries.spent) {
    for (const Instant to : run.retries.spent) {
      if (to < from) continue;
      RC_ASSERT(bound_holds(run.retries, budget, budget.percent, from - lease - window - report,
                            from, to, to - from + budget.interval + lease));
    }
  }
}

// ---- permits and limits -------------------------------------------------------------------------

PoolPolicy random_limited_policy() {
  PoolPolicy policy = cluster_policy(2);
  policy.circuit_breaker.consecutive_failures = 2;
  policy.circuit_breaker.open_duration = *rc::gen::element<Duration>(200ms, 1s);
  policy.circuit_breaker.max_open_duration = 2s;
  policy.circuit_breaker.half_open_max_requests = *rc::gen::inRange<std::uint32_t>(1, 4);
  policy.circuit_breaker.half_open_successes = *rc::gen::inRange<std::uint32_t>(1, 3);
  policy.limits.max_requests = *rc::gen::inRange<std::uint32_t>(0, 12);
  policy.limits.pool.max_requests = *rc::gen::inRange<std::uint32_t>(0, 12);
  return policy;
}

// What all workers together believe to own of a limit.
std::uint64_t owned(Cluster& cluster, Slot slot) {
  std::uint64_t sum = 0;
  for (std::uint32_t w = 0; w < cluster.workers(); ++w) sum += cluster.link(w).share()->limit(slot);
  return sum;
}

// Starts, ends and waits at random; after each, every bound.
void run_attempts(Cluster& cluster, const PoolPolicy& policy, int steps) {
  for (int i = 0; i < steps; ++i) {
    const auto w = *rc::gen::inRange<std::uint32_t>(0, cluster.workers());
    const BackendIndex backend{*rc::gen::inRange<std::uint32_t>(0, 2)};
    const auto what = *rc::gen::inRange(0, 10);
    if (what < 5) {
      cluster.request(w);
      const auto attempts = *rc::gen::inRange(1, 6);
      for (int j = 0; j < attempts; ++j) (void)cluster.start(w, backend);
    } else if (what < 8 && !cluster.attempts().empty()) {
      const auto count = *rc::gen::inRange(1, 6);
      for (int j = 0; j < count; ++j) {
        const auto which = *rc::gen::inRange<std::size_t>(0, cluster.attempts().size());
        cluster.end(which, *rc::gen::element(succeeded(), failed(), failed(), Feedback{}));
      }
    } else {
      cluster.wait(random_pause());
    }
    RC_ASSERT(cluster.late_probes() == 0U);
    std::uint32_t all = 0;
    for (std::uint32_t b = 0; b < 2; ++b) {
      const std::uint32_t in_flight = cluster.in_flight(BackendIndex{b});
      all += in_flight;
      if (cluster.workers() > 1 && policy.limits.max_requests != 0) {
        RC_ASSERT(owned(cluster, slot_of(BackendIndex{b})) <= policy.limits.max_requests);
        RC_ASSERT(in_flight <= policy.limits.max_requests);
      }
      RC_ASSERT(cluster.probes_in_flight(BackendIndex{b}) <=
                policy.circuit_breaker.half_open_max_requests);
    }
    if (cluster.workers() > 1 && policy.limits.pool.max_requests != 0) {
      RC_ASSERT(owned(cluster, kPoolSlot) <= policy.limits.pool.max_requests);
      RC_ASSERT(all <= policy.limits.pool.max_requests);
    }
  }
}

RC_GTEST_PROP(Cluster, NeverHasMoreProbesOrRequestsInFlightThanAllowed, ()) {
  const PoolPolicy policy = random_limited_policy();
  Cluster cluster(random_layout(), policy);
  run_attempts(cluster, policy, *rc::gen::inRange(1, 40));
}

RC_GTEST_PROP(Cluster, AgreesWithTheHomeOnceMessagesHaveArrived, ()) {
  const PoolPolicy policy = random_limited_policy();
  Cluster cluster(random_layout(), policy);
  run_attempts(cluster, policy, *rc::gen::inRange(1, 30));
  for (std::size_t i = 0; i < cluster.attempts().size(); i += 2) cluster.end(i, failed());
  // Until the home has nothing to decide any more but time.
  cluster.drain();
  for (int i = 0; cluster.under_way() != 0 && i < 10; ++i) cluster.drain();
  for (std::uint32_t b = 0; b < 2; ++b) {
    const BackendIndex backend{b};
    std::uint32_t held = 0;
    for (std::uint32_t w = 0; w < cluster.workers(); ++w) {
      const HomeLink& link = cluster.link(w);
      RC_ASSERT(link.breaker(backend) == cluster.home_itself().breaker(backend));
      if (link.breaker(backend) != BreakerState::half_open) {
        RC_ASSERT(link.standing(backend) == cluster.home_itself().standing(backend));
      }
      if (link.share() == nullptr) continue;
      RC_ASSERT(link.share()->others(backend) + link.share()->in_flight(slot_of(backend)) ==
                cluster.in_flight(backend));
      held += link.share()->limit(slot_of(backend));
    }
    // And nothing of a limit got lost on the way.
    if (cluster.workers() > 1 && policy.limits.max_requests != 0) {
      RC_ASSERT(held == policy.limits.max_requests);
    }
  }
}

// ---- one worker ---------------------------------------------------------------------------------

RC_GTEST_PROP(Cluster, OfOneWorkerDecidesAsTheHomeItself, ()) {
  PoolPolicy policy = random_limited_policy();
  policy.outlier_detection.enabled = true;
  policy.retry.hedge.enabled = true;
  const Stream stream(Seed{7}, "health");
  PoolHome direct(PoolIndex{0}, policy, stream, at(0s));
  HomeLink link(PoolIndex{0}, policy, stream, WorkerIndex{0}, 1, at(0s));
  direct.clear_news();
  link.clear_news(at(0s));
  Instant now = at(0s);
  const auto steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    const BackendIndex backend{*rc::gen::inRange<std::uint32_t>(0, 2)};
    direct.on_request(now);
    link.on_request(now);
    RC_ASSERT(direct.try_retry(now) == link.try_retry(now));
    RC_ASSERT(direct.try_hedge(now) == link.try_hedge(now));
    const auto ticket = direct.admit(now, backend);
    RC_ASSERT(ticket == link.admit(now, backend));
    const Evidence evidence{backend, *rc::gen::element(succeeded(), failed()), ticket};
    direct.on_evidence(now, evidence);
    link.on_evidence(now, evidence);
    now += random_pause();
    direct.on_deadline(now);
    link.on_deadline(now);
    RC_ASSERT(std::equal(direct.verdicts().begin(), direct.verdicts().end(),
                         link.verdicts().begin(), link.verdicts().end()));
    RC_ASSERT(direct.next_deadline() == link.next_deadline());
    direct.clear_news();
    link.clear_news(now);
    RC_ASSERT(!link.poll_message(now));
  }
  RC_ASSERT(*link.local() == direct);
}

}  // namespace
}  // namespace evenkeel::core
