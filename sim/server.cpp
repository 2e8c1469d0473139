// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/server.h"

#include <algorithm>

namespace evenkeel::sim {

namespace {

__extension__ using Wide = unsigned __int128;

// Draws of one request on one backend, as many as it may see it.
constexpr std::uint64_t kVisits = 16;

}  // namespace

Server::Server(const BackendModel& model, std::uint32_t index, core::Seed seed, EventQueue& queue)
    : model_(model),
      index_(index),
      service_(core::Stream(seed, "service").of(index)),
      queue_(queue) {}

Server::Offer Server::offer(core::Instant now, std::uint64_t request, std::uint32_t seen,
                            std::uint64_t owner) {
  const bool free_worker = in_service_ < model_.workers;
  if (!free_worker && waiting_ >= model_.queue_limit) return {Admission::full, kNoJob};
  const std::uint64_t draw = request * kVisits + std::min<std::uint64_t>(seen, kVisits - 1);
  const std::uint32_t slot = admit(Job{owner, request, now, false}, draw);
  const JobId id = (JobId{slots_[slot].generation} << 32U) | slot;
  if (free_worker) {
    begin(now, slot);
    return {Admission::begun, id};
  }
  if (first_waiting_ == kNone) first_waiting_ = slot;
  ++waiting_;
  return {Admission::waiting, id};
}

std::optional<Server::Done> Server::on_done(core::Instant now, const Note& note) {
  const std::uint32_t slot = find(note.b);
  if (slot == kNone) return std::nullopt;
  Done done{slots_[slot].job, std::nullopt};
  remove(slot);
  done.begun = begin_next(now);
  return done;
}

std::optional<Server::Job> Server::abandon(core::Instant now, JobId job) {
  const std::uint32_t slot = find(job);
  if (slot == kNone) return std::nullopt;
  slots_[slot].job.abandoned = true;
  if (!model_.cancel) return std::nullopt;
  remove(slot);
  return begin_next(now);
}

std::vector<Server::Job> Server::crash() {
  std::vector<Job> killed;
  while (first_ != kNone) {
    if (!slots_[first_].job.abandoned) killed.push_back(slots_[first_].job);
    remove(first_);
  }
  return killed;
}

// ---- slots -------------------------------------------------------------------------------------

std::uint32_t Server::find(JobId job) const {
  const auto slot = static_cast<std::uint32_t>(job);
  if (slot >= slots_.size() || slots_[slot].state == State::free) return kNone;
  return slots_[slot].generation == job >> 32U ? slot : kNone;
}

std::uint32_t Server::admit(const Job& job, std::uint64_t draw) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.job = job;
  slot.draw = draw;
  slot.state = State::waiting;
  slot.previous = last_;
  slot.next = kNone;
  (last_ == kNone ? first_ : slots_[last_].next) = index;
  last_ = index;
  return index;
}

void Server::remove(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (first_waiting_ == index) first_waiting_ = slot.next;
  (slot.previous == kNone ? first_ : slots_[slot.previous].next) = slot.next;
  (slot.next == kNone ? last_ : slots_[slot.next].previous) = slot.previous;
  --(slot.state == State::in_service ? in_service_ : waiting_);
  slot.state = State::free;
  ++slot.generation;
  free_.push_back(index);
}

// ---- service -----------------------------------------------------------------------------------

Server::Job Server::begin(core::Instant now, std::uint32_t index) {
  Slot& slot = slots_[index];
  slot.state = State::in_service;
  ++in_service_;
  const JobId id = (JobId{slot.generation} << 32U) | index;
  queue_.push(later(now, service_time(slot.draw)), Phase::network, Note{kDone, 0, index_, id});
  return slot.job;
}

std::optional<Server::Job> Server::begin_next(core::Instant now) {
  if (first_waiting_ == kNone || in_service_ >= model_.workers) return std::nullopt;
  const std::uint32_t slot = first_waiting_;
  first_waiting_ = slots_[slot].next;
  --waiting_;
  return begin(now, slot);
}

core::Duration Server::service_time(std::uint64_t draw) const {
  core::Duration work = model_.service.mean;
  if (model_.service.distribution == Distribution::exponential) {
    work = core::exponential(work, service_.at(draw));
  }
  const Wide scaled = static_cast<Wide>(work.count()) * count(slowness_) / count(model_.speed);
  return core::Duration(static_cast<std::int64_t>(
      std::min<Wide>(scaled, static_cast<Wide>(core::Duration::max().count()))));
}

}  // namespace evenkeel::sim
