// SPDX-License-Identifier: Apache-2.0
//
// Requests that go well: one after another, several at once, with and without bodies.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

using core::Method;

class PipelineBasic : public PipelineTest {};
INSTANTIATE_PIPELINE(PipelineBasic);

TEST_P(PipelineBasic, GetIsAnsweredByItsOrigin) {
  Peer& client = client_sends(get("/x?y=1"));
  ASSERT_EQ(world().accepted(), 1U);
  EXPECT_THAT(origin().received, StartsWith("GET /x?y=1 HTTP/1.1\r\nHost: a\r\n"));
  EXPECT_TRUE(request(origin()).complete);
  answer(0, ok("hi", "X-Of: origin\r\n"));
  EXPECT_THAT(client.received, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                                     HasSubstr("X-Of: origin\r\n"), EndsWith("\r\n\r\nhi")));
  ASSERT_EQ(world().ended.size(), 1U);
  EXPECT_EQ(world().ended[0].record.status, 200);
  EXPECT_EQ(world().ended[0].bytes_out, 2U);
  EXPECT_EQ(world().ended[0].target, "/x?y=1");
}

TEST_P(PipelineBasic, RequestCarriesWhatTheProxyAdds) {
  client_sends(get("/", "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"));
  EXPECT_THAT(origin().received,
              AllOf(HasSubstr("X-Forwarded-For: 198.51.100.7, 192.0.2.1\r\n"),
                    HasSubstr("X-Forwarded-Proto: http\r\n"), HasSubstr("X-Forwarded-Host: a\r\n"),
                    HasSubstr("X-Request-ID: "), HasSubstr("Via: ")));
}

TEST_P(PipelineBasic, ConnectionsOnBothSidesAreUsedAgain) {
  Peer& client = connect();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/" + std::to_string(i)));
    run();
    answer(0, ok("answer"));
  }
  EXPECT_EQ(world().accepted(), 1U);
  EXPECT_EQ(requests(origin()).size(), 3U);
  EXPECT_EQ(responses(client, 3).size(), 3U);
  EXPECT_EQ(counts().reuses, 2U);
  EXPECT_EQ(counts().idle_backend_connections, 1U);
  EXPECT_FALSE(client.over());
}

TEST_P(PipelineBasic, IdleBackendConnectionServesAnotherClient) {
  client_sends(get());
  answer(0, ok("1"));
  Peer& second = client_sends(get());
  answer(0, ok("2"));
  EXPECT_EQ(world().accepted(), 1U);
  EXPECT_EQ(response(second).body, "2");
}

TEST_P(PipelineBasic, ConnectionThatServedItsMaximumIsNotUsedAgain) {
  pool().connection_pool.max_reuse = 2;
  Peer& client = connect();
  for (std::size_t i = 0; i < 4; ++i) {
    client.send(get());
    run();
    answer(i / 2, ok("x"));
  }
  EXPECT_EQ(world().accepted(), 2U);
  EXPECT_TRUE(origin(0).ended);
}

TEST_P(PipelineBasic, MoreIdleConnectionsThanAllowedAreClosed) {
  pool().connection_pool.max_idle_per_backend = 1;
  client_sends(get());
  client_sends(get());
  answer(0, ok("x"));
  answer(1, ok("x"));
  EXPECT_EQ(counts().idle_backend_connections, 1U);
  EXPECT_TRUE(origin(1).ended);
}

TEST_P(PipelineBasic, PipelinedRequestsAreAnsweredInOrder) {
  Peer& client = client_sends(get("/1") + post("body", "") + get("/3"));
  EXPECT_EQ(requests(origin()).size(), 1U);
  answer(0, ok("one"));
  answer(0, ok("two"));
  answer(0, ok("three"));
  const auto got = responses(client, 3);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].body + got[1].body + got[2].body, "onetwothree");
  const auto asked = requests(origin());
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[0].target + asked[1].target + asked[2].target, "/1/p/3");
  EXPECT_EQ(asked[1].body, "body");
}

TEST_P(PipelineBasic, ManyPipelinedRequestsAreAllAnswered) {
  std::string all;
  for (int i = 0; i < 200; ++i) all += get("/" + std::to_string(i));
  Peer& client = client_sends(all);
  for (int i = 0; i < 200; ++i) answer(0, ok(std::to_string(i)));
  const auto got = responses(client, 200);
  ASSERT_EQ(got.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)].body, std::to_string(i));
}

// Each is answered before the next is read, and nothing but the first brings readiness.
TEST_P(PipelineBasic, RequestsRejectedAtOnceFollowEachOther) {
  world().fail_connects(1'000'000);
  std::string all;
  for (int i = 0; i < 3'000; ++i) all += get("/x");
  Peer& client = connect();
  client.send(all);
  run();
  EXPECT_EQ(responses(client, 3'000).size(), 3'000U);
}

TEST_P(PipelineBasic, EndBehindARequestRejectedAtOnceIsNoticed) {
  world().fail_connects(1'000'000);
  Peer& client = connect();
  client.send(get());
  client.finish();
  run();
  EXPECT_EQ(response(client).status, 503U);
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineBasic, NothingAfterConnectionCloseIsExecuted) {
  Peer& client = client_sends(get("/1", "Connection: close\r\n") + get("/2"));
  answer(0, ok("one"));
  EXPECT_EQ(response(client).body, "one");
  EXPECT_THAT(client.received, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(requests(origin()).size(), 1U);
  EXPECT_EQ(world().ended.size(), 1U);
}

TEST_P(PipelineBasic, ClientThatAsksForTheEndIsClosedAtOnce) {
  Peer& client = client_sends(get("/", "Connection: close\r\n"));
  answer(0, ok("one"));
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineBasic, BodilessResponsesEndWithTheirHead) {
  Peer& client =
      client_sends("HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n" + get("/2") + get("/3") + get("/4"));
  answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  answer(0, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");
  answer(0, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  answer(0, ok("last"));
  const Messages got = http1::testing::read_responses(
      client.received, {Method::head, Method::get, Method::get, Method::get}, false);
  EXPECT_EQ(got.error, "");
  ASSERT_EQ(got.all.size(), 4U) << client.received;
  EXPECT_EQ(got.all[3].body, "last");
  EXPECT_THAT(got.all[0].head, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(got.all[1].head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(world().accepted(), 1U);
}

TEST_P(PipelineBasic, Http10ClientIsClosedUnlessItAskedForMore) {
  Peer& plain = client_sends("GET / HTTP/1.0\r\n\r\n");
  answer(0, ok("hi"));
  EXPECT_EQ(response(plain).body, "hi");
  EXPECT_TRUE(plain.ended);
  EXPECT_THAT(origin().received, HasSubstr("Host: 127.0.0.1"));

  Peer& keeping = client_sends("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  answer(0, ok("hi"));
  EXPECT_THAT(keeping.received, HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_FALSE(keeping.over());
}

TEST_P(PipelineBasic, ConnectionThatTheOriginClosesIsNotUsedAgain) {
  Peer& client = client_sends(get());
  answer(0, ok("hi", "Connection: close\r\n"));
  EXPECT_EQ(response(client).body, "hi");
  EXPECT_FALSE(client.over());
  EXPECT_TRUE(origin().ended) << "closed in good order";
  client.send(get());
  run();
  EXPECT_EQ(world().accepted(), 2U);
}

TEST_P(PipelineBasic, FieldsOfOneHopDoNotPass) {
  Peer& client = client_sends(get("/", "Connection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n"));
  EXPECT_THAT(origin().received, AllOf(Not(HasSubstr("X-Mine")), Not(HasSubstr("Keep-Alive"))));
  answer(0, ok("hi", "Connection: X-Theirs\r\nX-Theirs: 1\r\nKeep-Alive: 5\r\n"));
  EXPECT_THAT(client.received, AllOf(Not(HasSubstr("X-Theirs")), Not(HasSubstr("Keep-Alive"))));
}

TEST_P(PipelineBasic, RequestsOfBackendsTakeTurns) {
  use_backends(3);
  for (int i = 0; i < 6; ++i) client_sends(get());
  std::array<int, 3> served{};
  for (std::size_t i = 0; i < world().accepted(); ++i) ++served[origin(i).backend];
  EXPECT_EQ(served, (std::array<int, 3>{2, 2, 2}));
}

TEST_P(PipelineBasic, LongAuthorityOfTargetIsForwarded) {
  const std::string host(2000, 'h');
  client_sends("GET http://" + host + "/ HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(world().accepted(), 1U);
  EXPECT_THAT(origin().received, AllOf(HasSubstr("Host: " + host + "\r\n"),
                                       HasSubstr("X-Forwarded-Host: " + host + "\r\n")));
}

}  // namespace
}  // namespace evenkeel::net::testing
