// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evenkeel/core/facts.h"
#include "evenkeel/net/buffer.h"
#include "evenkeel/net/http1/head.h"
#include "evenkeel/net/stream.h"

namespace evenkeel::net {

class Context;

// Carries out the active health checks that the core asks for, each on a connection of its own.
// When to check, how long to wait and what a result means are the core's to decide.
class Prober {
 public:
  explicit Prober(Context& context);
  ~Prober();

  void start(core::Instant now, core::CheckId id);
  void cancel(core::CheckId id);
  void cancel_all();
  // Frees the checks that ended inside one of their own calls.
  void reap();

  [[nodiscard]] std::uint32_t running() const { return running_; }

 private:
  class Check;

  void finish(core::Instant now, Check& check, core::CheckOutcome outcome);
  void end(core::CheckId id, bool in_order);
  [[nodiscard]] std::unique_ptr<Check>& place_of(core::BackendRef backend);

  Context& context_;
  http1::ResponseHead head_;  // scratch
  std::vector<std::vector<std::unique_ptr<Check>>>
      checks_;                                // by pool and backend: at most one each
  std::vector<std::unique_ptr<Check>> over_;  // ended inside one of their own calls
  std::uint32_t running_ = 0;
};

}  // namespace evenkeel::net
