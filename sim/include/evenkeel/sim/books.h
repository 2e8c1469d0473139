// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evenkeel/core/journal.h"
#include "evenkeel/sim/invariants.h"
#include "evenkeel/sim/ledger.h"
#include "evenkeel/sim/run.h"
#include "evenkeel/sim/samples.h"
#include "evenkeel/sim/scenario.h"

namespace evenkeel::sim {

// Everything a run writes down: who arrived and how it ended, what the balancer did according to
// its journal, what the backends began. Keeps the invariants and tells the judge. The same for both
// fidelities, which only report to it.
class Books {
 public:
  // All three must outlive the books. The balancer starts at `start`.
  Books(const Scenario& scenario, Judge& judge, core::Instant start);

  // ---- clients ---------------------------------------------------------------------------------

  [[nodiscard]] ClientRequest& on_arrival(core::Instant scheduled, std::uint32_t traffic,
                                          core::Method method);
  // nullptr when it ended long ago.
  [[nodiscard]] ClientRequest* find(std::uint64_t request) { return ledger_.find(request); }
  // A client has its answer, or gave up. `record` is the balancer's account, when it had the
  // request.
  void on_ended(core::Instant now, std::uint64_t number, Ending ending, std::uint16_t status,
                const core::RequestRecord* record);
  [[nodiscard]] std::uint64_t arrivals() const { return conservation_.arrivals(); }
  [[nodiscard]] std::uint64_t live() const {
    return conservation_.arrivals() - conservation_.ended();
  }
  template <typename F>
  void for_each_live(F&& call) {
    ledger_.for_each_live(call);
  }

  // A client or a backend read bytes that are not this request's, or not HTTP.
  void on_misdelivery(std::uint64_t request, const std::string& what);

  // ---- backends --------------------------------------------------------------------------------

  void on_begun(core::Instant now, std::uint64_t number);
  void on_backend(const BackendSample& sample) { judge_->on_backend(sample); }
  void on_transition(const core::Transition& transition) {
    judge_->on_transition(transition, world_index(transition.backend), 0);
  }

  // ---- the balancer ----------------------------------------------------------------------------

  // Reads what is new in the journal. `request` is the client request in hand, if the event
  // concerns one: a request that the balancer begins now is that one.
  void read(const core::Journal& journal, std::uint64_t request) {
    if (journal.count() != read_) read_entries(journal, request);
  }
  // The client request behind one of the balancer's; kNoRequest when it ended long ago.
  static constexpr std::uint64_t kNoRequest = ~std::uint64_t{0};
  [[nodiscard]] std::uint64_t client_request(std::uint64_t balancer_number);

  // ---- the run ---------------------------------------------------------------------------------

  void on_event(core::Instant at, core::Instant clock) {
    if (!causality_.on_event(at, clock))
      broke(Invariant::causality, kNoRequest, causality_.detail());
  }
  // Traffic is over, or a limit stopped the run: what is in flight is counted, one by one.
  void on_end_of_traffic();
  // From now on the judge hears nothing.
  void mute() { judge_ = &silence_; }
  void on_drained(const Leftovers& left);
  // Attempts started and neither ended nor cancelled, of the requests the balancer still has.
  [[nodiscard]] std::uint64_t attempts_running() const { return attempts_running_; }

  [[nodiscard]] bool broken() const { return breach_.has_value(); }
  // Fills in what the books know.
  void report(const core::Journal& journal, RunResult& result) const;

  [[nodiscard]] std::uint32_t world_index(core::BackendRef backend) const {
    return world_index_[index(backend.pool)][index(backend.backend)];
  }

 private:
  class Silence final : public Judge {
   public:
    void on_request(const RequestSample&) override {}
    void on_attempt(const AttemptSample&) override {}
    void on_backend(const BackendSample&) override {}
    void on_transition(const core::Transition&, std::uint32_t, std::uint32_t) override {}
    void on_check(core::Instant, std::uint32_t, core::CheckOutcome) override {}
  };
  // A request as the balancer counts it.
  struct Exchange {
    std::uint64_t number = 0;
    std::uint64_t request = kNoRequest;
    std::uint32_t pool = 0;
    std::uint8_t running = 0;  // attempts
    bool live = false;
    bool replays = false;  // the last attempt met a dead reused connection: the next is free
  };
  struct Breach {
    Invariant invariant{};
    std::uint64_t exchange = kNoRequest;
    std::string what;
    std::uint64_t entry = 0;  // read so far
  };

  void read_entries(const core::Journal& journal, std::uint64_t request);
  void read_entry(const core::Entry& entry, std::uint64_t request);
  void on_start(const core::Entry& entry, Exchange& exchange);
  void on_attempt_over(const core::Entry& entry);
  void broke(Invariant invariant, std::uint64_t exchange, std::string what);

  const Scenario& scenario_;
  Silence silence_;
  Judge* judge_;
  std::vector<std::vector<std::uint32_t>> world_index_;  // by pool and backend
  Ledger ledger_;
  NumberedRing<Exchange> exchanges_;
  std::uint64_t next_request_ = 0;
  std::uint64_t read_ = 0;
  std::uint64_t attempts_running_ = 0;
  std::uint64_t checks_ = 0;

  Conservation conservation_;
  SingleDelivery deliveries_;
  std::vector<RetryBound> retries_;  // by pool
  Obedience obedience_;              // by world index
  std::vector<bool> panics_;         // by pool: whom checks say is down may be asked
  NoLeak leaks_;
  Causality causality_;
  AttemptBound attempts_;
  std::optional<Breach> breach_;
};

}  // namespace evenkeel::sim
