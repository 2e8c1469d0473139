// SPDX-License-Identifier: Apache-2.0
//
// Random lives of clients and origins: valid and malformed bytes in any order, splits, windows,
// ends, resets, delays, refused and swallowed connects, time that passes. Whatever happens,
// - every client reads complete or visibly cut answers to its own requests, in order;
// - every origin reads valid requests, whole ones as they were sent;
// - a POST reaches one origin at most, anything else no more often than the policy allows;
// - memory stays within its bounds, and in the end nothing is left.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "evenkeel/net/context.h"
#include "http1_reader.h"
#include "support/memory_world.h"

namespace evenkeel::net::testing {
namespace {

using core::Method;
using http1::testing::Message;
using http1::testing::read_requests;
using http1::testing::read_responses;
using test::MemoryWorld;
using test::Peer;
using namespace std::chrono_literals;

// Numbers that rapidcheck can shrink: a script that runs out of them reads zeros.
class Choices {
 public:
  explicit Choices(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] bool over() const { return at_ >= bytes_.size(); }
  std::uint32_t below(std::uint32_t n) { return over() ? 0 : bytes_[at_++] % n; }
  bool one_in(std::uint32_t n) { return below(n) == n - 1; }
  template <typename T>
  T of(std::initializer_list<T> values) {
    return values.begin()[below(static_cast<std::uint32_t>(values.size()))];
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

struct Sent {
  Method method = Method::get;
  std::string body;
};

struct Client {
  Peer* peer = nullptr;
  std::vector<Method> methods;       // of all messages begun, the malformed ones included
  std::vector<std::string> targets;  // of the same; empty when malformed
  std::string rest;                  // of the message under way
};

class RandomWorld {
 public:
  explicit RandomWorld(std::vector<std::uint8_t> script) : choose_(std::move(script)) {
    options_.backends = 1 + choose_.below(3);
    options_.cut = choose_.one_in(3);
    options_.reset_discards = choose_.one_in(3);
    for (sim::Link* link : {&options_.client_link, &options_.backend_link}) {
      link->segment = choose_.of<std::size_t>({sim::kNoLimit, 1, 2, 3, 100});
      link->window = choose_.of<std::size_t>({sim::kNoLimit, 1, 50, 3'000});
      link->delay.latency = choose_.of<core::Duration>({0ms, 0ms, 1ms, 40ms});
    }
    ideal_ = options_.backend_link.segment == sim::kNoLimit &&
             options_.backend_link.window == sim::kNoLimit && !options_.cut &&
             options_.backend_link.delay.latency == core::Duration::zero();
    core::Config config = MemoryWorld::plain_config(options_.backends);
    core::PoolPolicy& pool = config.pools[0];
    pool.retry.max_attempts = max_attempts_ = 1 + choose_.below(3);
    pool.retry.buffer_limit = choose_.of<std::uint64_t>({64 * 1024, 0, 300});
    pool.retry.hedge.enabled = choose_.one_in(3);
    pool.retry.hedge.delay = 5ms;
    pool.retry.backoff.initial = choose_.of<core::Duration>({0ms, 10ms});
    pool.connection_pool.max_idle_per_backend = choose_.of<std::uint32_t>({32, 0, 1});
    config.listeners[0].limits.max_body_bytes = choose_.of<std::uint64_t>({0, 0, 1'000});
    config.listeners[0].max_connections = 4;
    config_ = config;
    world_ = std::make_unique<MemoryWorld>(options_, config_);
  }

  void play() {
    while (!choose_.over()) {
      step();
      world_->run();
      const std::uint64_t held = world_->pipeline().counts().buffered_bytes;
      RC_ASSERT(held <= clients_.size() * kMostPerClient);
    }
    check_origins();
    check_clients();
    world_->abort_peers();
    world_->advance(10s);
    // Retries find new origins; those behind a black hole never say that they ended.
    for (int i = 0; i < 12 && !world_->pipeline().quiet(); ++i) {
      world_->abort_peers();
      world_->advance(10s);
    }
    check_nothing_left();
  }

 private:
  // One read each way, one image, and what the smallest scripts never reach.
  static constexpr std::uint64_t kMostPerClient = 4 * kReadBytes;

  void step() {
    switch (choose_.below(8)) {
      case 0:
      case 1:
      case 2:
        client_step();
        return;
      case 3:
      case 4:
      case 5:
        origin_step();
        return;
      case 6:
        world_->advance(
            choose_.of<core::Duration>({0ms, 1ms, 20ms, 100ms, 1100ms, 5100ms, 16s, 31s, 80s}));
        return;
      default:
        world_step();
        return;
    }
  }

  void world_step() {
    const auto backend = choose_.below(options_.backends);
    switch (choose_.below(6)) {
      case 0:
        world_->set_reach(backend, sim::Reach::refusing);
        return;
      case 1:
        world_->set_reach(backend, sim::Reach::black_hole);
        return;
      case 2:
        world_->fail_connects(1 + choose_.below(3));
        return;
      case 3:
        if (choose_.one_in(4)) world_->pipeline().drain(world_->now());
        return;
      default:
        world_->set_reach(backend, sim::Reach::up);
        return;
    }
  }

  // ---- clients ---------------------------------------------------------------------------------

  void client_step() {
    if (clients_.empty() || (clients_.size() < 6 && choose_.one_in(4))) {
      clients_.push_back(Client{&world_->connect(), {}, {}, {}});
      return;
    }
    Client& client = clients_[choose_.below(static_cast<std::uint32_t>(clients_.size()))];
    switch (choose_.below(12)) {
      case 0:
        client.peer->finish();
        return;
      case 1:
        client.peer->abort();
        return;
      case 2:
        client.peer->pause();
        return;
      case 3:
        client.peer->resume();
        return;
      default:
        break;
    }
    if (client.rest.empty()) client.rest = next_message(client);
    const bool whole = !choose_.one_in(3);
    const std::size_t size = whole ? client.rest.size() : choose_.below(200);
    client.peer->send(std::string_view(client.rest).substr(0, size));
    client.rest.erase(0, size);
  }

  std::string next_message(Client& client) {
    const std::string target = "/" + std::to_string(next_id_++);
    client.targets.push_back(target);
    client.methods.push_back(Method::get);
    if (choose_.one_in(10)) {
      client.targets.back().clear();
      return choose_.of<std::string>(
          {"GARBAGE\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "\x16\x03\x01\x02", "GET / HTTP/1.1\r\nHost: a\n\n"});
    }
    const Method method = choose_.of({Method::get, Method::post, Method::put, Method::head});
    client.methods.back() = method;
    std::string body;
    if (method == Method::post || method == Method::put) {
      body = std::string(choose_.of<std::size_t>({0, 3, 250, 1'500, 70'000}),
                         static_cast<char>('a' + choose_.below(26)));
    }
    sent_[target] = Sent{method, body};
    std::string fields = "Host: a\r\n";
    if (choose_.one_in(8)) fields += "Connection: close\r\n";
    if (choose_.one_in(8)) fields += "Expect: 100-continue\r\n";
    const std::string line = std::string(to_text(method)) + " " + target + " HTTP/1.1\r\n" + fields;
    if (body.empty()) return line + "\r\n";
    if (choose_.one_in(2)) {
      return line + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    return line + "Transfer-Encoding: chunked\r\n\r\n" + in_chunks(body, 1 + choose_.below(255)) +
           (choose_.one_in(8) ? "oops" : "0\r\n\r\n");
  }

  static std::string in_chunks(std::string_view body, std::size_t size) {
    size = std::max(size, body.size() / 50);
    std::string text;
    char line[20];
    for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
      const std::string_view piece = body.substr(0, size);
      std::snprintf(line, sizeof line, "%zx\r\n", piece.size());
      text += line + std::string(piece) + "\r\n";
    }
    return text;
  }

  // ---- origins ---------------------------------------------------------------------------------

  void origin_step() {
    if (world_->accepted() == 0) return;
    const auto n = choose_.below(static_cast<std::uint32_t>(world_->accepted()));
    Peer& origin = world_->origin(n);
    answered_.resize(world_->accepted());
    switch (choose_.below(12)) {
      case 0:
        origin.finish();
        return;
      case 1:
        origin.abort();
        return;
      case 2:
        origin.pause();
        return;
      case 3:
        origin.resume();
        return;
      default:
        break;
    }
    const std::vector<Message> asked = read_requests(origin.received).all;
    if (answered_[n] >= asked.size() || asked[answered_[n]].target.empty()) return;
    const Message& request = asked[answered_[n]++];
    answer(origin, request, sent_[request.target].method == Method::head);
  }

  void answer(Peer& origin, const Message& request, bool to_head) {
    const std::string id = "X-Id: " + request.target + "\r\n";
    const std::string body(choose_.of<std::size_t>({2, 0, 700, 70'000}), 'r');
    const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
    if (choose_.one_in(6)) origin.send("HTTP/1.1 103 Early\r\n\r\n");
    switch (choose_.below(12)) {
      case 0:
        origin.send("HTTP/1.1 200 OK\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n");
        if (!to_head) origin.send(in_chunks(body, 300) + "0\r\n\r\n");
        return;
      case 1:
        origin.send("HTTP/1.1 200 OK\r\n" + id + "\r\n");
        if (!to_head) origin.send(body);
        origin.finish();
        return;
      case 2:
        origin.send("HTTP/1.1 204 No\r\n" + id + "\r\n");
        return;
      case 3:
        origin.send(choose_.of<std::string>(
            {"rubbish\r\n", "HTTP/1.1 200\r\nX : y\r\n\r\n", "HTTP/1.1 101 Switch\r\n\r\n"}));
        return;
      case 4:  // cut
        origin.send("HTTP/1.1 200 OK\r\n" + id + "Content-Length: 9\r\n\r\nabc");
        if (choose_.one_in(2)) {
          origin.finish();
        } else {
          origin.abort();
        }
        return;
      case 5:
        origin.send("HTTP/1.1 200 OK\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n");
        if (!to_head) origin.send(choose_.of<std::string>({"3\r\nabc\r\nnonsense", "3\r\nab"}));
        origin.finish();
        return;
      case 6:
        origin.send("HTTP/1.1 502 Bad\r\n" + id + "Content-Length: 0\r\n\r\n");
        return;
      case 7:  // what follows answers nobody
        origin.send("HTTP/1.1 200 OK\r\n" + id + "Content-Length: 0\r\n\r\n" +
                    (ideal_ ? "HTTP/1.1 200 OK\r\nX-Id: poison\r\nContent-Length: 0\r\n\r\n" : ""));
        return;
      default:
        origin.send("HTTP/1.1 200 OK\r\n" + id + length + "\r\n" + (to_head ? "" : body));
        return;
    }
  }

  // ---- what must hold --------------------------------------------------------------------------

  void check_clients() {
    for (const Client& client : clients_) {
      const auto read = read_responses(client.peer->received, client.methods, client.peer->ended);
      RC_LOG() << "client received: " << client.peer->received.substr(0, 2'000) << "\n";
      // A HEAD that took too long to arrive was not known to be one: its answer has a body.
      const bool unknown_head = !read.all.empty() && read.all.back().status == 408;
      RC_ASSERT(read.error == "" || unknown_head);
      std::size_t request = 0;
      for (const Message& message : read.all) {
        if (!message.complete) RC_ASSERT(!client.peer->ended);
        if (message.status < 200) continue;
        const std::size_t id = message.head.find("X-Id: ");
        const std::string& target = client.targets.at(request++);
        if (id == std::string::npos) continue;  // the proxy's own answer
        RC_ASSERT(message.head.substr(id, 8 + target.size()) == "X-Id: " + target + "\r\n");
      }
    }
  }

  void check_origins() {
    std::map<std::string, std::uint32_t> seen;
    for (std::size_t n = 0; n < world_->accepted(); ++n) {
      const auto read = read_requests(world_->origin(n).received);
      RC_LOG() << "origin received: " << world_->origin(n).received.substr(0, 2'000) << "\n";
      RC_ASSERT(read.error == "");
      for (const Message& message : read.all) {
        if (message.target.empty()) continue;  // a part of a head
        RC_ASSERT(sent_.count(message.target) == 1);
        const Sent& sent = sent_[message.target];
        const std::uint32_t times = ++seen[message.target];
        RC_ASSERT(times <= (sent.method == Method::post ? 1 : max_attempts_));
        if (message.complete) {
          RC_ASSERT(message.body == sent.body);
        } else {
          RC_ASSERT(sent.body.compare(0, message.body.size(), message.body) == 0);
        }
      }
    }
  }

  void check_nothing_left() {
    const PipelineCounts counts = world_->pipeline().counts();
    RC_ASSERT(world_->pipeline().quiet());
    RC_ASSERT(counts.client_connections == 0U);
    RC_ASSERT(counts.backend_connections == 0U);
    RC_ASSERT(counts.idle_backend_connections == 0U);
    RC_ASSERT(counts.buffered_bytes == 0U);
    RC_ASSERT(world_->balancer().requests_in_flight() == 0U);
    RC_ASSERT(world_->pipeline().next_deadline() == core::kNever);
    RC_ASSERT(world_->network().bytes_held() == 0U);
  }

  Choices choose_;
  MemoryWorld::Options options_;
  core::Config config_;
  std::unique_ptr<MemoryWorld> world_;
  bool ideal_ = false;
  std::uint32_t max_attempts_ = 1;
  std::vector<Client> clients_;
  std::vector<std::size_t> answered_;  // by origin connection
  std::map<std::string, Sent> sent_;   // by target
  std::uint32_t next_id_ = 0;
};

RC_GTEST_PROP(PipelineProperty, HoldsInEveryLife, ()) {
  const auto size = *rc::gen::inRange<std::size_t>(20, 400);
  RandomWorld world(
      *rc::gen::container<std::vector<std::uint8_t>>(size, rc::gen::arbitrary<std::uint8_t>()));
  world.play();
}

}  // namespace
}  // namespace evenkeel::net::testing
