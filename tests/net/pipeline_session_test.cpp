// SPDX-License-Identifier: Apache-2.0
//
// Clients that stay on their backends, by a cookie or a header.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineSession : public PipelineTest {
 protected:
  PipelineSession() {
    use_backends(3);
    pool().session.mode = core::SessionMode::cookie;
    pool().session.cookie = "S";
  }

  // One request, answered by whoever got it: which backend that was, and what the client was told.
  struct Visit {
    std::uint32_t backend = 0;
    std::string cookie;  // "S=…", as set; empty: none was
    Message response;
  };
  Visit visit(std::string_view fields = "", std::string_view answer =
                                                "HTTP/1.1 200 OK\r\n"
                                                "Content-Length: 0\r\n\r\n") {
    const std::size_t before = world().accepted();
    Peer& client = client_sends(get("/", std::string(fields) + "Connection: close\r\n"));
    EXPECT_EQ(world().accepted(), before + 1) << "backends close: every request connects";
    Peer& origin = world().origin(before);
    origin.send(answer);
    origin.close();
    run();
    Visit made{origin.backend, "", response(client)};
    const std::size_t at = made.response.head.find("Set-Cookie: S=");
    if (at != std::string::npos) made.cookie = made.response.head.substr(at + 12, 34);
    return made;
  }
  static std::string with(std::string_view cookie) {
    return "Cookie: a=b; " + std::string(cookie) + "\r\n";
  }
};
INSTANTIATE_PIPELINE(PipelineSession);

TEST_P(PipelineSession, ACookieLeadsBackToTheBackend) {
  const Visit first = visit();
  ASSERT_EQ(first.cookie.size(), 34U) << first.response.head;
  EXPECT_THAT(first.response.head, HasSubstr("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax\r\n"));
  for (int i = 0; i < 5; ++i) {
    const Visit again = visit(with(first.cookie));
    EXPECT_EQ(again.backend, first.backend);
    EXPECT_EQ(again.cookie, "") << "it has one";
    EXPECT_TRUE(has(world().ended.back().record.flags, core::Flag::sticky));
  }
  EXPECT_NE(visit().backend, first.backend) << "others go on in turn";
}

TEST_P(PipelineSession, ANameNobodyKnowsIsNeverAdopted) {
  const std::string forged = "S=0123456789abcdef0123456789abcdef";
  const Visit visited = visit(with(forged));
  EXPECT_EQ(visited.cookie.size(), 34U);
  EXPECT_NE(visited.cookie, forged);
  EXPECT_NE(visited.cookie, "S=" + std::string(32, '0')) << "nor is one that anybody can guess";
  EXPECT_NE(visit(with(forged)).cookie, visited.cookie) << "each client has its own";
}

TEST_P(PipelineSession, ADrainingBackendKeepsItsSessionsOnly) {
  const Visit first = visit();
  world().balancer().set_admin(world().now(),
                               {core::PoolIndex{}, core::BackendIndex(first.backend)},
                               core::AdminState::drain);
  EXPECT_EQ(visit(with(first.cookie)).backend, first.backend);
  for (int i = 0; i < 6; ++i) EXPECT_NE(visit().backend, first.backend);
}

TEST_P(PipelineSession, ASessionMovesWhenItsBackendIsDown) {
  const Visit first = visit();
  world().balancer().set_admin(world().now(),
                               {core::PoolIndex{}, core::BackendIndex(first.backend)},
                               core::AdminState::maintenance);
  const Visit moved = visit(with(first.cookie));
  EXPECT_NE(moved.backend, first.backend);
  EXPECT_EQ(moved.cookie, "") << "under its old name";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(visit(with(first.cookie)).backend, moved.backend);
}

TEST_P(PipelineSession, AHeaderDoesAsWell) {
  pool().session.mode = core::SessionMode::header;
  pool().session.header = "x-session";
  const Visit first = visit();
  const std::size_t at = first.response.head.find("x-session: ");
  ASSERT_NE(at, std::string::npos) << first.response.head;
  const std::string line = first.response.head.substr(at, 11 + 32) + "\r\n";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(visit("X-Session" + line.substr(9)).backend, first.backend);
}

TEST_P(PipelineSession, NoSessionBeginsWithALocalAnswer) {
  config.routes[0].rate_limit.requests_per_second = core::Decimal{1000};
  EXPECT_EQ(visit().cookie.size(), 34U);
  const Message refused = response(client_sends(get()));
  EXPECT_EQ(refused.status, 429U);
  EXPECT_THAT(refused.head, Not(HasSubstr("Set-Cookie")));
}

TEST_P(PipelineSession, AnUpgradeCarriesItsCookieToo) {
  Peer& client = client_sends(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  answer(0,
         "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_THAT(client.received, HasSubstr("\r\nSet-Cookie: S="));
  EXPECT_THAT(client.received, EndsWith("Connection: upgrade\r\n\r\n"));
}

TEST_P(PipelineSession, InterimResponsesCarryNone) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
  EXPECT_THAT(client.received, Not(HasSubstr("Set-Cookie")));
  answer(0, ok("x"));
  EXPECT_THAT(client.received, HasSubstr("Set-Cookie: S="));
}

}  // namespace
}  // namespace evenkeel::net::testing
