// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

namespace evenkeel::proxy {

// The way out, as a state machine: facts in, steps out.
//
//   serving ── signal ──▶ grace ── grace over ──▶ closing ── nothing left ──▶ done
//                           │                        └── timeout ── cut ─────▶ done
//                           └── second signal: closing, and cut at once ──────▶
//
// Readiness fails before anything closes, so that whoever spreads traffic over several proxies
// stops sending here first: a connection that was refused or closed under a request is an error
// somebody sees.
class Drain {
 public:
  enum class Step {
    none,
    fail_readiness,     // say "not ready", go on serving
    close_connections,  // stop listening; connections close when their request is done
    cut_connections,    // drop what is left
    finish,             // stop
  };

  explicit Drain(const core::DrainPolicy& policy) : policy_(policy) {}

  // A request to stop; the second one means now.
  [[nodiscard]] Step on_signal(core::Instant now);
  // Call until it answers none, on every tick and after every step. `busy`: connections are left
  // that would be cut. `lingering`: all that is left is waiting for clients to take their last
  // bytes.
  [[nodiscard]] Step on_tick(core::Instant now, bool busy, bool lingering);

  [[nodiscard]] bool ready() const { return phase_ == Phase::serving; }
  [[nodiscard]] bool cut() const { return cut_; }

 private:
  enum class Phase {
    serving,
    grace,    // not ready, and serving all the same
    closing,  // waits for requests in flight
    done,
  };

  core::DrainPolicy policy_;
  Phase phase_ = Phase::serving;
  core::Instant deadline_ = core::kNever;  // of grace or closing
  bool cut_ = false;
};

}  // namespace evenkeel::proxy
