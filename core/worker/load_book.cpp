// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/worker/load_book.h"

#include <algorithm>

#include "evenkeel/core/worker/load_share.h"

namespace evenkeel::core {

LoadBook::LoadBook(PoolIndex pool, const PoolPolicy& policy, WorkerIndex home,
                   std::uint32_t workers)
    : pool_(pool), home_(home), workers_(workers), generations_(workers, 0), entries_(workers) {
  for (const std::uint32_t limit : limits_of(policy)) {
    Line line;
    line.limit = limit;
    lines_.push_back(line);
  }
  for (std::uint32_t w = 0; w < workers; ++w) {
    for (const Line& line : lines_) {
      // What a share begins with. Nobody asks for more of what has no limit.
      const std::uint32_t share =
          line.limit == 0 ? 0 : first_share(line.limit, WorkerIndex{w}, home, workers);
      entries_[w].push_back(Entry{share, 0, true});
    }
    changed_.emplace_back(static_cast<std::uint32_t>(lines_.size()));
  }
}

void LoadBook::on_message(Instant now, WorkerIndex from, const LoadReport& report) {
  for (std::uint32_t i = 0; i < report.count; ++i) {
    const LoadReport::Load& load = report.loads[i];
    const Slot slot = slot_of(load.backend);
    if (index(slot) >= lines_.size()) continue;
    Entry& own = entry(from, slot);
    Entry& pool = entry(from, kPoolSlot);
    Line& line = lines_[index(slot)];
    pool.in_flight += load.in_flight - own.in_flight;
    line.in_flight += load.in_flight - own.in_flight;
    own.in_flight = load.in_flight;
    for (std::uint32_t w = 0; w < workers_; ++w) {
      if (WorkerIndex{w} != from) changed_[w].add(index(load.backend));
    }
  }
  if (report_at_ == kNever) report_at_ = later(now, kReportInterval);
}

void LoadBook::on_message(Instant /*now*/, WorkerIndex from, const ShareRequest& request) {
  if (index(request.slot) >= lines_.size()) {  // not configured here yet
    answers_.push(Posted{from, Message{pool_, ShareGrant{request.slot, 0}}});
    return;
  }
  const Line& line = lines_[index(request.slot)];
  const bool nothing_free = line.free == 0 && !line.recalling;
  if (nothing_free && recall(request.slot, request.wanted, from)) return;
  grant(from, request.slot, request.wanted);
}

void LoadBook::on_message(Instant /*now*/, WorkerIndex from, const ShareReturn& given_up) {
  Line& line = lines_[index(given_up.slot)];
  Entry& theirs = entry(from, given_up.slot);
  const std::uint32_t count = std::min(given_up.count, theirs.share);
  const std::uint32_t paid = std::min(line.owed, count);
  theirs.share -= count;
  line.owed -= paid;
  line.free += count - paid;
  line.recalling = false;
  if (line.asker) grant(*line.asker, given_up.slot, line.wanted);
  if (count != 0) collect(given_up.slot);
}

void LoadBook::on_message(Instant now, WorkerIndex from, const SharesReady& ready) {
  generations_[index(from)] = ready.generation;
  open_shares(from);
  // The sums again: those of new backends may have come too early.
  for (std::uint32_t i = 0; i + 1 < lines_.size(); ++i) changed_[index(from)].add(i);
  if (report_at_ == kNever) report_at_ = later(now, kReportInterval);
}

void LoadBook::on_deadline(Instant now) {
  if (now < report_at_) return;
  report_at_ = kNever;
  reporting_ = true;
  for (std::uint32_t i = 0; i < lines_.size(); ++i) collect(Slot{i});
}

// ---- another policy -----------------------------------------------------------------------------

void LoadBook::apply(Instant now, const PoolPolicy& policy) {
  const std::vector<std::uint32_t> limits = limits_of(policy);
  while (lines_.size() < limits.size()) {
    lines_.emplace_back();
    for (auto& entries : entries_) entries.push_back(Entry{0, 0, false});
  }
  for (std::uint32_t i = 0; i < limits.size(); ++i) change_limit(Slot{i}, limits[i]);
  for (Worklist& changed : changed_) changed.resize(static_cast<std::uint32_t>(lines_.size()));
  ++generation_;
  for (std::uint32_t w = 0; w < workers_; ++w) open_shares(WorkerIndex{w});
  if (report_at_ == kNever) report_at_ = later(now, kReportInterval);
}

void LoadBook::change_limit(Slot slot, std::uint32_t limit) {
  Line& line = lines_[index(slot)];
  if (limit == line.limit) return;
  if (limit == 0 || line.limit == 0) {  // everybody begins with nothing, or needs nothing
    line.free = limit;
    line.owed = 0;
    for (auto& entries : entries_) {
      entries[index(slot)].share = 0;
      entries[index(slot)].opened = false;
    }
  } else if (limit > line.limit) {
    const std::uint32_t more = limit - line.limit;
    const std::uint32_t paid = std::min(line.owed, more);
    line.owed -= paid;
    line.free += more - paid;
  } else {
    const std::uint32_t less = line.limit - limit;
    const std::uint32_t taken = std::min(line.free, less);
    line.free -= taken;
    line.owed += less - taken;
  }
  line.limit = limit;
}

// Only to a worker with the same policy: any other would take the grant for something else.
void LoadBook::open_shares(WorkerIndex worker) {
  if (generations_[index(worker)] != generation_) return;
  for (std::uint32_t i = 0; i < lines_.size(); ++i) {
    Entry& theirs = entry(worker, Slot{i});
    if (theirs.opened || lines_[i].limit == 0) continue;
    theirs.opened = true;
    grant(worker, Slot{i}, first_share(lines_[i].limit, worker, home_, workers_));
  }
}

// ---- messages out -------------------------------------------------------------------------------

std::optional<Posted> LoadBook::poll_message() {
  if (auto answer = answers_.pop()) return answer;
  return reporting_ ? poll_loads() : std::nullopt;
}

std::optional<Posted> LoadBook::poll_loads() {
  for (std::uint32_t w = 0; w < workers_; ++w) {
    LoadSums sums;
    while (sums.loads.count < LoadReport::kMost) {
      const auto backend = changed_[w].pop();
      if (!backend) break;
      const Slot slot = slot_of(BackendIndex{*backend});
      const std::uint32_t own = entry(WorkerIndex{w}, slot).in_flight;
      sums.loads.loads[sums.loads.count++] =
          LoadReport::Load{BackendIndex{*backend}, lines_[index(slot)].in_flight - own};
    }
    if (sums.loads.count != 0) return Posted{WorkerIndex{w}, Message{pool_, sums}};
  }
  reporting_ = false;
  return std::nullopt;
}

void LoadBook::grant(WorkerIndex worker, Slot slot, std::uint32_t wanted) {
  Line& line = lines_[index(slot)];
  const std::uint32_t count = std::min(wanted, line.free);
  line.free -= count;
  entry(worker, slot).share += count;
  answers_.push(Posted{worker, Message{pool_, ShareGrant{slot, count}}});
}

bool LoadBook::recall(Slot slot, std::uint32_t wanted, std::optional<WorkerIndex> asker) {
  std::optional<WorkerIndex> richest;
  std::uint32_t most = 0;
  for (std::uint32_t w = 0; w < workers_; ++w) {
    const Entry& theirs = entry(WorkerIndex{w}, slot);
    const std::uint32_t spare = theirs.share - std::min(theirs.share, theirs.in_flight);
    if (WorkerIndex{w} == asker || spare <= most) continue;
    richest = WorkerIndex{w};
    most = spare;
  }
  if (!richest) return false;
  Line& line = lines_[index(slot)];
  line.recalling = true;
  line.asker = asker;
  line.wanted = wanted;
  // To an asker half of it: whoever has most is likely to need some again.
  const std::uint32_t part = std::min(wanted, asker ? most / 2 + most % 2 : most);
  answers_.push(Posted{*richest, Message{pool_, ShareRecall{slot, part}}});
  return true;
}

// Asks for what is owed, if anybody seems to have it.
void LoadBook::collect(Slot slot) {
  const Line& line = lines_[index(slot)];
  if (line.owed != 0 && !line.recalling) recall(slot, line.owed, std::nullopt);
}

}  // namespace evenkeel::core
