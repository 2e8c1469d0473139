// SPDX-License-Identifier: Apache-2.0
//
// Wire fidelity: the real pipeline between clients and origins that speak HTTP/1.1 over virtual
// streams.
//
//     WireClient ⇄ SimStream ⇄ [ net::Pipeline · core::Balancer ] ⇄ SimStream ⇄ WireOrigin ─▶
//     Server
#include <algorithm>
#include <utility>

#include "evenkeel/net/pipeline.h"
#include "wire_peers.h"
#include "world.h"

namespace evenkeel::sim {

namespace {

// Bytes a link holds in one direction: what a kernel gives a socket. A link without delay is the
// ideal one, which holds anything.
constexpr std::size_t kWindow = 256 * 1024;
constexpr core::Duration kLeaveTime = std::chrono::seconds(30);
constexpr std::int64_t kWallStart = 1'767'225'600;  // 2026-01-01T00:00:00Z

Link link_of(const LinkModel& model) {
  const bool ideal =
      model.latency == core::Duration::zero() && model.jitter == core::Duration::zero();
  return Link{model, ideal ? kNoLimit : kWindow, kNoLimit};
}

class WireWorld final : public World, public net::Host, public net::Observer, public WireEvents {
 public:
  WireWorld(const Scenario& scenario, core::Seed seed, const RunLimits& limits, Judge& judge,
            const WireOptions& options);
  ~WireWorld() override { destroy_all(); }

 private:
  static constexpr std::uint32_t kBalancer = 0xffffffff;
  static constexpr std::uint32_t kNobody = 0xffffffff;

  // Accepts for a backend, or for the balancer.
  struct Door final : Listener {
    Door(WireWorld& w, std::uint32_t b) : world(w), backend(b) {}
    void on_accept(core::Instant now, std::uint64_t connection,
                   std::unique_ptr<net::Stream> stream) override;
    WireWorld& world;
    std::uint32_t backend;
  };
  // How the balancer saw a request's end, until the client has seen it.
  struct Account {
    std::uint64_t number = 0;
    bool live = false;
    bool known = false;
    std::uint32_t client = kNobody;  // who waits for the answer
    core::RequestRecord record;
  };

  // ---- World -----------------------------------------------------------------------------------
  void send_request(core::Instant now, const ClientRequest& request) override;
  void give_up(core::Instant now, std::uint64_t number) override;
  void on_event(const Event& event) override;
  void on_job_done(core::Instant now, std::uint32_t backend, const Server::Job& job) override;
  void on_crash(core::Instant now, std::uint32_t backend,
                const std::vector<Server::Job>& killed) override;
  void on_reach_changed(std::uint32_t backend) override {
    network_.set_reach(hosts_[backend], reach(backend));
  }
  void on_deadline(core::Instant now) override {
    if (pipeline_) pipeline_->on_deadline(now);
  }
  [[nodiscard]] core::Instant next_deadline() const override {
    return pipeline_ ? pipeline_->next_deadline() : core::kNever;
  }
  [[nodiscard]] const core::Balancer& balancer() const override { return *balancer_; }
  Leftovers leave() override;

  // ---- net::Host and net::Observer -------------------------------------------------------------
  std::unique_ptr<net::Stream> connect(core::BackendRef backend) override;
  std::int64_t wall_seconds() override;
  void entropy(std::span<unsigned char, 16> into) override;
  void on_request_ended(const net::RequestEnd& end) override;
  void on_transition(const core::Transition& transition) override {
    books_.on_transition(transition);
  }
  void on_refused(core::Instant, std::uint32_t, std::string_view, unsigned,
                  std::string_view) override {}

  // ---- WireEvents ------------------------------------------------------------------------------
  void on_answer(core::Instant now, WireClient& client) override;
  void on_client_cut(core::Instant now, WireClient& client, const char* fault) override;
  void on_request(core::Instant now, WireOrigin& origin) override;
  void on_origin_over(core::Instant now, WireOrigin& origin, const char* fault) override;

  WireClient& take_client(std::uint32_t traffic);
  void free_client(WireClient& client);
  void free_origin(WireOrigin& origin);
  void send(WireClient& client, const ClientRequest& request);
  void answered(std::uint64_t number, Ending ending, std::uint16_t status);
  void destroy_all();

  Network network_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<HostId> hosts_;  // by backend
  HostId balancer_host_{};
  core::Stream entropy_;
  std::uint64_t entropy_calls_ = 0;

  std::vector<std::unique_ptr<WireClient>> clients_;
  std::vector<std::uint32_t> free_clients_;
  std::vector<std::vector<std::uint32_t>> idle_clients_;  // by traffic; last used is first reused
  std::vector<std::uint32_t> client_of_slot_;             // by the network's slot
  std::vector<std::unique_ptr<WireOrigin>> origins_;
  std::vector<std::uint32_t> free_origins_;
  NumberedRing<Account> accounts_;         // by client request
  std::vector<std::string> health_paths_;  // by backend

  std::unique_ptr<core::Balancer> balancer_;
  std::unique_ptr<net::Pipeline> pipeline_;
};

WireWorld::WireWorld(const Scenario& scenario, core::Seed seed, const RunLimits& limits,
                     Judge& judge, const WireOptions& options)
    : World(scenario, seed, limits, judge),
      network_(queue_, {seed, options.cut, false}),
      entropy_(seed, kEntropyStream),
      idle_clients_(scenario.traffic.size()) {
  const auto add_door = [this](std::uint32_t who, const LinkModel& model) {
    doors_.push_back(std::make_unique<Door>(*this, who));
    return network_.add_host(*doors_.back(), link_of(model));
  };
  balancer_host_ = add_door(kBalancer, scenario.world.network.client);
  for (std::uint32_t i = 0; i < scenario.world.backends.size(); ++i) {
    hosts_.push_back(add_door(i, scenario.world.network.backend));
    health_paths_.push_back(
        scenario.proxy.pools[index(scenario.world.backends[i].ref.pool)].health_check.path);
  }
  if (config_->listeners.empty()) {
    core::Config config = *config_;
    config.listeners.emplace_back();
    config_ = std::make_shared<const core::Config>(std::move(config));
  }
  core::Balancer::Options core_options;
  core_options.seed = seed;
  core_options.journal = core::JournalMode::keep;
  balancer_ = std::make_unique<core::Balancer>(config_, core_options, core::Instant{});
  net::Host& host = *this;
  net::Observer& observer = *this;
  pipeline_ = std::make_unique<net::Pipeline>(*balancer_, host, observer);
}

void WireWorld::Door::on_accept(core::Instant now, std::uint64_t connection,
                                std::unique_ptr<net::Stream> stream) {
  if (backend == kBalancer) {
    if (world.pipeline_) world.pipeline_->on_accept(now, 0, std::move(stream), kSimClient, false);
    return;
  }
  if (world.free_origins_.empty()) {
    world.free_origins_.push_back(static_cast<std::uint32_t>(world.origins_.size()));
    world.origins_.push_back(std::make_unique<WireOrigin>(world, world.free_origins_.back()));
  }
  WireOrigin& origin = *world.origins_[world.free_origins_.back()];
  world.free_origins_.pop_back();
  origin.backend = backend;
  origin.connection = connection;
  origin.job = Server::kNoJob;
  origin.open = true;
  origin.renew();
  origin.attach(std::move(stream));
}

// ---- clients -----------------------------------------------------------------------------------

void WireWorld::send_request(core::Instant, const ClientRequest& request) {
  accounts_.open(request.number);
  send(take_client(request.traffic), request);
}

WireClient& WireWorld::take_client(std::uint32_t traffic) {
  std::vector<std::uint32_t>& idle = idle_clients_[traffic];
  if (!idle.empty()) {
    WireClient& client = *clients_[idle.back()];
    idle.pop_back();
    client.reused = true;
    return client;
  }
  if (free_clients_.empty()) {
    free_clients_.push_back(static_cast<std::uint32_t>(clients_.size()));
    clients_.push_back(std::make_unique<WireClient>(*this, free_clients_.back()));
  }
  WireClient& client = *clients_[free_clients_.back()];
  free_clients_.pop_back();
  client.traffic = traffic;
  client.open = true;
  client.reused = false;
  client.attach(network_.connect(balancer_host_));
  const std::uint32_t slot = network_.last_slot();
  if (slot >= client_of_slot_.size()) client_of_slot_.resize(slot + 1, kNobody);
  client_of_slot_[slot] = client.id;
  return client;
}

void WireWorld::send(WireClient& client, const ClientRequest& request) {
  client.busy = true;
  client.request = request.number;
  accounts_.find(request.number)->client = client.id;
  client.send(request.method, request.number, scenario_.traffic[request.traffic].request_bytes);
}

void WireWorld::free_client(WireClient& client) {
  if (!client.open) return;
  if (!client.busy) {
    std::vector<std::uint32_t>& idle = idle_clients_[client.traffic];
    idle.erase(std::find(idle.begin(), idle.end(), client.id));
  }
  client.open = client.busy = false;
  free_clients_.push_back(client.id);
}

void WireWorld::on_answer(core::Instant, WireClient& client) {
  const MessageReader& answer = client.answer();
  if (!client.busy) {
    on_misdelivery(client.request, "a second answer");
    return;
  }
  const std::uint64_t number = client.request;
  const std::uint16_t status = answer.status();
  if (answer.has_request()) {  // an origin's
    const ClientRequest* request = books_.find(number);
    const std::uint64_t expected = request == nullptr || request->method == core::Method::head
                                       ? 0
                                       : scenario_.traffic[request->traffic].response_bytes;
    if (answer.request() != number) on_misdelivery(number, "answered with another's response");
    if (answer.body_size() != expected) on_misdelivery(number, "the answer has another length");
  }
  const bool sheds = answer.has_retry_after() && (status == 503 || status == 429);
  const Ending ending = sheds ? Ending::rejected : status < 500 ? Ending::success : Ending::failed;
  client.busy = false;
  if (answer.closes()) {
    idle_clients_[client.traffic].push_back(client.id);
    client.close();
    free_client(client);
  } else {
    idle_clients_[client.traffic].push_back(client.id);
  }
  answered(number, ending, status);
}

void WireWorld::on_client_cut(core::Instant, WireClient& client, const char* fault) {
  if (*fault != '\0') on_misdelivery(client.request, fault);
  const bool waiting = client.busy;
  const bool unseen = client.reused && !client.answering();
  const std::uint64_t number = client.request;
  client.abort();
  free_client(client);
  if (!waiting) return;
  // A connection that idled may end just as it is used again. What the balancer never saw is sent
  // once more, as every client does.
  const ClientRequest* request = books_.find(number);
  if (unseen && request != nullptr && request->live && !request->reached) {
    send(take_client(request->traffic), *request);
    return;
  }
  answered(number, Ending::failed, 0);
}

void WireWorld::answered(std::uint64_t number, Ending ending, std::uint16_t status) {
  Account* account = accounts_.find(number);
  if (account == nullptr || !account->live) return;
  account->live = false;
  concerns(number);
  end(number, ending, status, account->known ? &account->record : nullptr);
}

void WireWorld::give_up(core::Instant, std::uint64_t number) {
  Account* account = accounts_.find(number);
  if (account == nullptr || !account->live) return;
  account->live = false;
  WireClient& client = *clients_[account->client];
  client.abort();
  free_client(client);
}

// ---- origins -----------------------------------------------------------------------------------

void WireWorld::on_request(core::Instant, WireOrigin& origin) {
  const MessageReader& read = origin.request_read();
  if (!read.has_request()) {
    if (read.target() != health_paths_[origin.backend]) {
      on_misdelivery(0, "a backend got a request that no client sent");
    }
    append_health_response(origin.outgoing());
    origin.flush();
    origin.close();
    free_origin(origin);
    return;
  }
  origin.request = read.request();
  origin.method = read.method();
  const ClientRequest* request = books_.find(origin.request);
  if (request != nullptr) {
    const std::uint64_t expected =
        carries_body(origin.method) ? scenario_.traffic[request->traffic].request_bytes : 0;
    if (origin.method != request->method || read.body_size() != expected ||
        origin.job != Server::kNoJob) {
      on_misdelivery(origin.request, "a backend got another request than was sent");
    }
  }
  origin.renew();
  const Server::Offer made = offer(origin.backend, origin.request, origin.id);
  if (made.admission == Server::Admission::full) {
    append_shed_response(origin.outgoing());
    origin.flush();
    return;
  }
  origin.job = made.job;
}

void WireWorld::on_job_done(core::Instant, std::uint32_t, const Server::Job& job) {
  WireOrigin& origin = *origins_[job.owner];
  origin.job = Server::kNoJob;
  const ClientRequest* request = books_.find(origin.request);
  const std::uint64_t size =
      request == nullptr ? 0 : scenario_.traffic[request->traffic].response_bytes;
  append_response(origin.outgoing(), origin.method, origin.request, size);
  origin.flush();
}

void WireWorld::on_origin_over(core::Instant, WireOrigin& origin, const char* fault) {
  if (*fault != '\0') on_misdelivery(origin.request, fault);
  origin.abort();
  if (origin.job != Server::kNoJob) {
    abandon(origin.backend, std::exchange(origin.job, Server::kNoJob));
  }
  free_origin(origin);
}

void WireWorld::free_origin(WireOrigin& origin) {
  if (!origin.open) return;
  origin.open = false;
  free_origins_.push_back(origin.id);
}

// The kernel resets what the process had open: first what it was working on, then what was idle.
void WireWorld::on_crash(core::Instant, std::uint32_t backend,
                         const std::vector<Server::Job>& killed) {
  for (const Server::Job& job : killed) {
    WireOrigin& origin = *origins_[job.owner];
    origin.job = Server::kNoJob;
    origin.abort();
    free_origin(origin);
  }
  std::vector<WireOrigin*> idle;
  for (const auto& origin : origins_) {
    if (origin->open && origin->backend == backend) idle.push_back(origin.get());
  }
  std::sort(idle.begin(), idle.end(),
            [](const WireOrigin* a, const WireOrigin* b) { return a->connection < b->connection; });
  for (WireOrigin* origin : idle) {
    origin->job = Server::kNoJob;
    origin->abort();
    free_origin(*origin);
  }
}

// ---- the pipeline's world ----------------------------------------------------------------------

std::unique_ptr<net::Stream> WireWorld::connect(core::BackendRef backend) {
  return network_.connect(hosts_[books_.world_index(backend)]);
}

std::int64_t WireWorld::wall_seconds() {
  return kWallStart +
         std::chrono::duration_cast<std::chrono::seconds>(now().time_since_epoch()).count();
}

void WireWorld::entropy(std::span<unsigned char, 16> into) {
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t bits = entropy_.at(entropy_calls_++);
    for (unsigned i = 0; i < 8; ++i) {
      into[half * 8 + i] = static_cast<unsigned char>(bits >> (8 * i));
    }
  }
}

void WireWorld::on_request_ended(const net::RequestEnd& end) {
  catch_up();
  Account* account = accounts_.find(books_.client_request(end.record.number));
  if (account == nullptr || !account->live) return;
  account->record = end.record;
  account->known = true;
}

void WireWorld::on_event(const Event& event) {
  if (!Network::owns(event.note)) return;
  if (network_.host_of(event) == balancer_host_) {
    const std::uint32_t slot = Network::slot_of(event);
    const WireClient& client = *clients_[client_of_slot_[slot]];
    if (client.busy) concerns(client.request);
  }
  network_.on_event(event);
}

// ---- the end -----------------------------------------------------------------------------------

Leftovers WireWorld::leave() {
  pipeline_->drain(now());
  const core::Instant limit = later(now(), kLeaveTime);
  const auto connected = [this] {
    const net::PipelineCounts counts = pipeline_->counts();
    return counts.client_connections > 0 || counts.backend_connections > 0;
  };
  while (connected() && now() < limit && step()) {
  }
  Leftovers left = left_in_balancer();
  const net::PipelineCounts counts = pipeline_->counts();
  left.client_connections = counts.client_connections;
  left.backend_connections = counts.backend_connections;
  destroy_all();
  while (network_.connections() > 0 && now() < limit && step()) {
  }
  left.connections = network_.connections();
  left.bytes = network_.bytes_held();
  return left;
}

// Streams end here, in an order that is the same in every run.
void WireWorld::destroy_all() {
  pipeline_.reset();
  for (const auto& client : clients_) client->abort();
  for (const auto& origin : origins_) origin->abort();
}

}  // namespace

std::unique_ptr<World> make_wire_world(const Scenario& scenario, core::Seed seed,
                                       const RunLimits& limits, Judge& judge,
                                       const WireOptions& options) {
  return std::make_unique<WireWorld>(scenario, seed, limits, judge, options);
}

}  // namespace evenkeel::sim
