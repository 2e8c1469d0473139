// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "evenkeel/core/ids.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// Who answers suspiciously well.
//
// A sinkhole answers at once, with success and with nothing: an empty page instead of the work. By
// every other measure it is the best backend of the pool, and it attracts the traffic of all. Who
// answers, on average, sinkhole_factor times faster than the median backend, with bodies less than
// half as long, is suspect. A cache that answers fast with the whole page is not.
//
// To be suspect is no reason to be taken out, for a backend may well have the cheap part of the
// work; it is reason enough not to be preferred. Volume and hosts are the latency rule's. A
// suspicion lasts until an interval with enough requests says otherwise.
class SinkholeGuard {
 public:
  SinkholeGuard(const OutlierDetectionPolicy& policy, std::uint32_t backends);

  [[nodiscard]] bool enabled() const { return enabled_; }
  // A success, while enabled().
  void add(BackendIndex backend, const Feedback& feedback);
  // The end of the interval. `figures` is scratch, with room for every backend.
  void judge(std::vector<std::uint64_t>& figures);
  [[nodiscard]] bool suspect(BackendIndex backend) const { return suspects_[index(backend)]; }

  // Nothing is known of this backend.
  void forget(BackendIndex backend);
  // The present interval counts on, except that switched off nobody is suspect.
  void apply(const OutlierDetectionPolicy& policy);
  void resize(std::uint32_t backends);
  // Begins the interval anew; suspicions stay.
  void clear();

  friend bool operator==(const SinkholeGuard&, const SinkholeGuard&) = default;

 private:
  struct Answers {  // successes whose latency is known
    std::uint64_t latency = 0;
    std::uint64_t body_bytes = 0;
    std::uint64_t count = 0;
    friend bool operator==(const Answers&, const Answers&) = default;
  };

  bool enabled_ = false;
  Decimal factor_;
  LatencyOutlierPolicy latency_;
  std::vector<Answers> answers_;  // by BackendIndex; empty unless enabled
  std::vector<bool> suspects_;
};

}  // namespace evenkeel::core
