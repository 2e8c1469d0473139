// SPDX-License-Identifier: Apache-2.0
#include "http1_cases.h"

namespace evenkeel::net::http1::testing {
namespace {

using namespace std::string_literals;
constexpr auto kRefused = ChunkDecoder::Padding::refused;
constexpr auto kAccepted = ChunkDecoder::Padding::accepted;

const std::string kNoHex = "error: a chunk size is not hexadecimal";
const std::string kNoSize = "error: a chunk has no size";
const std::string kTooLarge = "error: a chunk size is too large";
const std::string kLonger = "error: a chunk is longer than its size";
const std::string kLineEnd = "error: a chunk's line ends without CR and LF";
const std::string kExtension = "error: a chunk extension has a control byte";
const std::string kTrailerName = "error: a trailer has no valid name";

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::vector<ChunkCase> sound() {
  return {
      {"Empty", kRefused, "0\r\n\r\n", "", "end"},
      {"OneChunk", kRefused, "3\r\nabc\r\n0\r\n\r\n", "abc", "end"},
      {"TwoChunks", kRefused, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", "end"},
      {"SizeInBothCases", kRefused, "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
       "01234567890123456789a", "end"},
      {"SizeWithLeadingZeros", kRefused, "0003\r\nabc\r\n000\r\n\r\n", "abc", "end"},
      {"PayloadLooksLikeFraming", kRefused, "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n",
       "end"},
      {"NextMessageIsLeftOver", kRefused, "1\r\nz\r\n0\r\n\r\nGET /", "z", "end leftover=5"},
      {"Extensions", kRefused, "3;a=b;c\r\nabc\r\n0;last\r\n\r\n", "abc", "end"},
      {"ExtensionQuoted", kRefused, "3;a=\"b;\\\" c\"\r\nabc\r\n0\r\n\r\n", "abc", "end"},
      {"BlanksBeforeExtension", kRefused, "3 \t;a\r\nabc\r\n0\r\n\r\n", "abc", "end"},
      {"TrailersAreDropped", kRefused, "3\r\nabc\r\n0\r\nContent-Length: 5\r\nX-Sum:\r\n\r\n",
       "abc", "end"},
      {"PaddedSizeOfAnOrigin", kAccepted, "3  \r\nabc\r\n0 \r\n\r\n", "abc", "end"},
      {"ExtensionOnEveryChunk", kRefused,
       repeat("64;chunk-signature=0123456789\r\n" + std::string(100, 'x') + "\r\n", 400) +
           "0\r\n\r\n",
       std::string(40000, 'x'), "end"},
      {"LargestExtension", kRefused,
       "1;" + std::string(kMaxChunkExtensionBytes - 1, 'e') + "\r\nz\r\n0\r\n\r\n", "z", "end"},
  };
}

std::vector<ChunkCase> cut() {
  return {
      {"CutInSize", kRefused, "1", "", "more"},
      {"CutAfterSize", kRefused, "3\r\n", "", "more"},
      {"CutInPayload", kRefused, "3\r\nab", "ab", "more"},
      {"CutAfterPayload", kRefused, "3\r\nabc", "abc", "more"},
      {"CutBeforeLastChunk", kRefused, "3\r\nabc\r\n", "abc", "more"},
      {"CutAfterLastChunk", kRefused, "3\r\nabc\r\n0\r\n", "abc", "more"},
      {"CutInTrailer", kRefused, "0\r\nX: y", "", "more"},
      {"CutBeforeTheEnd", kRefused, "0\r\nX: y\r\n\r", "", "more"},
  };
}

std::vector<ChunkCase> broken() {
  return {
      {"SizeMissing", kRefused, "\r\nabc", "", kNoSize},
      {"SizeIsExtensionOnly", kRefused, ";a\r\n", "", kNoSize},
      {"SizeSigned", kRefused, "+3\r\nabc\r\n", "", kNoSize},
      {"SizeNegative", kRefused, "-3\r\nabc\r\n", "", kNoSize},
      {"SizeWithPrefix", kRefused, "0x3\r\nabc\r\n", "", kNoHex},
      {"SizeWithBlankBefore", kRefused, " 3\r\nabc\r\n", "", kNoSize},
      {"SizeIsNoNumber", kRefused, "3g\r\nabc\r\n", "", kNoHex},
      {"SizeQuoted", kRefused, "\"3\"\r\nabc\r\n", "", kNoSize},
      {"SizeWithUnderscore", kRefused, "1_0\r\n", "", kNoHex},
      {"SizeWithTwoNumbers", kRefused, "3 3\r\nabc\r\n", "", kNoHex},
      {"SizePaddedByAClient", kRefused, "3 \r\nabc\r\n0\r\n\r\n", "",
       "error: white space follows a chunk size"},
      {"SizeOfSixtyFourBits", kRefused, "8000000000000000\r\n", "", kTooLarge},
      {"SizeBeyondSixtyFourBits", kRefused, "10000000000000003\r\nabc\r\n", "", kTooLarge},
      {"SizeOfEndlessZeros", kRefused, std::string(17, '0'), "", kTooLarge},
      {"SizeOfSixtyThreeBits", kRefused, "7fffffffffffffff\r\n", "", "more"},
      {"SizeLineEndsInBareLineFeed", kRefused, "3\nabc\r\n0\r\n\r\n", "", kNoHex},
      {"SizeLineEndsInBareReturn", kRefused, "3\rabc\r\n0\r\n\r\n", "", kLineEnd},
      {"PayloadTooLong", kRefused, "3\r\nabcd\r\n0\r\n\r\n", "abc", kLonger},
      {"PayloadEndsInOtherByteAndLineFeed", kRefused, "3\r\nabcX\n0\r\n\r\n", "abc", kLonger},
      {"PayloadEndsInBareLineFeed", kRefused, "3\r\nabc\n0\r\n\r\n", "abc", kLonger},
      {"PayloadEndsInBareReturn", kRefused, "3\r\nabc\r0\r\n\r\n", "abc", kLonger},
      {"ExtensionWithLineFeed", kRefused, "3;a\nabc\r\n0\r\n\r\n", "", kExtension},
      {"ExtensionWithNul", kRefused, "3;a=\"\0\"\r\nabc\r\n"s, "", kExtension},
      {"ExtensionWithBareReturn", kRefused, "3;a\rb\r\nabc\r\n", "", kLineEnd},
      {"ExtensionTooLong", kRefused, "1;" + std::string(kMaxChunkExtensionBytes, 'e') + "\r\nz", "",
       "error: chunk extensions are too long"},
      {"ExtensionsTooLongTogether", kRefused,
       repeat("1;" + std::string(99, 'e') + "\r\nz\r\n", 100), std::string(82, 'z'),
       "error: chunk extensions are too long"},
      {"BlanksWithoutEnd", kAccepted, "1" + std::string(kMaxChunkExtensionBytes + 1, ' '), "",
       "error: chunk extensions are too long"},
      {"TrailersTooLong", kRefused, "0\r\n" + repeat("X: 0123456789\r\n", 600), "",
       "error: trailers are too long"},
      {"TrailerTooLong", kRefused, "0\r\nX: " + std::string(kMaxTrailerBytes, 'x'), "",
       "error: trailers are too long"},
      {"TrailerWithoutColon", kRefused, "0\r\nX\r\n\r\n", "", kTrailerName},
      {"TrailerWithEmptyName", kRefused, "0\r\n: x\r\n\r\n", "", kTrailerName},
      {"TrailerWithBlankBeforeColon", kRefused, "0\r\nX : y\r\n\r\n", "", kTrailerName},
      {"TrailerFolded", kRefused, "0\r\nX: y\r\n z\r\n\r\n", "", kTrailerName},
      {"TrailerWithControlByte", kRefused, "0\r\nX: \x01\r\n\r\n", "",
       "error: a trailer has a control byte"},
      {"TrailerEndsInBareLineFeed", kRefused, "0\r\nX: y\n\r\n", "",
       "error: a trailer has a control byte"},
      {"LastLineEndsInBareReturn", kRefused, "0\r\n\rX", "",
       "error: a trailer line ends without CR and LF"},
      {"LastChunkWithoutEmptyLine", kRefused, "0\r\nGET / HTTP/1.1\r\n", "", kTrailerName},
  };
}

}  // namespace

const std::vector<ChunkCase>& chunk_cases() {
  static const std::vector<ChunkCase> all = [] {
    std::vector<ChunkCase> cases;
    for (auto* part : {&sound, &cut, &broken}) {
      for (ChunkCase& one : part()) cases.push_back(std::move(one));
    }
    return cases;
  }();
  return all;
}

}  // namespace evenkeel::net::http1::testing
