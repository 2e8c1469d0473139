// SPDX-License-Identifier: Apache-2.0
// Every case of the table, read as a connection reads it: from a growing buffer, in one piece, byte
// by byte and split at every offset. The meaning must never depend on the pieces.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <set>

#include "http1_cases.h"

namespace evenkeel::net::http1::testing {
namespace {

const HeadLimits kLimits;

// The verdict on the bytes so far; nothing when they decide nothing yet.
using Reader = std::function<std::optional<std::string>(std::string_view, std::size_t)>;

std::optional<std::string> read_request(std::string_view bytes, std::size_t already_scanned) {
  static RequestHead head;
  const std::size_t end = find_head_end(bytes, already_scanned);
  const auto error = end == kHeadIncomplete
                         ? early_error(bytes, kLimits)
                         : parse_request_head(bytes.substr(0, end), kLimits, head);
  if (error) return describe(*error);
  if (end == kHeadIncomplete) return std::nullopt;
  return describe(head);
}

Reader response_reader(core::Method request_method) {
  return [request_method](std::string_view bytes,
                          std::size_t already_scanned) -> std::optional<std::string> {
    static ResponseHead head;
    const std::size_t end = find_head_end(bytes, already_scanned);
    const auto error = end == kHeadIncomplete ? early_response_error(bytes, kLimits)
                                              : parse_response_head(bytes.substr(0, end), kLimits,
                                                                    request_method, head);
    if (error) return describe(*error);
    if (end == kHeadIncomplete) return std::nullopt;
    return describe(head);
  };
}

// Lets the buffer grow to each of `sizes` in turn, and to the whole.
std::string read_in_pieces(const Reader& reader, std::string_view bytes,
                           const std::vector<std::size_t>& sizes) {
  std::size_t scanned = 0;
  for (const std::size_t size : sizes) {
    if (const auto verdict = reader(bytes.substr(0, size), scanned)) return *verdict;
    scanned = size;
  }
  return reader(bytes, scanned).value_or("incomplete");
}

// The head and a little more; what follows a long one is not split as finely.
std::size_t splits_worth_trying(std::string_view bytes) {
  return std::min<std::size_t>(bytes.size(), 1200);
}

void expect_meaning(const std::string& name, const Reader& reader, const std::string& bytes,
                    const std::string& meaning) {
  SCOPED_TRACE(name);
  EXPECT_EQ(read_in_pieces(reader, bytes, {}), meaning) << "in one piece";
  std::vector<std::size_t> each_byte;
  for (std::size_t i = 1; i < bytes.size(); ++i) each_byte.push_back(i);
  EXPECT_EQ(read_in_pieces(reader, bytes, each_byte), meaning) << "byte by byte";
  for (std::size_t at = 1; at < splits_worth_trying(bytes); ++at) {
    ASSERT_EQ(read_in_pieces(reader, bytes, {at}), meaning) << "split at " << at;
  }
}

TEST(Http1Cases, HaveUniqueNamesAndAreMany) {
  std::set<std::string> names;
  for (const auto& one : request_cases()) EXPECT_TRUE(names.insert(one.name).second) << one.name;
  for (const auto& one : response_cases()) {
    EXPECT_TRUE(names.insert("response " + one.name).second) << one.name;
  }
  for (const auto& one : chunk_cases()) {
    EXPECT_TRUE(names.insert("chunks " + one.name).second) << one.name;
  }
  EXPECT_GE(names.size(), 240U);
}

TEST(Http1RequestHead, MeansTheSameInOnePieceAndInAnyPieces) {
  for (const RequestCase& one : request_cases()) {
    expect_meaning(one.name, read_request, one.bytes, one.meaning);
  }
}

TEST(Http1ResponseHead, MeansTheSameInOnePieceAndInAnyPieces) {
  for (const ResponseCase& one : response_cases()) {
    expect_meaning(one.name, response_reader(one.request_method), one.bytes, one.meaning);
  }
}

TEST(Http1RequestHead, EndsWhereTheBodyBegins) {
  for (const RequestCase& one : request_cases()) {
    if (!one.accepted()) continue;
    const std::size_t end = find_head_end(one.bytes, 0);
    ASSERT_NE(end, kHeadIncomplete) << one.name;
    EXPECT_EQ(one.bytes.substr(end - 4, 4), "\r\n\r\n") << one.name;
  }
}

TEST(Http1RequestHead, IsRefusedWhenCutBeforeItsEnd) {
  RequestHead head;
  const std::string whole = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(parse_request_head(std::string_view(whole).substr(0, size), kLimits, head)) << size;
  }
}

TEST(Http1RequestHead, IsRefusedWithBytesBeyondItsEnd) {
  RequestHead head;
  EXPECT_TRUE(parse_request_head("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", kLimits, head));
}

TEST(Http1RequestHead, KeepsFieldsInOrderWithTheirMultiplicity) {
  RequestHead head;
  ASSERT_FALSE(parse_request_head(
      "GET / HTTP/1.1\r\nHost: a\r\nCookie: 1\r\nX-B:  2 \r\nCookie: 3\r\n\r\n", kLimits, head));
  std::string text;
  for (const Field& field : head.fields) {
    text += std::string(field.name) + "=" + std::string(field.value) + ";";
  }
  EXPECT_EQ(text, "Host=a;Cookie=1;X-B=2;Cookie=3;");
  EXPECT_EQ(head.fields.find("cookie")->value, "1");
  EXPECT_EQ(head.fields.find("x-c"), nullptr);
}

TEST(Http1RequestHead, ForgetsTheRequestBefore) {
  RequestHead head;
  ASSERT_FALSE(parse_request_head(
      "OPTIONS http://b HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\nExpect: 100-continue\r\n"
      "Content-Length: 4\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
      kLimits, head));
  ASSERT_FALSE(parse_request_head("GET / HTTP/1.1\r\nHost: a\r\n\r\n", kLimits, head));
  EXPECT_EQ(describe(head), "GET / host=a framing=none keep");
}

TEST(Http1RequestHead, AnswersItsPathForRouting) {
  const auto path = [](const std::string& request_line) {
    static RequestHead head;
    const std::string bytes = request_line + " HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_FALSE(parse_request_head(bytes, kLimits, head));
    return std::string(path_of(head));
  };
  EXPECT_EQ(path("GET /x/y?z=/"), "/x/y");
  EXPECT_EQ(path("GET http://b"), "/");
  EXPECT_EQ(path("GET http://b?q"), "/");
  EXPECT_EQ(path("GET http://b/c"), "/c");
  EXPECT_EQ(path("OPTIONS *"), "*");
}

TEST(Http1RequestHead, CountsEveryLaterVersionAsOne) {
  RequestHead head;
  ASSERT_FALSE(parse_request_head("GET / HTTP/1.9\r\nHost: a\r\n\r\n", kLimits, head));
  EXPECT_EQ(head.minor_version, 1U);
}

TEST(Http1RequestHead, HonoursSmallerLimits) {
  RequestHead head;
  HeadLimits limits;
  limits.max_fields = 2;
  limits.max_target_bytes = 4;
  limits.max_head_bytes = 64;
  const auto status = [&](const std::string& bytes) {
    const auto error = parse_request_head(bytes, limits, head);
    return error ? error->status : 0U;
  };
  EXPECT_EQ(status("GET /abc HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"), 0U);
  EXPECT_EQ(status("GET /abcd HTTP/1.1\r\nHost: a\r\n\r\n"), 414U);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nX: z\r\n\r\n"), 431U);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(64, 'x') + "\r\n\r\n"), 431U);
}

TEST(Http1Nomination, NeverStripsFramingHostOrWhatThisProxyWrites) {
  RequestHead head;
  ASSERT_FALSE(parse_request_head(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX-A: 1\r\nx-a: 2\r\nX-B: 3\r\n"
      "X-Forwarded-For: 192.0.2.9\r\nVia: 1.1 p\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
      "Trailer: X\r\nUpgrade: x\r\nProxy-Connection: close\r\n"
      "Connection: X-A, host, content-length\r\nConnection: x-forwarded-for, via, close\r\n\r\n",
      kLimits, head));
  std::string stripped;
  for (const Field& field : head.fields) {
    if (field.hop_by_hop) stripped += std::string(field.name) + " ";
  }
  EXPECT_EQ(stripped,
            "X-A x-a TE Keep-Alive Trailer Upgrade Proxy-Connection Connection Connection ");
}

TEST(Http1FieldId, IgnoresCaseAndKnowsNoNeighbours) {
  EXPECT_EQ(field_id("Transfer-Encoding"), FieldId::transfer_encoding);
  EXPECT_EQ(field_id("tRANSFER-eNCODING"), FieldId::transfer_encoding);
  EXPECT_EQ(field_id("Transfer_Encoding"), FieldId::other);
  EXPECT_EQ(field_id("Transfer-Encodings"), FieldId::other);
  EXPECT_EQ(field_id("X-Forwarded-Proto"), FieldId::x_forwarded_proto);
  EXPECT_EQ(field_id("TE"), FieldId::te);
  EXPECT_EQ(field_id(""), FieldId::other);
}

}  // namespace
}  // namespace evenkeel::net::http1::testing
