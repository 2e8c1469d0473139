// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/config/errors.h"
#include "evenkeel/core/result.h"

// A YAML file as a plain tree of values, each of which knows where it was written. Configurations
// and scenarios are both read through it, so that both are equally strict, and an error after an
// include and three overrides still points at the line to change.
//
// Refused here, before any schema is looked at: duplicate keys, several documents in a file, tags,
// keys that are not plain text, invalid UTF-8 and control characters, and everything above the
// bounds below. Anchors and aliases work, and count as often as they are used.
namespace evenkeel::core {

inline constexpr std::size_t kMaxDocumentBytes = 1024 * 1024;
inline constexpr std::size_t kMaxDocumentNodes = 100'000;  // after aliases: bounds "billion laughs"
inline constexpr std::size_t kMaxDocumentDepth = 32;

struct DocumentLimits {
  std::size_t bytes = kMaxDocumentBytes;
  std::size_t nodes = kMaxDocumentNodes;
};

struct DocumentMember;

struct DocumentNode {
  enum class Kind : std::uint8_t {
    null,      // nothing written, `~` or `null`
    scalar,    // `scalar` holds the text
    sequence,  // `items`
    map,       // `members`
  };
  Kind kind = Kind::null;
  Position where;
  std::string scalar;
  bool quoted = false;  // the scalar was in quotes or a block: text, never a number
  std::vector<DocumentNode> items;
  std::vector<DocumentMember> members;  // in file order, keys distinct

  // The value of a key of a map; null when it has no such key or is no map.
  [[nodiscard]] const DocumentNode* find(std::string_view key) const;
  [[nodiscard]] DocumentNode* find(std::string_view key);
};

struct DocumentMember {
  std::string key;
  Position where;  // of the key
  DocumentNode value;
};

// "a map", "a list", "nothing" or `"the text"`: how an error speaks of what it found.
[[nodiscard]] std::string describe(const DocumentNode& node);

// Reads `text`; `file` is the name that errors show.
[[nodiscard]] Result<DocumentNode, ConfigErrors> parse_document(std::string_view text,
                                                                const std::string& file,
                                                                const DocumentLimits& limits = {});
// Reads a file of at most kMaxDocumentBytes. A missing or unreadable file and a directory are
// errors without a line.
[[nodiscard]] Result<DocumentNode, ConfigErrors> read_document(const std::string& path);

// Sets the value at a dotted path such as `pools.main.retry.max_attempts`. Maps on the way are
// created when absent. An element of a list is addressed by its `name` or `id` (the longest that
// fits, so these may contain dots) or by its number from 0. Returns what is wrong with the path,
// and then changes nothing; `where` is the place of the path itself.
[[nodiscard]] std::optional<ConfigError> set_by_path(DocumentNode& root, std::string_view path,
                                                     DocumentNode value, const Position& where);
// The value at such a path; null when there is none.
[[nodiscard]] const DocumentNode* find_by_path(const DocumentNode& root, std::string_view path);

// Applies every member of the map `overrides` ({dotted.path: value, …}) in file order.
// `key` is the path of that map itself, for errors, e.g. "proxy.set".
void apply_overrides(DocumentNode& root, const DocumentNode& overrides, const std::string& key,
                     ErrorSink& errors);

// `over` on top of `base`: maps merge key by key, everything else replaces. Positions stay those of
// the file each value came from.
void merge(DocumentNode& base, const DocumentNode& over);

// The place of an error path such as `pools[0].retry.max_attempts`, or of the nearest thing above
// it that was written. `exact` tells which.
struct Located {
  Position where;
  bool exact = false;
};
[[nodiscard]] Located locate(const DocumentNode& root, std::string_view key);

}  // namespace evenkeel::core
