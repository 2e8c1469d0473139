// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/reader.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace evenkeel::core {
namespace {

using Kind = DocumentNode::Kind;

// Edits (insert, delete, replace, swap neighbours) that turn `a` into `b`, ignoring case.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto same = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  };
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string closest(std::string_view given, const std::vector<std::string>& words) {
  constexpr std::size_t kLongest = 64;  // nothing longer is a misspelling of our words
  if (given.size() > kLongest) return "";
  std::string best;
  std::size_t best_distance = 1 + std::max<std::size_t>(1, given.size() / 4);
  for (const std::string& word : words) {
    const std::size_t distance = edit_distance(given, word);
    if (distance >= best_distance) continue;
    best = word;
    best_distance = distance;
  }
  return best;
}

bool read_scalar(const DocumentNode& node, const std::string& key, const Scalar& scalar,
                 ErrorSink& errors) {
  auto wrong = scalar.read(node);
  if (wrong) errors.add(node.where, key, std::move(*wrong));
  return !wrong;
}

bool read_scalars(const DocumentNode& node, const std::string& key, const ScalarList& list,
                  ErrorSink& errors) {
  if (node.kind != Kind::sequence) {
    errors.add(node.where, key, "expected a list, found " + describe(node));
    return false;
  }
  if (node.items.size() < list.min_items) {
    errors.add(node.where, key, "expected at least one element");
    return false;
  }
  if (node.items.size() > list.max_items) {
    errors.add(node.where, key,
               "expected at most " + std::to_string(list.max_items) + " elements, found " +
                   std::to_string(node.items.size()));
    return false;
  }
  list.clear();
  bool good = true;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    auto wrong = list.add(node.items[i]);
    if (!wrong) continue;
    errors.add(node.items[i].where, key + "[" + std::to_string(i) + "]", std::move(*wrong));
    good = false;
  }
  return good;
}

bool read_map(const DocumentNode& node, const std::string& key, const ScalarMap& map,
              ErrorSink& errors) {
  if (node.kind != Kind::map) {
    errors.add(node.where, key, "expected a map, found " + describe(node));
    return false;
  }
  if (node.members.size() > map.max_items) {
    errors.add(node.where, key,
               "expected at most " + std::to_string(map.max_items) + " entries, found " +
                   std::to_string(node.members.size()));
    return false;
  }
  map.clear();
  bool good = true;
  for (const DocumentMember& member : node.members) {
    auto wrong = map.add(member.key, member.value);
    if (!wrong) continue;
    errors.add(member.where, key + "." + member.key, std::move(*wrong));
    good = false;
  }
  return good;
}

MapReader::MapReader(const DocumentNode& map, std::string path, ErrorSink& errors)
    : map_(map), path_(std::move(path)), errors_(errors), usable_(map.kind == Kind::map) {
  if (!usable_) errors_.add(map.where, path_, "expected a map, found " + describe(map));
}

bool MapReader::optional(std::string_view key, const Scalar& scalar) {
  const DocumentNode* node = take(key);
  return node != nullptr && read_scalar(*node, path(key), scalar, errors_);
}

bool MapReader::optional(std::string_view key, const ScalarList& list) {
  const DocumentNode* node = take(key);
  return node != nullptr && read_scalars(*node, path(key), list, errors_);
}

bool MapReader::optional(std::string_view key, const ScalarMap& map) {
  const DocumentNode* node = take(key);
  return node != nullptr && read_map(*node, path(key), map, errors_);
}

bool MapReader::required(std::string_view key, const Scalar& scalar) {
  const DocumentNode* node = take_required(key);
  return node != nullptr && read_scalar(*node, path(key), scalar, errors_);
}

bool MapReader::required(std::string_view key, const ScalarList& list) {
  const DocumentNode* node = take_required(key);
  return node != nullptr && read_scalars(*node, path(key), list, errors_);
}

const DocumentNode* MapReader::take(std::string_view key) {
  known_.emplace_back(key);
  return map_.find(key);
}

const DocumentNode* MapReader::take_required(std::string_view key) {
  const DocumentNode* node = take(key);
  if (node == nullptr && usable_) errors_.add(map_.where, path(key), "is required");
  return node;
}

std::span<const DocumentNode> MapReader::take_items(std::string_view key, std::size_t min_items) {
  const DocumentNode* node = min_items > 0 ? take_required(key) : take(key);
  if (node == nullptr) return {};
  if (node->kind != Kind::sequence) {
    errors_.add(node->where, path(key), "expected a list, found " + describe(*node));
  } else if (node->items.size() < min_items) {
    errors_.add(node->where, path(key), "expected at least one element");
  }
  return node->items;
}

std::string MapReader::path(std::string_view key) const {
  return path_ + (path_.empty() || key.empty() ? "" : ".") + std::string(key);
}

std::string MapReader::path(std::string_view key, std::size_t element) const {
  return path(key) + "[" + std::to_string(element) + "]";
}

void MapReader::fail(std::string_view key, std::string message) {
  const DocumentNode* node = key.empty() ? nullptr : map_.find(key);
  errors_.add(node == nullptr ? map_.where : node->where, path(key), std::move(message));
}

void MapReader::finish() {
  for (const DocumentMember& member : map_.members) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    std::string message = "unknown key";
    const std::string near = errors_.full() ? "" : closest(member.key, known_);
    if (!near.empty()) {
      message += "; did you mean \"" + near + "\"?";
    } else {
      message += "; known here:";
      for (const std::string& key : known_) message += (key == known_[0] ? " " : ", ") + key;
    }
    errors_.add(member.where, path(member.key), std::move(message));
  }
}

}  // namespace evenkeel::core
