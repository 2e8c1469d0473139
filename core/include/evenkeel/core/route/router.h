// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "evenkeel/core/policies.h"

namespace evenkeel::core {

// Which route a request takes: the first whose host, path and method all match.
//
// A prefix matches whole path segments: "/api" takes "/api" and "/api/x" but not "/apix", so that a
// route never catches a neighbour that happens to begin alike. Hosts compare without letter case
// and without port.
class Router {
 public:
  // `routes` must outlive the router.
  explicit Router(const std::vector<RoutePolicy>& routes) : routes_(&routes) {}

  // `path` is without query. nullopt: no route matches.
  [[nodiscard]] std::optional<RouteIndex> find(std::string_view host, std::string_view path,
                                               Method method) const;

 private:
  const std::vector<RoutePolicy>* routes_;
};

}  // namespace evenkeel::core
