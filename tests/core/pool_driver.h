// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/explain.h"
#include "evenkeel/core/pool.h"

namespace evenkeel::core {

using namespace std::chrono_literals;

inline constexpr Algorithm kAllAlgorithms[] = {
    Algorithm::round_robin, Algorithm::weighted_round_robin,
    Algorithm::least_conn,  Algorithm::least_request,
    Algorithm::random,      Algorithm::peak_ewma,
    Algorithm::score,       Algorithm::join_idle_queue,
    Algorithm::ring_hash,   Algorithm::maglev,
    Algorithm::rendezvous,  Algorithm::first,
};

// Backends "0", "1", "2" … of these weights, without limits.
[[nodiscard]] inline PoolPolicy pool_policy(const std::vector<std::uint32_t>& weights,
                                            Algorithm algorithm = Algorithm::round_robin) {
  PoolPolicy policy;
  policy.name = "main";
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    BackendPolicy backend;
    backend.id = std::to_string(i);
    backend.endpoint = Endpoint{"10.0.0.1", static_cast<std::uint16_t>(i + 1)};
    backend.weight = weights[i];
    policy.backends.push_back(backend);
  }
  policy.balance.algorithm = algorithm;
  policy.balance.hash.table_size = 251;
  policy.balance.hash.minimum_ring_size = 64;
  policy.limits.max_requests = 0;
  policy.limits.max_connections = 0;
  return policy;
}

// A pool and its time. Every pick is a decision with draws and a key of its own.
class PoolDriver {
 public:
  explicit PoolDriver(const PoolPolicy& policy, const std::string& zone = "", Instant now = at(0s))
      : now_(now), pool_(policy, zone, kStream.of(0), now) {}

  void all_eligible() {
    for (std::uint32_t i = 0; i < pool_.size(); ++i) verdict(i, Standing::eligible);
  }
  void verdict(std::uint32_t backend, Standing standing, bool suspect = false) {
    pool_.on_verdict(now_, Verdict{BackendIndex{backend}, standing, suspect});
  }
  void verdicts(const std::vector<std::uint32_t>& backends, Standing standing) {
    for (const std::uint32_t backend : backends) verdict(backend, standing);
  }
  void advance(Duration by) { now_ += by; }

  [[nodiscard]] PickRequest request(const std::vector<BackendIndex>& tried = {}) const {
    return PickRequest{now_, tried, mix(decision_ + 1), Draws(kStream, decision_)};
  }
  // A pick, and no attempt.
  Pick pick(const std::vector<BackendIndex>& tried = {}) {
    const Pick pick = pool_.pick(request(tried));
    ++decision_;
    return pick;
  }
  // An attempt on the picked one, if any.
  Pick start(const std::vector<BackendIndex>& tried = {}) {
    const Pick picked = pick(tried);
    if (picked.result == Pick::Result::picked) start_on(index(picked.backend));
    return picked;
  }
  void start_on(std::uint32_t backend) { pool_.on_attempt_started(now_, BackendIndex{backend}); }
  void end(std::uint32_t backend, Duration latency = 1ms) {
    pool_.on_attempt_ended(now_, BackendIndex{backend},
                           Feedback{Outcome::success, FailureKind::none, latency});
  }

  // How often each backend is picked, and how often nobody.
  std::vector<std::uint64_t> count_picks(std::size_t picks) {
    std::vector<std::uint64_t> counts(pool_.size());
    for (std::size_t i = 0; i < picks; ++i) {
      const Pick picked = pick();
      if (picked.result == Pick::Result::picked) ++counts[index(picked.backend)];
    }
    return counts;
  }

  [[nodiscard]] Pool& pool() { return pool_; }
  [[nodiscard]] const Pool& pool() const { return pool_; }
  [[nodiscard]] Instant now() const { return now_; }

  static constexpr Stream kStream{Seed{5}, "pool"};

 private:
  Instant now_;
  Pool pool_;
  std::uint64_t decision_ = 0;
};

[[nodiscard]] constexpr Pick picked(std::uint32_t backend, bool panic = false) {
  return Pick{Pick::Result::picked, BackendIndex{backend}, panic};
}
inline constexpr Pick kNobody{};
inline constexpr Pick kSaturated{Pick::Result::saturated, BackendIndex{}, false};

// For test output.
inline void PrintTo(const Pick& pick, std::ostream* out) {
  if (pick.result != Pick::Result::picked) {
    *out << (pick.result == Pick::Result::saturated ? "saturated" : "nobody");
  } else {
    *out << "backend " << index(pick.backend) << (pick.panic ? " in panic" : "");
  }
}

}  // namespace evenkeel::core
