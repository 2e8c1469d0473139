// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <memory>
#include <utility>

namespace evenkeel::core {

// A value that many hold and nobody changes: the table of a picker, of which a copy need not copy
// 65537 entries, or the parameters of a pool, for each of its ten thousand backends. Copies share
// it, and equal values are equal wherever they are.
template <typename T>
class SharedValue {
 public:
  // Stands in for the value, so it is made from it, or from what it is made of, without ado.
  SharedValue(T value)  // NOLINT(google-explicit-constructor)
      : value_(std::make_shared<const T>(std::move(value))) {}
  template <typename U>
  requires(std::convertible_to<const U&, T> && !std::same_as<U, T> && !std::same_as<U, SharedValue>)
      SharedValue(const U& value)  // NOLINT(google-explicit-constructor)
      : value_(std::make_shared<const T>(value)) {}

  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] const T* operator->() const { return value_.get(); }

  friend bool operator==(const SharedValue& a, const SharedValue& b) {
    return a.value_ == b.value_ || *a == *b;
  }

 private:
  std::shared_ptr<const T> value_;  // never null, but in an owner that was moved from
};

}  // namespace evenkeel::core
