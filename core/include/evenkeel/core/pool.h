// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/balance/picker.h"
#include "evenkeel/core/balance/roster.h"
#include "evenkeel/core/balance/slow_start.h"
#include "evenkeel/core/facts.h"
#include "evenkeel/core/home.h"
#include "evenkeel/core/outcome.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"

namespace evenkeel::core {

enum class Candidacy : std::uint8_t;
struct Explanation;

struct PickRequest {
  Instant now;
  std::span<const BackendIndex> tried;  // not these again
  std::uint64_t hash = 0;               // of the request's key, see HashPolicy
  Draws draws;
};

struct Pick {
  enum class Result : std::uint8_t {
    picked,
    saturated,  // whoever could be picked has all the requests it may have
    nobody,
  };
  Result result = Result::nobody;
  BackendIndex backend{};  // when picked
  bool panic = false;      // picked whatever its health
  friend bool operator==(Pick, Pick) = default;
};

// One worker's view of a pool: who may be picked, how busy each is, and the strategy that chooses.
//
//     verdicts ──▶ Roster: levels, zones, who is full ──▶ candidates ──▶ Picker ──▶ backend
//     the clock ─▶ SlowStart: weights and limits that grow ──┘
//
// It holds opinions about nobody: how a backend stands is its home's verdict (home.h). In-flight
// counts include attempts that are still connecting, or a backend that is slow to accept would look
// idle. They belong to the place, not to the configuration: a reload that forgot them would send
// everybody's requests to whoever is slowest.
//
// A value: a copy goes on exactly as the original. Asks for no memory once built, except in
// apply().
class Pool {
 public:
  // `zone` is the replica's. Whoever is healthy at the first verdict has its whole weight at once:
  // a balancer that starts does not mean that its backends did.
  Pool(const PoolPolicy& policy, std::string_view zone, Stream phase, Instant now);

  // A new configuration, in the places of the old one (reload.h). Backends with the same id and
  // endpoint keep everything; another one in its place, or a new one, starts with no history and no
  // standing, and slowly. An equal policy changes nothing.
  void apply(const PoolPolicy& policy, Instant now);

  void on_verdict(Instant now, const Verdict& verdict);
  [[nodiscard]] Pick pick(const PickRequest& request);
  // What pick() would do now, and why. Copies the pool: for people who ask, not for every request.
  [[nodiscard]] Explanation explain(const PickRequest& request) const;

  // How much of a backend's limit of requests is this worker's own; kNoLimit: it has none. Holds
  // until the next policy. With one worker the policy's limit is, and this is never called.
  void set_limit(Instant now, BackendIndex backend, std::uint32_t limit);
  // What the other workers have in flight on it, as last heard: strategies compare the sum, the
  // limit is for this worker's own. Never called with one worker.
  void set_other_load(BackendIndex backend, std::uint32_t in_flight);

  void on_attempt_started(Instant now, BackendIndex backend);
  void on_attempt_ended(Instant now, BackendIndex backend, const Feedback& feedback);

  // Whether pick() would pick somebody, as far as verdicts and attempts of the past tell.
  [[nodiscard]] bool has_untried(std::span<const BackendIndex> tried) const {
    return roster_.has_untried(tried);
  }
  // Whether somebody has room, and whether anybody would if he were not full.
  [[nodiscard]] bool has_room() const { return roster_.has_untried({}); }
  [[nodiscard]] bool has_members() const { return has_room() || roster_.full_members(); }
  [[nodiscard]] std::uint32_t healthy_count() const { return roster_.healthy(); }
  [[nodiscard]] std::uint32_t eligible_count() const;
  // Whether requests of sessions that live there may go on: also while it drains, up to its limit.
  [[nodiscard]] bool may_serve(BackendIndex backend) const;

  // Whether part of the requests goes to anybody, whatever their health.
  [[nodiscard]] bool panic() const { return roster_.panic(); }
  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }
  // What this worker has in flight. The weight is of the last pick, in parts of weight_scale().
  [[nodiscard]] Load load(BackendIndex backend) const {
    Load load = loads_[index(backend)];
    load.in_flight -= others(backend);
    return load;
  }
  // How many parts a configured weight of 1 has: 1 without slow start.
  [[nodiscard]] std::uint32_t weight_scale() const {
    return slow_start_.enabled() ? SlowStart::kScale : 1;
  }
  [[nodiscard]] Standing standing(BackendIndex backend) const {
    return roster_.backend(backend).standing;
  }
  [[nodiscard]] std::size_t size() const { return loads_.size(); }

  static constexpr std::uint32_t kNoLimit = ~std::uint32_t{0};

  friend bool operator==(const Pool&, const Pool&) = default;

 private:
  struct Member {
    std::string id;                  // for explanations
    std::uint64_t identity = 0;      // see reload.h
    std::uint32_t weight = 0;        // scaled, once warm
    std::uint32_t max_requests = 0;  // once warm; kNoLimit: none
    bool joined_late = true;         // not at the start of this balancer
    bool suspect = false;
    friend bool operator==(const Member&, const Member&) = default;
  };
  // Has less than its whole weight.
  struct Starter {
    BackendIndex backend{};
    Instant since;
    friend bool operator==(const Starter&, const Starter&) = default;
  };
  // What strategies see of a backend.
  struct Shown {
    Load load;
    ResponseStats stats;
  };

  [[nodiscard]] std::uint32_t scaled_weight(const BackendPolicy& backend) const;
  void update_picker(const PoolPolicy& policy, bool anew);
  // `guarded`: some may be suspects.
  void grow(std::size_t backends, bool guarded);
  void configure(BackendIndex backend, const BackendPolicy& policy, const LimitsPolicy& limits);
  // Somebody else is in its place.
  void forget(BackendIndex backend);
  // Its place or standing changed: starts or stops slow start.
  void on_change(Instant now, BackendIndex backend, bool took_requests, bool slowly);
  // Lets weights and limits grow.
  void warm_up(Instant now);
  void set_part(BackendIndex backend, Fraction part);
  [[nodiscard]] std::uint32_t others(BackendIndex backend) const {
    return others_.empty() ? 0 : others_[index(backend)];
  }
  void end_slow_start(BackendIndex backend);
  void set_suspect(BackendIndex backend, bool suspect);
  // Tells the strategy that wants to know.
  void note_idle(BackendIndex backend) {
    if (loads_[index(backend)].in_flight == 0) on_idle(picker_, backend);
  }
  void check_limit(BackendIndex backend) {
    roster_.set_full(backend, loads_[index(backend)].in_flight >= limits_[index(backend)]);
  }
  // Healthy, and not kept from taking requests by configuration.
  [[nodiscard]] bool takes_requests(BackendIndex backend) const {
    const Roster::Backend& about = roster_.backend(backend);
    return about.place == Roster::Place::member && is_healthy(about.standing);
  }
  [[nodiscard]] Candidates candidates_of(const PickRequest& request,
                                         const Roster::Selection& selection) const;
  // One of those selected.
  [[nodiscard]] Pick choose(const PickRequest& request, const Roster::Selection& selection,
                            Draws& draws);
  // The strategy's choice while suspects are shown to be as busy as the others.
  [[nodiscard]] BackendIndex choose_wary(const Candidates& candidates, Draws& draws);
  void show_mean(const Candidates& candidates);
  // What the strategy thinks an answer takes. Only with stats.
  [[nodiscard]] Duration response_time(Instant now, BackendIndex backend) const;
  [[nodiscard]] Candidacy candidacy(BackendIndex backend, const PickRequest& request,
                                    const Roster::Selection& selection) const;

  Roster roster_;
  SlowStart slow_start_;
  BalancePolicy balance_;
  Stream phase_;
  std::vector<Load> loads_;             // by BackendIndex; with the other workers' requests
  std::vector<std::uint32_t> limits_;   // of these, of now; kNoLimit: none
  std::vector<std::uint32_t> others_;   // requests of the other workers; empty with one
  std::vector<Member> members_;         // by BackendIndex
  std::vector<ResponseStats> stats_;    // by BackendIndex; empty unless the strategy reads them
  std::vector<Starter> starters_;       // ascending
  std::vector<BackendIndex> suspects_;  // ascending
  bool ramping_ = false;                // somebody's weight is in parts at this moment
  std::uint32_t in_flight_ = 0;
  Picker picker_;
  Scratch<Shown> truth_;  // of suspects
};

}  // namespace evenkeel::core
