// SPDX-License-Identifier: Apache-2.0
//
// Message fidelity: the balancer's actions become messages, messages become its facts.
//
// Connections are ideal: to a backend that is up one is always ready, so a request counts as sent
// the moment its attempt starts, and there are no handshakes. To a backend that is not, what
// matters is whether an idle connection was there (idle_model.h).
#include <utility>
#include <variant>

#include "evenkeel/core/check.h"
#include "idle_model.h"
#include "wire_message.h"
#include "world.h"

namespace evenkeel::sim {

namespace {

constexpr core::Duration kCoarseQuantum = std::chrono::milliseconds(50);

class MessageWorld final : public World {
 public:
  MessageWorld(const Scenario& scenario, core::Seed seed, const RunLimits& limits, Judge& judge);

 private:
  enum Kind : std::uint16_t {
    kRequestAtBalancer = kFidelity,  // b: request
    kAttemptAtBackend,               // a: message
    kCancelAtBackend,                // a: message
    kReplyAtBalancer,                // a: message; small: Reply
    kAnswerAtClient,                 // b: request; small: status; a: 1 when it sheds load
    kCutAtClient,                    // b: request: the connection broke
    kClientGoneAtBalancer,           // b: request
    kCheckAtBackend,                 // a: backend; b: check
    kCheckAtBalancer,                // a: backend; b: check; small: CheckOutcome
  };
  enum class Reply : std::uint16_t { ok, shed, refused, reset };

  // An attempt on its way to a backend, there, or on its way back.
  struct Message {
    core::AttemptId attempt;
    std::uint64_t request = 0;
    std::uint32_t backend = 0;
    std::uint32_t uses = 0;     // of its connection, this one included
    std::uint32_t holders = 0;  // its flight, events and jobs that speak of it
    std::uint64_t body = 0;     // bytes of the response's
    bool sent = false;          // a connection was there
    bool cancelled = false;     // the balancer forgot it
    Server::JobId job = Server::kNoJob;
  };
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint64_t kNoCheck = ~std::uint64_t{0};
  // What the world knows of one of the balancer's requests, by slot.
  struct Flight {
    std::uint64_t request = Books::kNoRequest;
    std::uint32_t generation = 0;
    bool live = false;
    bool committed = false;  // its response is being forwarded
    std::uint32_t messages[2] = {kNone, kNone};
  };

  void send_request(core::Instant now, const ClientRequest& request) override;
  void give_up(core::Instant now, std::uint64_t request) override;
  void on_event(const Event& event) override;
  void on_job_done(core::Instant now, std::uint32_t backend, const Server::Job& job) override;
  void on_crash(core::Instant now, std::uint32_t backend,
                const std::vector<Server::Job>& killed) override;
  void on_reach_changed(std::uint32_t) override {}
  void on_deadline(core::Instant now) override;
  [[nodiscard]] core::Instant next_deadline() const override { return balancer_.next_deadline(); }
  [[nodiscard]] const core::Balancer& balancer() const override { return balancer_; }
  Leftovers leave() override { return left_in_balancer(); }

  void on_request(core::Instant now, std::uint64_t number);
  void on_attempt_at_backend(core::Instant now, std::uint32_t index);
  void on_reply(core::Instant now, std::uint32_t index, Reply reply);
  void reply(core::Instant now, std::uint32_t index, Reply reply);
  void on_check_at_backend(core::Instant now, std::uint32_t backend, std::uint64_t check);
  void finish(core::Instant now, core::RequestId id, Ending ending, std::uint16_t status, bool cut);

  // Takes actions until there are none.
  void act(core::Instant now);
  void perform(core::Instant now, const core::StartAttempt& start);
  void perform(core::Instant now, const core::CancelAttempt& cancel);
  void perform(core::Instant now, const core::SendResponse& send);
  void perform(core::Instant now, const core::RejectRequest& reject);
  void perform(core::Instant now, const core::AbortResponse& abort);
  void perform(core::Instant now, const core::StartCheck& start);
  void perform(core::Instant now, const core::CancelCheck& cancel);
  // No remote store and nobody to mirror to is simulated yet.
  void perform(core::Instant now, const core::LookUpSession& look_up) {
    balancer_.on_session_store_failed(now, look_up.request);
  }
  void perform(core::Instant /*now*/, const core::StoreSession& /*store*/) {}
  void perform(core::Instant /*now*/, const core::IssueSession& /*issue*/) {}
  void perform(core::Instant /*now*/, const core::MirrorRequest& /*mirror*/) {}

  [[nodiscard]] Flight* find(core::RequestId id);
  // Its body fits into what the balancer keeps to send it again.
  [[nodiscard]] bool replayable(const ClientRequest& request, core::PoolIndex pool) const {
    return !carries_body(request.method) || scenario_.traffic[request.traffic].request_bytes <=
                                                config_->pools[index(pool)].retry.buffer_limit;
  }
  std::uint32_t take_message();
  void drop(std::uint32_t index);
  void push(core::Instant now, core::Duration after, Kind kind, std::uint16_t small,
            std::uint32_t a, std::uint64_t b);

  // One-way delays, drawn by what the message is: attempts by (request, attempt, direction).
  [[nodiscard]] core::Duration client_delay(std::uint64_t request, unsigned back) const;
  [[nodiscard]] core::Duration backend_delay(const Message& message, unsigned back) const;
  [[nodiscard]] core::Duration check_delay(std::uint32_t backend, std::uint64_t check,
                                           unsigned back) const;

  core::Balancer balancer_;
  core::Stream sessions_;  // their names
  core::Stream client_jitter_;
  core::Stream backend_jitter_;
  core::Stream check_jitter_;
  std::vector<IdleModel> idle_;                // by backend
  std::vector<std::uint64_t> checks_awaited_;  // by backend: the check whose result counts
  std::vector<Flight> flights_;                // by the balancer's slot
  std::vector<Message> messages_;
  std::vector<std::uint32_t> free_messages_;
  // A request from its client's point of view: still in the balancer, or answered and on its way
  // back.
  struct Answer {
    std::uint64_t number = 0;
    bool live = false;
    core::RequestRecord record;
    core::RequestId id{};
    bool in_balancer = false;
  };
  NumberedRing<Answer> answers_;  // by client request
};

core::Balancer::Options balancer_options(core::Seed seed) {
  core::Balancer::Options options;
  options.seed = seed;
  options.coarse_quantum = kCoarseQuantum;
  options.journal = core::JournalMode::keep;
  return options;
}

MessageWorld::MessageWorld(const Scenario& scenario, core::Seed seed, const RunLimits& limits,
                           Judge& judge)
    : World(scenario, seed, limits, judge),
      balancer_(config_, balancer_options(seed), core::Instant{}),
      sessions_(seed, "sessions"),
      client_jitter_(seed, "net/client"),
      backend_jitter_(seed, "net/backend"),
      check_jitter_(seed, "net/check") {
  for (const BackendModel& backend : scenario.world.backends) {
    idle_.emplace_back(scenario.proxy.pools[index(backend.ref.pool)].connection_pool,
                       kCoarseQuantum);
  }
  checks_awaited_.resize(idle_.size(), kNoCheck);
  act(core::Instant{});
}

// ---- clients -----------------------------------------------------------------------------------

void MessageWorld::send_request(core::Instant now, const ClientRequest& request) {
  answers_.open(request.number);
  push(now, client_delay(request.number, 0), kRequestAtBalancer, 0, 0, request.number);
}

void MessageWorld::give_up(core::Instant now, std::uint64_t request) {
  push(now, client_delay(request, 0), kClientGoneAtBalancer, 0, 0, request);
}

void MessageWorld::on_request(core::Instant now, std::uint64_t number) {
  const ClientRequest* request = books_.find(number);
  Answer* answer = answers_.find(number);
  if (request == nullptr || answer == nullptr || !request->live) return;  // gave up on the way
  core::RequestFacts facts;
  facts.method = request->method;
  const auto found = classify(*request);
  if (!found) {
    push(now, client_delay(number, 1), kAnswerAtClient, 404, 0, number);
    return;
  }
  facts.route = found->route;
  facts.pool = found->pool;
  facts.affinity = found->affinity;
  facts.limit_key = found->limit_key;
  facts.mirrored = found->mirrored;
  facts.replayable = replayable(*request, found->pool);
  // Simulated clients keep no cookies: every request begins a session of its own.
  facts.entropy = {sessions_.at(2 * number), sessions_.at(2 * number + 1)};
  const core::RequestId id = balancer_.on_request(now, facts);
  if (id.slot >= flights_.size()) flights_.resize(id.slot + 1);
  Flight& flight = flights_[id.slot];
  flight = Flight{};
  flight.request = number;
  flight.generation = id.generation;
  flight.live = true;
  answer->id = id;
  answer->in_balancer = true;
  act(now);
}

// The balancer is done with it: the client will hear after its delay.
void MessageWorld::finish(core::Instant now, core::RequestId id, Ending ending,
                          std::uint16_t status, bool cut) {
  Flight& flight = flights_[id.slot];
  const std::uint64_t number = flight.request;
  Answer* answer = answers_.find(number);
  EVENKEEL_CHECK(answer != nullptr && answer->live);
  answer->record = balancer_.finish(now, id);
  answer->in_balancer = false;
  flight.live = false;
  push(now, client_delay(number, 1), cut ? kCutAtClient : kAnswerAtClient, status,
       ending == Ending::rejected ? 1 : 0, number);
}

// ---- attempts ----------------------------------------------------------------------------------

void MessageWorld::perform(core::Instant now, const core::StartAttempt& start) {
  Flight* flight = find(start.attempt.request);
  EVENKEEL_CHECK(flight != nullptr);
  const std::uint32_t backend = books_.world_index(start.backend);
  const std::uint32_t index = take_message();
  Message& message = messages_[index];
  message.attempt = start.attempt;
  message.request = flight->request;
  message.backend = backend;
  message.uses = 1;
  if (!start.fresh_connection) {
    if (const auto uses = idle_[backend].take(now)) message.uses = *uses + 1;
  }
  message.sent = message.uses > 1 || reach(backend) == Reach::up;
  flight->messages[flight->messages[0] == kNone ? 0 : 1] = index;
  message.holders = 2;  // the flight and the event
  push(now, backend_delay(message, 0), kAttemptAtBackend, 0, index, 0);
  if (message.sent) balancer_.on_attempt_sent(now, start.attempt);
}

void MessageWorld::perform(core::Instant now, const core::CancelAttempt& cancel) {
  Flight* flight = find(cancel.attempt.request);
  if (flight == nullptr) return;
  for (std::uint32_t& index : flight->messages) {
    if (index == kNone || !(messages_[index].attempt == cancel.attempt)) continue;
    Message& message = messages_[index];
    message.cancelled = true;
    ++message.holders;
    push(now, backend_delay(message, 0), kCancelAtBackend, 0, index, 0);
    drop(std::exchange(index, kNone));
    return;
  }
}

void MessageWorld::on_attempt_at_backend(core::Instant now, std::uint32_t index) {
  Message& message = messages_[index];
  switch (reach(message.backend)) {
    case Reach::black_hole:
      return;
    case Reach::refusing:
      reply(now, index, message.sent ? Reply::reset : Reply::refused);
      return;
    case Reach::up:
      break;
  }
  const Server::Offer made = offer(message.backend, message.request, index);
  if (made.admission == Server::Admission::full) {
    reply(now, index, Reply::shed);
    return;
  }
  message.job = made.job;
  ++message.holders;
}

// Something goes back to the balancer, if the backend can reach it.
void MessageWorld::reply(core::Instant now, std::uint32_t index, Reply reply) {
  Message& message = messages_[index];
  if (reach(message.backend) == Reach::black_hole) return;
  ++message.holders;
  push(now, backend_delay(message, 1), kReplyAtBalancer, static_cast<std::uint16_t>(reply), index,
       0);
}

void MessageWorld::on_job_done(core::Instant now, std::uint32_t, const Server::Job& job) {
  const auto index = static_cast<std::uint32_t>(job.owner);
  Message& message = messages_[index];
  message.job = Server::kNoJob;
  const ClientRequest* request = books_.find(message.request);
  if (request != nullptr && request->method != core::Method::head) {
    message.body = scenario_.traffic[request->traffic].response_bytes;
  }
  reply(now, index, Reply::ok);
  drop(index);
}

void MessageWorld::on_crash(core::Instant now, std::uint32_t backend,
                            const std::vector<Server::Job>& killed) {
  idle_[backend].clear();
  for (const Server::Job& job : killed) {
    const auto index = static_cast<std::uint32_t>(job.owner);
    messages_[index].job = Server::kNoJob;
    reply(now, index, Reply::reset);
    drop(index);
  }
}

void MessageWorld::on_reply(core::Instant now, std::uint32_t index, Reply reply) {
  const Message message = messages_[index];
  concerns(message.request);
  if (message.cancelled) return;
  Flight* flight = find(message.attempt.request);
  EVENKEEL_CHECK(flight != nullptr);
  const core::RequestId id = message.attempt.request;
  for (std::uint32_t& of_flight : flight->messages) {
    if (of_flight == index) drop(std::exchange(of_flight, kNone));
  }
  switch (reply) {
    case Reply::ok:
    case Reply::shed: {
      core::ResponseFacts facts;
      facts.status = reply == Reply::ok ? 200 : 503;
      facts.has_retry_after = reply == Reply::shed;
      if (facts.has_retry_after) facts.retry_after = kShedRetryAfter;
      idle_[message.backend].put(now, message.uses);
      balancer_.on_response_head(now, message.attempt, facts);
      // Either the response is forwarded, and is complete at once, or another attempt follows.
      act(now);
      balancer_.on_response_end(now, message.attempt, message.body);
      if (find(id) == nullptr || !flights_[id.slot].committed) break;
      finish(now, id, reply == Reply::ok ? Ending::success : Ending::rejected, facts.status, false);
      break;
    }
    case Reply::refused:
      balancer_.on_attempt_failed(now, message.attempt, core::AttemptFailure::connect_refused);
      break;
    case Reply::reset:
      balancer_.on_attempt_failed(now, message.attempt,
                                  message.uses > 1 ? core::AttemptFailure::stale_connection
                                                   : core::AttemptFailure::reset_before_head);
      break;
  }
  act(now);
}

// ---- the balancer's other actions --------------------------------------------------------------

void MessageWorld::perform(core::Instant, const core::SendResponse& send) {
  if (Flight* flight = find(send.attempt.request)) flight->committed = true;
}

void MessageWorld::perform(core::Instant now, const core::RejectRequest& reject) {
  if (find(reject.request) == nullptr) return;
  // With Retry-After it asks to come back later, whoever says so.
  const bool sheds = reject.retry_after > core::Duration::zero();
  finish(now, reject.request, sheds ? Ending::rejected : Ending::failed, reject.status, false);
}

void MessageWorld::perform(core::Instant now, const core::AbortResponse& abort) {
  if (find(abort.request) == nullptr) return;
  finish(now, abort.request, Ending::failed, 0, true);
}

void MessageWorld::perform(core::Instant now, const core::StartCheck& start) {
  const std::uint32_t backend = books_.world_index(start.check.backend);
  checks_awaited_[backend] = start.check.number;
  push(now, check_delay(backend, start.check.number, 0), kCheckAtBackend, 0, backend,
       start.check.number);
}

void MessageWorld::perform(core::Instant, const core::CancelCheck& cancel) {
  checks_awaited_[books_.world_index(cancel.check.backend)] = kNoCheck;
}

// The health endpoint needs no worker: it answers at once, however much there is to do.
void MessageWorld::on_check_at_backend(core::Instant now, std::uint32_t backend,
                                       std::uint64_t check) {
  const Reach reached = reach(backend);
  if (reached == Reach::black_hole) return;
  const auto outcome =
      reached == Reach::up ? core::CheckOutcome::passed : core::CheckOutcome::refused;
  push(now, check_delay(backend, check, 1), kCheckAtBalancer, static_cast<std::uint16_t>(outcome),
       backend, check);
}

void MessageWorld::act(core::Instant now) {
  while (const auto action = balancer_.poll_action()) {
    std::visit([&](const auto& what) { perform(now, what); }, *action);
  }
  for (const core::Transition& transition : balancer_.take_transitions()) {
    books_.on_transition(transition);
  }
}

void MessageWorld::on_deadline(core::Instant now) {
  balancer_.on_deadline(now);
  act(now);
}

// ---- events ------------------------------------------------------------------------------------

void MessageWorld::on_event(const Event& event) {
  const core::Instant now = event.at;
  const Note& note = event.note;
  switch (note.kind) {
    case kRequestAtBalancer:
      concerns(note.b);
      on_request(now, note.b);
      return;
    case kAttemptAtBackend:
      on_attempt_at_backend(now, note.a);
      drop(note.a);
      return;
    case kCancelAtBackend:
      if (messages_[note.a].job != Server::kNoJob &&
          reach(messages_[note.a].backend) != Reach::black_hole) {
        const Server::JobId job = std::exchange(messages_[note.a].job, Server::kNoJob);
        abandon(messages_[note.a].backend, job);
        drop(note.a);  // the job's share: it will never speak of the message again
      }
      drop(note.a);
      return;
    case kReplyAtBalancer:
      on_reply(now, note.a, static_cast<Reply>(note.small));
      drop(note.a);
      return;
    case kAnswerAtClient:
    case kCutAtClient: {
      Answer* answer = answers_.find(note.b);
      const ClientRequest* request = books_.find(note.b);
      if (answer == nullptr) return;
      answer->live = false;
      if (request == nullptr || !request->live) return;  // it had given up
      const bool cut = note.kind == kCutAtClient;
      const std::uint16_t status = cut ? 0 : note.small;
      const Ending ending = note.a == 1                     ? Ending::rejected
                            : status >= 200 && status < 500 ? Ending::success
                                                            : Ending::failed;
      end(note.b, ending, status, &answer->record);
      return;
    }
    case kClientGoneAtBalancer: {
      Answer* answer = answers_.find(note.b);
      if (answer == nullptr || !answer->live) return;
      if (answer->in_balancer) {
        balancer_.on_client_gone(now, answer->id);
        act(now);
        answer->record = balancer_.finish(now, answer->id);
        flights_[answer->id.slot].live = false;
        act(now);
        answer->in_balancer = false;
      }
      answer->live = false;
      return;
    }
    case kCheckAtBackend:
      on_check_at_backend(now, note.a, note.b);
      return;
    case kCheckAtBalancer:
      if (checks_awaited_[note.a] != note.b) return;
      checks_awaited_[note.a] = kNoCheck;
      balancer_.on_check_ended(now, {scenario_.world.backends[note.a].ref, note.b},
                               static_cast<core::CheckOutcome>(note.small));
      act(now);
      return;
    default:
      return;
  }
}

// ---- bookkeeping -------------------------------------------------------------------------------

MessageWorld::Flight* MessageWorld::find(core::RequestId id) {
  if (id.slot >= flights_.size()) return nullptr;
  Flight& flight = flights_[id.slot];
  return flight.live && flight.generation == id.generation ? &flight : nullptr;
}

std::uint32_t MessageWorld::take_message() {
  if (free_messages_.empty()) {
    free_messages_.push_back(static_cast<std::uint32_t>(messages_.size()));
    messages_.emplace_back();
  }
  const std::uint32_t index = free_messages_.back();
  free_messages_.pop_back();
  messages_[index] = Message{};
  return index;
}

void MessageWorld::drop(std::uint32_t index) {
  if (--messages_[index].holders == 0) free_messages_.push_back(index);
}

void MessageWorld::push(core::Instant now, core::Duration after, Kind kind, std::uint16_t small,
                        std::uint32_t a, std::uint64_t b) {
  queue_.push(later(now, after), Phase::network, Note{kind, small, a, b});
}

core::Duration delay(const LinkModel& link, const core::Stream& jitter, std::uint64_t index) {
  if (link.jitter == core::Duration::zero()) return link.latency;
  return link.latency - link.jitter + jitter.within(2 * link.jitter + core::Duration(1), index);
}

core::Duration MessageWorld::client_delay(std::uint64_t request, unsigned back) const {
  return delay(scenario_.world.network.client, client_jitter_, request * 2 + back);
}

core::Duration MessageWorld::backend_delay(const Message& message, unsigned back) const {
  return delay(scenario_.world.network.backend, backend_jitter_,
               (message.request * 2 * core::kMaxAttempts) + message.attempt.number * 2 + back);
}

core::Duration MessageWorld::check_delay(std::uint32_t backend, std::uint64_t check,
                                         unsigned back) const {
  return delay(scenario_.world.network.backend, check_jitter_.of(backend), check * 2 + back);
}

}  // namespace

std::unique_ptr<World> make_message_world(const Scenario& scenario, core::Seed seed,
                                          const RunLimits& limits, Judge& judge) {
  return std::make_unique<MessageWorld>(scenario, seed, limits, judge);
}

}  // namespace evenkeel::sim
