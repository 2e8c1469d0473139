// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/worker/message.h"
#include "evenkeel/core/worker/worklist.h"

namespace evenkeel::core {

// What one worker has in flight on a pool, and how much of the pool's limits is its own.
//
// max_requests holds for all workers together. Each owns a share of it, at first an equal one, and
// stays below its share without asking anybody. A worker whose share is used up asks the home
// (LoadBook), which gives what is free or has another worker give up what it does not use. A share
// grows only when a grant arrives and shrinks before the return is posted, so
//     in flight, summed over the workers <= sum of shares <= limit
// at every instant, whatever the delays. (Asking for each request would cost every one a hop;
// dividing once and for all would turn requests away at one worker while another idles.)
//
// Every worker has one, also the home's own.
class LoadShare {
 public:
  static constexpr std::uint32_t kNoLimit = 0xffffffff;
  // After it was last turned away for want of room, a worker goes on asking for this long.
  static constexpr Duration kWanting = std::chrono::seconds(1);

  LoadShare(PoolIndex pool, const PoolPolicy& policy, WorkerIndex self, std::uint32_t workers);

  // ---- facts ------------------------------------------------------------------------------------

  void on_started(Instant now, BackendIndex backend);
  void on_ended(Instant now, BackendIndex backend);
  // A request found some backends well but none with room.
  void on_saturated(Instant now);
  void on_message(Instant now, const LoadSums& sums);
  void on_message(Instant now, const ShareGrant& grant);
  void on_message(Instant now, const ShareRecall& recall);
  void on_deadline(Instant now);
  [[nodiscard]] Instant next_deadline() const { return report_at_; }
  // Another policy, in the same places. Of a limit that is new this worker has nothing until the
  // home, which took the policy too, grants it; a changed one is made good by grants and recalls.
  void apply(const PoolPolicy& policy);

  // The next message for the home.
  [[nodiscard]] std::optional<Message> poll_message();

  // ---- what follows; for the owner to read and clear() -----------------------------------------

  // Limits that are different now.
  [[nodiscard]] std::span<const Slot> new_limits() const { return new_limits_; }
  // Backends of which the others now have more or less in flight.
  [[nodiscard]] std::span<const BackendIndex> new_others() const { return new_others_; }
  [[nodiscard]] bool has_news() const { return !new_limits_.empty() || !new_others_.empty(); }
  void clear_news();

  // ---- questions --------------------------------------------------------------------------------

  // How much this worker may have in flight; kNoLimit without a limit.
  [[nodiscard]] std::uint32_t limit(Slot slot) const { return places_[index(slot)].share; }
  [[nodiscard]] std::uint32_t in_flight(Slot slot) const { return places_[index(slot)].in_flight; }
  [[nodiscard]] std::uint32_t others(BackendIndex backend) const {
    return places_[index(slot_of(backend))].others;
  }
  // Whether one more may start on it.
  [[nodiscard]] bool has_room(BackendIndex backend) const {
    return !full(slot_of(backend)) && !full(kPoolSlot);
  }

  friend bool operator==(const LoadShare&, const LoadShare&) = default;

 private:
  struct Place {
    std::uint32_t share = kNoLimit;
    std::uint32_t in_flight = 0;
    std::uint32_t others = 0;
    bool asked = false;  // and not answered yet
    friend bool operator==(const Place&, const Place&) = default;
  };

  [[nodiscard]] bool full(Slot slot) const {
    const Place& place = places_[index(slot)];
    return place.in_flight >= place.share;
  }
  void reserve();
  void ask(Slot slot);
  void ask_for_all_full();
  void report_later(Instant now);

  PoolIndex pool_;
  std::vector<Place> places_;            // by Slot
  Worklist changed_;                     // by BackendIndex: in_flight is to be reported
  Worklist asks_;                        // by Slot
  Worklist returns_;                     // by Slot: recalled
  std::vector<std::uint32_t> given_up_;  // by Slot: what the return will say
  std::uint64_t generation_ = 0;         // policies applied
  bool ready_ = false;                   // to say so
  bool reporting_ = false;               // the time has come: changed_ goes out
  Instant report_at_ = kNever;
  Instant wanting_until_;  // turned away lately
  std::vector<Slot> new_limits_;
  std::vector<BackendIndex> new_others_;
};

// The share of a limit that worker `w` of `workers` begins with: an equal part, the rest to the
// home. 0 as a limit is none.
[[nodiscard]] std::uint32_t first_share(std::uint32_t limit, WorkerIndex w, WorkerIndex home,
                                        std::uint32_t workers);
// By Slot: the policy's limits; 0: none.
[[nodiscard]] std::vector<std::uint32_t> limits_of(const PoolPolicy& policy);

}  // namespace evenkeel::core
