// SPDX-License-Identifier: Apache-2.0
//
// Which route takes everything that another one takes.
#include <algorithm>

#include "evenkeel/core/route/match.h"
#include "findings.h"

namespace evenkeel::core {
namespace {

// Everything that one of `inner` means is meant by one of `outer`; an empty list means everything.
template <typename T, typename Includes>
bool includes_all(const std::vector<T>& outer, const std::vector<T>& inner, Includes includes) {
  if (outer.empty()) return true;
  return !inner.empty() && std::all_of(inner.begin(), inner.end(), [&](const T& one) {
    return std::any_of(outer.begin(), outer.end(),
                       [&](const T& other) { return includes(other, one); });
  });
}

bool includes_host(const std::string& outer, const std::string& inner) {
  if (outer == inner) return true;
  // "*.b" includes "a.b" and "*.a.b".
  return outer.front() == '*' &&
         matches_host(outer, inner.front() == '*' ? inner.substr(2) : inner);
}

// All of `fewer` are demanded by `more` as well.
bool demands(const std::vector<FieldMatch>& more, const std::vector<FieldMatch>& fewer) {
  return std::all_of(fewer.begin(), fewer.end(), [&more](const FieldMatch& wanted) {
    return std::any_of(more.begin(), more.end(), [&wanted](const FieldMatch& other) {
      return other.name == wanted.name && (wanted.value.empty() || wanted.value == other.value);
    });
  });
}

bool includes_range(const AddressRange& outer, const AddressRange& inner) {
  return outer.prefix_bits <= inner.prefix_bits && contains(outer, inner.address);
}

bool includes_methods(MethodSet outer, MethodSet inner) {
  if (outer.empty()) return true;
  if (inner.empty()) return false;
  for (unsigned i = 0; i < kMethodCount; ++i) {
    const auto method = static_cast<Method>(i);
    if (inner.contains(method) && !outer.contains(method)) return false;
  }
  return true;
}

}  // namespace

bool covers(const RouteMatch& first, const RouteMatch& second) {
  return includes_methods(first.methods, second.methods) &&
         matches_prefix(first.path_prefix, second.path_prefix) &&
         (first.path_regex.empty() || first.path_regex == second.path_regex) &&
         includes_all(first.hosts, second.hosts, includes_host) &&
         demands(second.headers, first.headers) && demands(second.query, first.query) &&
         includes_all(first.clients, second.clients, includes_range) &&
         includes_all(first.regions, second.regions,
                      [](const std::string& a, const std::string& b) { return a == b; });
}

}  // namespace evenkeel::core
