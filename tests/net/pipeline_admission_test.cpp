// SPDX-License-Identifier: Apache-2.0
//
// Requests that are limited, wait, or go where their head says.
#include <array>
#include <optional>
#include <vector>

#include "evenkeel/net/client_address.h"
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineAdmission : public PipelineTest {
 protected:
  // A second pool, whose only backend the origins call 1.
  core::PoolPolicy& add_pool() {
    use_backends(1);
    core::PoolPolicy other = config.pools[0];
    other.name = "other";
    other.backends[0].id = "x0";
    config.pools.push_back(other);
    return config.pools[1];
  }
  core::RoutePolicy& route() { return config.routes[0]; }
  // Which pool a request went to. It is answered.
  std::uint32_t pool_of(std::string_view bytes) {
    Peer& client = client_sends(bytes);
    const std::size_t last = world().accepted() - 1;
    Peer& origin = world().origin(last);
    origin.send(ok("x"));
    origin.close();
    run();
    EXPECT_EQ(response(client).status, 200U);
    client.finish();
    run();
    return index(world().ended.back().record.pool);
  }
};
INSTANTIATE_PIPELINE(PipelineAdmission);

TEST_P(PipelineAdmission, TooManyRequestsAreToldWhenToComeBack) {
  route().rate_limit.requests_per_second = core::Decimal{400};  // one in 2.5 s
  route().rate_limit.burst = 1;
  Peer& client = client_sends(get());
  answer(0, ok("x"));
  client.take();
  client.send(get());
  run();
  const Message refused = response(client);
  EXPECT_EQ(refused.status, 429U);
  EXPECT_THAT(refused.head, HasSubstr("\r\nRetry-After: 3\r\n")) << "whole seconds, rounded up";
  EXPECT_THAT(refused.body, HasSubstr("too many requests"));
  EXPECT_TRUE(refused.keep_alive) << "coming back needs no new connection";
  EXPECT_EQ(world().ended.back().record.rejection, core::RejectCause::rate_limited);
  client.take();
  advance(3s);
  client.send(get());
  run();
  answer(0, ok("y"));
  EXPECT_EQ(response(client).body, "y");
}

TEST_P(PipelineAdmission, ALimitIsEachClientsOwn) {
  route().rate_limit.requests_per_second = core::Decimal{1000};
  route().rate_limit.key = core::ClientKey::header;
  route().rate_limit.name = "x-tenant";
  EXPECT_EQ(pool_of(get("/", "X-Tenant: a\r\n")), 0U);
  EXPECT_EQ(pool_of(get("/", "X-Tenant: b\r\n")), 0U);
  EXPECT_EQ(response(client_sends(get("/", "X-Tenant: a\r\n"))).status, 429U);
}

TEST_P(PipelineAdmission, AFullBackendIsWaitedFor) {
  pool().limits.max_requests = 1;
  pool().limits.max_pending = 1;
  Peer& first = client_sends(get("/1"));
  Peer& second = client_sends(get("/2"));
  EXPECT_EQ(world().accepted(), 1U) << "the second waits";
  const Message refused = response(client_sends(get("/3")));
  EXPECT_EQ(refused.status, 503U);
  EXPECT_THAT(refused.head, HasSubstr("\r\nRetry-After: 1\r\n"));
  EXPECT_THAT(refused.body, HasSubstr("too many requests are waiting"));
  advance(5ms);
  answer(0, ok("one"));
  EXPECT_EQ(response(first).body, "one");
  answer(0, ok("two"));
  EXPECT_EQ(response(second).body, "two");
  EXPECT_EQ(world().accepted(), 1U);
  EXPECT_EQ(world().ended.back().record.queued, 5ms);
}

TEST_P(PipelineAdmission, WhoWaitsTooLongIsTurnedAway) {
  pool().limits.max_requests = 1;
  pool().limits.queue_timeout = 200ms;
  client_sends(get("/1"));
  Peer& second = client_sends(get("/2"));
  advance(300ms);
  const Message refused = response(second);
  EXPECT_EQ(refused.status, 503U);
  EXPECT_THAT(refused.head, HasSubstr("\r\nRetry-After: 1\r\n"));
}

TEST_P(PipelineAdmission, AClientThatLeavesStopsWaiting) {
  pool().limits.max_requests = 1;
  Peer& first = client_sends(get("/1"));
  Peer& second = client_sends(get("/2"));
  second.abort();
  run();
  EXPECT_EQ(world().balancer().queue_depth(core::PoolIndex{}), 0U);
  answer(0, ok("one"));
  EXPECT_EQ(response(first).body, "one");
  EXPECT_EQ(world().balancer().requests_in_flight(), 0U);
}

TEST_P(PipelineAdmission, ABodyIsKeptWhileItsRequestWaits) {
  pool().limits.max_requests = 1;
  Peer& first = client_sends(get("/1"));
  Peer& second = connect();
  second.send(post("kept"));
  run();
  answer(0, ok("one"));
  EXPECT_EQ(response(first).body, "one");
  const std::vector<Message> seen = requests(origin(0));
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[1].body, "kept");
  answer(0, ok("two"));
  EXPECT_EQ(response(second).body, "two");
}

TEST_P(PipelineAdmission, ALimitOfConnectionsIsKept) {
  pool().limits.max_connections = 2;
  std::vector<Peer*> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(&client_sends(get()));
  EXPECT_EQ(world().accepted(), 2U);
  EXPECT_EQ(counts().backend_connections, 2U);
  for (int i = 0; i < 2; ++i) {
    answer(0, ok("x"));
    answer(1, ok("x"));
  }
  for (Peer* client : clients) EXPECT_EQ(response(*client).body, "x");
  EXPECT_EQ(world().accepted(), 2U);
}

TEST_P(PipelineAdmission, IdleConnectionsMakeRoomForThePoolsOthers) {
  use_backends(3);
  pool().limits.pool.max_connections = 2;
  for (std::size_t i = 0; i < 3; ++i) {  // one after another, each on the next backend
    Peer& client = client_sends(get());
    ASSERT_EQ(world().accepted(), i + 1);
    answer(i, ok("x"));
    EXPECT_EQ(response(client).body, "x");
  }
  EXPECT_NE(origin(0).over(), origin(1).over()) << "an idle one went";
  EXPECT_EQ(counts().backend_connections, 2U);
}

TEST_P(PipelineAdmission, AHeaderAParameterOrAnAddressPicksTheRoute) {
  add_pool();
  core::RoutePolicy other = route();
  other.name = "other";
  other.split.front().pool = core::PoolIndex{1};
  for (int i = 0; i < 4; ++i) config.routes.insert(config.routes.begin(), other);
  config.routes[0].match.headers = {{"x-canary", "yes"}};
  config.routes[1].match.query = {{"beta", ""}};
  config.routes[2].match.path_regex = "/v[0-9]+/.*";
  config.routes[3].match.clients = {{address_from("203.0.113.0"), 120}};
  EXPECT_EQ(pool_of(get("/")), 0U);
  EXPECT_EQ(pool_of(get("/", "X-Canary: yes\r\n")), 1U);
  EXPECT_EQ(pool_of(get("/", "X-Canary: yess\r\n")), 0U);
  EXPECT_EQ(pool_of(get("/?a=1&beta=2")), 1U);
  EXPECT_EQ(pool_of(get("/beta")), 0U);
  EXPECT_EQ(pool_of(get("/v12/x?y")), 1U);
  EXPECT_EQ(pool_of(get("/a/v12/x")), 0U);
}

TEST_P(PipelineAdmission, TheClientsAddressIsThePeers) {
  add_pool();
  core::RoutePolicy other = route();
  other.name = "other";
  other.split.front().pool = core::PoolIndex{1};
  other.match.clients = {{address_from("192.0.2.0"), 120}};
  config.routes.insert(config.routes.begin(), other);
  EXPECT_EQ(pool_of(get("/")), 1U);
  EXPECT_EQ(pool_of(get("/", "X-Forwarded-For: 203.0.113.9\r\n")), 1U) << "whatever it says";
}

TEST_P(PipelineAdmission, AStickySplitKeepsItsSides) {
  add_pool();
  core::SplitPolicy canary;
  canary.pool = core::PoolIndex{1};
  for (core::SplitPolicy* side : {&route().split.front(), &canary}) {
    side->sticky_by = core::ClientKey::header;
    side->sticky_name = "x-client";
  }
  route().split.push_back(canary);
  std::array<unsigned, 2> taken{};
  for (int i = 0; i < 12; ++i) {
    const std::string fields = "X-Client: " + std::to_string(i) + "\r\n";
    const std::uint32_t side = pool_of(get("/a", fields));
    EXPECT_EQ(pool_of(get("/b", fields)), side);
    ++taken[side];
  }
  EXPECT_GT(taken[0], 0U);
  EXPECT_GT(taken[1], 0U);
}

TEST_P(PipelineAdmission, EqualKeysGoToOneBackend) {
  use_backends(3);
  pool().balance.algorithm = core::Algorithm::maglev;
  pool().balance.hash.on = core::HashKey::header;
  pool().balance.hash.name = "x-user";
  std::array<std::optional<core::BackendIndex>, 4> home{};
  for (int i = 0; i < 12; ++i) {
    pool_of(get("/" + std::to_string(i), "X-User: " + std::to_string(i % 4) + "\r\n"));
    const auto backend = world().ended.back().record.backend;
    if (i < 4) home[i] = backend;
    EXPECT_EQ(backend, home[i % 4]);
  }
}

TEST_P(PipelineAdmission, UnderPressureIdleClientsLeaveWithTheirNextResponse) {
  config.overload.actions = {core::OverloadAction::disable_keepalive};
  Peer& client = client_sends(get());
  answer(0, ok("x"));
  EXPECT_TRUE(response(client).keep_alive);
  client.take();
  world().balancer().on_pressure(world().now(), 900);
  client.send(get());
  run();
  answer(0, ok("y"));
  EXPECT_FALSE(response(client).keep_alive);
  EXPECT_TRUE(client.ended);
}

}  // namespace
}  // namespace evenkeel::net::testing
