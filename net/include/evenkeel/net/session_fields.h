// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/net/http1/fields.h"

// How a session travels: in a cookie of ours, or in a header that the client sends back.
namespace evenkeel::net {

// The session that a request shows: by the first cookie of that name, or by the header. What is not
// exactly a name as we write them is none; whether anybody knows it is the core's to say.
[[nodiscard]] std::optional<core::SessionKey> find_session(const http1::Fields& request,
                                                           const core::SessionPolicy& policy);

// Writes the whole field line, with its CRLF, that gives the session to the client. `secure`: the
// client came over TLS.
void write_session_field(std::string& out, const core::SessionPolicy& policy, core::SessionKey key,
                         bool secure);

}  // namespace evenkeel::net
