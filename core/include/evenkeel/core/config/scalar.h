// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evenkeel/core/config/document.h"
#include "evenkeel/core/method.h"
#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"

// Single values of a file: what they look like, which are allowed and where they go. A Scalar is
// bound to a variable; reading a node through it either sets the variable or says what was
// expected. The same Scalars serve the configuration's table of fields (fields.h) and scenario
// files:
//
//   Duration timeout = 5s;
//   reader.optional("timeout", duration(timeout, 1ms, 1h));
namespace evenkeel::core {

struct Scalar {
  std::string type;    // "duration", "integer", …: the documentation's word
  std::string range;   // "1ms to 1h"; empty: any
  std::string schema;  // JSON Schema of one value, an object without its braces
  // Takes the value, or says what is wrong with it ("expected …, found …") and leaves the variable.
  std::function<std::optional<std::string>(const DocumentNode&)> read;
  // The variable as a file would say it.
  std::function<std::string()> write;
};

// A list of single values, e.g. methods. `clear` precedes the first `add`.
struct ScalarList {
  std::string type;    // of one element
  std::string range;   // of one element
  std::string schema;  // of one element
  std::size_t min_items = 0;
  std::function<void()> clear;
  std::function<std::optional<std::string>(const DocumentNode&)> add;
  std::function<std::vector<std::string>()> write;
  std::size_t max_items = std::numeric_limits<std::size_t>::max();
};

// A map whose keys the file chooses, e.g. header names. `clear` precedes the first `add`.
struct ScalarMap {
  std::string type;    // of a key and its value: "header name: text"
  std::string schema;  // of one value
  std::size_t max_items = std::numeric_limits<std::size_t>::max();
  std::function<void()> clear;
  // Says what is wrong with the key or its value.
  std::function<std::optional<std::string>(const std::string& key, const DocumentNode&)> add;
  std::function<std::vector<std::pair<std::string, std::string>>()> write;  // keys and values
};

[[nodiscard]] Scalar integer(std::uint16_t& value, std::uint64_t min, std::uint64_t max);
[[nodiscard]] Scalar integer(std::uint32_t& value, std::uint64_t min, std::uint64_t max);
[[nodiscard]] Scalar integer(std::uint64_t& value, std::uint64_t min, std::uint64_t max);
// Decimal, e.g. a ratio; never infinite or not-a-number.
[[nodiscard]] Scalar number(double& value, double min, double max);
// With at most three decimals: 1.4 is 1400 thousandths, and nothing is rounded.
[[nodiscard]] Scalar decimal(Decimal& value, Decimal min, Decimal max);
[[nodiscard]] Scalar flag(bool& value);  // true | false | on | off
[[nodiscard]] Scalar duration(Duration& value, Duration min, Duration max);
[[nodiscard]] Scalar bytes(std::uint64_t& value, std::uint64_t min, std::uint64_t max);
// Any text of at most `max_length` bytes.
[[nodiscard]] Scalar text(std::string& value, std::size_t min_length, std::size_t max_length);
// A name: letters, digits and "-_.:[]" (a backend may be called by its host:port).
[[nodiscard]] Scalar name(std::string& value, std::size_t max_length = 64);
// The same, or "" for none.
[[nodiscard]] Scalar optional_name(std::string& value, std::size_t max_length = 64);
// A value with a form of its own, e.g. an address. `take` stores the text or says what was
// expected, "a URL such as http://10.0.0.1:8080"; `schema` as in Scalar.
[[nodiscard]] Scalar special(std::string type, std::string schema,
                             std::function<std::optional<std::string>(const std::string&)> take,
                             std::function<std::string()> write);
// The one allowed word, for keys that exist so that files can say what always holds.
[[nodiscard]] Scalar constant(std::string word);

// One of several words. Several words may mean the same value; the first of them is written back.
[[nodiscard]] Scalar choice_of(std::vector<std::string> words, std::function<void(std::size_t)> set,
                               std::function<std::size_t()> get);
template <typename E>
[[nodiscard]] Scalar choice(E& value, std::vector<std::pair<std::string, E>> choices) {
  std::vector<std::string> words;
  std::vector<E> values;
  for (auto& [word, meaning] : choices) {
    words.push_back(word);
    values.push_back(meaning);
  }
  auto set = [&value, values](std::size_t i) { value = values[i]; };
  auto get = [&value, values]() -> std::size_t {
    std::size_t i = 0;
    while (i + 1 < values.size() && !(values[i] == value)) ++i;
    return i;
  };
  return choice_of(std::move(words), std::move(set), std::move(get));
}

// [GET, HEAD, …]
[[nodiscard]] ScalarList methods(MethodSet& value);
// A list of what `element` (bound to a scratch variable) reads.
template <typename T>
[[nodiscard]] ScalarList list(std::vector<T>& values, std::function<Scalar(T&)> element,
                              std::size_t min_items = 0,
                              std::size_t max_items = std::numeric_limits<std::size_t>::max()) {
  T scratch{};
  const Scalar sample = element(scratch);
  return ScalarList{sample.type,
                    sample.range,
                    sample.schema,
                    min_items,
                    [&values] { values.clear(); },
                    [&values, element](const DocumentNode& node) -> std::optional<std::string> {
                      T value{};
                      auto wrong = element(value).read(node);
                      if (!wrong) values.push_back(std::move(value));
                      return wrong;
                    },
                    [&values, element] {
                      std::vector<std::string> texts;
                      texts.reserve(values.size());
                      for (T& value : values) texts.push_back(element(value).write());
                      return texts;
                    },
                    max_items};
}
// A value as a file would say it: in quotes where readers of YAML would not take it for text.
[[nodiscard]] std::string yaml_text(const std::string& value);

}  // namespace evenkeel::core
