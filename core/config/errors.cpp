// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/errors.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "utf8.h"

namespace evenkeel::core {
namespace {

bool contains(std::string_view outer, std::string_view inner) {
  if (inner.substr(0, outer.size()) != outer) return false;
  return inner.size() == outer.size() || inner[outer.size()] == '.' || inner[outer.size()] == '[';
}

}  // namespace

std::string to_text(const ConfigError& error) {
  std::string text = error.file;
  if (error.line > 0) {
    text += ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
  }
  text += ": ";
  if (!error.key.empty()) text += error.key + ": ";
  return text + error.message;
}

std::string to_text(const ConfigErrors& errors) {
  std::string text;
  for (const ConfigError& error : errors) text += to_text(error) + "\n";
  return text;
}

void ErrorSink::add(const Position& where, std::string key, std::string message) {
  if (full()) {
    ++dropped_;
    return;
  }
  errors_.push_back({where.file, where.line, where.column, one_line(std::move(key), 200),
                     one_line(std::move(message), 1000)});
}

void ErrorSink::add(ConfigErrors errors) {
  for (ConfigError& error : errors) {
    add({error.file, error.line, error.column}, std::move(error.key), std::move(error.message));
  }
}

bool ErrorSink::covers(std::string_view key) const {
  return std::any_of(errors_.begin(), errors_.end(), [key](const ConfigError& error) {
    return !error.key.empty() && contains(error.key, key);
  });
}

ConfigErrors ErrorSink::take() {
  std::stable_sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
  if (dropped_ > 0) {
    errors_.push_back(
        {errors_.back().file, 0, 0, "", "and " + std::to_string(dropped_) + " more errors"});
  }
  dropped_ = 0;
  return std::exchange(errors_, {});
}

}  // namespace evenkeel::core
