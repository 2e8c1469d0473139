// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

namespace evenkeel::core {

// A large value that never changes, shared by all copies of its owner: a copy of a picker need not
// copy a table of 65537 entries. It compares by value, as if it were owned.
template <typename T>
class SharedValue {
 public:
  explicit SharedValue(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] const T* operator->() const { return value_.get(); }

  friend bool operator==(const SharedValue& a, const SharedValue& b) {
    return a.value_ == b.value_ || *a == *b;
  }

 private:
  std::shared_ptr<const T> value_;  // never null, but in an owner that was moved from
};

}  // namespace evenkeel::core
