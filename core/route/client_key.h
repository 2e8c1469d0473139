// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/route/request_view.h"

namespace evenkeel::core {

// What tells clients apart, as one number.
class ClientKeyHash {
 public:
  ClientKeyHash() = default;
  // `name`: of the header (any case) or cookie. Hashes for different purposes must have different
  // seeds: with the same one all clients of a canary would share a part of its backends.
  ClientKeyHash(ClientKey key, const std::string& name, std::uint64_t seed);

  // 0 for ClientKey::route: all requests are one client. Who does not send the header or cookie
  // goes by its address.
  [[nodiscard]] std::uint64_t of(const RequestView& request) const;

 private:
  ClientKey key_ = ClientKey::route;
  std::string name_;  // of a header in lower case
  std::uint64_t seed_ = 0;
};

}  // namespace evenkeel::core
