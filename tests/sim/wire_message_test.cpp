// SPDX-License-Identifier: Apache-2.0
//
// The simulated peers' own reader and writer of HTTP/1.1: what they accept, and that no byte of one
// message passes for another's.
#include "../../sim/wire_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace evenkeel::sim {
namespace {

using core::Method;
using Status = MessageReader::Status;

std::string request(Method method, std::uint64_t number, std::uint64_t body) {
  std::string bytes;
  append_request(bytes, method, number, body);
  return bytes;
}
std::string response(Method method, std::uint64_t number, std::uint64_t body) {
  std::string bytes;
  append_response(bytes, method, number, body);
  return bytes;
}

// Feeds in pieces of `size`; the last status.
Status feed(MessageReader& reader, std::string_view bytes, std::size_t size) {
  Status status = Status::more;
  while (!bytes.empty() && status == Status::more) {
    std::string_view piece = bytes.substr(0, size);
    const std::size_t offered = piece.size();
    status = reader.feed(piece);
    bytes.remove_prefix(offered - piece.size());
  }
  return status;
}

TEST(WireMessageTest, RequestsAreReadHoweverTheyAreCut) {
  for (const Method method : {Method::get, Method::post, Method::put, Method::head}) {
    const std::string bytes = request(method, 1234567890123, 100);
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
      MessageReader reader(BodyOf::request);
      ASSERT_EQ(feed(reader, bytes, size), Status::complete) << reader.fault();
      EXPECT_EQ(reader.method(), method);
      EXPECT_EQ(reader.target(), "/");
      EXPECT_EQ(reader.request(), 1234567890123U);
      EXPECT_EQ(reader.body_size(), method == Method::post || method == Method::put ? 100U : 0U);
    }
  }
}

TEST(WireMessageTest, ResponsesAreReadHoweverTheyAreCutChunkedOrNot) {
  for (const std::uint64_t number : {std::uint64_t{6}, std::uint64_t{7}}) {
    for (const std::uint64_t body : {0, 1, 2, 100}) {
      const std::string bytes = response(Method::get, number, body);
      EXPECT_EQ(bytes.find("chunked") != std::string::npos, number == 7 && body > 0);
      for (std::size_t size = 1; size <= bytes.size(); ++size) {
        MessageReader reader(BodyOf::response);
        ASSERT_EQ(feed(reader, bytes, size), Status::complete) << reader.fault();
        EXPECT_EQ(reader.status(), 200);
        EXPECT_EQ(reader.request(), number);
        EXPECT_EQ(reader.body_size(), body);
      }
    }
  }
}

TEST(WireMessageTest, AnswersToHeadHaveNoBody) {
  MessageReader reader(BodyOf::response);
  reader.next(true);
  EXPECT_EQ(feed(reader, response(Method::head, 6, 100), 1000), Status::complete);
  EXPECT_EQ(reader.body_size(), 0U);
}

TEST(WireMessageTest, MessagesFollowOneAnother) {
  const std::string bytes = request(Method::post, 1, 10) + request(Method::get, 2, 0);
  MessageReader reader(BodyOf::request);
  std::string_view rest = bytes;
  ASSERT_EQ(reader.feed(rest), Status::complete);
  EXPECT_EQ(reader.request(), 1U);
  EXPECT_EQ(rest, request(Method::get, 2, 0));
  reader.next(false);
  ASSERT_EQ(reader.feed(rest), Status::complete);
  EXPECT_EQ(reader.request(), 2U);
  EXPECT_TRUE(rest.empty());
}

TEST(WireMessageTest, AForeignByteInTheBodyIsFound) {
  const std::string good = response(Method::get, 6, 40);
  for (std::size_t i = good.size() - 40; i < good.size(); ++i) {
    std::string bytes = good;
    bytes[i] = static_cast<char>(bytes[i] ^ 1);
    MessageReader reader(BodyOf::response);
    EXPECT_EQ(feed(reader, bytes, 1000), Status::bad);
  }
  // A whole body of another request, or of the other direction.
  std::string stolen = good.substr(0, good.size() - 40);
  append_body(stolen, 5, BodyOf::response, 0, 40);
  MessageReader reader(BodyOf::response);
  EXPECT_EQ(feed(reader, stolen, 1000), Status::bad);
  stolen.resize(stolen.size() - 40);
  append_body(stolen, 6, BodyOf::request, 0, 40);
  MessageReader other(BodyOf::response);
  EXPECT_EQ(feed(other, stolen, 1000), Status::bad);
}

TEST(WireMessageTest, AShiftedBodyIsFound) {
  std::string bytes = response(Method::get, 6, 40);
  bytes.erase(bytes.size() - 40, 1);  // one byte lost, the rest moves up
  bytes += 'x';
  MessageReader reader(BodyOf::response);
  EXPECT_EQ(feed(reader, bytes, 1000), Status::bad);
}

TEST(WireMessageTest, WhatIsNotStrictHttpIsRefused) {
  const std::vector<std::string> wrong = {
      "HTTP/1.0 200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx",
  };
  for (const std::string& bytes : wrong) {
    MessageReader reader(BodyOf::response);
    EXPECT_EQ(feed(reader, bytes, 1000), Status::bad) << bytes;
  }
}

}  // namespace
}  // namespace evenkeel::sim
