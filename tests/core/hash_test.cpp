// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chi_square.h"

namespace evenkeel::core {
namespace {

TEST(Hash, IsXxh64OfText) {
  struct Vector {
    std::string_view text;
    std::uint64_t hash;
  };
  for (const Vector& vector :
       {Vector{"", 0xEF46DB3751D8E999ULL}, Vector{"a", 0xD24EC4F1A98C6E5BULL},
        Vector{"as", 0x1C330FB2D66BE179ULL}, Vector{"asd", 0x631C37CE72A97393ULL},
        Vector{"asdf", 0x415872F599CEA71EULL}, Vector{"abcdefgh", 0x3AD351775B4634B7ULL},
        Vector{"abcdefghijklmnopqrstuvwxyz012345", 0xBF2CD639B4143B80ULL},
        Vector{"Call me Ishmael. Some years ago--never mind how long precisely-",
               0x02A2E85470D6FD96ULL}}) {
    EXPECT_EQ(hash_bytes(vector.text, 0), vector.hash) << vector.text;
  }
}

// The bytes and the values with which xxHash's own programs test themselves.
TEST(Hash, IsXxh64OfBytesUnderASeed) {
  constexpr std::uint64_t kSeed = 2654435761U;
  std::string bytes;
  for (std::uint64_t state = kSeed; bytes.size() < 222; state *= 11400714785074694797ULL) {
    bytes += static_cast<char>(state >> 56U);
  }
  struct Vector {
    std::size_t length;
    std::uint64_t seed;
    std::uint64_t hash;
  };
  for (const Vector& vector :
       {Vector{0, kSeed, 0xAC75FDA2929B17EFULL}, Vector{1, 0, 0xE934A84ADB052768ULL},
        Vector{1, kSeed, 0x5014607643A9B4C3ULL}, Vector{4, 0, 0x9136A0DCA57457EEULL},
        Vector{14, 0, 0x8282DCC4994E35C8ULL}, Vector{14, kSeed, 0xC3BD6BF63DEB6DF0ULL},
        Vector{222, 0, 0xB641AE8CB691C174ULL}, Vector{222, kSeed, 0x20CB8AB7AE10C14AULL}}) {
    EXPECT_EQ(hash_bytes(std::string_view(bytes).substr(0, vector.length), vector.seed),
              vector.hash)
        << vector.length;
  }
}

// Neighbouring keys, as ids and addresses are, under either end of the hash.
TEST(Hash, SpreadsSimilarKeysEvenly) {
  std::vector<std::uint64_t> low(256);
  std::vector<std::uint64_t> high(256);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t hash = hash_bytes("client-" + std::to_string(i), 0);
    ++low[hash % 256];
    ++high[hash >> 56U];
  }
  EXPECT_LT(chi_square_excess(low), 4);
  EXPECT_LT(chi_square_excess(high), 4);
}

// Any flipped bit, of the key or of the seed, flips some 32 of the 64: 10 is 5.5 deviations away.
RC_GTEST_PROP(Hash, DependsOnEveryBitOfKeyAndSeed, ()) {
  auto key = *rc::gen::container<std::string>(*rc::gen::inRange<std::size_t>(1, 80),
                                              rc::gen::arbitrary<char>());
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const std::uint64_t hash = hash_bytes(key, seed);
  const std::uint64_t reseeded = hash_bytes(key, seed ^ 1ULL << *rc::gen::inRange(0, 64));
  RC_ASSERT(std::popcount(hash ^ reseeded) > 10);
  char& byte = key[*rc::gen::inRange<std::size_t>(0, key.size())];
  byte = static_cast<char>(byte ^ 1 << *rc::gen::inRange(0, 8));
  RC_ASSERT(std::popcount(hash ^ hash_bytes(key, seed)) > 10);
}

}  // namespace
}  // namespace evenkeel::core
