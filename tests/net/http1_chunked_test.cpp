// SPDX-License-Identifier: Apache-2.0
// The chunked coding, decoded as a relay does it: framing through next(), payload past it.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>

#include "http1_cases.h"

namespace evenkeel::net::http1::testing {
namespace {

struct Decoded {
  std::string payload;
  std::string meaning;
};

// Decodes `bytes` arriving in pieces that end at `ends` (ascending) and at the end.
Decoded decode(ChunkDecoder::Padding padding, std::string_view bytes,
               std::vector<std::size_t> ends) {
  ends.push_back(bytes.size());
  ChunkDecoder decoder(padding);
  Decoded result;
  std::size_t at = 0;
  for (const std::size_t end : ends) {
    while (true) {
      const auto step = decoder.next(bytes.substr(at, end - at));
      at += step.consumed;
      if (step.kind == ChunkDecoder::Kind::need_more) break;
      if (step.kind == ChunkDecoder::Kind::end) {
        const std::size_t leftover = bytes.size() - at;
        result.meaning = leftover == 0 ? "end" : "end leftover=" + std::to_string(leftover);
        return result;
      }
      if (step.kind == ChunkDecoder::Kind::error) {
        result.meaning = std::string("error: ") + step.cause;
        return result;
      }
      const std::size_t taken = std::min<std::uint64_t>(step.size, end - at);
      result.payload += bytes.substr(at, taken);
      decoder.advance(taken);
      at += taken;
      if (at == end) break;
    }
  }
  result.meaning = "more";
  return result;
}

std::string encode(const std::vector<std::string>& chunks) {
  std::string bytes;
  std::array<char, kMaxChunkHeadBytes> head{};
  for (const std::string& chunk : chunks) {
    const std::size_t size = write_chunk_head(chunk.size(), head);
    bytes.append(head.data(), size);
    bytes += chunk;
    bytes += kChunkTail;
  }
  bytes += kLastChunk;
  return bytes;
}

TEST(Http1ChunkDecoder, MeansTheSameInOnePieceAndInAnyPieces) {
  for (const ChunkCase& one : chunk_cases()) {
    SCOPED_TRACE(one.name);
    const auto expect = [&one](const std::vector<std::size_t>& ends) {
      const Decoded decoded = decode(one.padding, one.bytes, ends);
      EXPECT_EQ(decoded.meaning, one.meaning);
      EXPECT_EQ(decoded.payload, one.payload);
    };
    expect({});
    std::vector<std::size_t> each_byte;
    for (std::size_t i = 1; i < one.bytes.size(); ++i) each_byte.push_back(i);
    expect(each_byte);
    for (std::size_t at = 1; at < std::min<std::size_t>(one.bytes.size(), 300); ++at) expect({at});
  }
}

TEST(Http1ChunkDecoder, LeavesPayloadToItsOwner) {
  ChunkDecoder decoder;
  auto step = decoder.next("5\r\nabc");
  EXPECT_EQ(step.consumed, 3U);
  EXPECT_EQ(step.size, 5U);
  decoder.advance(3);
  EXPECT_EQ(decoder.remaining(), 2U);
  // The last two bytes went from socket to socket and were never seen here.
  step = decoder.next("");
  EXPECT_EQ(step.kind, ChunkDecoder::Kind::data);
  EXPECT_EQ(step.size, 2U);
  decoder.advance(2);
  step = decoder.next("\r\n0\r\n\r\n");
  EXPECT_EQ(step.kind, ChunkDecoder::Kind::end);
  EXPECT_EQ(step.consumed, 7U);
  EXPECT_TRUE(decoder.ended());
}

TEST(Http1ChunkDecoder, RepeatsItsEndAndItsError) {
  ChunkDecoder ended;
  (void)ended.next("0\r\n\r\n");
  EXPECT_EQ(ended.next("0\r\n\r\n").kind, ChunkDecoder::Kind::end);
  EXPECT_EQ(ended.next("0\r\n\r\n").consumed, 0U);
  ChunkDecoder failed;
  (void)failed.next("x");
  EXPECT_EQ(failed.next("0\r\n\r\n").kind, ChunkDecoder::Kind::error);
  EXPECT_FALSE(failed.ended());
}

TEST(Http1ChunkEncoder, WritesHexadecimalSizesThatFit) {
  std::array<char, kMaxChunkHeadBytes> out{};
  const auto text = [&out](std::uint64_t size) {
    return std::string(out.data(), write_chunk_head(size, out));
  };
  EXPECT_EQ(text(1), "1\r\n");
  EXPECT_EQ(text(60000), "ea60\r\n");
  EXPECT_EQ(text(~std::uint64_t{0}), "ffffffffffffffff\r\n");
  EXPECT_EQ(write_chunk_head(16, std::span(out).first(3)), 0U);
  EXPECT_EQ(write_chunk_head(16, std::span(out).first(4)), 4U);
}

RC_GTEST_PROP(Http1ChunkDecoder, GivesBackWhatWasEncodedForEverySplit, ()) {
  const auto sizes = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 40));
  std::vector<std::string> chunks;
  std::string payload;
  for (const int size : sizes) {
    chunks.push_back(
        *rc::gen::container<std::string>(size, rc::gen::element('\r', '\n', '0', ';', 'x')));
    payload += chunks.back();
  }
  const std::string bytes = encode(chunks);
  auto ends =
      *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, bytes.size()));
  std::sort(ends.begin(), ends.end());
  const Decoded decoded = decode(ChunkDecoder::Padding::refused, bytes, ends);
  RC_ASSERT(decoded.meaning == "end");
  RC_ASSERT(decoded.payload == payload);
}

// Whatever bytes come, the pieces do not change what they mean.
RC_GTEST_PROP(Http1ChunkDecoder, NeverDependsOnThePieces, ()) {
  const auto noise = *rc::gen::container<std::string>(
      rc::gen::element('\r', '\n', '0', '1', 'a', ';', ' ', ':', 'X', '\0'));
  const auto& cases = chunk_cases();
  std::string bytes = cases[*rc::gen::inRange<std::size_t>(0, cases.size())].bytes.substr(0, 200);
  bytes.insert(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1), noise);
  auto ends = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
  std::sort(ends.begin(), ends.end());
  const Decoded whole = decode(ChunkDecoder::Padding::refused, bytes, {});
  const Decoded pieces = decode(ChunkDecoder::Padding::refused, bytes, ends);
  RC_ASSERT(whole.meaning == pieces.meaning);
  RC_ASSERT(whole.payload == pieces.payload);
}

}  // namespace
}  // namespace evenkeel::net::http1::testing
