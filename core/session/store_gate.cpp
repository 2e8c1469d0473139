// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/session/store_gate.h"

namespace evenkeel::core {

bool StoreGate::try_begin(Instant now) {
  if (waiting_ >= max_waiting_) return false;
  if (failing()) {
    if (now < next_try_) return false;
    // From its beginning, not its end: a try that is abandoned delays the next by no more.
    next_try_ = later(now, kPause);
  }
  ++waiting_;
  return true;
}

void StoreGate::on_answered() {
  --waiting_;
  failures_ = 0;
}

void StoreGate::on_failed(Instant now) {
  --waiting_;
  // Lookups from before the pause fail during it. They do not prolong it.
  if (failing()) return;
  if (++failures_ == kFailuresToPause) next_try_ = later(now, kPause);
}

}  // namespace evenkeel::core
