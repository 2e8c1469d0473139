// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel::sim {

// Writes JSON in the order it is told, indented, numbers as their text: the same bytes everywhere.
//
//   JsonWriter json;
//   json.open('{').key("name").text("L01").key("seeds").open('[').number(1).close(']').close('}');
class JsonWriter {
 public:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& number(std::uint64_t value);
  // `decimals` digits after the point.
  JsonWriter& number(double value, int decimals);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // A value that is JSON already, on one line.
  JsonWriter& raw(std::string_view json);

  // The document, ended by a newline.
  [[nodiscard]] std::string take();

 private:
  void begin_value();
  void line();

  std::string out_;
  int depth_ = 0;
  bool first_ = true;  // of the innermost brackets
  bool after_key_ = false;
};

}  // namespace evenkeel::sim
