// SPDX-License-Identifier: Apache-2.0
//
// Readiness is edge-triggered: what is there when it comes must be found without another edge.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "evenkeel/net/pipeline.h"
#include "scripted_stream.h"
#include "support/memory_world.h"

namespace evenkeel::net::testing {
namespace {

class PipelineEdge : public ::testing::Test, public Host, public Observer {
 protected:
  PipelineEdge()
      : balancer_(std::make_shared<const core::Config>(test::MemoryWorld::plain_config(1)), {}, {}),
        pipeline_(balancer_, *this, *this) {}

  void accept() {
    auto stream = std::make_unique<ScriptedStream>();
    client_ = stream.get();
    pipeline_.on_accept({}, 0, std::move(stream), "192.0.2.1", false);
  }

  std::unique_ptr<Stream> connect(core::BackendRef) override {
    if (refuse_) return nullptr;
    auto stream = std::make_unique<ScriptedStream>();
    backend_ = stream.get();
    return stream;
  }
  std::int64_t wall_seconds() override { return 1'767'225'600; }
  void entropy(std::span<unsigned char, 16> into) override {
    std::fill(into.begin(), into.end(), static_cast<unsigned char>(7));
  }
  void on_request_ended(const RequestEnd& end) override { statuses_.push_back(end.record.status); }
  void on_transition(const core::Transition&) override {}
  void on_refused(core::Instant, std::uint32_t, std::string_view, unsigned,
                  std::string_view) override {}

  core::Balancer balancer_;
  Pipeline pipeline_;
  ScriptedStream* client_ = nullptr;
  ScriptedStream* backend_ = nullptr;
  bool refuse_ = false;
  std::vector<std::uint16_t> statuses_;
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(PipelineEdge, EndBehindARejectedRequestIsFound) {
  refuse_ = true;
  accept();
  client_->input = kGet;
  client_->ended = true;
  client_->ready({});
  EXPECT_EQ(statuses_, (std::vector<std::uint16_t>{503}));
  EXPECT_TRUE(pipeline_.quiet());
}

TEST_F(PipelineEdge, RequestBehindAFullReadIsFound) {
  refuse_ = true;
  accept();
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += kGet;
  client_->input = many;
  client_->ready({});
  EXPECT_EQ(statuses_.size(), 10'000U);
}

TEST_F(PipelineEdge, EndBehindAResponseIsFound) {
  accept();
  client_->input = kGet;
  client_->ready({});
  ASSERT_NE(backend_, nullptr);
  backend_->input = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  backend_->ended = true;
  backend_->ready({});
  EXPECT_EQ(statuses_, (std::vector<std::uint16_t>{200}));
  EXPECT_EQ(pipeline_.counts().backend_connections, 0U);
}

TEST_F(PipelineEdge, EndBehindAnAnsweredRequestIsFound) {
  accept();
  client_->input = kGet;
  client_->ready({});
  backend_->input = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  client_->ended = true;  // its edge comes while the response is being written
  backend_->ready({});
  client_->ready({});
  EXPECT_EQ(pipeline_.counts().client_connections, 0U);
}

TEST_F(PipelineEdge, BodyBehindAHeadIsFound) {
  accept();
  const std::string body(500'000, 'x');
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + body;
  client_->input = post;
  client_->ready({});
  ASSERT_NE(backend_, nullptr);
  EXPECT_GT(backend_->written, body.size());
  backend_->input = "HTTP/1.1 204 No\r\n\r\n";
  backend_->ready({});
  EXPECT_EQ(statuses_, (std::vector<std::uint16_t>{204}));
}

}  // namespace
}  // namespace evenkeel::net::testing
