// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// What is wrong with a file that people write, and where. Every fault of a file is reported at
// once: whoever fixes a configuration should not have to find out one run at a time.
namespace evenkeel::core {

// A place in a file. Lines and columns count from 1 (columns in bytes); 0: the file as a whole.
struct Position {
  std::string file;
  int line = 0;
  int column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct ConfigError {
  std::string file;
  int line = 0;  // from 1; 0: the file as a whole, e.g. when it cannot be opened
  int column = 0;
  std::string key;      // dotted path, e.g. "pools[0].retry.max_attempts"; may be empty
  std::string message;  // what is wrong and what was expected
  friend bool operator==(const ConfigError&, const ConfigError&) = default;
};

using ConfigErrors = std::vector<ConfigError>;

// "file:line:column: key: message", without the parts that are unknown.
[[nodiscard]] std::string to_text(const ConfigError& error);
// One error a line, each line ended.
[[nodiscard]] std::string to_text(const ConfigErrors& errors);

// Collects the errors of one load. Past kMaxConfigErrors it only counts: nobody reads more, and a
// hostile file must not make us hold more.
inline constexpr std::size_t kMaxConfigErrors = 100;

class ErrorSink {
 public:
  void add(const Position& where, std::string key, std::string message);
  void add(ConfigErrors errors);

  [[nodiscard]] bool empty() const { return errors_.empty(); }
  [[nodiscard]] bool full() const { return errors_.size() >= kMaxConfigErrors; }
  // Whether an error was reported for `key` or for something that contains it.
  [[nodiscard]] bool covers(std::string_view key) const;
  // Everything collected, ordered by file, line and column.
  [[nodiscard]] ConfigErrors take();

 private:
  ConfigErrors errors_;
  std::size_t dropped_ = 0;
};

}  // namespace evenkeel::core
