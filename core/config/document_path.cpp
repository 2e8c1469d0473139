// SPDX-License-Identifier: Apache-2.0
//
// Dotted paths into a document: overrides write through them, errors are placed by them.
#include <algorithm>
#include <charconv>
#include <utility>

#include "evenkeel/core/config/document.h"
#include "utf8.h"

namespace evenkeel::core {
namespace {

using Kind = DocumentNode::Kind;

// Whether `path` begins with the whole name `name`.
bool begins_with(std::string_view path, std::string_view name) {
  if (name.empty() || path.substr(0, name.size()) != name) return false;
  return path.size() == name.size() || path[name.size()] == '.' || path[name.size()] == '[';
}

std::string_view name_of(const DocumentNode& element) {
  for (const std::string_view key : {"name", "id"}) {
    const DocumentNode* value = element.find(key);
    if (value != nullptr && value->kind == Kind::scalar) return value->scalar;
  }
  return {};
}

std::optional<std::size_t> to_index(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// One step down: the child and how much of the path named it.
struct Step {
  const DocumentNode* child = nullptr;
  std::size_t used = 0;
};

Step step_into_map(const DocumentNode& map, std::string_view path) {
  Step best;
  for (const DocumentMember& member : map.members) {
    if (member.key.size() > best.used && begins_with(path, member.key)) {
      best = {&member.value, member.key.size()};
    }
  }
  return best;
}

Step step_into_sequence(const DocumentNode& sequence, std::string_view path) {
  Step best;
  for (const DocumentNode& item : sequence.items) {
    const std::string_view name = name_of(item);
    if (name.size() > best.used && begins_with(path, name)) best = {&item, name.size()};
  }
  if (best.child != nullptr) return best;
  const std::string_view word = path.substr(0, path.find('.'));
  const auto index = to_index(word);
  if (index && *index < sequence.items.size()) best = {&sequence.items[*index], word.size()};
  return best;
}

Step step(const DocumentNode& node, std::string_view path) {
  if (node.kind == Kind::map) return step_into_map(node, path);
  if (node.kind == Kind::sequence) return step_into_sequence(node, path);
  return {};
}

// Follows `path` as far as it leads; `rest` is what is left of it.
struct Walk {
  const DocumentNode* last = nullptr;
  std::string_view rest;
};

Walk walk(const DocumentNode& root, std::string_view path) {
  const DocumentNode* node = &root;
  while (!path.empty()) {
    const Step next = step(*node, path);
    if (next.child == nullptr) break;
    node = next.child;
    path.remove_prefix(next.used);
    if (!path.empty()) path.remove_prefix(1);  // the dot
  }
  return {node, path};
}

bool is_well_formed(std::string_view path) {
  return !path.empty() && path.front() != '.' && path.back() != '.' &&
         path.find("..") == std::string_view::npos &&
         static_cast<std::size_t>(std::count(path.begin(), path.end(), '.')) < kMaxDocumentDepth;
}

std::string dead_end(const Walk& end) {
  if (end.last->kind == Kind::scalar) {
    return "leads into " + describe(*end.last) + ", which has no " + quote(end.rest);
  }
  std::string names;
  for (const DocumentNode& item : end.last->items) {
    const std::string_view name = name_of(item);
    if (name.empty()) continue;
    names += names.empty() ? "" : ", ";
    names += name;
  }
  const std::string_view wanted = end.rest.substr(0, end.rest.find('.'));
  return "no element is called " + quote(wanted) +
         (names.empty() ? "; address it by its number from 0" : "; there are: " + names);
}

// Makes `node` hold `value` below the maps that `path` names, none of which exists yet.
void create(DocumentNode& node, std::string_view path, DocumentNode value, const Position& where) {
  DocumentNode* map = &node;
  while (!path.empty()) {
    if (map->kind != Kind::map) {
      map->kind = Kind::map;
      map->where = where;
    }
    const std::string key(path.substr(0, path.find('.')));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    map->members.push_back({key, where, DocumentNode{}});
    map = &map->members.back().value;
  }
  *map = std::move(value);
}

}  // namespace

const DocumentNode* find_by_path(const DocumentNode& root, std::string_view path) {
  const Walk end = walk(root, path);
  return end.rest.empty() ? end.last : nullptr;
}

std::optional<ConfigError> set_by_path(DocumentNode& root, std::string_view path,
                                       DocumentNode value, const Position& where) {
  const auto refuse = [&](std::string message) {
    return ConfigError{where.file, where.line, where.column, std::string(path), std::move(message)};
  };
  if (!is_well_formed(path)) return refuse("expected a dotted path such as pools.main.retry");
  const Walk end = walk(root, path);
  const bool grows = end.last->kind == Kind::map || end.last->kind == Kind::null;
  if (!end.rest.empty() && !grows) return refuse(dead_end(end));
  // The walk went through `root`, which is ours to change.
  create(const_cast<DocumentNode&>(*end.last), end.rest, std::move(value), where);
  return std::nullopt;
}

void apply_overrides(DocumentNode& root, const DocumentNode& overrides, const std::string& key,
                     ErrorSink& errors) {
  if (overrides.kind != Kind::map) {
    errors.add(overrides.where, key,
               "expected a map of dotted paths, found " + describe(overrides));
    return;
  }
  for (const DocumentMember& member : overrides.members) {
    const auto wrong = set_by_path(root, member.key, member.value, member.where);
    if (!wrong) continue;
    errors.add(member.where, key.empty() ? wrong->key : key + "." + wrong->key, wrong->message);
  }
}

Located locate(const DocumentNode& root, std::string_view key) {
  const DocumentNode* node = &root;
  while (!key.empty()) {
    if (key.front() == '[') {
      const std::size_t close = key.find(']');
      if (close == std::string_view::npos) return {node->where, false};
      const auto index = to_index(key.substr(1, close - 1));
      if (!index || *index >= node->items.size()) return {node->where, false};
      node = &node->items[*index];
      key.remove_prefix(close + 1);
    } else {
      const Step next = step_into_map(*node, key);
      if (next.child == nullptr) return {node->where, false};
      node = next.child;
      key.remove_prefix(next.used);
    }
    if (!key.empty() && key.front() == '.') key.remove_prefix(1);
  }
  return {node->where, true};
}

}  // namespace evenkeel::core
