// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/home.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/ring.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/worker/message.h"
#include "evenkeel/core/worker/worklist.h"

namespace evenkeel::core {

// Where a pool's home serves the other workers: takes their reports, posts verdicts, leases tokens
// and permits. Everything comes out of the same PoolHome that the home's own worker calls directly,
// so nothing is allowed twice.
//
// Why the bounds hold however late messages are:
// - Budgets. A token is charged when it is leased, so tokens spent anywhere up to a time are at
//   most those charged up to then, and requests reported up to then are at most those that arrived:
//       retries <= percent/100 * requests + min_per_second * (t + interval)
//   from the start to any time, as with one worker. A lease ends an interval after it was charged.
//   So over a stretch within a run, what is spent was charged in it or in the interval before:
//       retries <= percent/100 * requests + min_per_second * (t + 2 * interval)
//   with the requests of an interval, a window and a report's delay before the stretch included.
// - Probes. The breaker itself gives every permit, and a permit is used before the breaker's lease
//   of it ends, whenever it arrives. The breaker never has more out than half_open_max_requests.
//
// How much is leased: at most a 2·workers-th of what the budget allows in an interval at a time,
// and at least one token, to a worker that has traffic. So more than half stays with the home for
// whoever needs it next, and a worker that has used its part gets another with the next report.
class HomeDesk {
 public:
  HomeDesk(PoolIndex pool, const PoolPolicy& policy, WorkerIndex self, std::uint32_t workers,
           PoolHome& home, Instant now);

  // Reports and requests of worker `from`. May give `home` news, as its own calls do.
  void on_message(Instant now, WorkerIndex from, const UsageReport& usage, PoolHome& home);
  void on_message(Instant now, WorkerIndex from, const SuccessReport& report, PoolHome& home);
  void on_message(Instant now, WorkerIndex from, const FailureReport& report, PoolHome& home);
  void on_message(Instant now, WorkerIndex from, const PermitRequest& request, PoolHome& home);
  void on_message(Instant now, WorkerIndex from, const PermitReturn& given_back, PoolHome& home);
  void on_message(Instant now, WorkerIndex from, const Resync& resync, PoolHome& home);

  // Passes the home's news on: before its owner clears them.
  void publish(Instant now, PoolHome& home);
  // After the home took another policy.
  void apply(Instant now, const PoolPolicy& policy, PoolHome& home);

  // The oldest message, worker by worker. At most one verdict per backend and worker, one answer
  // per permit asked for, and one grant per worker, however long nobody asks.
  [[nodiscard]] std::optional<Posted> poll_message();

  friend bool operator==(const HomeDesk&, const HomeDesk&) = default;

 private:
  struct Peer {
    Worklist verdicts;
    TokenGrant grant;               // not posted yet
    std::uint32_t retries_out = 0;  // leased, neither spent nor run out as far as we know
    std::uint32_t hedges_out = 0;
    Ring<PermitGrant> permits;
    friend bool operator==(const Peer&, const Peer&) = default;
  };

  void adopt(const PoolPolicy& policy);
  void refresh(Instant now, BackendIndex backend, PoolHome& home);
  void lease(Instant now, Peer& peer, PoolHome& home);
  [[nodiscard]] std::uint32_t part_of(std::uint64_t allowance, std::uint32_t out) const;

  PoolIndex pool_;
  WorkerIndex self_;
  std::uint32_t workers_;
  bool retries_limited_ = true;
  bool hedges_limited_ = false;
  Duration lease_{};                 // of tokens: the budgets' interval
  Duration permit_lease_{};          // the breaker's
  std::vector<VerdictChange> told_;  // by BackendIndex
  std::vector<Peer> peers_;          // by WorkerIndex
};

}  // namespace evenkeel::core
