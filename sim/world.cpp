// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "evenkeel/net/client_address.h"
#include "wire_message.h"

namespace evenkeel::sim {

namespace {

// In the drain everybody is up and answers, so what still waits after this long waits for an answer
// that was lost, without a timeout: its client leaves.
constexpr core::Duration kPatience = std::chrono::minutes(10);

// The headers of a simulated request, as far as its way may depend on them.
class SimHeaders final : public core::HeaderSource {
 public:
  explicit SimHeaders(std::uint64_t request) : request_(request) {}
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const override {
    if (name == "host") return kSimHost;
    if (name != kRequestField) return std::nullopt;
    const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), request_);
    return std::string_view(digits_.data(), static_cast<std::size_t>(end.ptr - digits_.data()));
  }

 private:
  std::uint64_t request_;
  mutable std::array<char, 20> digits_{};
};

// As net::Pipeline draws its secret.
core::RouteSeeds route_seeds(core::Seed seed) {
  core::RouteSeeds seeds;
  seeds.secret = core::Stream(seed, kEntropyStream).at(0);
  return seeds;
}

}  // namespace

World::World(const Scenario& scenario, core::Seed seed, const RunLimits& limits, Judge& judge)
    : scenario_(scenario),
      seed_(seed),
      books_(scenario, judge, core::Instant{}),
      config_(std::make_shared<const core::Config>(scenario.proxy)),
      limits_(limits),
      router_(*config_, route_seeds(seed)),
      client_(net::address_from(kSimClient)) {
  for (std::uint32_t i = 0; i < scenario.traffic.size(); ++i) {
    arrivals_.emplace_back(scenario.traffic[i], i, seed);
  }
  for (std::uint32_t i = 0; i < scenario.world.backends.size(); ++i) {
    backends_.emplace_back(Server(scenario.world.backends[i], i, seed, queue_));
  }
}

std::optional<core::Classified> World::classify(const ClientRequest& request) const {
  const SimHeaders headers(request.number);
  const core::RequestView view{request.method, kSimHost, kSimPath, {}, client_, false, headers};
  return router_.classify(view, balancer().split_bits(), balancer().mirror_bits());
}

// ---- the run -----------------------------------------------------------------------------------

RunResult World::run() {
  start();
  while (step()) {
    if (draining_ && books_.live() == 0 && balancer().requests_in_flight() == 0) break;
  }
  RunResult result;
  const core::Digest decisions = balancer().journal().digest();
  result.decisions.lanes = {decisions.high, decisions.low};
  if (!draining_ && !books_.broken()) {
    in_flight_ = books_.live();
    books_.on_end_of_traffic();
  }
  if (draining_ && !stopped_ && !books_.broken()) {
    const Leftovers left = leave();
    if (!books_.broken() && !stopped_) books_.on_drained(left);
  }
  result.trace.lanes = {trace_.high, trace_.low};
  result.events = events_;
  result.ended = last_event_;
  result.arrivals = books_.arrivals();
  result.in_flight = in_flight_;
  result.complete = draining_ && !stopped_ && !books_.broken();
  books_.report(balancer().journal(), result);
  return result;
}

void World::start() {
  for (std::uint32_t i = 0; i < scenario_.faults.size(); ++i) {
    const Fault& fault = scenario_.faults[i];
    queue_.push(fault.at, Phase::fault, Note{kFault, 1, i, 0});
    if (fault.until != core::kNever) {
      queue_.push(fault.until, Phase::fault, Note{kFault, 0, i, 0});
    }
  }
  queue_.push(core::Instant(scenario_.duration), Phase::fault, Note{kEndOfTraffic, 0, 0, 0});
  for (std::uint32_t i = 0; i < arrivals_.size(); ++i) schedule_arrival(i);
  books_.read(balancer().journal(), Books::kNoRequest);
  arm();
}

bool World::step() {
  if (books_.broken()) return false;
  if (events_ >= limits_.max_events) {
    stopped_ = true;
    return false;
  }
  const auto event = queue_.pop();
  if (!event) return false;
  if (event->at >= limits_.until) {
    stopped_ = true;
    return false;
  }
  ++events_;
  last_event_ = event->at;
  trace_.fold(static_cast<std::uint64_t>(event->at.time_since_epoch().count()), event->order);
  trace_.fold(event->note.b, (std::uint64_t{event->note.a} << 32U) |
                                 (std::uint64_t{event->note.small} << 16U) | event->note.kind);
  books_.on_event(event->at, queue_.now());
  concerned_ = Books::kNoRequest;
  handle(*event);
  books_.read(balancer().journal(), concerned_);
  arm();
  return true;
}

void World::handle(const Event& event) {
  switch (event.note.kind) {
    case kArrival:
      on_arrival(event.note.a);
      return;
    case kFault:
      on_fault(scenario_.faults[event.note.a], event.note.small == 1);
      return;
    case kTimer:
      if (event.at != armed_) return;  // overtaken by a sooner one
      armed_ = core::kNever;
      on_deadline(event.at);
      return;
    case kClientDeadline:
      on_client_deadline(event.note.b);
      return;
    case kEndOfTraffic:
      on_end_of_traffic();
      return;
    case kImpatience:
      books_.for_each_live([&](const ClientRequest& request) {
        const std::uint64_t number = request.number;
        give_up(now(), number);
        end(number, Ending::failed, 0, nullptr);
      });
      return;
    case Server::kDone:
      on_done(event.note);
      return;
    default:
      on_event(event);
  }
}

void World::arm() {
  const core::Instant next = std::max(next_deadline(), now());
  if (next >= armed_) return;
  armed_ = next;
  queue_.push(next, Phase::timer, Note{kTimer, 0, 0, 0});
}

// ---- clients -----------------------------------------------------------------------------------

void World::schedule_arrival(std::uint32_t traffic) {
  const core::Instant at = arrivals_[traffic].next();
  if (at >= core::Instant(scenario_.duration)) return;
  queue_.push(at, Phase::arrival, Note{kArrival, 0, traffic, 0});
}

void World::on_arrival(std::uint32_t traffic) {
  const TrafficModel& model = scenario_.traffic[traffic];
  const ClientRequest& request = books_.on_arrival(now(), traffic, arrivals_[traffic].method());
  if (model.timeout != kPatient) {
    queue_.push(later(now(), model.timeout), Phase::timer,
                Note{kClientDeadline, 0, 0, request.number});
  }
  concerns(request.number);
  send_request(now(), request);
  schedule_arrival(traffic);
}

void World::on_client_deadline(std::uint64_t number) {
  const ClientRequest* request = books_.find(number);
  if (request == nullptr || !request->live) return;
  give_up(now(), number);
  end(number, Ending::failed, 0, nullptr);
}

void World::end(std::uint64_t request, Ending ending, std::uint16_t status,
                const core::RequestRecord* record) {
  books_.on_ended(now(), request, ending, status, record);
}

// ---- backends ----------------------------------------------------------------------------------

Server::Offer World::offer(std::uint32_t backend, std::uint64_t number, std::uint64_t owner) {
  ClientRequest* request = books_.find(number);
  const std::uint32_t seen = request == nullptr ? 0 : request->visit(backend);
  const Server::Offer offer = backends_[backend].server.offer(now(), number, seen, owner);
  if (offer.admission == Server::Admission::begun) books_.on_begun(now(), number);
  if (offer.admission != Server::Admission::full) sample(backend);
  return offer;
}

void World::abandon(std::uint32_t backend, Server::JobId job) {
  const auto begun = backends_[backend].server.abandon(now(), job);
  if (begun) books_.on_begun(now(), begun->request);
  if (scenario_.world.backends[backend].cancel) sample(backend);
}

void World::on_done(const Note& note) {
  const auto done = backends_[note.a].server.on_done(now(), note);
  if (!done) return;
  if (done->begun) books_.on_begun(now(), done->begun->request);
  sample(note.a);
  if (done->job.abandoned) return;
  if (ClientRequest* request = books_.find(done->job.request)) {
    request->set_served(note.a, now() - done->job.admitted);
  }
  on_job_done(now(), note.a, done->job);
}

void World::sample(std::uint32_t backend) {
  const Server& server = backends_[backend].server;
  books_.on_backend(BackendSample{now(), backend, server.in_service(), server.waiting()});
}

// ---- faults ------------------------------------------------------------------------------------

void World::on_fault(const Fault& fault, bool begins) {
  if (draining_) return;
  Backend& backend = backends_[fault.target];
  switch (fault.kind) {
    case FaultKind::slow:
      backend.server.set_slowness(begins ? fault.factor : kOne);
      return;
    case FaultKind::crash:
      backend.crashes += begins ? 1U : ~0U;
      break;
    case FaultKind::black_hole:
      backend.black_holes += begins ? 1U : ~0U;
      break;
  }
  backend.reach = backend.black_holes > 0 ? Reach::black_hole
                  : backend.crashes > 0   ? Reach::refusing
                                          : Reach::up;
  on_reach_changed(fault.target);
  if (fault.kind == FaultKind::crash && begins) {
    const std::vector<Server::Job> killed = backend.server.crash();
    sample(fault.target);
    on_crash(now(), fault.target, killed);
  }
}

// Arrivals stop, everybody gets well, and what is in flight may end.
void World::on_end_of_traffic() {
  in_flight_ = books_.live();
  books_.on_end_of_traffic();
  books_.mute();
  draining_ = true;
  for (std::uint32_t i = 0; i < backends_.size(); ++i) {
    Backend& backend = backends_[i];
    backend.server.set_slowness(kOne);
    backend.crashes = backend.black_holes = 0;
    backend.reach = Reach::up;
    on_reach_changed(i);
  }
  queue_.push(later(now(), kPatience), Phase::fault, Note{kImpatience, 0, 0, 0});
}

Leftovers World::left_in_balancer() const {
  const core::Balancer& core = balancer();
  Leftovers left;
  left.requests = core.requests_in_flight();
  left.attempts = books_.attempts_running();
  core::Instant health = core::kNever;
  for (std::uint32_t p = 0; p < config_->pools.size(); ++p) {
    const core::Pool& pool = core.pool(core::PoolIndex{p});
    for (std::uint32_t b = 0; b < pool.size(); ++b) {
      left.in_flight += pool.load(core::BackendIndex{b}).in_flight;
    }
    health = earlier_of(health, core.home(core::PoolIndex{p}).next_deadline());
  }
  left.timers = core.next_deadline() < health;
  return left;
}

}  // namespace evenkeel::sim
