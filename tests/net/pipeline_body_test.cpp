// SPDX-License-Identifier: Apache-2.0
//
// Bodies in every framing, in both directions.
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineBody : public PipelineTest {};
INSTANTIATE_PIPELINE(PipelineBody);

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}
std::string chunked_post(std::string_view chunks) {
  return "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks);
}
std::string chunked_ok(std::string_view chunks) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks);
}
std::string in_chunks(std::string_view body, std::size_t size) {
  std::string text;
  char head[32];
  for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
    const std::string_view piece = body.substr(0, size);
    std::snprintf(head, sizeof head, "%zx\r\n", piece.size());
    text += head + std::string(piece) + "\r\n";
  }
  return text + "0\r\n\r\n";
}

TEST_P(PipelineBody, PostWithLengthArrivesWhole) {
  Peer& client = client_sends(post("a body"));
  EXPECT_EQ(request(origin()).body, "a body");
  answer(0, ok("ok"));
  EXPECT_EQ(response(client).body, "ok");
  EXPECT_EQ(world().ended.at(0).bytes_in, 6U);
}

TEST_P(PipelineBody, ChunkedRequestLosesExtensionsAndTrailers) {
  Peer& client = client_sends(
      chunked_post("3;a=b\r\nabc\r\n2;\"q\"\r\nde\r\n0;x\r\nT: railer\r\n\r\n") + get("/2"));
  const Message asked = request(origin());
  EXPECT_TRUE(asked.complete);
  EXPECT_EQ(asked.body, "abcde");
  EXPECT_THAT(origin().received, AllOf(Not(HasSubstr(";")), Not(HasSubstr("railer"))));
  answer(0, ok("1"));
  answer(0, ok("2"));
  EXPECT_EQ(responses(client, 2).size(), 2U);
}

TEST_P(PipelineBody, ChunkedResponseLosesExtensionsAndTrailers) {
  Peer& client = client_sends(get());
  answer(0, chunked_ok("3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-T: railer\r\n\r\n"));
  const Message got = response(client);
  EXPECT_TRUE(got.complete);
  EXPECT_EQ(got.body, "abcde");
  EXPECT_THAT(client.received, AllOf(Not(HasSubstr(";")), Not(HasSubstr("railer"))));
  client.send(get());
  run();
  EXPECT_EQ(world().accepted(), 1U) << "the connection is used again";
}

TEST_P(PipelineBody, BodyUntilCloseBecomesChunked) {
  Peer& client = client_sends(get());
  origin().send("HTTP/1.1 200 OK\r\n\r\nsome");
  run();
  origin().send(" body");
  origin().finish();
  run();
  const Message got = response(client);
  EXPECT_EQ(got.body, "some body");
  EXPECT_TRUE(got.complete);
  EXPECT_THAT(got.head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_FALSE(client.over());
  EXPECT_EQ(counts().backend_connections, 0U);
}

TEST_P(PipelineBody, EmptyBodyUntilCloseIsComplete) {
  Peer& client = client_sends(get());
  origin().send("HTTP/1.1 200 OK\r\n\r\n");
  origin().finish();
  run();
  EXPECT_TRUE(response(client).complete);
  EXPECT_EQ(response(client).body, "");
}

TEST_P(PipelineBody, BodyUntilCloseStaysSoForHttp10) {
  Peer& client = client_sends("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  origin().send("HTTP/1.1 200 OK\r\n\r\nsome body");
  origin().finish();
  run();
  EXPECT_THAT(client.received, AllOf(Not(HasSubstr("chunked")), HasSubstr("Connection: close\r\n"),
                                     EndsWith("\r\n\r\nsome body")));
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineBody, ChunkedResponseIsUnwrappedForHttp10) {
  Peer& client = client_sends("GET / HTTP/1.0\r\n\r\n");
  answer(0, chunked_ok("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
  EXPECT_THAT(client.received, AllOf(Not(HasSubstr("chunked")), EndsWith("\r\n\r\nabcde")));
  EXPECT_TRUE(client.ended);
}

TEST_P(PipelineBody, LargeBodiesPassInEveryFraming) {
  // Larger than the image of a request; byte by byte it takes its time.
  const std::string body = pattern(GetParam().segment < 10 ? 80'000 : 300'000);
  Peer& client = client_sends(post(body));
  EXPECT_EQ(request(origin()).body, body);
  answer(0, ok(body));
  EXPECT_EQ(response(client).body, body);
  client.received.clear();
  origin().received.clear();

  client.send(chunked_post(in_chunks(body, 7919)));
  run();
  EXPECT_EQ(request(origin()).body, body);
  EXPECT_TRUE(request(origin()).complete);
  answer(0, chunked_ok(in_chunks(body, 100'000)));
  EXPECT_EQ(response(client).body, body);
  EXPECT_TRUE(response(client).complete);
  client.received.clear();

  client.send(get());
  run();
  origin().send("HTTP/1.1 200 OK\r\n\r\n" + body);
  origin().finish();
  run();
  EXPECT_EQ(response(client).body, body);
  EXPECT_EQ(world().accepted(), 1U);
}

TEST_P(PipelineBody, ManyTinyChunksPass) {
  const std::string body = pattern(5'000);
  Peer& client = client_sends(chunked_post(in_chunks(body, 1)));
  EXPECT_EQ(request(origin()).body, body);
  answer(0, chunked_ok(in_chunks(body, 1)));
  EXPECT_EQ(response(client).body, body);
}

TEST_P(PipelineBody, BodyThatArrivesInPartsIsForwardedInParts) {
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  run();
  EXPECT_EQ(request(origin()).body, "abc");
  client.send("def");
  run();
  EXPECT_EQ(request(origin()).body, "abcdef");
  client.send("ghi" + get("/next"));
  run();
  EXPECT_EQ(request(origin()).body, "abcdefghi");
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
  run();
  EXPECT_EQ(response(client).body, "ab");
  answer(0, "cd");
  EXPECT_EQ(response(client).body, "abcd");
  EXPECT_EQ(requests(origin()).size(), 2U);
}

TEST_P(PipelineBody, MalformedChunkReachesTheOriginAsACut) {
  Peer& client = connect();
  client.send(chunked_post("3\r\nabc\r\n"));
  run();
  EXPECT_EQ(request(origin()).body, "abc");
  client.send("zz\r\n");
  run();
  EXPECT_FALSE(request(origin()).complete);
  EXPECT_TRUE(origin().failed);
  EXPECT_EQ(response(client).status, 400U);
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(world().ended.at(0).record.status, 400);
}

TEST_P(PipelineBody, MalformedChunkLateInALongBodyReachesTheOriginAsACut) {
  Peer& client = connect();
  client.send(chunked_post(in_chunks(pattern(200'000), 10'000).substr(0, 150'000)));
  run();
  EXPECT_GT(request(origin()).body.size(), 100'000U);
  client.send(std::string(70'000, '!'));
  run();
  EXPECT_FALSE(request(origin()).complete);
  EXPECT_TRUE(origin().failed);
  EXPECT_EQ(response(client).status, 400U);
}

TEST_P(PipelineBody, BodyBeyondTheLimitIsRefused) {
  listener().limits.max_body_bytes = 10;
  Peer& by_length = client_sends(post("12345678901"));
  EXPECT_EQ(response(by_length).status, 413U);
  Peer& in_one = client_sends(chunked_post("b\r\n12345678901\r\n0\r\n\r\n"));
  EXPECT_EQ(response(in_one).status, 413U);
  Peer& fits = client_sends(chunked_post("a\r\n1234567890\r\n0\r\n\r\n"));
  const std::size_t last = world().accepted() - 1;
  answer(last, ok("ok"));
  EXPECT_EQ(response(fits).status, 200U);
  // Refused at its head, refused in its first read, or cut: never complete at an origin.
  for (std::size_t i = 0; i < last; ++i) {
    for (const Message& message : requests(origin(i))) EXPECT_FALSE(message.complete);
  }
}

TEST_P(PipelineBody, GrowingBodyIsCutAtTheLimit) {
  listener().limits.max_body_bytes = 100'000;
  Peer& client = client_sends(chunked_post(in_chunks(pattern(100'001), 1000)));
  EXPECT_EQ(response(client).status, 413U);
  EXPECT_FALSE(request(origin()).complete);
  EXPECT_TRUE(origin().failed);
}

}  // namespace
}  // namespace evenkeel::net::testing
