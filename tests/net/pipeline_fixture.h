// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http1_reader.h"
#include "support/memory_world.h"

// What tests of whole connections share: a world of one balancer between scripted clients and
// origins, made anew for every test, and left with nothing alive.
namespace evenkeel::net::testing {

using namespace std::chrono_literals;
using http1::testing::Message;
using http1::testing::Messages;
using test::MemoryWorld;
using test::Peer;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// How bytes travel: in pieces of at most `segment` bytes, and with reads and writes cut short.
struct Delivery {
  const char* name;
  std::size_t segment = sim::kNoLimit;
  bool cut = false;
};

inline constexpr Delivery kDeliveries[] = {
    {"Whole"}, {"Bytes", 1}, {"Twos", 2}, {"Threes", 3}, {"Cut", sim::kNoLimit, true}};

inline std::string name_of(const ::testing::TestParamInfo<Delivery>& info) {
  return info.param.name;
}

// Every behaviour is tested in every way of delivery: INSTANTIATE_PIPELINE(SuiteName).
#define INSTANTIATE_PIPELINE(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(, suite, ::testing::ValuesIn(::evenkeel::net::testing::kDeliveries), \
                           ::evenkeel::net::testing::name_of)

class PipelineTest : public ::testing::TestWithParam<Delivery> {
 protected:
  PipelineTest() : config(MemoryWorld::plain_config(1)) {}

  // Whatever happened: once every peer is gone, nothing is connected, armed, buffered or running.
  void TearDown() override {
    if (!world_) return;
    world_->abort_peers();
    world_->advance(1s);  // longer than any link of these tests
    expect_nothing_left();
  }

  void expect_nothing_left() {
    const PipelineCounts counts = world_->pipeline().counts();
    EXPECT_TRUE(world_->pipeline().quiet());
    EXPECT_EQ(counts.client_connections, 0U);
    EXPECT_EQ(counts.backend_connections, 0U);
    EXPECT_EQ(counts.idle_backend_connections, 0U);
    EXPECT_EQ(counts.buffered_bytes, 0U);
    EXPECT_EQ(world_->balancer().requests_in_flight(), 0U);
    EXPECT_EQ(world_->network().connections(), 0U);
    EXPECT_EQ(world_->network().bytes_held(), 0U);
    EXPECT_TRUE(world_->pipeline().next_deadline() == core::kNever || probing())
        << "a timer is left";
  }

  // The world is built on first use, so that a test can change `config` and `options` before.
  MemoryWorld& world() {
    if (!world_) {
      const Delivery& delivery = GetParam();
      options.cut = delivery.cut;
      options.client_link.segment = delivery.segment;
      options.backend_link.segment = delivery.segment;
      world_ = std::make_unique<MemoryWorld>(options, config);
    }
    return *world_;
  }
  core::ListenerPolicy& listener() { return config.listeners[0]; }
  core::PoolPolicy& pool() { return config.pools[0]; }
  void use_backends(std::uint32_t count) { config = MemoryWorld::plain_config(count); }

  Peer& connect() { return world().connect(); }
  Peer& origin(std::size_t n = 0) { return world().origin(n); }
  void run() { world().run(); }
  void advance(core::Duration by) { world().advance(by); }

  // The n-th origin connection answers with this.
  void answer(std::size_t n, std::string_view bytes) {
    origin(n).send(bytes);
    run();
  }
  // What a client understood, when it asked with GETs.
  static std::vector<Message> responses(const Peer& client, std::size_t requests = 1,
                                        core::Method method = core::Method::get) {
    Messages read = http1::testing::read_responses(
        client.received, std::vector<core::Method>(requests, method), client.ended);
    EXPECT_EQ(read.error, "") << client.received;
    return std::move(read.all);
  }
  static std::vector<Message> requests(const Peer& origin) {
    Messages read = http1::testing::read_requests(origin.received);
    EXPECT_EQ(read.error, "") << origin.received;
    return std::move(read.all);
  }
  // The only response a client got; empty when there is none or several.
  static Message response(const Peer& client, core::Method method = core::Method::get) {
    const std::vector<Message> all = responses(client, 1, method);
    EXPECT_EQ(all.size(), 1U) << client.received;
    return all.size() == 1 ? all[0] : Message{};
  }
  static Message request(const Peer& origin) {
    const std::vector<Message> all = requests(origin);
    EXPECT_EQ(all.size(), 1U) << origin.received;
    return all.size() == 1 ? all[0] : Message{};
  }
  [[nodiscard]] PipelineCounts counts() { return world().pipeline().counts(); }

  // Ends the pipeline with whatever runs.
  void end_world() { world_.reset(); }

  // A client that sent this.
  Peer& client_sends(std::string_view bytes) {
    Peer& client = connect();
    client.send(bytes);
    run();
    return client;
  }

  core::Config config;
  MemoryWorld::Options options;

 private:
  [[nodiscard]] bool probing() const {
    return config.pools[0].health_check.type != core::CheckType::off;
  }

  std::unique_ptr<MemoryWorld> world_;
};

inline std::string get(std::string_view target = "/", std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
inline std::string post(std::string_view body, std::string_view fields = "") {
  return "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}
inline std::string ok(std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace evenkeel::net::testing
