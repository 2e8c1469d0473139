// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "evenkeel/core/facts.h"

// The text of a session's name, as a cookie, a header and the store carry it: 32 lower-case
// hexadecimal digits.
//
// A name is 128 bits from the operating system, handed in as a fact. Nothing in the core makes one,
// least of all from a clock or a counter: who guesses a name sits in somebody else's session.
namespace evenkeel::core {

inline constexpr std::size_t kSessionKeyTextLength = 32;

// Exactly what append_text() writes; anything else is no name of ours and nullopt.
[[nodiscard]] std::optional<SessionKey> parse_session_key(std::string_view text);

void append_text(std::string& out, SessionKey key);
[[nodiscard]] std::string to_text(SessionKey key);

}  // namespace evenkeel::core
