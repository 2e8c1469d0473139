// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/balancer.h"
#include "evenkeel/net/pipeline.h"
#include "evenkeel/sim/event_queue.h"
#include "evenkeel/sim/network.h"

// A real pipeline and balancer between scripted clients and origins, in memory and in virtual time:
//
//     MemoryWorld world({.backends = 2});
//     Peer& client = world.connect();
//     client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
//     world.run();
//     Peer& origin = world.origin(0);
//     EXPECT_THAT(origin.received, StartsWith("GET / HTTP/1.1\r\n"));
//     origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
//     world.run();
//     EXPECT_THAT(client.received, EndsWith("\r\n\r\nhi"));
//
// Nothing happens before run() or advance(). run() handles what is due now; advance() moves the
// time.
namespace evenkeel::test {

// A party at the other end of a stream that does what the test says and keeps what it reads.
class Peer final : public net::StreamOwner {
 public:
  Peer() = default;
  ~Peer() = default;

  // Queues bytes; they leave as the window allows.
  void send(std::string_view bytes);
  // The end, after everything queued.
  void finish();
  void abort();
  // Good order: everything queued must have left.
  void close();
  // Stops, and goes on, taking bytes: what fills windows.
  void pause() { reading_ = false; }
  void resume();

  std::string received;
  bool ended = false;            // the other side finished sending
  bool failed = false;           // reset, or never connected
  std::uint32_t backend = 0;     // an origin's: which backend of the pool
  std::uint64_t connection = 0;  // in order of connecting, clients and origins together

  [[nodiscard]] bool over() const { return ended || failed; }
  [[nodiscard]] std::size_t unsent() const { return outgoing_.size(); }
  // Hands over what was received so far and forgets it.
  std::string take();

  void attach(std::unique_ptr<net::Stream> stream);
  void on_ready(core::Instant now) override;

 private:
  void flush();

  std::unique_ptr<net::Stream> stream_;
  std::string outgoing_;
  bool finish_ = false;
  bool reading_ = true;
};

// What the pipeline told its observer of one request.
struct Ended {
  core::RequestRecord record;
  core::Instant at;
  std::string method;
  std::string target;
  std::string client;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};
struct Refused {
  unsigned status = 0;
  std::string cause;
};

class MemoryWorld final : net::Host, net::Observer {
 public:
  struct Options {
    std::uint32_t backends = 1;
    sim::Link client_link;  // without delay, unlimited; `segment` feeds the pipeline in pieces
    sim::Link backend_link;
    bool cut = false;  // short reads and writes, see sim::Network::Options
    bool reset_discards = false;
    std::uint64_t seed = 1;
  };

  // One listener, one route to one pool of `backends`: round robin, no active checks, no ejection,
  // no breaker, no backoff. Change it before handing it in.
  static core::Config plain_config(std::uint32_t backends);

  explicit MemoryWorld(const Options& options);
  MemoryWorld(const Options& options, core::Config config);
  ~MemoryWorld();
  MemoryWorld(const MemoryWorld&) = delete;
  MemoryWorld& operator=(const MemoryWorld&) = delete;

  // A new client connection. Stays valid as long as the world.
  Peer& connect();
  // The n-th connection that an origin accepted, over all backends; accepted() says how many there
  // are.
  [[nodiscard]] Peer& origin(std::size_t n) { return *origins_.at(n); }
  [[nodiscard]] std::size_t accepted() const { return origins_.size(); }
  // How a backend meets packets from now on.
  void set_reach(std::uint32_t backend, sim::Reach reach);
  // The next `n` connects fail for want of something local.
  void fail_connects(std::uint32_t n) { local_failures_ = n; }

  // Every client and origin goes away at once.
  void abort_peers();

  void run() { advance(core::Duration::zero()); }
  void advance(core::Duration by);
  void advance_to(core::Instant at);

  [[nodiscard]] core::Instant now() const { return queue_.now(); }
  [[nodiscard]] net::Pipeline& pipeline() { return *pipeline_; }
  [[nodiscard]] core::Balancer& balancer() { return *balancer_; }
  [[nodiscard]] sim::Network& network() { return network_; }

  std::vector<Ended> ended;
  std::vector<Refused> refused;
  std::vector<core::Transition> transitions;

 private:
  // Accepts for one backend, or for the balancer.
  struct Door final : sim::Listener {
    Door(MemoryWorld& w, std::uint32_t b) : world(w), backend(b) {}
    void on_accept(core::Instant now, std::uint64_t connection,
                   std::unique_ptr<net::Stream> stream) override;
    MemoryWorld& world;
    std::uint32_t backend;
  };
  static constexpr std::uint32_t kBalancer = 0xffffffff;
  static constexpr std::uint16_t kTimer = 1;
  static constexpr std::uint16_t kStop = 2;

  std::unique_ptr<net::Stream> connect(core::BackendRef backend) override;
  std::int64_t wall_seconds() override;
  void entropy(std::span<unsigned char, 16> into) override;
  void on_request_ended(const net::RequestEnd& end) override;
  void on_transition(const core::Transition& transition) override;
  void on_refused(core::Instant now, std::uint32_t listener, std::string_view client,
                  unsigned status, std::string_view cause) override;
  void arm();

  sim::EventQueue queue_;
  sim::Network network_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<sim::HostId> hosts_;
  sim::HostId balancer_host_{};
  std::vector<std::unique_ptr<Peer>> clients_;
  std::vector<std::unique_ptr<Peer>> origins_;
  std::uint32_t local_failures_ = 0;
  std::uint64_t entropy_calls_ = 0;
  core::Instant armed_ = core::kNever;
  std::unique_ptr<core::Balancer> balancer_;
  std::unique_ptr<net::Pipeline> pipeline_;
};

}  // namespace evenkeel::test
