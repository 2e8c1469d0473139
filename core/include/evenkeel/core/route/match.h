// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/route/request_view.h"

// The single comparisons that routes are made of. None of them allocates.
namespace evenkeel::core {

// "a.example:80" is "a.example", "[::1]:80" is "[::1]".
[[nodiscard]] std::string_view without_port(std::string_view host);

// Whether `host` (without port, any case) is `wanted` (lower case), or, for "*.b", below b.
[[nodiscard]] bool matches_host(std::string_view wanted, std::string_view host);

// Whole segments: "/api" takes "/api" and "/api/x" but not "/apix", so that a route never catches a
// neighbour that happens to begin alike. "/" takes everything, the "*" of OPTIONS included.
[[nodiscard]] bool matches_prefix(std::string_view prefix, std::string_view path);

[[nodiscard]] bool contains(const AddressRange& range, const Address& address);

// Whether the query has the parameter, with its value unless that is empty. Names and values are
// compared decoded: %41 is A, + is a blank; a % that begins no escape stands for itself. Of a
// parameter that is there several times any may match.
[[nodiscard]] bool has_parameter(std::string_view query, const FieldMatch& wanted);

// The cookie's value in a Cookie field, without quotes around it; the first of that name.
[[nodiscard]] std::optional<std::string_view> find_cookie(std::string_view cookies,
                                                          std::string_view name);

}  // namespace evenkeel::core
