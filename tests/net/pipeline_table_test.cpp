// SPDX-License-Identifier: Apache-2.0
//
// The table of bytes and meaning, through whole connections in memory: what is accepted reaches the
// other side as a message with the same meaning, what is not never does. Whole, in pieces of one to
// three bytes, with cut reads, and split in two at every offset.
#include <algorithm>

#include "evenkeel/net/http1/writer.h"
#include "http1_cases.h"
#include "http1_reader.h"
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

using http1::testing::chunk_cases;
using http1::testing::ChunkCase;
using http1::testing::describe;
using http1::testing::read_requests;
using http1::testing::read_responses;
using http1::testing::request_cases;
using http1::testing::RequestCase;
using http1::testing::response_cases;
using http1::testing::ResponseCase;

constexpr std::string_view kLastAnswer =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
// The head is parsed with these, as the listener does.
constexpr http1::HeadLimits kLimits{};

// Where to split a message in two: everywhere, or at a hundred places of a long one.
std::vector<std::size_t> offsets_of(const std::string& bytes) {
  std::vector<std::size_t> offsets;
  const std::size_t step = bytes.size() < 1'000 ? 1 : bytes.size() / 100;
  for (std::size_t at = 1; at < bytes.size(); at += step) offsets.push_back(at);
  return offsets;
}

class PipelineTable : public PipelineTest {
 protected:
  PipelineTable() { pool().retry.max_attempts = 1; }

  void send_split(Peer& peer, std::string_view bytes, std::size_t split) {
    peer.send(bytes.substr(0, split));
    run();
    if (split >= bytes.size()) return;
    peer.send(bytes.substr(split));
    run();
  }

  void check_request(const RequestCase& one, std::size_t split);
  void check_response(const ResponseCase& one, std::size_t split);
  void check_chunks_up(const ChunkCase& one, std::size_t split);
  void check_chunks_down(const ChunkCase& one, std::size_t split);

  // The next request's connection at its origin, or nullptr when none arrived since `before`.
  Peer* arrived(std::size_t before) {
    return world().accepted() > before ? &origin(world().accepted() - 1) : nullptr;
  }
};
INSTANTIATE_PIPELINE(PipelineTable);

// What the origin should understand of an accepted request.
std::string forwarded_meaning(const RequestCase& one) {
  static http1::RequestHead head;
  const std::size_t end = http1::find_head_end(one.bytes, 0);
  if (http1::parse_request_head(std::string_view(one.bytes).substr(0, end), kLimits, head))
    return "";
  head.minor_version = 1;
  head.keep_alive = true;
  if (head.host.empty()) head.host = "127.0.0.1:9000";
  if (head.max_forwards && *head.max_forwards > 0) --*head.max_forwards;
  return describe(head);
}

void check_forwarded(const RequestCase& one, const Peer& heard) {
  const auto asked = read_requests(heard.received);
  if (one.name == "MostFields") {  // with those of the proxy more than this parser takes
    EXPECT_EQ(asked.error, "the head has too many fields");
    return;
  }
  EXPECT_EQ(asked.error, "");
  ASSERT_EQ(asked.all.size(), 1U) << heard.received;
  EXPECT_EQ(asked.all[0].meaning, forwarded_meaning(one));
  const std::size_t start = one.bytes.find_first_not_of("\r\n");
  const auto sent = read_requests(std::string_view(one.bytes).substr(start)).all.at(0);
  EXPECT_EQ(asked.all[0].body, sent.body);
  EXPECT_EQ(asked.all[0].complete, sent.complete);
}

void PipelineTable::check_request(const RequestCase& one, std::size_t split) {
  SCOPED_TRACE(one.name + " split at " + std::to_string(split));
  const std::size_t before = world().accepted();
  Peer& client = connect();
  send_split(client, one.bytes, split);
  Peer* const heard = arrived(before);
  const bool ends_here = one.meaning.find("max-forwards=0") != std::string::npos;
  if (!one.accepted() || ends_here) {
    EXPECT_EQ(heard, nullptr);
    if (one.meaning == "incomplete") {
      EXPECT_EQ(client.received, "");
      EXPECT_FALSE(client.over());
    } else {
      const Message got = response(client);
      EXPECT_EQ(got.status, ends_here ? 200U : one.error_status());
      EXPECT_TRUE(got.complete);
      EXPECT_TRUE(client.ended);
    }
  } else if (heard == nullptr) {
    ADD_FAILURE() << "no origin heard of it; the client was told " << client.received;
  } else {
    check_forwarded(one, *heard);
    heard->send(kLastAnswer);
    run();
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(client.received, EndsWith("\r\n\r\nhi"));
    EXPECT_EQ(world().accepted(), before + 1) << "one request was sent";
  }
  client.abort();
  run();
}

TEST_P(PipelineTable, RequestsReachTheOriginWithTheirMeaningOrNotAtAll) {
  for (const RequestCase& one : request_cases()) check_request(one, one.bytes.size());
}

// What the client should understand of an accepted response.
std::string delivered_meaning(const ResponseCase& one) {
  static http1::ResponseHead head;
  const std::size_t end = http1::find_head_end(one.bytes, 0);
  const auto bytes = std::string_view(one.bytes).substr(0, end);
  if (http1::parse_response_head(bytes, kLimits, one.request_method, head)) return "";
  head.minor_version = 1;
  head.framing = http1::client_framing(head, 1);
  head.keep_alive = true;
  return describe(head);
}

std::string body_of(const ResponseCase& one) {
  const auto sent = read_responses(one.bytes, {one.request_method}, true);
  return sent.all.empty() ? "" : sent.all[0].body;
}

void PipelineTable::check_response(const ResponseCase& one, std::size_t split) {
  SCOPED_TRACE(one.name + " split at " + std::to_string(split));
  const std::size_t before = world().accepted();
  Peer& client = connect();
  const std::string_view upgrade = one.meaning.find("switches") == std::string::npos
                                       ? ""
                                       : "Connection: upgrade\r\nUpgrade: x\r\n";
  client.send(std::string(to_text(one.request_method)) + " / HTTP/1.1\r\nHost: a\r\n" +
              std::string(upgrade) + "Expect: 100-continue\r\n\r\n");
  run();
  Peer* const asked = arrived(before);
  ASSERT_NE(asked, nullptr);
  send_split(*asked, one.bytes, split);
  asked->finish();
  run();
  const auto got = responses(client, 1, one.request_method);
  if (!one.accepted() || one.meaning == "incomplete") {
    ASSERT_EQ(got.size(), 1U) << client.received;
    EXPECT_EQ(got[0].status, 502U);
  } else if (one.meaning[0] == '1' && upgrade.empty()) {
    ASSERT_EQ(got.size(), 2U) << client.received;
    EXPECT_EQ(got[0].meaning, delivered_meaning(one));
    EXPECT_EQ(got[1].status, 502U) << "an interim response alone is no answer";
  } else {
    ASSERT_EQ(got.size(), 1U) << client.received;
    EXPECT_EQ(got[0].meaning, delivered_meaning(one));
    const auto sent = read_responses(one.bytes, {one.request_method}, true).all.at(0);
    EXPECT_EQ(got[0].complete, sent.complete);
    EXPECT_EQ(got[0].body, body_of(one));
  }
  client.abort();
  run();
  EXPECT_EQ(counts().backend_connections, 0U) << "it had ended";
}

TEST_P(PipelineTable, ResponsesReachTheClientWithTheirMeaningOrNotAtAll) {
  for (const ResponseCase& one : response_cases()) check_response(one, one.bytes.size());
}

void PipelineTable::check_chunks_up(const ChunkCase& one, std::size_t split) {
  SCOPED_TRACE(one.name + " split at " + std::to_string(split));
  const std::size_t before = world().accepted();
  Peer& client = connect();
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  send_split(client, one.bytes, split);
  Peer* const heard = arrived(before);
  const bool complete = one.meaning.compare(0, 3, "end") == 0;
  // A body that is refused in its first read takes its head along.
  if (heard != nullptr) {
    const Message asked = read_requests(heard->received).all.at(0);
    EXPECT_EQ(asked.complete, complete);
    EXPECT_EQ(one.payload.compare(0, asked.body.size(), asked.body), 0);
    if (complete) {
      EXPECT_EQ(asked.body, one.payload);
    }
  }
  if (complete || one.meaning == "more") {
    EXPECT_NE(heard, nullptr);
    EXPECT_EQ(client.received, "");
  } else {
    EXPECT_EQ(response(client).status, 400U);
    EXPECT_TRUE(client.ended);
    EXPECT_TRUE(heard == nullptr || heard->failed);
  }
  client.abort();
  run();
}

TEST_P(PipelineTable, ChunkedRequestBodiesArriveWholeOrCut) {
  for (const ChunkCase& one : chunk_cases()) {
    if (one.padding == http1::ChunkDecoder::Padding::refused)
      check_chunks_up(one, one.bytes.size());
  }
}

void PipelineTable::check_chunks_down(const ChunkCase& one, std::size_t split) {
  SCOPED_TRACE(one.name + " split at " + std::to_string(split));
  const std::size_t before = world().accepted();
  Peer& client = client_sends(get());
  Peer* const asked = arrived(before);
  ASSERT_NE(asked, nullptr);
  asked->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  send_split(*asked, one.bytes, split);
  const bool complete = one.meaning.compare(0, 3, "end") == 0;
  if (one.meaning == "end") {
    EXPECT_EQ(counts().idle_backend_connections, 1U);
  } else if (complete) {
    EXPECT_EQ(counts().backend_connections, 0U) << "something follows the response";
  }
  asked->finish();
  run();
  const Message got = response(client);
  EXPECT_EQ(got.complete, complete);
  EXPECT_EQ(one.payload.compare(0, got.body.size(), got.body), 0);
  if (complete) {
    EXPECT_EQ(got.body, one.payload);
  }
  EXPECT_EQ(client.failed, !complete);
  client.abort();
  run();
}

TEST_P(PipelineTable, ChunkedResponseBodiesArriveWholeOrCut) {
  for (const ChunkCase& one : chunk_cases()) {
    if (one.padding == http1::ChunkDecoder::Padding::accepted)
      check_chunks_down(one, one.bytes.size());
  }
}

class PipelineTableSplit : public PipelineTable {};
INSTANTIATE_TEST_SUITE_P(, PipelineTableSplit, ::testing::Values(kDeliveries[0]), name_of);

TEST_P(PipelineTableSplit, RequestsMeanTheSameWhereverTheyAreSplit) {
  for (const RequestCase& one : request_cases()) {
    for (const std::size_t split : offsets_of(one.bytes)) check_request(one, split);
  }
}

TEST_P(PipelineTableSplit, ResponsesMeanTheSameWhereverTheyAreSplit) {
  for (const ResponseCase& one : response_cases()) {
    for (const std::size_t split : offsets_of(one.bytes)) check_response(one, split);
  }
}

TEST_P(PipelineTableSplit, ChunkedBodiesMeanTheSameWhereverTheyAreSplit) {
  for (const ChunkCase& one : chunk_cases()) {
    for (const std::size_t split : offsets_of(one.bytes)) {
      if (one.padding == http1::ChunkDecoder::Padding::refused) {
        check_chunks_up(one, split);
      } else {
        check_chunks_down(one, split);
      }
    }
  }
}

}  // namespace
}  // namespace evenkeel::net::testing
