// SPDX-License-Identifier: Apache-2.0
//
// The table of bytes and meaning again, through whole connections over real sockets: in one piece,
// and each piece delivered before the next is sent.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "net/http1_cases.h"
#include "net/socket_world.h"

namespace evenkeel::test {
namespace {

using net::http1::testing::request_cases;
using net::http1::testing::RequestCase;
using net::http1::testing::response_cases;
using net::http1::testing::ResponseCase;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

class SocketTableTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  // Long cases go in larger pieces: the number of system calls is what takes time.
  void send_in_pieces(RawSocket& socket, const std::string& bytes) {
    const std::size_t piece = std::max(GetParam(), bytes.size() / 500);
    for (std::size_t at = 0; at < bytes.size() && !socket.over(); at += piece) {
      socket.send(std::string_view(bytes).substr(at, piece));
      world.run();
    }
  }
  // The first status line of a client's bytes.
  static unsigned status_of(const std::string& bytes) {
    return bytes.size() < 12 ? 0 : static_cast<unsigned>(std::stoul(bytes.substr(9, 3)));
  }
  // The status of the final response, after interim ones.
  static unsigned last_status_of(const std::string& bytes) {
    std::size_t at = 0;
    while (bytes.compare(at, 10, "HTTP/1.1 1") == 0) at = bytes.find("\r\n\r\n", at) + 4;
    return status_of(bytes.substr(at));
  }

  SocketWorld world;
};

INSTANTIATE_TEST_SUITE_P(PieceSize, SocketTableTest, ::testing::Values(1, 2, 3, 1'000'000));

TEST_P(SocketTableTest, RequestsMeanTheSameOverSockets) {
  for (const RequestCase& one : request_cases()) {
    SCOPED_TRACE(one.name);
    RawSocket& client = world.connect();
    send_in_pieces(client, one.bytes);
    if (one.accepted()) {
      const auto arrived = [&] {
        // Max-Forwards: 0 is answered here.
        if (one.meaning.find("max-forwards=0") != std::string::npos)
          return !client.received.empty();
        if (world.origins.empty()) return false;
        return world.origins.back()->received.find("\r\n\r\n") != std::string::npos;
      };
      ASSERT_TRUE(world.run_until(arrived));
      if (!world.origins.empty()) world.origins.back()->send(kOk);
      ASSERT_TRUE(world.run_until([&] { return status_of(client.received) == 200; }));
    } else if (one.error_status() != 0) {
      ASSERT_TRUE(world.run_until([&] { return status_of(client.received) != 0; }));
      EXPECT_EQ(status_of(client.received), one.error_status());
    } else {
      EXPECT_EQ(client.received, "");
      EXPECT_FALSE(client.over());
    }
    world.forget_peers();
    ASSERT_TRUE(world.run_until([&] { return world.pipeline().quiet(); }));
  }
}

TEST_P(SocketTableTest, ResponsesMeanTheSameOverSockets) {
  for (const ResponseCase& one : response_cases()) {
    SCOPED_TRACE(one.name);
    RawSocket& client = world.connect();
    client.send(std::string(core::to_text(one.request_method)) +
                " / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(world.run_until(
        [&] { return !world.origins.empty() && !world.origins.back()->received.empty(); }));
    send_in_pieces(*world.origins.back(), one.bytes);
    world.origins.back()->shutdown();
    ASSERT_TRUE(world.run_until([&] { return !world.ended.empty() || client.over(); }));
    world.run();
    // What is cut short is as bad as what is malformed; an interim response alone is no answer.
    const bool status_first = one.accepted() && std::isdigit(one.meaning[0]) != 0;
    const unsigned meant =
        status_first ? static_cast<unsigned>(std::stoul(one.meaning.substr(0, 3))) : 0;
    EXPECT_EQ(last_status_of(client.received), meant >= 200 ? meant : 502) << client.received;
    world.ended.clear();
    world.forget_peers();
    ASSERT_TRUE(world.run_until([&] { return world.pipeline().quiet(); }));
  }
}

}  // namespace
}  // namespace evenkeel::test
