// SPDX-License-Identifier: Apache-2.0
//
// The virtual network does what sockets do: windows, half-closes, resets, refusals, silence.
#include "evenkeel/sim/network.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "evenkeel/sim/event_queue.h"

namespace evenkeel::sim {
namespace {

using core::Duration;
using core::Instant;
using net::Io;
using std::chrono::milliseconds;

struct Watcher final : net::StreamOwner {
  void on_ready(Instant now) override {
    ++calls;
    last = now;
    EXPECT_FALSE(inside != nullptr && *inside) << "readiness came from inside a call";
  }
  int calls = 0;
  Instant last{};
  const bool* inside = nullptr;
};

// Two ends of the first connection, on hand to be called.
class NetworkTest : public ::testing::Test, public Listener {
 protected:
  void open(Link link, Network::Options options = {}) {
    network = std::make_unique<Network>(queue, options);
    host = network->add_host(*this, link);
    near = network->connect(host);
    near->set_owner(&near_watcher);
    run();
  }
  void on_accept(Instant, std::uint64_t, std::unique_ptr<net::Stream> stream) override {
    far = std::move(stream);
    far->set_owner(&far_watcher);
  }
  void TearDown() override {
    near.reset();
    far.reset();
    run();
    if (network) {
      EXPECT_EQ(network->connections(), 0U);
      EXPECT_EQ(network->bytes_held(), 0U);
    }
  }
  void run() {
    while (const auto event = queue.pop()) network->on_event(*event);
  }
  void run_until(Instant at) {
    queue.push(at, Phase::sample, {});
    while (const auto event = queue.pop()) {
      if (!Network::owns(event->note)) return;
      network->on_event(*event);
    }
  }
  static std::string read(net::Stream& stream, std::size_t most = 1 << 20) {
    std::string bytes(most, '\0');
    const net::IoResult result = stream.try_read(bytes);
    bytes.resize(result.bytes);
    return bytes;
  }
  static Io read_io(net::Stream& stream) {
    std::array<char, 16> bytes;
    return stream.try_read(bytes).io;
  }
  static net::IoResult write(net::Stream& stream, std::string_view bytes) {
    return stream.try_write(bytes);
  }

  EventQueue queue;
  std::unique_ptr<Network> network;
  HostId host{};
  std::unique_ptr<net::Stream> near;
  std::unique_ptr<net::Stream> far;
  Watcher near_watcher;
  Watcher far_watcher;
};

constexpr Link kSlow{{milliseconds(1), Duration{}}, kNoLimit, kNoLimit};

TEST_F(NetworkTest, ConnectingTakesARoundTrip) {
  network = std::make_unique<Network>(queue, Network::Options{});
  host = network->add_host(*this, kSlow);
  near = network->connect(host);
  near->set_owner(&near_watcher);
  EXPECT_TRUE(near->connecting());
  EXPECT_EQ(write(*near, "x").io, Io::would_block);
  EXPECT_EQ(read_io(*near), Io::would_block);
  run();
  EXPECT_FALSE(near->connecting());
  EXPECT_EQ(near_watcher.last, Instant(2 * milliseconds(1)));
  EXPECT_NE(far, nullptr);
}

TEST_F(NetworkTest, ALinkWithoutDelayConnectsAtOnceAndStillReports) {
  network = std::make_unique<Network>(queue, Network::Options{});
  host = network->add_host(*this, Link{});
  near = network->connect(host);
  near->set_owner(&near_watcher);
  EXPECT_FALSE(near->connecting());
  EXPECT_EQ(write(*near, "x").io, Io::done);
  EXPECT_EQ(near_watcher.calls, 0);
  run();
  EXPECT_EQ(near_watcher.calls, 1);
  EXPECT_EQ(read(*far), "x");
}

TEST_F(NetworkTest, ARefusedConnectFailsAfterARoundTrip) {
  network = std::make_unique<Network>(queue, Network::Options{});
  host = network->add_host(*this, kSlow);
  network->set_reach(host, Reach::refusing);
  near = network->connect(host);
  near->set_owner(&near_watcher);
  run();
  EXPECT_FALSE(near->connecting());
  EXPECT_EQ(near_watcher.last, Instant(2 * milliseconds(1)));
  EXPECT_EQ(write(*near, "x").io, Io::failed);
  EXPECT_EQ(read_io(*near), Io::failed);
  EXPECT_EQ(far, nullptr);
}

TEST_F(NetworkTest, ABlackHoleNeverAnswersAConnect) {
  network = std::make_unique<Network>(queue, Network::Options{});
  host = network->add_host(*this, kSlow);
  network->set_reach(host, Reach::black_hole);
  near = network->connect(host);
  near->set_owner(&near_watcher);
  run();
  EXPECT_TRUE(near->connecting());
  EXPECT_EQ(near_watcher.calls, 0);
}

TEST_F(NetworkTest, AConnectGivenUpLeavesNothingBehind) {
  network = std::make_unique<Network>(queue, Network::Options{});
  host = network->add_host(*this, kSlow);
  near = network->connect(host);
  run_until(Instant(milliseconds(1)));  // the host has accepted, the answer is on its way
  near->abort();
  run();
  EXPECT_EQ(read_io(*far), Io::failed);
}

TEST_F(NetworkTest, BytesArriveAfterTheDelayInOrder) {
  open(kSlow);
  const Instant sent = queue.now();
  EXPECT_EQ(write(*near, "one ").bytes, 4U);
  EXPECT_EQ(write(*near, "two").bytes, 3U);
  EXPECT_EQ(read_io(*far), Io::would_block);
  run();
  EXPECT_EQ(far_watcher.last, sent + milliseconds(1));
  EXPECT_EQ(read(*far), "one two");
  EXPECT_EQ(read_io(*far), Io::would_block);
}

TEST_F(NetworkTest, JitterNeverReordersAConnection) {
  open({{milliseconds(2), milliseconds(2)}, kNoLimit, 1});
  std::string sent;
  for (char c = 'a'; c <= 'z'; ++c) {
    sent += c;
    (void)write(*near, std::string(1, c));
  }
  run();
  EXPECT_EQ(read(*far), sent);
  EXPECT_GT(queue.now(), Instant(milliseconds(2)));
}

TEST_F(NetworkTest, SegmentsArriveOneByOne) {
  open({{milliseconds(1), Duration{}}, kNoLimit, 3});
  const int before = far_watcher.calls;
  (void)write(*near, "abcdefgh");
  std::string first;
  while (const auto event = queue.pop()) {
    network->on_event(*event);
    if (far_watcher.calls == before + 1 && first.empty()) first = read(*far);
  }
  EXPECT_EQ(first, "abc");
  EXPECT_EQ(far_watcher.calls, before + 3);
  EXPECT_EQ(read(*far), "defgh");
}

TEST_F(NetworkTest, AFullWindowBlocksTheWriterUntilTheReaderMakesRoom) {
  open({{milliseconds(1), Duration{}}, 8, kNoLimit});
  EXPECT_EQ(write(*near, "0123456789").bytes, 8U);
  EXPECT_EQ(write(*near, "89").io, Io::would_block);
  run();
  const int before = near_watcher.calls;
  EXPECT_EQ(read(*far, 2), "01");
  run();
  EXPECT_EQ(near_watcher.calls, before) << "two of eight bytes are not worth telling";
  EXPECT_EQ(read(*far, 2), "23");
  const Instant freed = queue.now();
  run();
  EXPECT_EQ(near_watcher.calls, before + 1);
  EXPECT_EQ(near_watcher.last, freed + milliseconds(1));
  EXPECT_EQ(write(*near, "89").bytes, 2U);
  run();
  EXPECT_EQ(read(*far), "456789");
}

TEST_F(NetworkTest, AHalfClosedStreamStillReads) {
  open(kSlow);
  (void)write(*near, "bye");
  near->shutdown();
  EXPECT_EQ(write(*near, "more").io, Io::failed);
  run();
  EXPECT_EQ(read(*far), "bye");
  EXPECT_EQ(read_io(*far), Io::end);
  EXPECT_EQ(write(*far, "still here").io, Io::done);
  run();
  EXPECT_EQ(read(*near), "still here");
  far->shutdown();
  run();
  EXPECT_EQ(read_io(*near), Io::end);
}

TEST_F(NetworkTest, ClosingInGoodOrderDeliversWhatWasWritten) {
  open(kSlow);
  (void)write(*near, "last words");
  near->close();
  EXPECT_EQ(write(*near, "x").io, Io::failed);
  EXPECT_EQ(read_io(*near), Io::failed);
  run();
  EXPECT_EQ(read(*far), "last words");
  EXPECT_EQ(read_io(*far), Io::end);
}

TEST_F(NetworkTest, AbortResetsThePeer) {
  open(kSlow);
  near->abort();
  EXPECT_EQ(read_io(*near), Io::failed);
  const int before = far_watcher.calls;
  run();
  EXPECT_EQ(far_watcher.calls, before + 1);
  EXPECT_EQ(read_io(*far), Io::failed);
  EXPECT_EQ(write(*far, "x").io, Io::failed);
}

TEST_F(NetworkTest, DestroyingAStreamResetsThePeer) {
  open(kSlow);
  near.reset();
  run();
  EXPECT_EQ(read_io(*far), Io::failed);
}

TEST_F(NetworkTest, ClosingWithSomethingUnreadResetsThePeer) {
  open(kSlow);
  (void)write(*far, "unread");
  run();
  near->close();
  run();
  EXPECT_EQ(read_io(*far), Io::failed);
}

TEST_F(NetworkTest, WritingToAClosedPeerBringsAReset) {
  open(kSlow);
  near->close();
  run();
  EXPECT_EQ(read_io(*far), Io::end);
  EXPECT_EQ(write(*far, "too late").io, Io::done);
  run();
  EXPECT_EQ(write(*far, "x").io, Io::failed);
}

TEST_F(NetworkTest, AResetLeavesWhatHadArrivedAsLinuxDoes) {
  open(kSlow);
  (void)write(*near, "arrived");
  near->abort();
  run();
  EXPECT_EQ(read(*far), "arrived");
  EXPECT_EQ(read_io(*far), Io::failed);
}

TEST_F(NetworkTest, AResetMayTakeAwayWhatHadArrived) {
  Network::Options options;
  options.reset_discards = true;
  open(kSlow, options);
  (void)write(*near, "arrived");
  near->abort();
  run();
  EXPECT_EQ(read_io(*far), Io::failed);
}

TEST_F(NetworkTest, AConnectionThatLostAPacketStaysMute) {
  open(kSlow);
  network->set_reach(host, Reach::black_hole);
  EXPECT_EQ(write(*near, "lost").io, Io::done);
  EXPECT_EQ(write(*far, "lost").io, Io::done);
  run();
  network->set_reach(host, Reach::up);
  (void)write(*near, "after");
  (void)write(*far, "after");
  run();
  EXPECT_EQ(read_io(*near), Io::would_block);
  EXPECT_EQ(read_io(*far), Io::would_block);
}

TEST_F(NetworkTest, AConnectionThatWasSilentSurvivesABlackHole) {
  open(kSlow);
  network->set_reach(host, Reach::black_hole);
  run();
  network->set_reach(host, Reach::up);
  (void)write(*near, "hello");
  run();
  EXPECT_EQ(read(*far), "hello");
}

TEST_F(NetworkTest, WakingAsksForReadinessOnce) {
  open(kSlow);
  const int before = near_watcher.calls;
  near->wake();
  near->wake();
  EXPECT_EQ(near_watcher.calls, before);
  run();
  EXPECT_EQ(near_watcher.calls, before + 1);
}

TEST_F(NetworkTest, CutReadsAndWritesMoveEveryByteInTheEnd) {
  Network::Options options;
  options.cut = true;
  open({{milliseconds(1), Duration{}}, 64, 10}, options);
  std::string sent;
  for (int i = 0; i < 1000; ++i) sent += static_cast<char>('a' + i % 26);
  std::string got;
  std::size_t written = 0;
  int short_writes = 0;
  while (got.size() < sent.size()) {
    const auto result = write(*near, std::string_view(sent).substr(written));
    written += result.bytes;
    if (result.io == Io::done && written < sent.size()) ++short_writes;
    if (const auto event = queue.pop()) network->on_event(*event);
    got += read(*far);
  }
  EXPECT_EQ(got, sent);
  EXPECT_GT(short_writes, 10);
}

TEST_F(NetworkTest, ReadinessIsNeverDeliveredFromInsideACall) {
  open(Link{});
  bool inside = false;
  near_watcher.inside = far_watcher.inside = &inside;
  const auto call = [&](auto&& what) {
    inside = true;
    what();
    inside = false;
    run();
  };
  call([&] { (void)write(*near, "x"); });
  call([&] { (void)read(*far); });
  call([&] { near->wake(); });
  call([&] { far->shutdown(); });
  call([&] { near->abort(); });
}

}  // namespace
}  // namespace evenkeel::sim
