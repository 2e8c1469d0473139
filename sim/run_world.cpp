// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/sim/run.h"
#include "world.h"

namespace evenkeel::sim {

RunResult run_world(const Scenario& scenario, core::Seed seed, Fidelity fidelity,
                    const RunLimits& limits, Judge& judge) {
  const std::unique_ptr<World> world = fidelity == Fidelity::message
                                           ? make_message_world(scenario, seed, limits, judge)
                                           : make_wire_world(scenario, seed, limits, judge);
  return world->run();
}

}  // namespace evenkeel::sim
