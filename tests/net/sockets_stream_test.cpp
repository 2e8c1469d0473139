// SPDX-License-Identifier: Apache-2.0
//
// The socket driver against the kernel: what it makes of edges, ends, resets and refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "evenkeel/net/sockets/listener.h"
#include "evenkeel/net/sockets/reactor.h"
#include "evenkeel/net/sockets/socket_stream.h"
#include "net/socket_world.h"
#include "runtime/sanitizers.h"

namespace evenkeel::test {
namespace {

using net::Io;
using net::SocketStream;
using ::testing::HasSubstr;

// Counts calls and does what the test says.
class Owner final : public net::StreamOwner {
 public:
  void on_ready(core::Instant) override {
    ++calls;
    if (then) then();
  }
  int calls = 0;
  std::function<void()> then;
};

class SocketStreamTest : public ::testing::Test {
 protected:
  // A connected stream and the test's end of it.
  std::unique_ptr<RawSocket> pair_with(std::unique_ptr<SocketStream>& stream) {
    stream = SocketStream::connect(reactor, address(), peer);
    stream->set_owner(&owner);
    while (stream->connecting()) reactor.turn(1000);
    auto raw = listener.accept();
    EXPECT_NE(raw, nullptr);
    owner.calls = 0;
    return raw;
  }
  net::Address address() { return *net::literal_address({"127.0.0.1", listener.port}); }
  // Turns until the owner was called or nothing came for a while.
  void wait_ready() {
    for (int before = owner.calls; owner.calls == before;) {
      ASSERT_GT(reactor.turn(5000), 0U);
    }
  }
  static std::string read(net::Stream& stream, std::size_t size = 100) {
    std::string bytes(size, '\0');
    const net::IoResult result = stream.try_read(bytes);
    bytes.resize(result.bytes);
    return bytes;
  }
  static Io io_of_read(net::Stream& stream) {
    std::array<char, 100> buffer;
    return stream.try_read(buffer).io;
  }

  RawListener listener;
  net::Reactor reactor;
  net::Peer peer;
  Owner owner;
};

TEST_F(SocketStreamTest, ARefusedConnectFailsByReadiness) {
  std::uint16_t closed_port = 0;
  {
    RawListener gone;
    closed_port = gone.port;
  }
  auto stream =
      SocketStream::connect(reactor, *net::literal_address({"127.0.0.1", closed_port}), peer);
  ASSERT_NE(stream, nullptr);
  stream->set_owner(&owner);
  wait_ready();
  EXPECT_FALSE(stream->connecting());
  EXPECT_EQ(io_of_read(*stream), Io::failed);
  EXPECT_EQ(stream->try_write(std::string("x")).io, Io::failed);
  EXPECT_EQ(peer.connect_failures, 1U);
}

TEST_F(SocketStreamTest, BytesGoBothWaysAndEndsAreSeen) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  EXPECT_EQ(io_of_read(*stream), Io::would_block);
  raw->send("hello");
  wait_ready();
  EXPECT_EQ(read(*stream), "hello");
  EXPECT_EQ(io_of_read(*stream), Io::would_block);
  EXPECT_EQ(stream->try_write(std::string("world")).bytes, 5U);
  raw->step();
  EXPECT_EQ(raw->received, "world");
  raw->shutdown();
  wait_ready();
  EXPECT_EQ(io_of_read(*stream), Io::end);
  EXPECT_EQ(stream->try_write(std::string("still")).bytes, 5U);
  stream->shutdown();
  raw->step();
  EXPECT_EQ(raw->received, "worldstill");
  EXPECT_TRUE(raw->ended);
}

// One edge announces both; a short read must not hide the end.
TEST_F(SocketStreamTest, BytesAndEndThatArriveTogetherAreBothRead) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  raw->send("last words");
  raw->shutdown();
  wait_ready();
  EXPECT_EQ(read(*stream), "last words");
  EXPECT_EQ(io_of_read(*stream), Io::end);
  EXPECT_EQ(io_of_read(*stream), Io::end);
}

// The end arrives after the bytes' edge was delivered: it has an edge of its own.
TEST_F(SocketStreamTest, AnEndAfterTheBytesIsAnnounced) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  raw->send("bytes");
  wait_ready();
  raw->shutdown();
  EXPECT_EQ(read(*stream), "bytes");
  wait_ready();
  EXPECT_EQ(io_of_read(*stream), Io::end);
}

TEST_F(SocketStreamTest, ALongMessageIsReadInPiecesWithoutAnotherEdge) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  raw->send(std::string(1000, 'x'));
  wait_ready();
  std::string all;
  for (std::string piece; !(piece = read(*stream, 7)).empty();) all += piece;
  EXPECT_EQ(all, std::string(1000, 'x'));
}

TEST_F(SocketStreamTest, AResetFails) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  raw->reset();
  wait_ready();
  EXPECT_EQ(io_of_read(*stream), Io::failed);
}

TEST_F(SocketStreamTest, AnAbortResetsThePeer) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  stream->abort();
  raw->step();
  EXPECT_TRUE(raw->failed);
  EXPECT_EQ(io_of_read(*stream), Io::failed);
  EXPECT_EQ(peer.open, 0U);
}

TEST_F(SocketStreamTest, DestroyingAStreamAbortsIt) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  stream.reset();
  raw->step();
  EXPECT_TRUE(raw->failed);
}

TEST_F(SocketStreamTest, ACloseDeliversWhatWasWritten) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  EXPECT_EQ(stream->try_write(std::string("bye")).bytes, 3U);
  stream->close();
  EXPECT_EQ(stream->try_write(std::string("x")).io, Io::failed);
  raw->step();
  EXPECT_EQ(raw->received, "bye");
  EXPECT_TRUE(raw->ended);
}

// A backend may answer early and close while we still send.
TEST_F(SocketStreamTest, AnEarlyAnswerIsReadAfterAFailedWriteAndTheEndIsNotTrusted) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  EXPECT_EQ(stream->try_write(std::string("request")).bytes, 7U);
  raw->send("answer");
  raw->close();  // with input unread: a reset follows the answer
  reactor.turn(1000);
  while (stream->try_write(std::string("more")).io == Io::done) reactor.turn(10);
  EXPECT_EQ(read(*stream), "answer");
  EXPECT_EQ(io_of_read(*stream), Io::failed);
}

TEST_F(SocketStreamTest, WritingStopsWhenTheKernelIsFullAndGoesOnAfterAnEdge) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  const std::string block(1 << 20, 'x');
  std::size_t written = 0;
  for (net::IoResult result; (result = stream->try_write(block)).io == Io::done;) {
    written += result.bytes;
  }
  owner.calls = 0;
  while (raw->received.size() < written) {
    raw->step();
    reactor.turn(0);
  }
  if (owner.calls == 0) wait_ready();
  EXPECT_EQ(stream->try_write(std::string("y")).bytes, 1U);
}

TEST_F(SocketStreamTest, AWokenStreamHearsOnceInTheNextTurn) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  reactor.turn(0);
  owner.calls = 0;
  stream->wake();
  stream->wake();
  EXPECT_TRUE(reactor.wants_turn());
  reactor.turn(0);
  EXPECT_EQ(owner.calls, 1);
  reactor.turn(0);
  EXPECT_EQ(owner.calls, 1);
}

TEST_F(SocketStreamTest, AStreamMayBeDestroyedInItsOwnEvent) {
  std::unique_ptr<SocketStream> stream;
  auto raw = pair_with(stream);
  owner.then = [&] { stream.reset(); };
  raw->send("x");
  wait_ready();
  EXPECT_EQ(stream, nullptr);
  EXPECT_EQ(peer.open, 0U);
}

// Both have an event in the batch; the first to be told destroys both, and opens new ones that get
// the same descriptors.
TEST_F(SocketStreamTest, EventsOfADestroyedStreamReachNobody) {
  std::unique_ptr<SocketStream> one;
  std::unique_ptr<SocketStream> two;
  auto raw_one = pair_with(one);
  auto raw_two = pair_with(two);
  reactor.turn(0);
  Owner newcomer;
  std::unique_ptr<SocketStream> three;
  owner.then = [&] {
    if (three) return;
    one.reset();
    two.reset();
    three = SocketStream::connect(reactor, address(), peer);
    three->set_owner(&newcomer);
  };
  owner.calls = 0;
  raw_one->send("x");
  raw_two->send("x");
  EXPECT_EQ(reactor.turn(1000), 2U);
  EXPECT_EQ(owner.calls, 1);
  EXPECT_EQ(newcomer.calls, 0);
}

class AcceptorTest : public ::testing::Test, public net::Acceptor::Handler {
 protected:
  AcceptorTest() : socket(std::move(*net::ListeningSocket::open({"127.0.0.1", 0}, false))) {
    port = port_of(socket.address());
  }
  void on_connection(core::Instant, std::uint32_t, std::unique_ptr<net::Stream> stream,
                     const net::Address& client) override {
    streams.push_back(std::move(stream));
    clients.push_back(net::host_text(client));
  }

  net::Reactor reactor;
  net::Peer peer;
  net::ListeningSocket socket;
  std::uint16_t port = 0;
  std::vector<std::unique_ptr<net::Stream>> streams;
  std::vector<std::string> clients;
};

TEST_F(AcceptorTest, ConnectionsBeyondTheLimitAreClosedAtOnce) {
  net::Acceptor acceptor(reactor, std::move(socket), 0, 2, peer, *this);
  std::vector<std::unique_ptr<RawSocket>> raws;
  for (int i = 0; i < 3; ++i) raws.push_back(RawSocket::connect(port));
  reactor.turn(1000);
  EXPECT_EQ(streams.size(), 2U);
  EXPECT_EQ(clients, (std::vector<std::string>{"127.0.0.1", "127.0.0.1"}));
  EXPECT_EQ(acceptor.counts().over_limit, 1U);
  raws[2]->step();
  EXPECT_TRUE(raws[2]->over());
  streams.pop_back();  // one leaves, one may come
  raws.push_back(RawSocket::connect(port));
  reactor.turn(1000);
  EXPECT_EQ(streams.size(), 2U);
  streams.clear();
}

TEST_F(AcceptorTest, AFloodIsAcceptedOverSeveralTurns) {
  net::Acceptor acceptor(reactor, std::move(socket), 0, 1000, peer, *this);
  std::vector<std::unique_ptr<RawSocket>> raws;
  for (int i = 0; i < 300; ++i) raws.push_back(RawSocket::connect(port));
  reactor.turn(1000);
  EXPECT_LT(streams.size(), 300U);
  EXPECT_TRUE(reactor.wants_turn());
  for (int i = 0; i < 10; ++i) reactor.turn(0);
  EXPECT_EQ(streams.size(), 300U);
  streams.clear();
}

TEST_F(AcceptorTest, RunningOutOfDescriptorsPausesUntilRetried) {
  // To look at an object's type, that sanitizer opens a pipe; without one it reports the object.
  if (test::kUndefinedBehaviourSanitizer) GTEST_SKIP() << "this build needs descriptors itself";
  net::Acceptor acceptor(reactor, std::move(socket), 0, 1000, peer, *this);
  auto raw = RawSocket::connect(port);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);
  reactor.turn(1000);
  EXPECT_EQ(streams.size(), 0U);
  EXPECT_EQ(acceptor.counts().out_of_resources, 1U);
  EXPECT_EQ(reactor.turn(0), 0U) << "it spins";
  acceptor.retry({});
  EXPECT_EQ(acceptor.counts().out_of_resources, 2U);
  ::setrlimit(RLIMIT_NOFILE, &before);
  acceptor.retry({});
  EXPECT_EQ(streams.size(), 1U);
  streams.clear();
}

TEST_F(AcceptorTest, WhoComesWhileItIsOffWaitsInTheBacklog) {
  net::Acceptor acceptor(reactor, std::move(socket), 0, 1000, peer, *this);
  acceptor.set_accepting({}, false);
  std::vector<std::unique_ptr<RawSocket>> raws;
  for (int i = 0; i < 3; ++i) raws.push_back(RawSocket::connect(port));
  reactor.turn(1000);
  acceptor.retry({});
  EXPECT_EQ(streams.size(), 0U);
  EXPECT_EQ(reactor.turn(0), 0U) << "it spins";
  for (const auto& raw : raws) {
    raw->step();
    EXPECT_FALSE(raw->over()) << "nobody is turned away";
  }
  acceptor.set_accepting({}, true);
  EXPECT_EQ(streams.size(), 3U);
  raws.push_back(RawSocket::connect(port));
  reactor.turn(1000);
  EXPECT_EQ(streams.size(), 4U);
  streams.clear();
}

TEST_F(AcceptorTest, AClosedAcceptorRefuses) {
  net::Acceptor acceptor(reactor, std::move(socket), 0, 1000, peer, *this);
  acceptor.close();
  auto again = net::ListeningSocket::open({"127.0.0.1", port}, false);
  EXPECT_TRUE(again.has_value()) << "the port is free for whoever comes next";
  EXPECT_EQ(reactor.turn(0), 0U);
}

TEST_F(AcceptorTest, APortInUseIsNamedWithWhatToDo) {
  auto second = net::ListeningSocket::open({"127.0.0.1", port}, false);
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error(), HasSubstr("127.0.0.1:" + std::to_string(port)));
  EXPECT_THAT(second.error(), HasSubstr("another process has this port"));
}

TEST(AddressTest, LiteralsAreShownAsTheyAreWritten) {
  EXPECT_EQ(net::to_text(*net::literal_address({"127.0.0.1", 80})), "127.0.0.1:80");
  EXPECT_EQ(net::to_text(*net::literal_address({"::1", 80})), "[::1]:80");
  EXPECT_EQ(net::to_text(*net::literal_address({"[::1]", 80})), "[::1]:80");
  EXPECT_EQ(net::host_text(*net::literal_address({"::ffff:10.1.2.3", 80})), "10.1.2.3");
  EXPECT_FALSE(net::literal_address({"localhost", 80}).has_value());
}

TEST(AddressTest, AnUnknownNameIsAnErrorInWords) {
  const auto found = net::resolve({"no-such-host.invalid", 80});
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error(), HasSubstr("no-such-host.invalid:80"));
}

TEST(EventLoopTest, DeadlinesFireAndDrainingEndsQuietly) {
  SocketWorld world;
  world.config.listeners[0].timeouts.request_header = std::chrono::milliseconds(20);
  RawSocket& client = world.connect();
  client.send("GET / HT");
  ASSERT_TRUE(world.run_until([&] { return !client.received.empty(); }));
  EXPECT_THAT(client.received, HasSubstr("HTTP/1.1 408"));
  world.loop().stop_listening();
  world.pipeline().drain(net::monotonic_now());
  world.loop().settle();
  ASSERT_TRUE(world.run_until([&] { return client.over(); }));
  client.close();
  ASSERT_TRUE(world.run_until([&] { return world.loop().quiet(); }));
  EXPECT_EQ(world.listened().open, 0U);
}

TEST(EventLoopTest, LargeBodiesStreamBothWays) {
  SocketWorld world;
  RawSocket& client = world.connect();
  std::string body(3'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  std::string request =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body;
  std::size_t sent = 0;
  std::string answer;
  std::size_t answered = 0;
  const auto push = [](int fd, const std::string& bytes, std::size_t& at) {
    const ssize_t n = ::send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) at += static_cast<std::size_t>(n);
  };
  ASSERT_TRUE(world.run_until([&] {
    if (sent < request.size()) push(client.fd(), request, sent);
    if (world.origins.empty()) return false;
    RawSocket& origin = *world.origins[0];
    const std::size_t head = origin.received.find("\r\n\r\n");
    if (answer.empty() && head != std::string::npos &&
        origin.received.size() == head + 4 + body.size()) {
      EXPECT_TRUE(origin.received.compare(head + 4, body.size(), body) == 0);
      answer =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    if (answered < answer.size()) push(origin.fd(), answer, answered);
    const std::size_t end = client.received.find("\r\n\r\n");
    return end != std::string::npos && client.received.size() == end + 4 + body.size();
  }));
  EXPECT_TRUE(client.received.ends_with(body));
}

}  // namespace
}  // namespace evenkeel::test
