// SPDX-License-Identifier: Apache-2.0
//
// Origins that break off, say too much, or do not speak HTTP.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineOrigin : public PipelineTest {};
INSTANTIATE_PIPELINE(PipelineOrigin);

TEST_P(PipelineOrigin, BodyCutShortOfItsLengthIsACutForTheClient) {
  Peer& client = client_sends(get());
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  origin().finish();
  run();
  EXPECT_FALSE(response(client).complete);
  EXPECT_TRUE(client.failed);
  EXPECT_TRUE(has(world().ended.at(0).record.flags, core::Flag::response_aborted));
  EXPECT_EQ(counts().backend_connections, 0U);
}

TEST_P(PipelineOrigin, ChunkedBodyCutIsACutForTheClient) {
  for (const std::string_view sent : {"3\r\nabc\r\n", "3\r\nab", "3\r\nabc\r\n0\r\n", "", "3"}) {
    Peer& client = client_sends(get());
    const std::size_t last = world().accepted() - 1;
    origin(last).send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(sent));
    origin(last).finish();
    run();
    EXPECT_FALSE(response(client).complete) << sent;
    EXPECT_TRUE(client.failed) << sent;
  }
}

TEST_P(PipelineOrigin, ResetOfABodyUntilCloseIsACutForTheClient) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\n\r\nabc");
  origin().abort();
  run();
  EXPECT_FALSE(response(client).complete);
  EXPECT_TRUE(client.failed);

  Peer& old = client_sends("GET / HTTP/1.0\r\n\r\n");
  answer(1, "HTTP/1.1 200 OK\r\n\r\nabc");
  origin(1).abort();
  run();
  EXPECT_TRUE(old.failed) << "an end in good order would look complete";
}

TEST_P(PipelineOrigin, MalformedChunkIsACutForTheClient) {
  Peer& client = client_sends(get());
  answer(0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n");
  EXPECT_FALSE(response(client).complete);
  EXPECT_EQ(response(client).body, "abc");
  EXPECT_TRUE(client.failed);
  EXPECT_TRUE(origin().failed);
}

TEST_P(PipelineOrigin, CutChunkedBodyIsACutForHttp10) {
  Peer& client = client_sends("GET / HTTP/1.0\r\n\r\n");
  origin().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  origin().finish();
  run();
  EXPECT_TRUE(client.failed);
}

TEST_P(PipelineOrigin, BytesBeyondAResponseCloseItsConnection) {
  for (const std::string& response_bytes :
       {ok("hi") + "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npoison!", ok("hi") + "x",
        std::string(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\r\n"),
        std::string("HTTP/1.1 204 No\r\n\r\nx")}) {
    Peer& client = client_sends(get());
    const std::size_t last = world().accepted() - 1;
    answer(last, response_bytes);
    EXPECT_TRUE(response(client).complete);
    EXPECT_EQ(counts().backend_connections, 0U) << response_bytes;
    EXPECT_TRUE(origin(last).over());
    client.take();
    client.send(get());
    run();
    ASSERT_EQ(world().accepted(), last + 2);
    answer(last + 1, ok("clean", "Connection: close\r\n"));
    EXPECT_EQ(response(client).body, "clean");
  }
}

// The last read takes exactly the rest of the body: what follows it is still in the stream.
TEST_P(PipelineOrigin, BytesBeyondALongResponseCloseItsConnection) {
  Peer& client = client_sends(get());
  answer(0, ok(std::string(200'000, 'x')) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(response(client).body.size(), 200'000U);
  EXPECT_EQ(counts().backend_connections, 0U);
  EXPECT_TRUE(origin().over());
}

TEST_P(PipelineOrigin, EndRightAfterAResponseIsNoticedBeforeReuse) {
  Peer& client = client_sends(get());
  origin().send(ok("hi"));
  origin().finish();
  run();
  EXPECT_EQ(counts().backend_connections, 0U);
  client.take();
  client.send(post("x"));
  run();
  ASSERT_EQ(world().accepted(), 2U);
  answer(1, ok("fresh"));
  EXPECT_EQ(response(client).body, "fresh");
}

TEST_P(PipelineOrigin, BytesOnAnIdleConnectionCloseIt) {
  client_sends(get());
  answer(0, ok("hi"));
  EXPECT_EQ(counts().idle_backend_connections, 1U);
  answer(0, "HTTP/1.1 408 Request Timeout\r\n\r\n");
  EXPECT_EQ(counts().backend_connections, 0U);
  EXPECT_TRUE(origin().over());
}

TEST_P(PipelineOrigin, AnswerOfRubbishIs502) {
  for (const std::string_view bytes :
       {"<html>hello</html>", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "\r\n"}) {
    Peer& client = client_sends(get());
    const std::size_t last = world().accepted() - 1;
    answer(last, bytes);
    const Message got = response(client);
    EXPECT_EQ(got.status, 502U) << bytes;
    EXPECT_THAT(got.body, HasSubstr("not valid HTTP"));
    EXPECT_TRUE(origin(last).failed);
    EXPECT_FALSE(client.over());
  }
}

TEST_P(PipelineOrigin, EndlessHeadIs502) {
  Peer& client = client_sends(get());
  origin().send("HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 1'000 && !origin().over(); ++i) {
    answer(0, "X-Field-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n");
  }
  EXPECT_TRUE(origin().failed);
  EXPECT_EQ(response(client).status, 502U);
}

TEST_P(PipelineOrigin, EndWithoutAnAnswerIs502ForPost) {
  Peer& client = client_sends(post("x"));
  origin().finish();
  run();
  EXPECT_EQ(response(client).status, 502U);
}

TEST_P(PipelineOrigin, AnswerBeforeTheRequestArrivedCounts) {
  options.backend_link.delay.latency = 5ms;
  Peer& client = client_sends(get());
  advance(5ms);  // connected at the origin, the request is not there yet
  ASSERT_EQ(world().accepted(), 1U);
  EXPECT_EQ(origin().received, "");
  origin().send("HTTP/1.1 503 Full\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  origin().finish();
  advance(20ms);
  EXPECT_EQ(response(client).status, 503U);
}

}  // namespace
}  // namespace evenkeel::net::testing
