// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "evenkeel/core/method.h"

namespace evenkeel::core {

// An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d.
using Address = std::array<std::uint8_t, 16>;

// The headers of a request, wherever the driver keeps them. They are asked for one by one, and only
// those that a route names.
class HeaderSource {
 public:
  virtual ~HeaderSource() = default;
  // The first field of that name, without the blanks around it; nullopt: there is none.
  [[nodiscard]] virtual std::optional<std::string_view> find(
      std::string_view lower_case_name) const = 0;
};

// A request that has none.
class NoHeaders final : public HeaderSource {
 public:
  [[nodiscard]] std::optional<std::string_view> find(std::string_view) const override {
    return std::nullopt;
  }
};

// A request as routes see it. The views must stay valid during the call only.
struct RequestView {
  Method method = Method::get;
  std::string_view host;   // as in the Host field
  std::string_view path;   // as it was sent, without the query
  std::string_view query;  // what follows the "?"; empty without one
  // Who sent it: the peer, or whom a trusted proxy vouches for. No header is read to find it here.
  Address client{};
  // The peer is a trusted proxy, whose word on the region counts.
  bool trusted_peer = false;
  const HeaderSource& headers;
};

}  // namespace evenkeel::core
