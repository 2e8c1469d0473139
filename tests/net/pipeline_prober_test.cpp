// SPDX-License-Identifier: Apache-2.0
//
// Active health checks, seen from the origin that is checked.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

using core::CheckType;
using core::HealthState;
using core::TransitionReason;

class PipelineProber : public PipelineTest {
 protected:
  PipelineProber() {
    core::HealthCheckPolicy& check = pool().health_check;
    check.type = CheckType::http;
    check.path = "/up?deep=1";
    check.interval = check.unhealthy_interval = 10s;
    check.timeout = 2s;
    check.jitter_percent = 0;
    check.unhealthy_threshold = 1;
    check.healthy_threshold = 1;
    check.initial_state = core::InitialState::healthy;
  }
  // Until the next check has reached the origin; its connection.
  Peer& next_check() {
    const std::size_t before = world().accepted();
    for (int i = 0; i < 300 && world().accepted() == before; ++i) advance(50ms);
    EXPECT_EQ(world().accepted(), before + 1);
    return origin(world().accepted() - 1);
  }
  [[nodiscard]] bool unhealthy() {
    return !world().transitions.empty() &&
           world().transitions.back().to == static_cast<std::uint8_t>(HealthState::unhealthy);
  }
  // One check, answered so, makes the backend unhealthy.
  void expect_failure(std::string_view bytes, bool then_end) {
    Peer& check = next_check();
    check.send(bytes);
    if (then_end) check.finish();
    run();
    EXPECT_TRUE(unhealthy()) << bytes;
    EXPECT_TRUE(check.over()) << bytes;
    Peer& again = next_check();  // and healthy for what follows
    again.send("HTTP/1.1 200 OK\r\n\r\n");
    run();
    EXPECT_FALSE(unhealthy());
  }
};
INSTANTIATE_PIPELINE(PipelineProber);

TEST_P(PipelineProber, AsksForThePathOfThePolicy) {
  Peer& check = next_check();
  const Message asked = request(check);
  EXPECT_TRUE(asked.complete);
  EXPECT_EQ(asked.target, "/up?deep=1");
  EXPECT_THAT(asked.head,
              AllOf(HasSubstr("Host: 127.0.0.1:9000\r\n"), HasSubstr("Connection: close\r\n")));
  check.send(ok("fine"));
  run();
  EXPECT_TRUE(check.over()) << "its connection is not kept";
  EXPECT_TRUE(world().transitions.empty());
}

TEST_P(PipelineProber, HeadAloneIsEnough) {
  Peer& check = next_check();
  check.send("HTTP/1.1 204 No Content\r\n\r\n");
  run();
  EXPECT_TRUE(check.ended);
  EXPECT_FALSE(check.failed) << "ended in good order";
}

TEST_P(PipelineProber, InterimAnswersAreSkipped) {
  Peer& check = next_check();
  check.send("HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 500 No\r\n\r\n");
  run();
  EXPECT_TRUE(check.over());
  EXPECT_TRUE(unhealthy());
}

TEST_P(PipelineProber, FailuresOfEveryKindCount) {
  expect_failure("HTTP/1.1 503 Full\r\n\r\n", false);
  expect_failure("HTTP/1.1 404 What\r\n\r\n", false);
  expect_failure("hello?\r\n\r\n", false);
  expect_failure("\x16\x03\x01", false);
  expect_failure("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", false);
  expect_failure("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x'), false);
  expect_failure("", true);
  expect_failure("HTTP/1.1 200 OK\r\n", true);
}

TEST_P(PipelineProber, SilenceTimesOutAndIsCancelled) {
  Peer& check = next_check();
  advance(1900ms);
  EXPECT_FALSE(check.over());
  advance(200ms);
  EXPECT_TRUE(check.failed);
  EXPECT_TRUE(unhealthy());
}

TEST_P(PipelineProber, RefusedConnectFails) {
  world().set_reach(0, sim::Reach::refusing);
  advance(10s);
  EXPECT_TRUE(unhealthy());
}

TEST_P(PipelineProber, ConnectThatHangsTimesOut) {
  world().set_reach(0, sim::Reach::black_hole);
  advance(13s);
  EXPECT_TRUE(unhealthy());
}

TEST_P(PipelineProber, OurOwnLackOfResourcesIsNoEvidence) {
  world().fail_connects(1);
  advance(10s);
  EXPECT_TRUE(world().transitions.empty());
}

TEST_P(PipelineProber, TcpCheckOnlyConnects) {
  pool().health_check.type = CheckType::tcp;
  Peer& check = next_check();
  EXPECT_TRUE(check.ended);
  EXPECT_FALSE(check.failed) << "ended in good order";
  EXPECT_EQ(check.received, "");
  world().set_reach(0, sim::Reach::refusing);
  advance(10s);
  EXPECT_TRUE(unhealthy());
}

TEST_P(PipelineProber, InPanicAnUnhealthyBackendIsAskedAllTheSame) {
  next_check().send("HTTP/1.1 500 No\r\n\r\n");
  run();
  ASSERT_TRUE(unhealthy());
  const std::size_t before = world().accepted();
  Peer& client = client_sends(get());
  ASSERT_EQ(world().accepted(), before + 1);
  answer(before, ok("all the same"));
  EXPECT_EQ(response(client).body, "all the same");
  EXPECT_TRUE(has(world().ended.back().record.flags, core::Flag::panic));
}

TEST_P(PipelineProber, UnhealthyBackendTakesNoRequests) {
  pool().balance.panic_threshold = 0;
  next_check().send("HTTP/1.1 500 No\r\n\r\n");
  run();
  ASSERT_TRUE(unhealthy());
  Peer& client = client_sends(get());
  EXPECT_EQ(response(client).status, 503U);
  EXPECT_THAT(response(client).body, HasSubstr("no healthy backend"));
}

TEST_P(PipelineProber, ChecksRepeatByTheirInterval) {
  for (int i = 0; i < 5; ++i) {
    next_check().send("HTTP/1.1 200 OK\r\n\r\n");
    run();
    const core::Instant asked = world().now();
    Peer& following = next_check();
    EXPECT_NEAR(std::chrono::duration<double>(world().now() - asked).count(), 10, 0.1);
    following.send("HTTP/1.1 200 OK\r\n\r\n");
    run();
  }
}

}  // namespace
}  // namespace evenkeel::net::testing
