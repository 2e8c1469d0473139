// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/session_fields.h"

#include <array>
#include <charconv>
#include <chrono>
#include <string_view>

#include "evenkeel/core/route/match.h"
#include "evenkeel/core/session/session_key.h"
#include "http1/octets.h"

namespace evenkeel::net {

namespace {

bool is_secure(core::SecureCookie policy, bool over_tls) {
  switch (policy) {
    case core::SecureCookie::automatic:
      return over_tls;
    case core::SecureCookie::always:
      return true;
    case core::SecureCookie::never:
      return false;
  }
  return true;
}

std::string_view same_site(core::SameSite policy) {
  switch (policy) {
    case core::SameSite::lax:
      return "; SameSite=Lax";
    case core::SameSite::strict:
      return "; SameSite=Strict";
    case core::SameSite::none:
      return "; SameSite=None";
  }
  return "";
}

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end.ptr);
}

}  // namespace

std::optional<core::SessionKey> find_session(const http1::Fields& request,
                                             const core::SessionPolicy& policy) {
  switch (policy.mode) {
    case core::SessionMode::none:
      return std::nullopt;
    case core::SessionMode::header: {
      const http1::Field* field = request.find(policy.header);
      return field == nullptr ? std::nullopt : core::parse_session_key(field->value);
    }
    case core::SessionMode::cookie:
      break;
  }
  for (const http1::Field& field : request) {
    if (!http1::equals_lower(field.name, "cookie")) continue;
    if (const auto value = core::find_cookie(field.value, policy.cookie)) {
      return core::parse_session_key(*value);
    }
  }
  return std::nullopt;
}

void write_session_field(std::string& out, const core::SessionPolicy& policy, core::SessionKey key,
                         bool secure) {
  out.clear();
  if (policy.mode == core::SessionMode::header) {
    out.append(policy.header).append(": ");
    core::append_text(out, key);
    out.append("\r\n");
    return;
  }
  out.append("Set-Cookie: ").append(policy.cookie).append("=");
  core::append_text(out, key);
  out.append("; Path=/; Max-Age=");
  append_number(out, std::chrono::ceil<std::chrono::seconds>(policy.ttl).count());
  if (policy.http_only) out.append("; HttpOnly");
  out.append(same_site(policy.same_site));
  if (is_secure(policy.secure, secure)) out.append("; Secure");
  out.append("\r\n");
}

}  // namespace evenkeel::net
