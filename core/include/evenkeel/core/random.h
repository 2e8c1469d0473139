// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "evenkeel/core/time.h"

// Randomness that can be replayed: counter-based named streams.
//
// A draw is a pure function of (seed, name, index), where the index means something: a request
// number, an attempt number, a check number. Adding a consumer, or taking one away, therefore
// disturbs no other draw, which a shared generator cannot promise. The mixing function is the
// finaliser of SplitMix64 (Steele, Lea, Flood 2014), applied twice.
namespace evenkeel::core {

// Seeds a run: the whole run follows from it.
enum class Seed : std::uint64_t {};

[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebULL;
  x ^= x >> 31U;
  return x;
}

// FNV-1a, for naming streams and for goldens; not for tables that strangers can fill.
[[nodiscard]] constexpr std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

// One named stream of random numbers. A value type: copying it copies the name, there is no state.
class Stream {
 public:
  constexpr Stream(Seed seed, std::string_view name)
      : key_(mix(mix(static_cast<std::uint64_t>(seed) + kGolden) ^ hash_name(name))) {}

  // The stream of one member of a family: backend 3's service times.
  [[nodiscard]] constexpr Stream of(std::uint64_t member) const {
    return Stream(mix(key_ + kGolden * (member + 1)));
  }

  // 64 uniform bits for this index.
  [[nodiscard]] constexpr std::uint64_t at(std::uint64_t index) const {
    return mix(mix(key_ + kGolden * (index + 1)) ^ key_);
  }

  // Uniform in [0, bound), without bias (Lemire 2019). `bound` must not be 0.
  [[nodiscard]] constexpr std::uint64_t below(std::uint64_t bound, std::uint64_t index) const {
    std::uint64_t bits = at(index);
    Wide product = static_cast<Wide>(bits) * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
      const std::uint64_t threshold = (0 - bound) % bound;
      while (static_cast<std::uint64_t>(product) < threshold) {
        bits = mix(bits + kGolden);
        product = static_cast<Wide>(bits) * bound;
      }
    }
    return static_cast<std::uint64_t>(product >> 64U);
  }

  // Uniform in [0, length). Zero for a length of zero.
  [[nodiscard]] constexpr Duration within(Duration length, std::uint64_t index) const {
    if (length <= Duration::zero()) return Duration::zero();
    return Duration(below(static_cast<std::uint64_t>(length.count()), index));
  }

  friend constexpr bool operator==(Stream, Stream) = default;

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

  constexpr explicit Stream(std::uint64_t key) : key_(key) {}

  std::uint64_t key_;
};

// The draws of one decision: a stream and the decision's index, handed to a picker that may need
// several. Draw k of decision i is at(i · 16 + k): decisions never share a draw.
class Draws {
 public:
  static constexpr std::uint64_t kPerDecision = 16;

  constexpr Draws(Stream stream, std::uint64_t decision)
      : stream_(stream), first_(decision * kPerDecision) {}

  // Uniform in [0, bound), which must not be 0. Draws beyond kPerDecision come from a stream of the
  // decision's own.
  constexpr std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t draw = used_++;
    if (draw < kPerDecision) return stream_.below(bound, first_ + draw);
    return stream_.of(first_).below(bound, draw);
  }

  // How many were drawn so far, and the bits that one of them came from: bits / 2^64 is where in
  // [0, 1) it fell.
  [[nodiscard]] constexpr std::uint64_t used() const { return used_; }
  [[nodiscard]] constexpr std::uint64_t bits(std::uint64_t draw) const {
    return draw < kPerDecision ? stream_.at(first_ + draw) : stream_.of(first_).at(draw);
  }

 private:
  Stream stream_;
  std::uint64_t first_;
  std::uint64_t used_ = 0;
};

// −ln(u) for u = (bits + 1) / 2^64, as a fixed-point number with 58 fractional bits: integers only,
// so that every compiler and machine gives the same. Absolute error below 2^-52. `bits` uniform
// makes the result exponential with mean 1.
[[nodiscard]] std::uint64_t negative_log(std::uint64_t bits);
inline constexpr unsigned kNegativeLogFractionBits = 58;

// An exponentially distributed duration with this mean.
[[nodiscard]] Duration exponential(Duration mean, std::uint64_t bits);

}  // namespace evenkeel::core
