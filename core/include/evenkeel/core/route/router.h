// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/route/request_view.h"

namespace evenkeel::core {

// What a request is, after its routes: the part of RequestFacts that follows from its head.
struct Classified {
  RouteIndex route{};
  PoolIndex pool{};             // the side of the route's split
  std::uint64_t affinity = 0;   // hash of what the pool's balance.hash names; 0 unless it hashes
  std::uint64_t limit_key = 0;  // hash of what the route's rate_limit.key names; 0 without a limit
  bool mirrored = false;        // a copy goes to the route's mirror pool
  // "" when `regions` are not configured or know nothing of it. Points into the router or into the
  // request's headers.
  std::string_view region;
};

struct RouteSeeds {
  // Of affinity and sticky splits. All replicas and every restart must have the same, or a client
  // would change sides with the replica that answers it.
  std::uint64_t shared = 0x6b65656c6e657665;
  // Of the keys of rate limits that are not shared: drawn once by every process, so that no client
  // can aim its key at another's.
  std::uint64_t secret = 0;
};

// Which route a request takes: the first, in the order of the file, of which every part matches.
// First match rather than best match or numbered precedence, as then the file says all there is to
// know, and a route that can never match is found when the file is read.
//
// Nothing of a request is looked at that no route asks for: a catch-all route reads no header. What
// a client says of itself decides only where a route names it: the region comes from a header only
// when a trusted proxy sent it, and no forwarding header is ever read here.
//
// A client's key (sticky splits, affinity, limits) is the header or cookie the configuration names,
// and without it the client's address; of IPv6 the /64 network, which one client has all of. The
// path is never part of a client's key: who is on the canary stays there whatever it asks for.
class Router {
 public:
  // Compiles the routes of a validated configuration, which need not outlive it. Copies share what
  // was compiled; each worker should construct its own, as regular expressions cache under a lock.
  explicit Router(const Config& config, const RouteSeeds& seeds = {});
  explicit Router(const std::vector<RoutePolicy>& routes);

  // The bits are uniform: the first choose a side of the split unless the client's key does, the
  // second whether the request is mirrored. nullopt: no route matches.
  [[nodiscard]] std::optional<Classified> classify(const RequestView& request,
                                                   std::uint64_t split_bits,
                                                   std::uint64_t mirror_bits) const;

  // The route of a request without headers, query and address.
  [[nodiscard]] std::optional<RouteIndex> find(std::string_view host, std::string_view path,
                                               Method method) const;

 private:
  struct Table;

  std::shared_ptr<const Table> table_;
};

}  // namespace evenkeel::core
