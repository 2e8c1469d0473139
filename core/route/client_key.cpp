// SPDX-License-Identifier: Apache-2.0
#include "client_key.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "evenkeel/core/hash.h"
#include "evenkeel/core/route/match.h"

namespace evenkeel::core {
namespace {

// A header that says "10.0.0.1" is not the client 10.0.0.1.
constexpr std::uint64_t kTextSeed = 0x9e3779b97f4a7c15;

std::uint64_t hash_client(const Address& address, std::uint64_t seed) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  const bool is_v4 = std::equal(kMapped.begin(), kMapped.end(), address.begin());
  const std::size_t length = is_v4 ? 16 : 8;
  return hash_bytes({reinterpret_cast<const char*>(address.data()), length}, seed);
}

std::optional<std::string_view> value_of(const RequestView& request, ClientKey key,
                                         std::string_view name) {
  if (key == ClientKey::header) return request.headers.find(name);
  const auto cookies = request.headers.find("cookie");
  return cookies ? find_cookie(*cookies, name) : std::nullopt;
}

}  // namespace

ClientKeyHash::ClientKeyHash(ClientKey key, const std::string& name, std::uint64_t seed)
    : key_(key), name_(name), seed_(seed) {
  if (key_ != ClientKey::header) return;
  for (char& c : name_) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::uint64_t ClientKeyHash::of(const RequestView& request) const {
  if (key_ == ClientKey::route) return 0;
  if (key_ == ClientKey::header || key_ == ClientKey::cookie) {
    const auto value = value_of(request, key_, name_);
    if (value && !value->empty()) return hash_bytes(*value, seed_ ^ kTextSeed);
  }
  return hash_client(request.client, seed_);
}

}  // namespace evenkeel::core
