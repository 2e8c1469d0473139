// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/drain.h"

namespace evenkeel::proxy {

Drain::Step Drain::on_signal(core::Instant now) {
  switch (phase_) {
    case Phase::serving:
      phase_ = Phase::grace;
      deadline_ = core::later(now, policy_.grace);
      return Step::fail_readiness;
    case Phase::grace:
      phase_ = Phase::closing;
      deadline_ = now;
      return Step::close_connections;
    case Phase::closing:
      deadline_ = now;
      return Step::none;
    case Phase::done:
      return Step::none;
  }
  return Step::none;
}

Drain::Step Drain::on_tick(core::Instant now, bool busy, bool lingering) {
  if (phase_ == Phase::grace && now >= deadline_) {
    phase_ = Phase::closing;
    deadline_ = core::later(now, policy_.timeout);
    return Step::close_connections;
  }
  if (phase_ != Phase::closing) return Step::none;
  if (busy && now >= deadline_ && !cut_) {
    cut_ = true;
    return Step::cut_connections;
  }
  if (!busy && (!lingering || now >= deadline_)) {
    phase_ = Phase::done;
    return Step::finish;
  }
  // Whatever a cut could not end at once is not waited for.
  if (cut_) {
    phase_ = Phase::done;
    return Step::finish;
  }
  return Step::none;
}

}  // namespace evenkeel::proxy
