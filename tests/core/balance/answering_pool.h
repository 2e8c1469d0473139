// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "core/balance/test_pool.h"
#include "evenkeel/core/outcome.h"

namespace evenkeel::core {

// How a backend of an AnsweringPool answers: always after this time, whatever its load.
struct Answers {
  Duration latency;
  Outcome outcome = Outcome::success;
};

// A pool whose backends answer: requests come one every `interval`, are picked for, stay in flight
// for the backend's time and end with feedback.
class AnsweringPool {
 public:
  AnsweringPool(std::vector<Answers> answers, const EwmaPolicy& policy)
      : pool_(std::vector<Load>(answers.size())), answers_(std::move(answers)), policy_(policy) {}

  // How many requests each backend got of these.
  template <typename Strategy>
  std::vector<std::uint64_t> serve(Strategy& strategy, std::uint64_t requests, Duration interval) {
    std::vector<std::uint64_t> counts(answers_.size());
    for (std::uint64_t i = 0; i < requests; ++i) {
      end_attempts_until(pool_.now() + interval);
      const std::uint32_t backend = index(pool_.pick(strategy));
      ++counts[backend];
      ++pool_.load(backend).in_flight;
      pending_.emplace(pool_.now() + answers_[backend].latency, backend);
    }
    return counts;
  }
  Answers& answers(std::size_t backend) { return answers_[backend]; }
  TestPool& pool() { return pool_; }

 private:
  void end_attempts_until(Instant until) {
    while (!pending_.empty() && pending_.begin()->first <= until) {
      const auto [at, backend] = *pending_.begin();
      pending_.erase(pending_.begin());
      pool_.advance(at - pool_.now());
      --pool_.load(backend).in_flight;
      Feedback feedback;
      feedback.outcome = answers_[backend].outcome;
      feedback.latency = answers_[backend].latency;
      pool_.stats(backend).on_feedback(at, feedback, policy_);
    }
    pool_.advance(until - pool_.now());
  }

  TestPool pool_;
  std::vector<Answers> answers_;
  EwmaPolicy policy_;
  std::multimap<Instant, std::uint32_t> pending_;
};

}  // namespace evenkeel::core
