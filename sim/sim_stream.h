// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/sim/network.h"

namespace evenkeel::sim {

// One end of a virtual connection. Everything it knows is in the network's slot.
class SimStream final : public net::Stream {
 public:
  SimStream(Network& network, std::uint32_t slot, unsigned side)
      : network_(&network), slot_(slot), side_(side) {}
  ~SimStream() override { abort(); }

  [[nodiscard]] net::IoResult try_read(std::span<char> into) override {
    if (left_) return {net::Io::failed, 0};
    return network_->read(slot_, side_, into);
  }
  [[nodiscard]] net::IoResult try_write(std::span<const char> from) override {
    if (left_) return {net::Io::failed, 0};
    return network_->write(slot_, side_, from);
  }
  void wake() override {
    if (!left_) network_->wake(slot_, side_);
  }
  void shutdown() override {
    if (!left_) network_->shutdown(slot_, side_);
  }
  void abort() override { leave(false); }
  void close() override { leave(true); }
  [[nodiscard]] bool connecting() const override {
    return !left_ && network_->connections_[slot_]->ends[side_].state == Network::State::connecting;
  }

  // The network's way to say on_ready().
  void ready(core::Instant now) {
    if (owner() != nullptr) owner()->on_ready(now);
  }

 private:
  void leave(bool in_order) {
    if (left_) return;
    left_ = true;
    network_->leave(slot_, side_, in_order);
  }

  Network* network_;
  std::uint32_t slot_;
  unsigned side_;
  bool left_ = false;
};

}  // namespace evenkeel::sim
