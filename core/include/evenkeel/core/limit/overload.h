// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// What the process gives up, and in which order, before it runs out of memory.
//
// A process that accepts until the end is killed with everything in flight. Giving up little first
// keeps the most useful work going. The driver says the pressure every overload.refresh, in
// thousandths of what it may use: 1000 is overload.max_memory_percent of the memory there is.
//   850          disable_keepalive: idle clients leave with their next response
//   900 ... 1000 shed_low_priority: 503 for the highest priority number from 900 on; the others
//                follow downwards at equal steps, with two numbers above 0 at 950, with three at
//                934 and 967. 0, the most important, is never shed.
//   1000         stop_accepting: no new connections
// Whatever began ends only when the pressure is 50 below where it began, or connections would close
// and come back with every measurement.
class Overload {
 public:
  static constexpr std::uint32_t kDisableKeepalive = 850;
  static constexpr std::uint32_t kShedFirst = 900;
  static constexpr std::uint32_t kShedAll = 1000;
  static constexpr std::uint32_t kStopAccepting = 1000;
  static constexpr std::uint32_t kHysteresis = 50;

  // `least_important`: the highest priority number of any route.
  Overload(const OverloadPolicy& policy, std::uint32_t least_important);
  // A new configuration; the pressure stays.
  void apply(const OverloadPolicy& policy, std::uint32_t least_important);

  // Changes the answers below. Above 1000 is as good as 1000.
  void on_pressure(std::uint32_t thousandths);

  [[nodiscard]] bool disables_keepalive() const {
    return disable_keepalive_ && pressure_ >= kDisableKeepalive;
  }
  [[nodiscard]] bool stops_accepting() const {
    return stop_accepting_ && pressure_ >= kStopAccepting;
  }
  // Whether requests of this priority are answered 503 now.
  [[nodiscard]] bool sheds(std::uint32_t priority) const {
    return priority != 0 && priority >= shed_from_;
  }

  friend bool operator==(const Overload&, const Overload&) = default;

 private:
  static constexpr std::uint64_t kNobody = std::uint64_t{1} << 32U;

  [[nodiscard]] std::uint64_t shed_from() const;

  bool disable_keepalive_ = false;
  bool shed_low_priority_ = false;
  bool stop_accepting_ = false;
  std::uint32_t least_important_ = 0;
  // The pressure that counts: rises with the measured one, follows it down at a distance of
  // kHysteresis.
  std::uint32_t pressure_ = 0;
  std::uint64_t shed_from_ = kNobody;  // the lowest priority number that is shed
};

}  // namespace evenkeel::core
