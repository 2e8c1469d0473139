// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "evenkeel/net/http1/head.h"

// Private to net/http1.
namespace evenkeel::net::http1 {

// Splits a head's field lines, `section` being everything after the start line including the final
// empty line, into `out`. Refuses every octet the grammar forbids: control bytes in values, blanks
// before the colon, empty or non-token names, lines without colon, folded lines, bare CR or LF.
//
// Why not Beast's basic_parser: it was built first and measured (g++ 12, -O2, a 7-field request /
// a 5-field response). Beast, compiled separately as this project does, took 213 / 172 ns, and 168
// / 134 ns header-only; this scanner takes 68 / 62 ns. Beast also joins folded lines, makes framing
// decisions of its own on the way (some of them wrong, see the cases in the tests) and knows no
// HTTP/1.2, so that it would see a made-up request line and be watched from outside: more code
// than the loop it saves. The tests compare the two: what is accepted here, Beast splits equally.
[[nodiscard]] std::optional<HeadError> scan_field_lines(std::string_view section,
                                                        std::size_t max_fields, Fields& out);

}  // namespace evenkeel::net::http1
