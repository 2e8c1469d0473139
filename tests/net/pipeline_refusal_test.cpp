// SPDX-License-Identifier: Apache-2.0
//
// Requests that the proxy answers itself: with a status, a sentence, and the end of the connection.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineRefusal : public PipelineTest {
 protected:
  // The client was told why, in good order, and no origin heard of it.
  void expect_refused(std::string_view bytes, unsigned status, std::string_view cause) {
    const std::size_t before = world().accepted();
    Peer& client = client_sends(bytes);
    const Message got = response(client);
    EXPECT_EQ(got.status, status) << bytes;
    EXPECT_TRUE(got.complete);
    EXPECT_THAT(got.body, HasSubstr(cause));
    EXPECT_THAT(got.head, AllOf(HasSubstr("Connection: close\r\n"), HasSubstr("Date: ")));
    EXPECT_TRUE(client.ended);
    EXPECT_FALSE(client.failed) << "a reset could overtake the answer";
    EXPECT_EQ(world().accepted(), before);
    EXPECT_EQ(world().refused.back().status, status);
    client.finish();
    run();
    EXPECT_EQ(counts().client_connections, 0U);
  }
};
INSTANTIATE_PIPELINE(PipelineRefusal);

TEST_P(PipelineRefusal, NamesItsCause) {
  listener().limits.max_body_bytes = 100;
  config.routes[0].match.path_prefix = "/in";
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400, "white space follows");
  expect_refused(get("/out"), 404, "no route matches");
  expect_refused("POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 413, "larger");
  expect_refused("GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414,
                 "too long");
  expect_refused(get("/in", "X: " + std::string(70'000, 'x') + "\r\n"), 431, "too large");
  expect_refused("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, "CONNECT");
  expect_refused("GET /in HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1");
}

TEST_P(PipelineRefusal, LeftoverInputIsNeverARequest) {
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n" + get("/smuggled"), 400, "");
}

TEST_P(PipelineRefusal, AnswerToHeadHasNoBody) {
  config.routes[0].match.path_prefix = "/in";
  Peer& client = client_sends("HEAD /out HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.received, AllOf(StartsWith("HTTP/1.1 404 "), EndsWith("\r\n\r\n")));
}

TEST_P(PipelineRefusal, AnswerSurvivesInputThatIsNeverRead) {
  listener().limits.max_body_bytes = 1'000;
  Peer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" +
              std::string(100'000, 'x'));
  run();
  EXPECT_EQ(response(client).status, 413U);
  EXPECT_TRUE(client.ended);
  EXPECT_FALSE(client.failed);
}

TEST_P(PipelineRefusal, AnswerThatDoesNotFitItsWindowIsStillDelivered) {
  options.client_link.window = 60;
  Peer& client = connect();
  client.pause();
  client.send("GARBAGE\r\n\r\n");
  run();
  client.resume();
  run();
  const Message got = response(client);
  EXPECT_EQ(got.status, 400U);
  EXPECT_TRUE(got.complete);
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineRefusal, EndlessInputAfterARefusalIsCutOff) {
  Peer& client = client_sends("GARBAGE\r\n\r\n");
  for (int i = 0; i < 60; ++i) client.send(std::string(5'000, 'x'));
  EXPECT_EQ(counts().client_connections, 1U);
  run();
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineRefusal, MaxForwardsEndsHere) {
  Peer& asked = client_sends("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n");
  EXPECT_EQ(response(asked).status, 200U);
  Peer& traced = client_sends("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n");
  EXPECT_THAT(traced.received, StartsWith("HTTP/1.1 405 "));
  EXPECT_EQ(world().accepted(), 0U);
  client_sends("OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n");
  EXPECT_THAT(origin().received, HasSubstr("Max-Forwards: 2\r\n"));
}

TEST_P(PipelineRefusal, ConnectionsBeyondTheLimitAreTurnedAway) {
  listener().max_connections = 2;
  Peer& first = connect();
  Peer& second = connect();
  run();
  Peer& third = connect();
  run();
  EXPECT_TRUE(third.failed);
  EXPECT_FALSE(first.over() || second.over());
  EXPECT_EQ(counts().client_connections, 2U);
  first.finish();
  run();
  Peer& fourth = client_sends(get());
  answer(0, ok("served"));
  EXPECT_EQ(response(fourth).body, "served");
}

TEST_P(PipelineRefusal, RoutesPickTheirPool) {
  config.pools.push_back(config.pools[0]);
  config.pools[1].name = "other";
  core::RoutePolicy route = config.routes[0];
  route.name = "other";
  route.match.hosts = {"b"};
  route.split.front().pool = core::PoolIndex{1};
  config.routes.insert(config.routes.begin(), route);
  client_sends("GET / HTTP/1.1\r\nHost: B:80\r\n\r\n");
  answer(0, ok("x"));
  client_sends(get());
  answer(1, ok("x"));
  EXPECT_EQ(index(world().ended.at(0).record.pool), 1U);
  EXPECT_EQ(index(world().ended.at(1).record.pool), 0U);
}

}  // namespace
}  // namespace evenkeel::net::testing
