// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "evenkeel/core/balancer.h"
#include "evenkeel/core/route/router.h"
#include "evenkeel/sim/arrivals.h"
#include "evenkeel/sim/books.h"
#include "evenkeel/sim/event_queue.h"
#include "evenkeel/sim/network.h"
#include "evenkeel/sim/run.h"
#include "evenkeel/sim/server.h"

namespace evenkeel::sim {

// The operating system's entropy, as a stream of the run's seed.
inline constexpr std::string_view kEntropyStream = "entropy";

// What both fidelities share: the loop over events, arrivals, backends at work, faults, clients'
// deadlines, the balancer's timers and the books. A fidelity says how a request gets to the
// balancer and on to a backend, and how answers come back.
//
//     arrival ─▶ send_request ┄┄▶ balancer ┄┄▶ offer() ─▶ Server ─▶ on_job_done ┄┄▶ balancer ┄┄▶
//     end()
//                             └──────────── the fidelity's part: ┄┄▶ ────────────┘
class World {
 public:
  World(const Scenario& scenario, core::Seed seed, const RunLimits& limits, Judge& judge);
  virtual ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] RunResult run();

 protected:
  // Kinds of events of the fidelities; Server and Network have ranges of their own.
  static constexpr std::uint16_t kFidelity = 0x400;

  // ---- the fidelity's part ---------------------------------------------------------------------

  virtual void send_request(core::Instant now, const ClientRequest& request) = 0;
  // Nobody waits for the answer any more: its client says so to the balancer.
  virtual void give_up(core::Instant now, std::uint64_t request) = 0;
  // An event of the network or of kFidelity and above.
  virtual void on_event(const Event& event) = 0;
  // A job ended that somebody waits for.
  virtual void on_job_done(core::Instant now, std::uint32_t backend, const Server::Job& job) = 0;
  // The backend's process died with this work in hand, in order of admission.
  virtual void on_crash(core::Instant now, std::uint32_t backend,
                        const std::vector<Server::Job>& killed) = 0;
  virtual void on_reach_changed(std::uint32_t backend) = 0;
  virtual void on_deadline(core::Instant now) = 0;
  [[nodiscard]] virtual core::Instant next_deadline() const = 0;
  [[nodiscard]] virtual const core::Balancer& balancer() const = 0;
  // Everybody leaves; handles the events that takes. Counts what is left.
  virtual Leftovers leave() = 0;

  // ---- for the fidelity ------------------------------------------------------------------------

  [[nodiscard]] core::Instant now() const { return queue_.now(); }
  [[nodiscard]] Reach reach(std::uint32_t backend) const { return backends_[backend].reach; }
  [[nodiscard]] std::uint32_t backend_count() const {
    return static_cast<std::uint32_t>(backends_.size());
  }
  // Where a client's request goes, as the balancer would say now; nullopt: no route takes it, so
  // the answer is 404.
  [[nodiscard]] std::optional<core::Classified> classify(const ClientRequest& request) const;
  // A request reached a backend that is up.
  Server::Offer offer(std::uint32_t backend, std::uint64_t number, std::uint64_t owner);
  void abandon(std::uint32_t backend, Server::JobId job);
  // The client has its answer, or will have none. `record`: as the balancer tells it, if it had the
  // request. Once per request.
  void end(std::uint64_t request, Ending ending, std::uint16_t status,
           const core::RequestRecord* record);
  // The event at hand concerns this request; see Books::read().
  void concerns(std::uint64_t request) { concerned_ = request; }
  // Reads the journal in the middle of an event.
  void catch_up() { books_.read(balancer().journal(), concerned_); }
  // A byte of the request's did not arrive, or another's did.
  void on_misdelivery(std::uint64_t request, const char* what) {
    books_.on_misdelivery(request, what);
  }
  [[nodiscard]] Leftovers left_in_balancer() const;
  // Handles one event; false when there is none before the limit.
  bool step();

  const Scenario& scenario_;
  core::Seed seed_;
  EventQueue queue_;
  Books books_;
  std::shared_ptr<const core::Config> config_;

 private:
  enum Kind : std::uint16_t {
    kArrival = 1,     // a: traffic
    kFault,           // a: fault; small: 1 begins, 0 ends
    kTimer,           // the balancer's
    kClientDeadline,  // b: request
    kEndOfTraffic,
    kImpatience,  // the drain took too long: clients leave
  };
  struct Backend {
    explicit Backend(const Server& s) : server(s) {}
    Server server;
    Reach reach = Reach::up;
    std::uint32_t crashes = 0;  // active faults of that kind
    std::uint32_t black_holes = 0;
  };

  void start();
  void handle(const Event& event);
  void on_arrival(std::uint32_t traffic);
  void schedule_arrival(std::uint32_t traffic);
  void on_fault(const Fault& fault, bool begins);
  void on_client_deadline(std::uint64_t number);
  void on_done(const Note& note);
  void on_begun(std::uint32_t backend, const Server::Job& job);
  void on_end_of_traffic();
  void arm();
  void sample(std::uint32_t backend);

  RunLimits limits_;
  core::Router router_;
  core::Address client_;  // everybody's
  std::vector<Arrivals> arrivals_;
  std::vector<Backend> backends_;
  core::Digest trace_;
  std::uint64_t events_ = 0;
  core::Instant last_event_{};
  std::uint64_t in_flight_ = 0;
  std::uint64_t concerned_ = Books::kNoRequest;
  core::Instant armed_ = core::kNever;
  bool stopped_ = false;   // by a limit
  bool draining_ = false;  // traffic is over
};

// Drives core::Balancer directly, one event per message.
[[nodiscard]] std::unique_ptr<World> make_message_world(const Scenario& scenario, core::Seed seed,
                                                        const RunLimits& limits, Judge& judge);
// Runs net::Pipeline over virtual streams.
struct WireOptions {
  bool cut = false;  // see Network::Options
};
[[nodiscard]] std::unique_ptr<World> make_wire_world(const Scenario& scenario, core::Seed seed,
                                                     const RunLimits& limits, Judge& judge,
                                                     const WireOptions& options = {});

}  // namespace evenkeel::sim
