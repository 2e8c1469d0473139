// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/http1/fields.h"

#include "octets.h"

namespace evenkeel::net::http1 {
namespace {

struct Special {
  std::string_view name;
  FieldId id;
};

// What has special meaning, by length of the name: almost every name is settled by its length and
// one comparison.
constexpr Special kSpecial[] = {
    {"te", FieldId::te},
    {"via", FieldId::via},
    {"host", FieldId::host},
    {"date", FieldId::date},
    {"expect", FieldId::expect},
    {"upgrade", FieldId::upgrade},
    {"trailer", FieldId::trailer},
    {"connection", FieldId::connection},
    {"keep-alive", FieldId::keep_alive},
    {"retry-after", FieldId::retry_after},
    {"max-forwards", FieldId::max_forwards},
    {"x-request-id", FieldId::x_request_id},
    {"content-length", FieldId::content_length},
    {"x-forwarded-for", FieldId::x_forwarded_for},
    {"x-forwarded-host", FieldId::x_forwarded_host},
    {"proxy-connection", FieldId::proxy_connection},
    {"transfer-encoding", FieldId::transfer_encoding},
    {"x-forwarded-proto", FieldId::x_forwarded_proto},
};
constexpr std::size_t kLongestSpecial = 17;

// kFirst[n] is the index of the first special name of length n or more.
constexpr auto kFirst = [] {
  std::array<std::uint8_t, kLongestSpecial + 2> first{};
  for (std::size_t length = 0; length < first.size(); ++length) {
    std::uint8_t i = 0;
    while (i < std::size(kSpecial) && kSpecial[i].name.size() < length) ++i;
    first[length] = i;
  }
  return first;
}();

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.size() > kLongestSpecial) return FieldId::other;
  for (std::size_t i = kFirst[name.size()]; i < kFirst[name.size() + 1]; ++i) {
    if (equals_lower(name, kSpecial[i].name)) return kSpecial[i].id;
  }
  return FieldId::other;
}

const Field* Fields::find(FieldId id) const {
  if (!has(id)) return nullptr;
  for (const Field& field : *this) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const Field* Fields::find(std::string_view name) const {
  for (const Field& field : *this) {
    if (equals_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

}  // namespace evenkeel::net::http1
