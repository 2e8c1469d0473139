// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/route/router.h"

#include <algorithm>
#include <string>

namespace evenkeel::core {

namespace {

std::string_view without_port(std::string_view host) {
  const std::size_t bracket = host.rfind(']');  // the colons of an IPv6 literal are not a port's
  const std::size_t colon = host.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return has_port ? host.substr(0, colon) : host;
}

bool equal_without_case(std::string_view lower, std::string_view text) {
  return std::equal(lower.begin(), lower.end(), text.begin(), text.end(), [](char a, char b) {
    return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
  });
}

bool matches_prefix(std::string_view prefix, std::string_view path) {
  if (path.substr(0, prefix.size()) != prefix) return false;
  return prefix.empty() || prefix.back() == '/' || path.size() == prefix.size() ||
         path[prefix.size()] == '/';
}

bool matches(const RouteMatch& match, std::string_view host, std::string_view path, Method method) {
  if (!match.methods.empty() && !match.methods.contains(method)) return false;
  if (match.path_prefix != "/" && !matches_prefix(match.path_prefix, path)) return false;
  if (match.hosts.empty()) return true;
  const std::string_view name = without_port(host);
  return std::any_of(match.hosts.begin(), match.hosts.end(), [name](const std::string& wanted) {
    return equal_without_case(wanted, name);
  });
}

}  // namespace

std::optional<RouteIndex> Router::find(std::string_view host, std::string_view path,
                                       Method method) const {
  for (std::uint32_t i = 0; i < routes_->size(); ++i) {
    if (matches((*routes_)[i].match, host, path, method)) return RouteIndex{i};
  }
  return std::nullopt;
}

}  // namespace evenkeel::core
