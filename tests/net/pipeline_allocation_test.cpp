// SPDX-License-Identifier: Apache-2.0
//
// A request on connections that exist allocates nothing: neither the core nor the pipeline nor the
// wire. The streams here are scripts in fixed memory, so that every allocation counted is ours.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "evenkeel/net/pipeline.h"
#include "runtime/allocation_count.h"
#include "scripted_stream.h"
#include "support/memory_world.h"

namespace evenkeel::net::testing {
namespace {

using namespace std::chrono_literals;

class AllocationTest : public ::testing::Test, public Host, public Observer {
 public:
  void SetUp() override {
    if (!test::kAllocationsCounted) GTEST_SKIP() << "this build cannot count allocations";
  }

 protected:
  explicit AllocationTest(const core::Config& config = test::MemoryWorld::plain_config(3))
      : config_(std::make_shared<const core::Config>(config)),
        balancer_(config_, {}, now_),
        pipeline_(balancer_, *this, *this) {
    auto stream = std::make_unique<ScriptedStream>();
    client_ = stream.get();
    pipeline_.on_accept(now_, 0, std::move(stream), "192.0.2.1", false);
  }

  // The way of one request, with a little time for each side.
  void exchange(std::string_view request, std::string_view response) {
    const std::uint64_t before = ended_;
    client_->input = request;
    client_->ready(now_ += 100us);
    ScriptedStream* const backend = written_last();
    backend->input = response;
    backend->ready(now_ += 100us);
    for (int i = 0; i < 1'000 && client_->window < SIZE_MAX / 4; ++i) {
      client_->window = 10'000;
      client_->ready(now_ += 1us);
      if (ended_ > before) break;
    }
    if (pipeline_.next_deadline() <= now_) pipeline_.on_deadline(now_);
    ASSERT_EQ(ended_, before + 1);
    ASSERT_FALSE(client_->over);
  }

  // How many allocations a thousand requests make after the first hundred.
  std::uint64_t count(std::string_view request, std::string_view response) {
    for (int i = 0; i < 100; ++i) exchange(request, response);
    const test::AllocationCount allocations;
    for (int i = 0; i < 1'000; ++i) exchange(request, response);
    return allocations.so_far();
  }

  std::unique_ptr<Stream> connect(core::BackendRef) override {
    auto stream = std::make_unique<ScriptedStream>();
    backends_.at(connects_++) = stream.get();
    return stream;
  }
  std::int64_t wall_seconds() override {
    return 1'767'225'600 +
           std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch()).count();
  }
  void entropy(std::span<unsigned char, 16> into) override {
    std::fill(into.begin(), into.end(), static_cast<unsigned char>(ended_));
    into[0] = static_cast<unsigned char>(ended_ >> 8U);
  }
  void on_request_ended(const RequestEnd&) override { ++ended_; }
  void on_transition(const core::Transition&) override {}
  void on_refused(core::Instant, std::uint32_t, std::string_view, unsigned,
                  std::string_view) override {}

  // The backend connection that got the last request: the one that was written to since.
  ScriptedStream* written_last() {
    for (std::size_t i = 0; i < connects_; ++i) {
      if (backends_[i]->written != seen_[i]) {
        seen_[i] = backends_[i]->written;
        return backends_[i];
      }
    }
    ADD_FAILURE() << "no backend was asked";
    return backends_[0];
  }

  core::Instant now_{};
  std::shared_ptr<const core::Config> config_;
  core::Balancer balancer_;
  Pipeline pipeline_;
  ScriptedStream* client_ = nullptr;
  std::array<ScriptedStream*, 16> backends_{};
  std::array<std::uint64_t, 16> seen_{};
  std::size_t connects_ = 0;
  std::uint64_t ended_ = 0;
};

constexpr std::string_view kGet =
    "GET /index.html?with=query HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: a/1.0\r\n"
    "Accept: */*\r\nCookie: session=0123456789abcdef\r\n\r\n";
constexpr std::string_view kOk =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

TEST_F(AllocationTest, CounterCounts) {
  const test::AllocationCount allocations;
  const auto block = std::make_unique<std::array<char, 100>>();
  EXPECT_EQ(allocations.so_far(), 1U);
  EXPECT_NE(block, nullptr);
}

TEST_F(AllocationTest, SmallGetAllocatesNothing) { EXPECT_EQ(count(kGet, kOk), 0U); }

TEST_F(AllocationTest, PostAllocatesNothing) {
  const std::string post =
      "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 16384\r\n\r\n" + std::string(16'384, 'x');
  EXPECT_EQ(count(post, kOk), 0U);
}

TEST_F(AllocationTest, LongUploadAllocatesNothing) {
  const std::string post =
      "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + std::string(500'000, 'x');
  EXPECT_EQ(count(post, kOk), 0U);
}

TEST_F(AllocationTest, ChunkedBodiesAllocateNothing) {
  EXPECT_EQ(count("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\nhello\r\n0\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            0U);
}

TEST_F(AllocationTest, LargeResponseToASlowClientAllocatesNothing) {
  const std::string large =
      "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'x');
  client_->window = 10'000;
  EXPECT_EQ(count(kGet, large), 0U);
}

// Everything that looks at a head: routes by header, a sticky split, a limit, a hash, a session
// that begins with every request.
core::Config watchful_config() {
  core::Config config = test::MemoryWorld::plain_config(3);
  core::PoolPolicy& pool = config.pools[0];
  pool.balance.algorithm = core::Algorithm::maglev;
  pool.balance.hash.on = core::HashKey::header;
  pool.balance.hash.name = "user-agent";
  pool.session.mode = core::SessionMode::cookie;
  pool.session.max_entries = 500;
  core::RoutePolicy other = config.routes[0];
  other.name = "other";
  other.match.headers = {{"x-canary", "yes"}};
  other.match.path_regex = "/v[0-9]+/.*";
  config.routes[0].split.front().sticky_by = core::ClientKey::cookie;
  config.routes[0].split.front().sticky_name = "session";
  config.routes[0].split.push_back(config.routes[0].split.front());
  config.routes[0].rate_limit.requests_per_second = core::Decimal{100'000'000};
  config.routes.insert(config.routes.begin(), other);
  return config;
}

class WatchfulAllocationTest : public AllocationTest {
 protected:
  WatchfulAllocationTest() : AllocationTest(watchful_config()) {}
};

TEST_F(WatchfulAllocationTest, RoutesLimitsAndSessionsAllocateNothing) {
  for (int i = 0; i < 1'000; ++i) exchange(kGet, kOk);  // the tables fill
  EXPECT_EQ(count(kGet, kOk), 0U);
}

TEST_F(AllocationTest, ErrorStatusAllocatesNothing) {
  EXPECT_EQ(count(kGet, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), 0U);
}

}  // namespace
}  // namespace evenkeel::net::testing
