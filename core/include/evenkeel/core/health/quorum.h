// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace evenkeel::core {

// Who can be compared: backends with this many results in the interval, if there are this many of
// them. Two failures of three requests say little of a backend, and two backends say nothing of
// which of them is the odd one.
struct Quorum {
  std::uint32_t request_volume = 1;
  std::uint32_t minimum_hosts = 1;

  // Of a rule; no request at all is never enough.
  template <class Policy>
  [[nodiscard]] static Quorum of(const Policy& policy) {
    return Quorum{std::max(policy.request_volume, 1U), policy.minimum_hosts};
  }

  // Puts the figures of all who can be compared into `figures`, in order; none when they are too
  // few. `count(i)` and `figure(i)` are asked of every i below `backends`.
  template <class Count, class Figure>
  void collect(std::vector<std::uint64_t>& figures, std::size_t backends, Count count,
               Figure figure) const {
    figures.clear();
    for (std::uint32_t i = 0; i < backends; ++i) {
      if (count(i) >= request_volume) figures.push_back(figure(i));
    }
    if (figures.size() < minimum_hosts) figures.clear();
  }
};

}  // namespace evenkeel::core
