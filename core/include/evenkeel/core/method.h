// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace evenkeel::core {

// Request methods that a policy can speak of; every extension method is `other`.
enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  options,
  trace,
  patch,
  connect,
  other,
};
inline constexpr unsigned kMethodCount = 10;

[[nodiscard]] constexpr std::string_view to_text(Method method) {
  constexpr std::string_view kNames[kMethodCount] = {
      "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "other"};
  return kNames[static_cast<unsigned>(method)];
}

// Methods are case-sensitive (RFC 9110 §9.1): "get" is an extension method.
[[nodiscard]] constexpr Method method_from(std::string_view text) {
  for (unsigned i = 0; i + 1 < kMethodCount; ++i) {
    if (text == to_text(static_cast<Method>(i))) return static_cast<Method>(i);
  }
  return Method::other;
}

// A set of methods, as in `retry.methods`.
class MethodSet {
 public:
  constexpr MethodSet() = default;
  constexpr MethodSet(std::initializer_list<Method> methods) {
    for (const Method method : methods) add(method);
  }
  constexpr void add(Method method) { bits_ |= bit(method); }
  [[nodiscard]] constexpr bool contains(Method method) const { return (bits_ & bit(method)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  friend constexpr bool operator==(MethodSet, MethodSet) = default;

 private:
  static constexpr std::uint16_t bit(Method method) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(method));
  }
  std::uint16_t bits_ = 0;
};

}  // namespace evenkeel::core
