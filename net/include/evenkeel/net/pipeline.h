// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "evenkeel/core/balancer.h"
#include "evenkeel/net/stream.h"

namespace evenkeel::net {

// A finished request, for access logs, metrics and tests. Views are valid during the call only.
struct RequestEnd {
  core::RequestRecord record;
  core::Instant ended;  // the last byte was handed to the client's stream
  std::uint32_t listener = 0;
  std::string_view client;  // address as text
  std::string_view method;
  std::string_view target;
  std::string_view host;
  std::string_view request_id;
  std::uint64_t bytes_in = 0;   // request body
  std::uint64_t bytes_out = 0;  // response body
};

// Told what happened. Called from inside the pipeline: must not call back into it.
class Observer {
 public:
  virtual void on_request_ended(const RequestEnd& end) = 0;
  virtual void on_transition(const core::Transition& transition) = 0;
  // Input that never became a request for a pool: the status it was answered with, and why.
  virtual void on_refused(core::Instant now, std::uint32_t listener, std::string_view client,
                          unsigned status, std::string_view cause) = 0;

 protected:
  ~Observer() = default;
};

// Counters of one pipeline, read by metrics and by invariants.
struct PipelineCounts {
  std::uint32_t client_connections = 0;
  std::uint32_t backend_connections = 0;  // in use and idle
  std::uint32_t idle_backend_connections = 0;
  std::uint64_t accepted = 0;
  std::uint64_t connects = 0;        // backend connections begun
  std::uint64_t reuses = 0;          // attempts on an idle one
  std::uint64_t buffered_bytes = 0;  // request images, incomplete heads and write tails
};

// The way of one request through the house, in either world: bytes of a client become facts for the
// balancer, its actions become bytes for a backend and back.
//
//   client Stream → ClientConnection → core::Balancer → Attempt → KeepAlive / Host::connect →
//   backend Stream
//
// One per worker, driven by one thread. The driver delivers readiness to the streams' owners, calls
// on_accept() and on_deadline(), and asks next_deadline() when to come back.
class Pipeline {
 public:
  Pipeline(core::Balancer& balancer, Host& host, Observer& observer);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // A client connected to a listener of the configuration. `client` is its address as text, without
  // port; `secure` says that TLS ends here.
  void on_accept(core::Instant now, std::uint32_t listener, std::unique_ptr<Stream> stream,
                 std::string_view client, bool secure);
  // Fires everything due at or before `now`, the balancer's deadlines included.
  void on_deadline(core::Instant now);
  [[nodiscard]] core::Instant next_deadline() const;

  // Stop keeping connections: each closes when its request is done, idle ones at once.
  void drain(core::Instant now);
  // Cuts what is left, so that every client can tell.
  void abort_all(core::Instant now);

  [[nodiscard]] PipelineCounts counts() const;
  // True when nothing is connected and nothing is running.
  [[nodiscard]] bool quiet() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace evenkeel::net
