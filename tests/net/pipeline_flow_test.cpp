// SPDX-License-Identifier: Apache-2.0
//
// Streaming with bounded memory: who is slow slows the other side down, however small the windows
// are, and nothing is left waiting when there is room again.
#include <algorithm>

#include "evenkeel/net/context.h"
#include "evenkeel/net/recode.h"
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

// What one direction may hold: one read, and the head or the framing that was written around it.
constexpr std::uint64_t kOneRead = kReadBytes + kHeadroom;

struct Windows {
  const char* name;
  std::size_t client;
  std::size_t backend;
};

class PipelineFlow : public PipelineTest {
 protected:
  // Runs to the end of what is due, in steps, and notes the most that was ever held.
  void run_watching() {
    run();
    most_ = std::max(most_, counts().buffered_bytes);
  }
  std::uint64_t most_ = 0;
};
INSTANTIATE_PIPELINE(PipelineFlow);

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}
std::string head_of(std::string_view framing) {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string(framing) + "\r\n\r\n";
}
std::string one_chunk(std::string_view body) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  return size + std::string(body) + "\r\n0\r\n\r\n";
}

TEST_P(PipelineFlow, WindowsOfEverySizeLetEverythingThrough) {
  const std::string body = pattern(3'000);
  for (const Windows windows : {Windows{"tiny", 1, 1}, Windows{"client", 1, 5'000},
                                Windows{"backend", 5'000, 1}, Windows{"odd", 7, 13}}) {
    SCOPED_TRACE(windows.name);
    for (const bool chunked : {false, true}) {
      MemoryWorld::Options small = options;
      small.cut = GetParam().cut;
      small.client_link = {{}, windows.client, GetParam().segment};
      small.backend_link = {{}, windows.backend, GetParam().segment};
      MemoryWorld world(small, config);
      Peer& client = world.connect();
      client.send(chunked ? head_of("Transfer-Encoding: chunked") + one_chunk(body)
                          : head_of("Content-Length: 3000") + body);
      world.run();
      ASSERT_EQ(world.accepted(), 1U);
      EXPECT_EQ(request(world.origin(0)).body, body);
      EXPECT_TRUE(request(world.origin(0)).complete);
      world.origin(0).send(chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                         one_chunk(body)
                                   : ok(body));
      world.run();
      EXPECT_EQ(response(client).body, body);
      EXPECT_TRUE(response(client).complete);
      EXPECT_EQ(world.pipeline().counts().idle_backend_connections, 1U);
      EXPECT_EQ(world.pipeline().counts().buffered_bytes, 0U);
    }
  }
}

TEST_P(PipelineFlow, TunnelPassesThroughAWindowOfOneByte) {
  options.client_link.window = options.backend_link.window = 1;
  Peer& client = client_sends(get("/", "Connection: upgrade\r\nUpgrade: x\r\n") + pattern(50));
  origin().send("HTTP/1.1 101 Ok\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + pattern(500));
  client.send(pattern(500).substr(50));
  run();
  EXPECT_THAT(origin().received, EndsWith("\r\n\r\n" + pattern(500)));
  EXPECT_THAT(client.received, EndsWith("\r\n\r\n" + pattern(500)));
  client.finish();
  origin().finish();
  run();
  EXPECT_EQ(counts().client_connections, 0U);
}

TEST_P(PipelineFlow, ClientThatDoesNotReadHoldsOneReadOfTheResponse) {
  options.client_link.window = options.backend_link.window = 1'000;
  for (const std::string& head : {std::string("Content-Length: 500000\r\n"),
                                  std::string("Transfer-Encoding: chunked\r\n"), std::string()}) {
    Peer& client = connect();
    client.pause();
    client.send(get());
    run();
    Peer& last = origin(world().accepted() - 1);
    last.send("HTTP/1.1 200 OK\r\n" + head + "\r\n");
    last.send(head.empty() || head[0] == 'C' ? pattern(500'000) : one_chunk(pattern(500'000)));
    run_watching();
    EXPECT_GT(last.unsent(), 400'000U) << "the origin is slowed down";
    client.abort();
    run();
  }
  EXPECT_GT(most_, 0U);
  EXPECT_LE(most_, kOneRead);
}

TEST_P(PipelineFlow, WideWindowsReachTheBoundAndNoMore) {
  options.client_link.window = 1'000;  // of the backend's there is no end
  Peer& client = connect();
  client.pause();
  client.send(get());
  run();
  origin().send(ok(pattern(500'000)));
  run_watching();
  if (GetParam().segment == sim::kNoLimit && !GetParam().cut) {
    EXPECT_GE(most_, kReadBytes - 1'000);
  }
  EXPECT_LE(most_, kOneRead);
  client.resume();
  run();
  EXPECT_EQ(response(client).body, pattern(500'000));
}

// More than one turn's worth, all of it there at once: nobody else's readiness helps it along.
TEST_P(PipelineFlow, BodiesOfManyTurnsPass) {
  if (GetParam().segment != sim::kNoLimit || GetParam().cut) return;
  const std::string body = pattern(5'000'000);
  for (const bool chunked : {false, true}) {
    Peer& client = client_sends(chunked ? head_of("Transfer-Encoding: chunked") + one_chunk(body)
                                        : head_of("Content-Length: 5000000") + body);
    EXPECT_TRUE(requests(origin()).back().body == body);
    answer(0, chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + one_chunk(body)
                      : ok(body));
    EXPECT_TRUE(response(client).body == body);
    client.abort();
    run();
  }
}

TEST_P(PipelineFlow, TunnelsOfManyTurnsPass) {
  if (GetParam().segment != sim::kNoLimit || GetParam().cut) return;
  const std::string much = pattern(3'000'000);
  Peer& client = client_sends(get("/", "Connection: upgrade\r\nUpgrade: x\r\n"));
  answer(0, "HTTP/1.1 101 Ok\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  client.take();
  origin().take();
  client.send(much);
  run();
  EXPECT_TRUE(origin().received == much);
  origin().send(much);
  run();
  EXPECT_TRUE(client.received == much);
}

TEST_P(PipelineFlow, ListenerMayHoldLess) {
  listener().limits.max_buffered_bytes = 4'096;
  options.client_link.window = 1'000;
  Peer& client = connect();
  client.pause();
  client.send(get());
  run();
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n");
  run();
  client.resume();
  run();
  client.pause();
  origin().send(pattern(500'000));
  run_watching();
  EXPECT_LE(most_, 4'096U);
  client.resume();
  run();
  EXPECT_EQ(response(client).body, pattern(500'000));
}

TEST_P(PipelineFlow, OriginThatDoesNotReadHoldsOneReadOfTheUpload) {
  options.client_link.window = options.backend_link.window = 1'000;
  for (const bool chunked : {false, true}) {
    Peer& client = connect();
    client.send(head_of(chunked ? "Transfer-Encoding: chunked" : "Content-Length: 500000"));
    run();
    Peer& last = origin(world().accepted() - 1);
    last.pause();
    client.send(chunked ? one_chunk(pattern(500'000)) : pattern(500'000));
    run_watching();
    EXPECT_GT(client.unsent(), 300'000U) << "the client is slowed down";
    last.resume();
    run_watching();
    EXPECT_EQ(request(last).body, pattern(500'000));
    client.abort();
    run();
  }
  EXPECT_LE(most_, pool().retry.buffer_limit + kOneRead);
}

TEST_P(PipelineFlow, SmallImageIsABoundToo) {
  pool().retry.buffer_limit = 5'000;
  options.client_link.window = options.backend_link.window = 1'000;
  Peer& client = connect();
  client.send(head_of("Transfer-Encoding: chunked"));
  run();
  origin().pause();
  client.send(one_chunk(pattern(100'000)));
  run_watching();
  EXPECT_GT(most_, 2'000U);
  EXPECT_LE(most_, 5'000 + kHeadroom);
  origin().resume();
  run();
  EXPECT_EQ(request(origin()).body, pattern(100'000));
}

TEST_P(PipelineFlow, PipelinedInputIsBounded) {
  options.client_link.window = 1'000;
  Peer& client = client_sends(get());
  std::string many;
  for (int i = 0; i < 5'000; ++i) many += get("/x");
  client.send(many);
  run_watching();
  EXPECT_GT(most_, 10'000U);
  EXPECT_LE(most_, 17'000U);
  EXPECT_GT(client.unsent(), 100'000U);
  end_world();
}

TEST_P(PipelineFlow, InterimResponsesToAClientThatDoesNotReadAreBounded) {
  options.client_link.window = 100;
  Peer& client = connect();
  client.pause();
  client.send(get());
  run();
  for (int i = 0; i < 16; ++i) {
    origin().send("HTTP/1.1 103 Early\r\nX: " + std::string(50'000, 'x') + "\r\n\r\n");
  }
  run_watching();
  EXPECT_LE(most_, 2 * kOneRead);
  origin().send(ok("end"));
  client.resume();
  run();
  EXPECT_EQ(responses(client).back().body, "end");
}

TEST_P(PipelineFlow, BothDirectionsStreamAtOnce) {
  options.client_link.window = options.backend_link.window = 2'000;
  const std::string body = pattern(200'000);
  Peer& client = connect();
  client.send(head_of("Content-Length: 200000") + body);
  run();
  origin().send(ok(body));
  run();
  EXPECT_EQ(request(origin()).body, body);
  EXPECT_EQ(response(client).body, body);
}

// The origin sends back what it hears while the request is still under way.
TEST_P(PipelineFlow, EchoNeverDeadlocks) {
  options.client_link.window = options.backend_link.window = 500;
  const std::string body = pattern(50'000);
  Peer& client = connect();
  client.send(head_of("Content-Length: 50000"));
  run();
  origin().take();
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n");
  for (std::size_t at = 0; at < body.size(); at += 1'000) {
    client.send(std::string_view(body).substr(at, 1'000));
    run();
    origin().send(origin().take());
    run();
  }
  EXPECT_EQ(response(client).body, body);
  EXPECT_TRUE(response(client).complete);
}

TEST_P(PipelineFlow, LinksWithDelayCarryLongBodies) {
  options.client_link.delay.latency = 10ms;
  options.client_link.delay.jitter = 3ms;
  options.client_link.window = 4'000;
  options.backend_link.delay.latency = 1ms;
  options.backend_link.window = 3'000;
  const std::string body = pattern(60'000);
  Peer& client = connect();
  client.send(head_of("Content-Length: 60000") + body);
  advance(5s);
  EXPECT_EQ(request(origin()).body, body);
  origin().send(ok(body));
  advance(5s);
  EXPECT_EQ(response(client).body, body);
}

}  // namespace
}  // namespace evenkeel::net::testing
