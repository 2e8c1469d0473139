// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/ring.h"
#include "evenkeel/core/time.h"
#include "evenkeel/core/worker/message.h"
#include "evenkeel/core/worker/worklist.h"

namespace evenkeel::core {

// The home's side of every worker's LoadShare: who owns how much of each limit, and who has how
// much in flight.
//
// A grant enters the book before it is posted, a return when it arrives. So the book's shares are
// never less than what the workers hold, and their sum is the limit at most, always.
//
// A request for more that finds nothing free makes the home recall from the worker that seems to
// have most to spare; what comes back goes to whoever asked. One recall at a time per limit: those
// who ask meanwhile are told that there is nothing, and ask again.
class LoadBook {
 public:
  LoadBook(PoolIndex pool, const PoolPolicy& policy, WorkerIndex home, std::uint32_t workers);

  void on_message(Instant now, WorkerIndex from, const LoadReport& report);
  void on_message(Instant now, WorkerIndex from, const ShareRequest& request);
  void on_message(Instant now, WorkerIndex from, const ShareReturn& given_up);
  void on_deadline(Instant now);
  [[nodiscard]] Instant next_deadline() const { return report_at_; }
  void on_message(Instant now, WorkerIndex from, const SharesReady& ready);
  // Another policy, in the same places. A limit that grew has the difference free; one that shrank
  // is owed it, and recalls what is idle until it is paid. A new one is shared out to each worker
  // once that has taken the policy too.
  void apply(Instant now, const PoolPolicy& policy);

  [[nodiscard]] std::optional<Posted> poll_message();

  // What the book says this worker holds; the worker itself never holds more.
  [[nodiscard]] std::uint32_t share(WorkerIndex worker, Slot slot) const {
    return entry(worker, slot).share;
  }
  [[nodiscard]] std::uint32_t free(Slot slot) const { return lines_[index(slot)].free; }

  friend bool operator==(const LoadBook&, const LoadBook&) = default;

 private:
  struct Entry {  // of a worker and a slot
    std::uint32_t share = 0;
    std::uint32_t in_flight = 0;  // as last reported
    bool opened = true;           // has had its first share
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Line {  // of a slot
    std::uint32_t limit = 0;
    std::uint32_t free = 0;       // limit + owed - the sum of shares
    std::uint32_t in_flight = 0;  // the sum of what was reported
    std::uint32_t owed = 0;       // shares beyond a limit that has shrunk
    bool recalling = false;
    std::optional<WorkerIndex> asker;  // for whom, or to pay what is owed
    std::uint32_t wanted = 0;
    friend bool operator==(const Line&, const Line&) = default;
  };

  [[nodiscard]] const Entry& entry(WorkerIndex worker, Slot slot) const {
    return entries_[index(worker)][index(slot)];
  }
  [[nodiscard]] Entry& entry(WorkerIndex worker, Slot slot) {
    return entries_[index(worker)][index(slot)];
  }
  void grant(WorkerIndex worker, Slot slot, std::uint32_t wanted);
  // From whoever seems to have most to spare, but the asker; false when nobody has any.
  bool recall(Slot slot, std::uint32_t wanted, std::optional<WorkerIndex> asker);
  void collect(Slot slot);
  void open_shares(WorkerIndex worker);
  void change_limit(Slot slot, std::uint32_t limit);
  [[nodiscard]] std::optional<Posted> poll_loads();

  PoolIndex pool_;
  WorkerIndex home_;
  std::uint32_t workers_;
  std::uint64_t generation_ = 0;             // policies applied
  std::vector<std::uint64_t> generations_;   // by worker: applied there
  std::vector<Line> lines_;                  // by Slot
  std::vector<std::vector<Entry>> entries_;  // by worker, then Slot
  std::vector<Worklist> changed_;            // by worker: backends whose sum it is to be told
  // Grants and recalls. A worker has one request out per slot, and a slot one recall: never more
  // than (workers + 1) · slots.
  Ring<Posted> answers_;
  bool reporting_ = false;
  Instant report_at_ = kNever;
};

}  // namespace evenkeel::core
