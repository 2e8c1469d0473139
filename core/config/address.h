// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/result.h"

// Where to listen and where backends are. The error of each is what was expected instead.
namespace evenkeel::core {

// "http://host[:port]" with a name, an IPv4 address or an IPv6 address in brackets.
[[nodiscard]] Result<Endpoint, std::string> parse_backend_url(std::string_view text);
// "address:port" with a literal address. Port 0 lets the system choose.
[[nodiscard]] Result<Endpoint, std::string> parse_listen_address(std::string_view text);
// A host to match requests by: a name, "*." before a name for everything below it, or a literal
// address; without port, turned to lower case.
[[nodiscard]] Result<std::string, std::string> parse_match_host(std::string_view text);

// What is wrong with "redis://[user][:password@]host[:port][/number]"; nothing when it is one.
[[nodiscard]] std::optional<std::string> find_redis_url_fault(std::string_view text);
// "10.0.0.0/8", "2001:db8::/32" or a single address. Bits beyond the prefix must be 0.
[[nodiscard]] Result<AddressRange, std::string> parse_address_range(std::string_view text);
[[nodiscard]] std::string to_text(const AddressRange& range);

// "host:port", with brackets where IPv6 needs them.
[[nodiscard]] std::string to_text(const Endpoint& endpoint);

}  // namespace evenkeel::core
