// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "evenkeel/core/route/request_view.h"

namespace evenkeel::net {

// The bytes of an address in text, without port; IPv4 as ::ffff:a.b.c.d. All zero for anything
// else.
[[nodiscard]] core::Address address_from(std::string_view text);

}  // namespace evenkeel::net
