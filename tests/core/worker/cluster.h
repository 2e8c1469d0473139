// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <ostream>
#include <vector>

#include "core/at.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/random.h"
#include "evenkeel/core/worker/home_link.h"

namespace evenkeel::core {

// How the workers of a test differ: their number, who is the home, how long messages take.
struct Layout {
  std::uint32_t workers = 1;
  PoolIndex pool{};
  Duration max_delay{};  // of a message: drawn, up to and including
  std::uint64_t seed = 0;
};
inline std::ostream& operator<<(std::ostream& os, const Layout& layout) {
  return os << layout.workers << " workers, pool " << index(layout.pool) << ", delays up to "
            << layout.max_delay.count() << " ns, seed " << layout.seed;
}

// Several workers with one pool, in one thread. Messages between two workers keep their order; each
// takes as long as its draw says, so that between different pairs anything may overtake anything.
class Cluster {
 public:
  struct Attempt {
    WorkerIndex worker{};
    BackendIndex backend{};
    CircuitBreaker::Ticket ticket;
    Instant permit_until = kNever;  // of a probe: when the breaker takes its permit back
    bool live = true;
  };

  Cluster(const Layout& layout, const PoolPolicy& policy)
      : layout_(layout), policy_(policy), delays_(Seed{layout.seed}, "message delay") {
    const Stream stream(Seed{7}, "health");
    for (std::uint32_t w = 0; w < layout.workers; ++w) {
      links_.emplace_back(layout.pool, policy, stream, WorkerIndex{w}, layout.workers, now_);
    }
    wires_.resize(std::size_t{layout.workers} * layout.workers);
    for (std::uint32_t w = 0; w < layout.workers; ++w) settle(w);
  }

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] std::uint32_t workers() const { return layout_.workers; }
  [[nodiscard]] HomeLink& link(std::uint32_t w) { return links_[w]; }
  [[nodiscard]] std::uint32_t home() const { return index(home_of(layout_.pool, layout_.workers)); }
  [[nodiscard]] PoolHome& home_itself() { return *links_[home()].local(); }
  [[nodiscard]] const std::vector<Attempt>& attempts() const { return attempts_; }
  // Everything posted so far, of which a test may want to know.
  [[nodiscard]] const std::vector<Message>& posted() const { return posted_; }

  // ---- what workers do --------------------------------------------------------------------------

  void request(std::uint32_t w) {
    links_[w].on_request(now_);
    settle(w);
  }
  bool retry(std::uint32_t w) {
    const bool allowed = links_[w].try_retry(now_);
    settle(w);
    return allowed;
  }
  bool hedge(std::uint32_t w) {
    const bool allowed = links_[w].try_hedge(now_);
    settle(w);
    return allowed;
  }
  // Starts an attempt if the worker may; its number, or nullopt.
  std::optional<std::size_t> start(std::uint32_t w, BackendIndex backend) {
    HomeLink& link = links_[w];
    if (link.standing(backend) != Standing::eligible) return std::nullopt;
    if (link.share() != nullptr && !link.share()->has_room(backend)) {
      link.on_saturated(now_);
      settle(w);
      return std::nullopt;
    }
    Attempt attempt{WorkerIndex{w}, backend, link.admit(now_, backend), kNever, true};
    if (attempt.ticket.probe) {
      attempt.permit_until = w == home() ? now_ + policy_.circuit_breaker.open_duration
                                         : permits_.at({index(backend), attempt.ticket.lease});
    }
    if (attempt.permit_until <= now_) ++late_probes_;
    attempts_.push_back(attempt);
    link.on_attempt_started(now_, backend);
    settle(w);
    return attempts_.size() - 1;
  }
  void end(std::size_t number, const Feedback& feedback) {
    Attempt& attempt = attempts_[number];
    if (!attempt.live) return;
    attempt.live = false;
    const std::uint32_t w = index(attempt.worker);
    links_[w].on_evidence(now_, Evidence{attempt.backend, feedback, attempt.ticket});
    links_[w].on_attempt_ended(now_, attempt.backend);
    settle(w);
  }
  // One worker takes a new configuration into use.
  void apply(std::uint32_t w, const PoolPolicy& policy) {
    links_[w].apply(policy, now_);
    settle(w);
  }

  // ---- time -------------------------------------------------------------------------------------

  void wait(Duration length) {
    const Instant until = later(now_, length);
    while (true) {
      const Instant next = next_event();
      if (next > until) break;
      now_ = next > now_ ? next : now_;
      deliver();
      for (std::uint32_t w = 0; w < workers(); ++w) {
        if (links_[w].next_deadline() > now_) continue;
        links_[w].on_deadline(now_);
        settle(w);
      }
    }
    now_ = until;
  }
  // Until nothing is under way that was caused by now.
  void drain() { wait(10 * layout_.max_delay + Duration(std::chrono::milliseconds(500))); }
  // Messages on their way.
  [[nodiscard]] std::size_t under_way() const {
    std::size_t count = 0;
    for (const auto& wire : wires_) count += wire.size();
    return count;
  }

  // ---- what must hold ---------------------------------------------------------------------------

  [[nodiscard]] std::uint32_t in_flight(BackendIndex backend) const {
    std::uint32_t count = 0;
    for (const Attempt& attempt : attempts_) {
      if (attempt.live && attempt.backend == backend) ++count;
    }
    return count;
  }
  [[nodiscard]] std::uint32_t probes_in_flight(BackendIndex backend) const {
    std::uint32_t count = 0;
    for (const Attempt& attempt : attempts_) {
      const bool probes = attempt.live && attempt.ticket.probe && attempt.permit_until > now_;
      if (probes && attempt.backend == backend) ++count;
    }
    return count;
  }
  // Started when their permit was somebody else's already.
  [[nodiscard]] std::uint32_t late_probes() const { return late_probes_; }

 private:
  struct Parcel {
    Instant arrives;
    Message message;
  };

  void settle(std::uint32_t w) {
    HomeLink& link = links_[w];
    do {
      link.clear_news(now_);
      while (const auto posted = link.poll_message(now_)) {
        auto& wire = wires_[w * workers() + index(posted->to)];
        Instant arrives = now_ + delays_.within(layout_.max_delay + Duration(1), messages_++);
        if (!wire.empty() && wire.back().arrives > arrives) arrives = wire.back().arrives;
        wire.push_back(Parcel{arrives, posted->message});
        posted_.push_back(posted->message);
        // The breaker gave it this moment, and takes it back when its pause is over.
        if (const auto* permit = std::get_if<PermitGrant>(&posted->message.body)) {
          permits_[{index(permit->backend), permit->ticket.lease}] =
              now_ + policy_.circuit_breaker.open_duration;
        }
      }
    } while (link.has_news());
  }

  void deliver() {
    for (std::uint32_t pair = 0; pair < wires_.size(); ++pair) {
      auto& wire = wires_[pair];
      while (!wire.empty() && wire.front().arrives <= now_) {
        const Message message = wire.front().message;
        wire.pop_front();
        const std::uint32_t to = pair % workers();
        links_[to].on_message(now_, WorkerIndex{pair / workers()}, message);
        settle(to);
      }
    }
  }

  [[nodiscard]] Instant next_event() const {
    Instant next = kNever;
    for (const HomeLink& link : links_) next = earlier_of(next, link.next_deadline());
    for (const auto& wire : wires_) {
      if (!wire.empty()) next = earlier_of(next, wire.front().arrives);
    }
    return next;
  }

  Layout layout_;
  PoolPolicy policy_;
  Stream delays_;
  Instant now_ = at(std::chrono::seconds(0));
  std::vector<HomeLink> links_;
  std::vector<std::deque<Parcel>> wires_;  // by sender, then receiver
  std::uint64_t messages_ = 0;
  std::vector<Message> posted_;
  std::vector<Attempt> attempts_;
  std::uint32_t late_probes_ = 0;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Instant> permits_;  // by backend and lease
};

[[nodiscard]] inline PoolPolicy cluster_policy(std::uint32_t backends) {
  PoolPolicy policy;
  policy.name = "main";
  policy.health_check.type = CheckType::off;
  policy.outlier_detection.enabled = false;
  policy.limits.max_requests = 0;
  for (std::uint32_t i = 0; i < backends; ++i) {
    BackendPolicy backend;
    backend.id = "b" + std::to_string(i);
    backend.endpoint = Endpoint{"10.0.0.1", static_cast<std::uint16_t>(8000 + i)};
    policy.backends.push_back(backend);
  }
  return policy;
}

[[nodiscard]] inline Feedback succeeded(Duration latency = std::chrono::milliseconds(5)) {
  Feedback feedback;
  feedback.outcome = Outcome::success;
  feedback.latency = latency;
  feedback.body_bytes = 1000;
  return feedback;
}
[[nodiscard]] inline Feedback failed(FailureKind kind = FailureKind::server_error) {
  Feedback feedback;
  feedback.outcome = Outcome::failure;
  feedback.failure = kind;
  feedback.latency = std::chrono::milliseconds(3);
  return feedback;
}

}  // namespace evenkeel::core
